"""The decider of a reconciliation: one stream for each counterparty, a file for each date, breaks until they are over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, TypeAlias
from uuid import UUID, uuid5

from libs.contracts.partners import (
    BreakAnswered,
    BreakAssigned,
    BreakFound,
    BreakKind,
    BreakOutcome,
    BreakResolved,
    FileReconciled,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money
from services.partners.domain.matching import LOAN, Difference, Item, Standing, match_items, match_loans

BREAKS: Final = UUID("5f0f6a56-3c0b-5d3b-9a44-6a0b1f0c9e21")
"""Namespace of the identifiers of breaks, which follow from what they are about."""
ALONE: Final = (BreakKind.MISSING_HERE, BreakKind.MISSING_THERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """A file of a date beside our records since the file of `after`; `their_loans` are None where it names none."""

    counterparty: str
    file_date: date
    after: date | None
    sha256: str
    ours: Sequence[Item]
    theirs: Sequence[Item]
    our_loans: Sequence[Standing] = ()
    their_loans: Sequence[Standing] | None = None
    known_until: int
    breaks_max: int
    received_from: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignBreak:
    break_id: str
    assignee: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerBreak:
    break_id: str
    answer: str
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveBreak:
    break_id: str
    outcome: BreakOutcome
    reason: str
    by: str
    today: date


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """`open`: breaks by identifier. `settled`: those of one side alone that a person resolved: should the other half
    come after all, it is no break."""

    last: FileReconciled | None = None
    open: Mapping[str, BreakFound] = field(default_factory=dict)
    settled: Mapping[str, BreakFound] = field(default_factory=dict)


Command: TypeAlias = Reconcile | AssignBreak | AnswerBreak | ResolveBreak
Event: TypeAlias = FileReconciled | BreakFound | BreakAssigned | BreakAnswered | BreakResolved
INITIAL: Final = Reconciliation()


def decide(command: Command, state: Reconciliation) -> Sequence[Event]:
    match command:
        case Reconcile():
            return _reconciled(command, state)
        case AssignBreak():
            found = _open(state, command.break_id)
            return [
                BreakAssigned(
                    break_id=found.break_id,
                    counterparty=found.counterparty,
                    assignee=command.assignee,
                    assigned_by=command.by,
                    assigned_on=command.today,
                )
            ]
        case AnswerBreak():
            found = _open(state, command.break_id)
            return [
                BreakAnswered(
                    break_id=found.break_id,
                    counterparty=found.counterparty,
                    answer=command.answer,
                    answered_by=command.by,
                    answered_on=command.today,
                )
            ]
        case ResolveBreak():
            found = _open(state, command.break_id)
            refuse_unless(
                command.outcome is not BreakOutcome.MATCHED_LATER,
                "break-outcome",
                "Only a later file says MATCHED_LATER; name CORRECTED_HERE, CORRECTED_THERE or ACCEPTED.",
                field="/outcome",
                status=422,
            )
            return [_resolved(found, command.outcome, command.reason, command.by, command.today)]


def evolve(state: Reconciliation, event: Event) -> Reconciliation:
    match event:
        case FileReconciled():
            return replace(state, last=event)
        case BreakFound():
            return replace(state, open={**state.open, event.break_id: event})
        case BreakAssigned() | BreakAnswered():
            return state
        case BreakResolved():
            if event.break_id in state.settled:
                left = {break_id: one for break_id, one in state.settled.items() if break_id != event.break_id}
                return replace(state, settled=left)
            found = state.open[event.break_id]
            still = {break_id: one for break_id, one in state.open.items() if break_id != event.break_id}
            is_kept = found.kind in ALONE and event.outcome is not BreakOutcome.MATCHED_LATER and not _is_loan(found)
            kept = {**state.settled, event.break_id: found} if is_kept else state.settled
            return replace(state, open=still, settled=kept)


def _reconciled(command: Reconcile, state: Reconciliation) -> Sequence[Event]:
    last = state.last
    if last is not None and command.file_date <= last.file_date:
        if command.file_date == last.file_date and command.sha256 == last.sha256:
            return []
        raise Rejected(
            "file-date",
            f"The file of {last.file_date.isoformat()} was reconciled; send one of a later date, corrections in it.",
            field="/file_date",
        )
    refuse_unless(
        command.after == (last.file_date if last else None),
        "file-at-once",
        "Another file was reconciled at the same time; send this one again.",
    )
    alone = [one for one in (*state.open.values(), *state.settled.values()) if not _is_loan(one)]
    items = match_items(
        command.ours,
        command.theirs,
        {one.reference: _ours(one) for one in alone if one.kind is BreakKind.MISSING_THERE},
        {one.reference: _theirs(one) for one in alone if one.kind is BreakKind.MISSING_HERE},
    )
    loans = match_loans(command.our_loans, command.their_loans) if command.their_loans is not None else ()
    known = {(one.kind, one.reference): one for one in state.open.values()}
    new = [one for one in (*items.differences, *loans) if one.key not in known]
    refuse_unless(
        len(new) <= command.breaks_max,
        "file-does-not-match",
        f"{len(new)} lines differ from our records, more than {command.breaks_max}: is this the file of this date?",
        field="/items",
        status=422,
    )
    over = set(items.paired)
    if command.their_loans is not None:
        over |= {key for key, one in known.items() if _is_loan(one)} - {one.key for one in loans}
    resolved = {(one.kind, one.reference): one for one in state.settled.values()}
    closed = [one for key, one in {**resolved, **known}.items() if key in over]
    return [
        FileReconciled(
            counterparty=command.counterparty,
            file_date=command.file_date,
            sha256=command.sha256,
            ours=len(command.ours),
            theirs=len(command.theirs),
            matched=items.matched,
            ours_total=Money(sum(item.amount_minor for item in command.ours)),
            theirs_total=Money(sum(item.amount_minor for item in command.theirs)),
            found=len(new),
            closed=len(closed),
            known_until=command.known_until,
            received_from=command.received_from,
            reconciled_on=command.today,
        ),
        *(_resolved(one, BreakOutcome.MATCHED_LATER, "", "", command.today) for one in closed),
        *(_found(one, command) for one in new),
    ]


def _found(difference: Difference, command: Reconcile) -> BreakFound:
    ours, theirs = difference.ours, difference.theirs
    named = f"{command.counterparty}/{command.file_date.isoformat()}/{difference.kind}/{difference.reference}"
    return BreakFound(
        break_id=str(uuid5(BREAKS, named)),
        counterparty=command.counterparty,
        kind=difference.kind,
        reference=difference.reference,
        file_date=command.file_date,
        ours_amount=_amount(ours),
        theirs_amount=_amount(theirs),
        ours_date=ours.value_date if isinstance(ours, Item) else None,
        theirs_date=theirs.value_date if isinstance(theirs, Item) else None,
        ours_status=ours.status if isinstance(ours, Standing) else "",
        theirs_status=theirs.status if isinstance(theirs, Standing) else "",
        found_on=command.today,
    )


def _resolved(found: BreakFound, outcome: BreakOutcome, reason: str, by: str, today: date) -> BreakResolved:
    return BreakResolved(
        break_id=found.break_id,
        counterparty=found.counterparty,
        outcome=outcome,
        reason=reason,
        resolved_by=by,
        resolved_on=today,
    )


def _open(state: Reconciliation, break_id: str) -> BreakFound:
    found = state.open.get(break_id)
    if found is None:
        raise Rejected("break-not-open", "There is no open break of this identifier.", status=404)
    return found


def _is_loan(found: BreakFound) -> bool:
    return found.reference.startswith(LOAN)


def _ours(found: BreakFound) -> Item:
    assert found.ours_amount is not None, "we have it"
    assert found.ours_date is not None, "we have it"
    return Item(found.reference, found.ours_date, found.ours_amount.minor)


def _theirs(found: BreakFound) -> Item:
    assert found.theirs_amount is not None, "they have it"
    assert found.theirs_date is not None, "they have it"
    return Item(found.reference, found.theirs_date, found.theirs_amount.minor)


def _amount(side: Item | Standing | None) -> Money | None:
    if side is None:
        return None
    return Money(side.amount_minor if isinstance(side, Item) else side.outstanding_minor)
