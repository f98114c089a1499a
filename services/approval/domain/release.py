"""The decider of a decision table's versions: proposed, compared with what was decided, signed off, released.

No version decides before somebody else than its author has signed off what it would have changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from libs.contracts.approval import ComparisonSignedOff, TableCompared, TableProposed, TableReleased
from libs.contracts.problems import Rejected, refuse_unless

Event = TableProposed | TableCompared | ComparisonSignedOff | TableReleased


@dataclass(frozen=True, slots=True)
class State:
    """The versions of one table that were put on record over HTTP, by version, and what is known of them."""

    proposed: Mapping[int, TableProposed] = field(default_factory=dict)
    comparisons: Mapping[str, TableCompared] = field(default_factory=dict)
    signed: Mapping[str, ComparisonSignedOff] = field(default_factory=dict)
    released: Mapping[int, TableReleased] = field(default_factory=dict)


INITIAL: Final = State()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeTable:
    """Put a version on record. `known` are the versions that a release of the program brought."""

    table_id: str
    version: int
    effective_from: date
    sha256: str
    document: dict[str, Any]
    known: frozenset[int]
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordComparison:
    """Put on record what a version would have decided."""

    compared: TableCompared


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOff:
    comparison_id: str
    note: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseTable:
    """Have a version decide from its effective date on. `in_force_sha256` is of the table that decides on that date."""

    version: int
    sha256: str
    effective_from: date
    comparison_id: str
    in_force_sha256: str
    by: str
    today: date


Command = ProposeTable | RecordComparison | SignOff | ReleaseTable


def decide(command: Command, state: State) -> Sequence[Event]:
    match command:
        case ProposeTable():
            return [_propose(command, state)]
        case RecordComparison():
            return [command.compared]
        case SignOff():
            return [_sign_off(command, state)]
        case ReleaseTable():
            return [_release(command, state)]


def _propose(command: ProposeTable, state: State) -> TableProposed:
    taken = command.known | state.proposed.keys()
    refuse_unless(
        command.version not in taken,
        "version-taken",
        f"Version {command.version} is on record; the next one is {max(taken) + 1}.",
        field="/document/version",
        status=422,
    )
    _not_past(command.effective_from, command.today)
    return TableProposed(
        table_id=command.table_id,
        version=command.version,
        effective_from=command.effective_from,
        sha256=command.sha256,
        document=command.document,
        proposed_by=command.by,
        proposed_on=command.today,
    )


def _sign_off(command: SignOff, state: State) -> ComparisonSignedOff:
    compared = state.comparisons.get(command.comparison_id)
    if compared is None:
        raise Rejected("comparison-unknown", "There is no such comparison of this table.", status=404)
    refuse_unless(command.comparison_id not in state.signed, "signed-already", "This comparison is signed off already.")
    proposed = state.proposed.get(compared.version)
    refuse_unless(
        command.by != compared.compared_by and (proposed is None or command.by != proposed.proposed_by),
        "second-person-needed",
        "Somebody else than who proposed the version or made the comparison signs it off.",
        status=403,
    )
    return ComparisonSignedOff(
        comparison_id=command.comparison_id,
        table_id=compared.table_id,
        version=compared.version,
        note=command.note,
        signed_by=command.by,
        signed_on=command.today,
    )


def _release(command: ReleaseTable, state: State) -> TableReleased:
    refuse_unless(command.version not in state.released, "released-already", "This version is released already.")
    compared = state.comparisons.get(command.comparison_id)
    if compared is None or compared.version != command.version or compared.sha256 != command.sha256:
        raise Rejected(
            "comparison-needed",
            "Name a comparison of this very version: POST /approval/comparisons makes one.",
            field="/comparison_id",
            status=422,
        )
    refuse_unless(
        command.comparison_id in state.signed,
        "sign-off-needed",
        "The comparison is not signed off: POST /approval/comparisons/{comparison_id}/sign-off.",
    )
    refuse_unless(
        compared.against_sha256 == command.in_force_sha256,
        "comparison-stale",
        "The comparison is with another table than the one that would be replaced; make it again.",
    )
    _not_past(command.effective_from, command.today)
    return TableReleased(
        table_id=compared.table_id,
        version=command.version,
        sha256=command.sha256,
        comparison_id=command.comparison_id,
        effective_from=command.effective_from,
        released_by=command.by,
        released_on=command.today,
    )


def _not_past(effective_from: date, today: date) -> None:
    refuse_unless(
        effective_from > today,
        "effective-date-past",
        f"A version takes effect after today, {today.isoformat()}: what was decided stays decided.",
        status=422,
    )


def evolve(state: State, event: Event) -> State:
    match event:
        case TableProposed():
            return replace(state, proposed={**state.proposed, event.version: event})
        case TableCompared():
            return replace(state, comparisons={**state.comparisons, event.comparison_id: event})
        case ComparisonSignedOff():
            return replace(state, signed={**state.signed, event.comparison_id: event})
        case TableReleased():
            return replace(state, released={**state.released, event.version: event})
