"""Costs of a shared loan: who bears them by which agreement, and who may take one back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts.partners import (
    FUNDING_TERMS,
    CostKind,
    CostReversed,
    CostShared,
    FundingTerms,
    LoanShared,
    SharesTransferred,
)
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.partners.domain.costs import RecordCost, ReverseCost
from services.partners.handlers import SHARE

SHARED = LoanShared.model_validate(LoanShared.example)
COST = CostShared.model_validate(CostShared.example)
REVERSED = CostReversed.model_validate(CostReversed.example)
SOLD = SharesTransferred.model_validate(SharesTransferred.example)
TERMS = FundingTerms.model_validate(
    FUNDING_TERMS
    | {
        "costs": [
            {"kind": "LEGAL"},
            {"kind": "COLLECTION", "partner_ppm": 500_000},
            {"kind": "SECURITY", "partner_ppm": 1_000_000},
        ]
    }
)
RECORD = RecordCost(
    cost_id=COST.cost_id,
    kind=CostKind.LEGAL,
    amount=COST.amount,
    incurred_on=COST.incurred_on,
    reference=COST.reference,
    partner="harbour-bank",
    terms=TERMS,
    by="finance-2",
    today=COST.recorded_on,
)
REVERSE = ReverseCost(cost_id=COST.cost_id, reason=REVERSED.reason, by="finance-1", today=REVERSED.reversed_on)


def test_a_cost_falls_to_the_lenders_and_another_person_takes_it_back() -> None:
    Scenario(SHARE).given(SHARED).when(RECORD).then(COST)
    Scenario(SHARE).given(SHARED, COST).when(replace(REVERSE, by="finance-2")).refused("four-eyes")
    state = Scenario(SHARE).given(SHARED, COST).when(REVERSE).then(REVERSED)
    assert state.book is not None
    assert {row["cost"] for row in state.book.holdings().values()} == {0}
    Scenario(SHARE).given(SHARED, COST, REVERSED).when(REVERSE).refused("cost-reversed")
    Scenario(SHARE).given(SHARED).when(REVERSE).refused("cost-not-found")


@pytest.mark.parametrize(
    ("kind", "borne"),
    [
        (CostKind.LEGAL, {"harbour-bank": 210_00, "own": 90_00}),
        (CostKind.COLLECTION, {"harbour-bank": 150_00, "own": 150_00}),
        (CostKind.SECURITY, {"harbour-bank": 300_00}),
        (CostKind.SERVICING, {"own": 300_00}),
    ],
)
def test_who_bears_it_is_what_the_agreement_says_of_its_kind(kind: CostKind, borne: dict[str, int]) -> None:
    assert _borne([SHARED], kind=kind) == borne


def test_without_an_agreement_or_once_its_partner_has_sold_it_is_who_held_the_loan() -> None:
    assert _borne([SHARED], terms=None, partner="") == {"harbour-bank": 210_00, "own": 90_00}
    assert _borne([SHARED, SOLD], kind=CostKind.SECURITY) == {"own": 300_00}
    before = {"incurred_on": SOLD.effective_from - timedelta(days=1)}
    assert _borne([SHARED, SOLD], kind=CostKind.SECURITY, **before) == {"harbour-bank": 300_00}, "it arose before"


def test_what_is_no_cost_of_a_shared_loan_is_refused() -> None:
    Scenario(SHARE).when(RECORD).refused("loan-not-shared")
    Scenario(SHARE).when(REVERSE).refused("loan-not-shared")
    for change, code in (
        ({"amount": Money(1_00, "USD")}, "wrong-currency"),
        ({"incurred_on": date(2026, 6, 17)}, "cost-date-later"),
    ):
        Scenario(SHARE).given(SHARED).when(replace(RECORD, **change)).refused(code)


def _borne(past: list[Any], **changes: Any) -> dict[str, int]:
    (event,) = SHARE.decide(replace(RECORD, **changes), SHARE.replay(past))
    assert isinstance(event, CostShared)
    assert event.loan_id == ex.LOAN
    return {part.funder: part.amounts.cost.minor for part in event.parts}
