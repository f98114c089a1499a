"""A rate that is raised under a clause of the contract while the borrower is watched, and restored after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from libs.contracts.base import DomainEvent
from libs.contracts.collections import HigherRateEnded, HigherRateTaken
from libs.contracts.ledger import ChangeKind, ChangeTerms, HigherRateRefused, LoanChanged, LprLink
from libs.events.testing import Scenario
from libs.lending.money import Money
from libs.lending.terms import RepaymentMethod
from libs.service.testing import Served
from services.ledger.domain import commands as c
from services.ledger.domain.account import advance
from services.ledger.handlers import LOAN
from services.ledger.tests.making import RISE
from services.ledger.tests.test_adjustments_over_http import ask as over_http
from services.ledger.tests.test_adjustments_over_http import balances, plan, show
from services.ledger.tests.test_day_end import close_until
from services.ledger.tests.test_domain_loan import POLICY, ask, book, confirm, lived, repayment

FROM, LAST_DUE = date(2026, 4, 10), date(2027, 1, 5)
MEASURE: dict[str, Any] = {"measure_id": "measure-4", "increase": Decimal("0.015")}


def lent(rise: Any = RISE, **terms: Any) -> list[DomainEvent]:
    """A loan in the books, whose first three instalments were paid."""
    past = lived(book(rise=rise, **terms), confirm())
    for due in (date(2026, 2, 5), date(2026, 3, 5), date(2026, 4, 5)):
        past += LOAN.decide(repayment("1100.16", due), LOAN.replay(past))
    return past


def raising(today: date = FROM, **more: Any) -> c.LoanCommand:
    given = {"clause": "watched-rate", "effective": FROM, "decided_by": "risk-manager", **MEASURE, **more}
    return ask(c.RaiseRate, today, **given)


def restoring(today: date) -> c.LoanCommand:
    return ask(c.RestoreRate, today, ended_by="risk-manager", **MEASURE)


def changing(on: date, kind: ChangeKind, **terms: Any) -> c.LoanCommand:
    return c.ChangeLoan(
        today=on,
        policy=POLICY,
        change_id=f"agreed-{on}",
        kind=kind,
        effective=on,
        terms=ChangeTerms(**terms),
        reason="agreed",
        agreed_by="finance-manager",
    )


def decided(past: list[DomainEvent], command: c.LoanCommand) -> list[DomainEvent]:
    return LOAN.decide(command, LOAN.replay(past))


def of(events: list[DomainEvent], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


PAID = lent()


def interest_to_come(past: list[DomainEvent], on: date) -> int:
    return sum(row.interest for row in advance(LOAN.replay(past).books, on).rows)


def test_the_rest_is_planned_with_the_rate_of_that_day_and_the_increase() -> None:
    events = decided(PAID, raising())
    (changed,) = of(events, LoanChanged)
    assert (changed.kind, changed.effective, changed.measure_id) == (ChangeKind.RATE, FROM, "measure-4")
    assert (changed.terms.annual_rate, changed.agreed_by) == (Decimal("0.195"), "risk-manager")
    by_hand = changing(FROM, ChangeKind.RATE, annual_rate=Decimal("0.195"))
    (agreed,) = of(decided(PAID, by_hand), LoanChanged)
    assert changed.plan == agreed.plan, "the same plan as if the parties had agreed on that rate"
    assert interest_to_come([*PAID, *events], FROM) > interest_to_come(PAID, FROM)
    assert decided([*PAID, *events], raising(FROM + timedelta(days=1))) == [], "once a measure"


def test_it_runs_from_the_day_that_the_borrower_was_told_however_late_it_is_heard_of() -> None:
    late = FROM + timedelta(days=50)
    (on_time,) = of(decided(PAID, raising()), LoanChanged)
    (heard,) = of(decided(PAID, raising(late)), LoanChanged)
    assert (heard.effective, heard.changed_on) == (FROM, late)
    assert heard.plan == on_time.plan


def test_the_rate_is_restored_once_and_overdue_interest_never_changed() -> None:
    past = [*PAID, *decided(PAID, raising())]
    day = date(2026, 7, 20)
    events = decided(past, restoring(day))
    (changed,) = of(events, LoanChanged)
    assert (changed.terms.annual_rate, changed.effective, changed.measure_id) == (Decimal("0.18"), day, "measure-4")
    assert decided([*past, *events], restoring(day)) == []
    assert decided(PAID, restoring(day)) == [], "it was not raised"
    for after in (PAID, past, [*past, *events]):
        assert LOAN.replay(after).books.overdue == LOAN.replay(PAID).books.overdue


def test_a_rate_that_the_parties_agreed_on_since_stays() -> None:
    past = [*PAID, *decided(PAID, raising())]
    change = changing(date(2026, 5, 20), ChangeKind.RATE, annual_rate=Decimal("0.17"))
    past += decided(past, change)
    assert decided(past, restoring(date(2026, 7, 20))) == []
    extended = changing(date(2026, 5, 20), ChangeKind.EXTENSION, more_instalments=3)
    past = [*PAID, *decided(PAID, raising())]
    past += decided(past, extended)
    (changed,) = of(decided(past, restoring(date(2026, 7, 20))), LoanChanged)
    assert changed.terms.annual_rate == Decimal("0.18"), "an extension says nothing of the rate"


def test_a_rate_agreed_from_a_later_day_stays_although_the_rise_was_heard_of_after_it() -> None:
    past = [*PAID, *decided(PAID, changing(date(2026, 4, 20), ChangeKind.RATE, annual_rate=Decimal("0.17")))]
    past += decided(past, raising(date(2026, 5, 2)))
    assert of(past, LoanChanged)[-1].effective == FROM
    assert decided(past, restoring(date(2026, 7, 20))) == []


def linked() -> list[DomainEvent]:
    link = LprLink(tenor="1Y", margin=Decimal("0.09"))
    return [*PAID, *decided(PAID, changing(date(2026, 4, 6), ChangeKind.RATE, lpr=link))]


def settled() -> list[DomainEvent]:
    total = repayment("9390.53", date(2026, 4, 6), purpose="PAYOFF")
    return [*PAID, *decided(PAID, total)]


STRICT = replace(POLICY, annual_rate_max=Decimal("0.19"))


@pytest.mark.parametrize(
    ("past", "command", "reason"),
    [
        (lent(None), raising(), "clause-not-agreed"),
        (PAID, raising(clause="other"), "clause-not-agreed"),
        (PAID, raising(increase=Decimal("0.0201")), "increase-not-agreed"),
        (PAID, raising(increase=Decimal(0)), "increase-not-agreed"),
        (linked(), raising(), "rate-follows-lpr"),
        (settled(), raising(), "loan-settled"),
        (lived(book(rise=RISE)), raising(), "loan-booked"),
        (PAID, replace(raising(), policy=STRICT), "annual-rate-max"),
        (PAID, raising(LAST_DUE, effective=LAST_DUE), "nothing-to-change"),
        (lent(RISE, method=RepaymentMethod.FLAT), raising(), "method"),
    ],
)
def test_what_contract_and_law_do_not_admit_is_on_record_and_the_rate_stays(
    past: list[DomainEvent], command: c.LoanCommand, reason: str
) -> None:
    (refused,) = Scenario(LOAN).given(*past).when(command).events
    assert isinstance(refused, HigherRateRefused)
    assert (refused.reason, refused.measure_id, refused.refused_on) == (reason, "measure-4", command.today)


def test_a_second_rise_stays_within_what_the_contract_says_in_all() -> None:
    past = [*PAID, *decided(PAID, raising())]
    (refused,) = decided(past, raising(measure_id="measure-5"))
    assert isinstance(refused, HigherRateRefused)
    assert refused.reason == "increase-not-agreed"


@forall(st.dates(date(2026, 4, 6), date(2026, 12, 4)), st.integers(0, 200), st.integers(1, 20))
def test_raised_and_restored_costs_more_than_never_and_less_than_for_good(from_: date, days: int, tenths: int) -> None:
    """Beside the same days with one rate throughout, since a plan from within a period is another plan anyway."""
    increase, before = Decimal(tenths) / 1000, Decimal("0.18")
    to = min(from_ + timedelta(days=days), date(2026, 12, 4))
    past = [*PAID, *decided(PAID, raising(from_, effective=from_, increase=increase))]
    past += decided(past, ask(c.RestoreRate, to, measure_id="measure-4", increase=increase, ended_by="risk-manager"))
    low, high = throughout(before, from_, to), throughout(before + increase, from_, to)
    assert interest_to_come(low, LAST_DUE) <= interest_to_come(past, LAST_DUE) <= interest_to_come(high, LAST_DUE)
    principal = {sum(row.principal for row in LOAN.replay(each).books.rows) for each in (PAID, low, past)}
    assert len(principal) == 1


def throughout(rate: Decimal, *days: date) -> list[DomainEvent]:
    """The rate agreed on each of these days."""
    past = list(PAID)
    for number, day in enumerate(days):
        change = changing(day, ChangeKind.RATE, annual_rate=rate)
        past += decided(past, replace(change, change_id=f"agreed-{number}"))  # type: ignore[call-arg]
    return past


async def test_the_ledger_hears_of_it_and_the_books_balance(ledger: Served, lend: Callable[..., Any]) -> None:
    loan, fixed = await lend(1, rise=RISE), await lend(2)
    await close_until(ledger, date(2026, 2, 19))
    day = date(2026, 2, 20)
    example = HigherRateTaken.example | {"increase": "0.015", "effective_from": str(day), "taken_on": str(day)}
    for number, one in enumerate((loan, fixed)):
        taken = example | {"loan_id": one, "measure_id": f"measure-{number}"}
        await ledger.publish(f"watch-{number}", HigherRateTaken.model_validate(taken))
    await ledger.settle()
    (entry,) = (await show(ledger, f"/loans/{loan}/changes"))["items"]
    assert (entry["terms"]["annual_rate"], entry["measure_id"], entry["effective"]) == ("0.195", "measure-0", str(day))
    assert (await show(ledger, f"/loans/{fixed}/changes"))["items"] == []
    raised, kept = await plan(ledger, loan), await plan(ledger, fixed)
    assert raised[-1]["total"] != kept[-1]["total"]
    await balances(ledger)
    await close_until(ledger, date(2026, 3, 9))
    ended = HigherRateEnded.example | {"loan_id": loan, "measure_id": "measure-0", "increase": "0.015"}
    await ledger.publish("watch-0", HigherRateEnded.model_validate(ended))
    await ledger.settle()
    entries = (await show(ledger, f"/loans/{loan}/changes"))["items"]
    assert [entry["terms"]["annual_rate"] for entry in entries] == ["0.195", "0.18"]
    assert entries[1]["effective"] == "2026-03-10"
    await balances(ledger)
    await close_until(ledger, date(2026, 3, 31))
    await balances(ledger)
    by_hand = {"kind": "RATE", "effective": "2026-04-01", "terms": {"annual_rate": "0.1"}, "reason": "agreed"}
    status, found = await over_http(ledger, "finance_manager", f"/loans/{loan}/changes", by_hand)
    assert status == 200, found
    assert Money.of(found["position"]["outstanding"]["principal"]["amount"]) == Money.of("12000.00")
