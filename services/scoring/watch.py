"""The weeks of a card beside the sample it was built on: counted from the assessments' own events, when it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from libs.contracts.scoring import ApplicationScored
from libs.service.runtime import Runtime
from services.scoring.domain.card import Card
from services.scoring.domain.watching import (
    Colour,
    Counts,
    DriftDetector,
    WatchPolicy,
    expected_index,
    stability_index,
)

GRADES: Final = "grade"
"""The line of the score itself, beside those of the indicators."""
WEEK: Final = timedelta(days=7)
BATCH: Final = 500
SCORED_WITHIN: Final = """
    select e.data, q.global_seq from es.sequence q
    join es.event e using (stream_no, version) join es.stream s using (stream_no)
    join assessment_v1 a on s.stream_id = 'assessment-' || a.application_id
    where a.card_id = $1 and a.card_version = $2 and a.assessed_on between $3 and $4
    and e.type = $5 and q.global_seq > $6 order by q.global_seq limit $7"""


@dataclass(frozen=True, slots=True)
class LineWeek:
    """One line (the grades, or an indicator's bins) in one week. `evidence` is the alarm's, as a natural logarithm."""

    line: str
    week_from: date
    applications: int
    index: float
    without_drift: float
    colour: Colour
    alarm: bool
    evidence: float


def reference_of(card: Card) -> Mapping[str, Counts]:
    """How the development sample fell over grades and bins, as the card tells."""
    document: Any = card.document
    lines = {GRADES: {node["grade"]: node["applicants"] for node in document["grades"]}}
    for node in document["indicators"]:
        lines[node["id"]] = {each["label"]: each["applicants"] for each in node["bins"]}
    return lines


def classes_of(scored: ApplicationScored) -> Mapping[str, str]:
    """Into which class an application fell, line by line."""
    return {GRADES: scored.grade} | {each.indicator: each.bin for each in scored.indicators}


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


async def count_weeks(runtime: Runtime, card: Card, first: date, last: date) -> Mapping[tuple[str, date], Counter[str]]:
    """Applications scored with a card by line, week and class."""
    found: dict[tuple[str, date], Counter[str]] = {}
    after = 0
    type_name = ApplicationScored.type_name
    while rows := await runtime.store.pool.fetch(
        SCORED_WITHIN, card.card_id, card.version, first, last, type_name, after, BATCH
    ):
        for row in rows:
            scored = runtime.codec.decode(type_name, row["data"])
            assert isinstance(scored, ApplicationScored)
            for line, label in classes_of(scored).items():
                found.setdefault((line, monday(scored.scored_on)), Counter())[label] += 1
        after = rows[-1]["global_seq"]
    return found


def watch(
    card: Card, counts: Mapping[tuple[str, date], Counts], policy: WatchPolicy, weeks: Sequence[date]
) -> Iterable[LineWeek]:
    """Every line over the weeks, in their order: its index, and whether its alarm rings by then."""
    for line, reference in reference_of(card).items():
        detector = DriftDetector(
            reference,
            run_length_weeks=policy.alarm_run_length_weeks,
            alternative_weight=policy.alternative_weight,
        )
        for week in weeks:
            found = counts.get((line, week), {})
            index, noise = stability_index(reference, found), expected_index(reference, found)
            alarm, evidence = detector.week(found)
            yield LineWeek(
                line, week, sum(found.values()), index, noise, policy.colour(max(index - noise, 0.0)), alarm, evidence
            )
