"""Fixed fees: for each loan, month and settlement once, by the version that is in force, and back when a loan is undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import examples as ex
from libs.contracts.ledger import DisbursementReturned, LoanDisbursed, RepaymentReceived
from libs.contracts.partners import (
    FUNDING_TERMS,
    AgreementApproved,
    AgreementEnded,
    FixedFeeCharged,
    FundingTerms,
    SettlementMade,
)
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.partners.domain.agreement import Agreement
from services.partners.domain.fixed_fees import of_loan, of_months, of_settlement
from services.partners.handlers import AGREEMENT, SETTLEMENT
from services.partners.tests.test_domain_agreement import PROPOSE
from services.partners.tests.test_domain_settlement import SETTLE

APPROVED = AgreementApproved.model_validate(AgreementApproved.example)
ENDED = AgreementEnded.model_validate(AgreementEnded.example)


def fee(per: str, payer: str, amount: str) -> dict[str, Any]:
    return {"per": per, "payer": payer, "amount": ex.cny(amount)}


def terms(*fees: dict[str, Any]) -> FundingTerms:
    return FundingTerms.model_validate(FUNDING_TERMS | {"fixed_fees": fees})


def agreed(*versions: tuple[str, FundingTerms], last_day: str = "") -> Agreement:
    approved = tuple(
        APPROVED.model_copy(update={"version": number, "effective_from": date.fromisoformat(on), "terms": said})
        for number, (on, said) in enumerate(versions, 1)
    )
    ended = ENDED.model_copy(update={"last_day": date.fromisoformat(last_day)}) if last_day else None
    return Agreement(approved=approved, ended=ended)


def months(agreement: Agreement, today: str, charged: str = "") -> list[tuple[str, str, int]]:
    last = date.fromisoformat(charged) if charged else None
    found = of_months(agreement, last, date.fromisoformat(today))
    return [(each.charged_on.isoformat(), each.amount.amount, each.version) for each in found]


def test_a_loan_s_fee_is_due_at_its_payout_and_given_back_when_that_is_undone() -> None:
    both = terms(fee("LOAN", "PARTNER", "30.00"), fee("LOAN", "OWN", "10.00"), fee("MONTH", "PARTNER", "500.00"))
    due = {kind: of_loan(both, kind.type_name) for kind in (LoanDisbursed, RepaymentReceived, DisbursementReturned)}
    assert due == {LoanDisbursed: 20_00, RepaymentReceived: 0, DisbursementReturned: -20_00}


def test_a_month_s_fee_is_due_once_it_is_over_by_the_version_of_its_last_day() -> None:
    first, second = terms(fee("MONTH", "PARTNER", "500.00")), terms(fee("MONTH", "OWN", "200.00"))
    agreement = agreed(("2026-01-20", first), ("2026-03-31", second), last_day="2026-05-30")
    assert months(agreement, "2026-01-31") == []
    assert months(agreement, "2026-02-01") == [("2026-01-31", "500.00", 1)]
    assert months(agreement, "2026-04-01", "2026-01-31") == [("2026-02-28", "500.00", 1), ("2026-03-31", "-200.00", 2)]
    assert months(agreement, "2026-12-31", "2026-03-31") == [("2026-04-30", "-200.00", 2)], "notice ends it"
    assert months(Agreement(), "2026-12-31") == []


def test_a_settlement_s_fee_is_due_while_the_agreement_is_in_force() -> None:
    agreement = agreed(("2026-02-01", terms(fee("SETTLEMENT", "PARTNER", "5.00"))), last_day="2026-12-31")
    charged = {on: len(of_settlement(agreement, date.fromisoformat(on))) for on in ("2026-01-31", "2026-02-01")}
    assert charged == {"2026-01-31": 0, "2026-02-01": 1}
    assert of_settlement(agreement, date(2027, 1, 1)) == []


@given(gaps=st.lists(st.integers(1, 70), min_size=1, max_size=30))
def test_however_seldom_it_is_settled_each_month_is_charged_once_and_in_its_order(gaps: list[int]) -> None:
    agreement, today, charged = agreed(("2026-01-20", terms(fee("MONTH", "PARTNER", "500.00")))), date(2026, 1, 20), []
    state = SETTLEMENT.initial
    for gap in gaps:
        today += timedelta(gap)
        fees = of_months(agreement, state.months.get("harbour-consumer"), today)
        [made] = SETTLEMENT.decide(replace(SETTLE, fixed_fees=fees, on=today), state)
        assert isinstance(made, SettlementMade)
        assert made.fixed_fee == Money(500_00 * len(fees))
        state, charged = SETTLEMENT.evolve(state, made), [*charged, *(each.charged_on for each in fees)]
    over = {
        (day.year, day.month)
        for day in (date(2026, 1, 20) + timedelta(n) for n in range((today - date(2026, 1, 20)).days))
    }
    over -= {(today.year, today.month)}
    assert [(day.year, day.month) for day in charged] == sorted(over)


def test_fixed_fees_are_part_of_what_is_paid() -> None:
    [without] = SETTLEMENT.decide(SETTLE, SETTLEMENT.initial)
    assert isinstance(without, SettlementMade)
    line = FixedFeeCharged(
        agreement="harbour-consumer", version=1, per="SETTLEMENT", charged_on=SETTLE.on, amount=Money(-7_00)
    )
    with_fees = without.model_copy(
        update={"fixed_fees": (line,), "fixed_fee": Money(23_00), "net": without.net - Money(23_00)}
    )
    Scenario(SETTLEMENT).when(replace(SETTLE, loan_fees_minor=30_00, fixed_fees=[line])).then(with_fees)


@pytest.mark.parametrize(
    ("fees", "code", "field"),
    [
        ([fee("LOAN", "OWN", "0.00")], "fixed-fee-not-positive", "/terms/fixed_fees/0/amount"),
        (
            [
                fee("LOAN", "OWN", "1.00"),
                {**fee("MONTH", "OWN", "1.00"), "amount": {"amount": "1.00", "currency": "USD"}},
            ],
            "wrong-currency",
            "/terms/fixed_fees/1/amount/currency",
        ),
        ([fee("LOAN", "OWN", "1.00"), fee("LOAN", "OWN", "2.00")], "fixed-fee-twice", "/terms/fixed_fees/1"),
    ],
)
def test_what_is_no_fixed_fee_is_refused_by_member(fees: list[dict[str, Any]], code: str, field: str) -> None:
    refused = Scenario(AGREEMENT).when(replace(PROPOSE, terms=terms(*fees))).refused(code)
    assert getattr(refused, "field", None) == field
