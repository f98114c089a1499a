"""Lives told step by step, each of which once left a row of the columns behind the loan."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from libs.contracts.ledger import Bucket, ChangeKind, LoanChanged, RepaymentPurpose, Tier
from libs.lending.money import Money
from libs.lending.rounding import Rounding
from libs.lending.terms import Fee, FeeTiming, InterestAccrual, RepaymentMethod
from services.ledger.domain.loan import LPR_RESET, Status
from services.ledger.domain.position import open_by
from services.ledger.tests.test_random_lives import Lives


def test_a_settled_loan_waits_for_no_due_date() -> None:
    """Two fen left over three instalments are two of one fen and one of nothing: the loan ends with the second, and
    its row must not stand at the third's due date."""
    life = Lives()
    life.lend([{"method": RepaymentMethod.EQUAL_PRINCIPAL, "instalments": 3}])
    life.receive(0, 1_199_998, 0, RepaymentPurpose.SMALLER_INSTALMENTS)
    for day in (date(2026, 2, 5), date(2026, 3, 5)):
        life.close_days((day - life.today).days)
        life.receive(0, 1, 0, RepaymentPurpose.INSTALMENT)
    loan = life.loan(0)
    assert loan.status is Status.SETTLED
    assert loan.books.rows[-1].due == date(2026, 4, 5), "the third instalment, of nothing, is still to come"
    life.close_days(45)


@pytest.mark.parametrize(
    ("kind", "paid", "told"),
    [
        ({}, 1, 1),
        ({}, 2, 1),
        ({"method": RepaymentMethod.EQUAL_PRINCIPAL, "accrual": InterestAccrual.DAILY, "grace_days": 0}, 1, 1),
        ({"method": RepaymentMethod.BULLET, "instalments": 1}, 0, 1),
        ({"fees": (Fee(code="service", timing=FeeTiming.EACH_INSTALMENT, amount=Money.of("10.00")),)}, 1, 1),
        ({"method": RepaymentMethod.INTEREST_ONLY_BALLOON, "instalments": 4}, 1, 0),  # no principal is late
        ({"rounding": Rounding.HALF_EVEN}, 1, 0),  # no straight line
    ],
)
def test_a_row_says_what_a_loan_does_that_is_late_for_the_first_time(
    kind: dict[str, Any], paid: int, told: int
) -> None:
    """`Lives.close_day` compares what is said from the row with what the folded loan decides."""
    life = Lives()
    life.lend([kind])
    rows = life.loan(0).books.plan.rows
    for n, row in enumerate(rows[: paid + 1]):
        life.close_days((row.due - life.today).days)
        if n < paid:
            life.receive(0, row.total_minor, 0, RepaymentPurpose.INSTALMENT)
    life.close_days(2)
    assert life.loan(0).bucket is not Bucket.CURRENT
    assert life.told == told


def test_a_loan_that_is_late_again_is_told_again_and_one_that_paid_a_part_is_asked() -> None:
    life = Lives()
    life.lend([{}])
    first, second, third = life.loan(0).books.plan.rows[:3]
    life.close_days((first.due - life.today).days + 10)
    life.receive(0, open_by(life.loan(0).books, life.today).total, 0, RepaymentPurpose.INSTALMENT)
    life.close_days((second.due - life.today).days + 2)
    assert life.told == 2
    life.receive(0, 1_000, 0, RepaymentPurpose.INSTALMENT)
    life.close_days((third.due - life.today).days + 2)
    assert life.told == 2


def test_a_loan_that_pays_on_the_day_is_looked_at_when_its_rate_is_reset() -> None:
    """The reset comes before the next due date, on which it would be late."""
    life = Lives()
    life.lend([{}])
    linked = {"lpr": {"tenor": "1Y", "margin": "0.08", "reset_month": 3, "reset_day": 1}}
    life.change(back=40, change=(ChangeKind.RATE, linked), n=0)
    first = life.loan(0).books.rows[0].due
    life.close_days((first - life.today).days)
    life.receive(0, open_by(life.loan(0).books, life.today).total, 0, RepaymentPurpose.INSTALMENT)
    life.close_days(25)
    resets = [event for _, _, event in life.history if isinstance(event, LoanChanged) and event.agreed_by == LPR_RESET]
    assert [(event.effective, event.changed_on) for event in resets] == [(date(2026, 3, 1), date(2026, 3, 1))]


@pytest.mark.parametrize("what", ["pause", "overlay"])
def test_a_loan_about_which_somebody_has_said_something_is_asked(what: str) -> None:
    life = Lives()
    life.lend([{}])
    due = life.loan(0).books.plan.rows[0].due
    life.close_days((due - life.today).days - 1)
    if what == "pause":
        life.pause(0, days=30)
    else:
        life.overlay(0, Tier.SUBSTANDARD)
    life.close_days(4)
    assert life.told == 0
