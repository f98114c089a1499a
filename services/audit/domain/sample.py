"""The decider of a sample: drawn once, and a work paper for each of its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from libs.contracts.audit import SampleDrawn, WorkPaperCompleted
from libs.contracts.problems import Rejected, refuse_unless

Event = SampleDrawn | WorkPaperCompleted


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample with the work papers that are done, by application."""

    drawn: SampleDrawn | None = None
    papers: Mapping[str, WorkPaperCompleted] = field(default_factory=dict)


INITIAL: Final = Sample()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawSample:
    drawn: SampleDrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletePaper:
    """Say what was found in a file; said again, the later word counts and the earlier stays on record."""

    application_id: str
    satisfactory: bool
    note: str
    by: str
    today: date


Command = DrawSample | CompletePaper


def decide(command: Command, state: Sample) -> Sequence[Event]:
    match command:
        case DrawSample():
            return [] if state.drawn is not None else [command.drawn]
        case CompletePaper():
            drawn = state.drawn
            if drawn is None:
                raise Rejected("sample-unknown", "There is no such sample.", status=404)
            refuse_unless(
                any(file.application_id == command.application_id for file in drawn.files),
                "file-not-drawn",
                "This application is not in the sample.",
                status=404,
            )
            return [
                WorkPaperCompleted(
                    sample_id=drawn.sample_id,
                    application_id=command.application_id,
                    satisfactory=command.satisfactory,
                    note=command.note,
                    completed_by=command.by,
                    completed_on=command.today,
                )
            ]


def evolve(state: Sample, event: Event) -> Sample:
    match event:
        case SampleDrawn():
            return replace(state, drawn=event)
        case WorkPaperCompleted():
            return replace(state, papers={**state.papers, event.application_id: event})
