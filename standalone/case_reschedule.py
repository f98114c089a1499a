"""What rescheduling does to a published case under way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from libs.lending.calendar import add_period
from libs.lending.money import Money
from libs.lending.periods import plan_periods
from libs.lending.recalculation import LivePlan, LiveRow
from libs.lending.terms import LoanTerms, RateChange
from standalone.case_replay import Event, Replay, planned_rows
from standalone.case_values import UnsupportedError, day, is_progressive, number, whole


def reschedule(replay: Replay, event: Event) -> None:
    """Each change that the event names, in turn."""
    named = {
        key: value
        for key, value in event.items()
        if key not in ("type", "rescheduleFromDate", "submittedOnDate") and value not in (None, "")
    }
    start = day(event["rescheduleFromDate"])
    for change, value in named.items():
        if change not in _CHANGES:
            raise UnsupportedError(f"rescheduling by {change}")
        with replay.replanning():
            _CHANGES[change](replay, start, value)


def _move_due(replay: Replay, start: date, value: Any) -> None:
    if replay.live is not None:
        replay.live.move_due(start, day(value))
    else:
        _plan_again(replay, _moved(replay.terms, replay.rows, start, day(value)))


def _new_rate(replay: Replay, start: date, value: Any) -> None:
    rate = number(value) / 100
    first = _row_from(replay, start)
    if replay.live is not None:
        replay.live.change_rate(start if is_progressive(replay.case) else first.start, rate)
    elif replay.terms.flat_interest:
        changes = (*replay.terms.rate_changes, RateChange(first.start, rate))
        _plan_again(replay, replace(replay.terms, rate_changes=changes))
    else:
        _new_tail(replay, first, annual_rate=rate)


def _extra_terms(replay: Replay, start: date, value: Any) -> None:
    if replay.live is not None and not replay.recalculates:
        _more_instalments(replay, replay.live, whole(value))
        return
    _new_tail(replay, _row_from(replay, start), extra=whole(value))


def _more_instalments(replay: Replay, live: LivePlan, extra: int) -> None:
    """The same tranches on more instalments."""
    replay.terms = replace(replay.terms, instalments=replay.terms.instalments + extra)
    replay.live = LivePlan(replay.terms, live.policy)
    replay.rows = replay.live.rows
    for on, amount in live.disbursements:
        replay.live.disburse(on, amount)


def _grace_on_principal(replay: Replay, start: date, value: Any) -> None:
    _new_tail(replay, _row_from(replay, start), extra=whole(value), principal_grace=whole(value))


def _grace_on_interest(replay: Replay, start: date, value: Any) -> None:
    """Interest of so many instalments is billed with the one after them."""
    if replay.live is not None:
        raise UnsupportedError("grace on interest of a plan that is worked out again")
    first = _row_from(replay, start).number - 1
    until = min(first + whole(value), len(replay.rows) - 1)
    for row in replay.rows[first:until]:
        replay.rows[until].interest += row.interest
        row.interest = 0


_CHANGES: Final[dict[str, Callable[[Replay, date, Any], None]]] = {
    "adjustedDueDate": _move_due,
    "newInterestRate": _new_rate,
    "extraTerms": _extra_terms,
    "graceOnPrincipal": _grace_on_principal,
    "graceOnInterest": _grace_on_interest,
}


def _plan_again(replay: Replay, terms: LoanTerms) -> None:
    """Other terms from the start; what was received is allocated again."""
    replay.terms = terms
    replay.rows[:] = planned_rows(terms)


def _new_tail(replay: Replay, first: LiveRow, extra: int = 0, **changes: Any) -> None:
    """The instalments from one on are planned again for the principal then left, with `extra` more of them."""
    terms, rows = replay.terms, replay.rows
    head, tail = rows[: first.number - 1], rows[first.number - 1 :]
    if replay.live is not None:
        raise UnsupportedError("rescheduling instalments that are under way")
    if terms.flat_interest and terms.annual_rate:
        raise UnsupportedError("another number of instalments with flat interest")
    dues = plan_periods(replace(terms, instalments=terms.instalments + extra)).due[len(head) :]
    again = replace(
        terms,
        principal=Money(sum(row.principal for row in tail)),
        instalments=len(dues),
        disbursed_on=first.start,
        first_due=None,
        schedule_from=None,
        due_dates=tuple(dues),
        **changes,
    )
    planned = planned_rows(again)
    for row in planned:
        row.number += len(head)
    rows[:] = [*head, *planned]


def _row_from(replay: Replay, on: date) -> LiveRow:
    row = next((row for row in replay.rows if row.due >= on), None)
    if row is None:
        raise UnsupportedError(f"no instalment from {on}")
    return row


def _moved(terms: LoanTerms, rows: Sequence[LiveRow], due: date, new: date) -> LoanTerms:
    """The instalment due on a day moves to another; the later ones are counted from there."""
    moved, dues = 0, []
    for row in rows:
        if row.due >= due:
            dues.append(add_period(new, terms.period, moved, terms.month_end))
            moved += 1
        else:
            dues.append(row.due)
    if not moved:
        raise UnsupportedError(f"no instalment from {due}")
    return replace(terms, due_dates=tuple(dues), first_due=None, schedule_from=None)
