"""Limits by date, and what breaks them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from libs.contracts.contract import Agreement
from libs.contracts.values import FeeRule, Named
from libs.lending.money import Money
from libs.lending.terms import FeeTiming
from services.contract.domain.agreement import make_agreement
from services.contract.domain.limits import LimitRecord, NoLimitInForce, limits_on, violation
from services.contract.library import library
from services.contract.tests.story import APPROVED

ON = date(2026, 2, 1)
LIMITS = library().limits_on(ON)


def agreement(rate: str = "0.18", multiplier: str = "1.5", currency: str = "CNY", **fee: object) -> Agreement:
    overdue = APPROVED.request.product.overdue.model_copy(update={"rate_multiplier": Decimal(multiplier)})
    product = APPROVED.request.product.model_copy(update={"overdue": overdue})
    request = APPROVED.request.model_copy(update={"product": product})
    fees = (FeeRule(code="fee", name=Named(zh="费", en="Fee"), **fee),) if fee else ()
    update = {"annual_rate": Decimal(rate), "fees": fees, "amount": Money.of("12000", currency)}
    return make_agreement(request, APPROVED.offer.model_copy(update=update), APPROVED.basis, ON)


def test_an_ordinary_agreement_breaks_nothing() -> None:
    assert violation(agreement(), LIMITS) is None


def test_the_all_in_cost_counts_every_fee_against_the_cap() -> None:
    assert violation(agreement("0.216"), LIMITS) is None  # 23.9 % compound
    assert violation(agreement("0.22"), LIMITS) == "all-in-cost-over-limit"
    costly = agreement("0.21", timing=FeeTiming.AT_DISBURSEMENT, amount=Money.of("200"))
    assert violation(costly, LIMITS) == "all-in-cost-over-limit"


def test_overdue_interest_is_capped_against_contract_interest() -> None:
    assert violation(agreement(multiplier="1.51"), LIMITS) == "overdue-rate-over-limit"


def test_a_fee_that_is_put_on_top_of_the_principal_is_a_deduction_in_advance() -> None:
    assert violation(agreement(timing=FeeTiming.FINANCED, amount=Money.of("1")), LIMITS) == "upfront-deduction"


def test_a_contract_in_a_currency_that_the_template_cannot_write_is_not_offered() -> None:
    assert violation(agreement(currency="USD"), LIMITS) == "currency-not-supported"


def test_each_day_has_the_value_that_was_in_force() -> None:
    def record(value: int, day: date) -> LimitRecord:
        return LimitRecord(key="reading_seconds_min", value=value, effective_from=day, source="x", standing="P")

    others = [one for one in library().limits if one.key != "reading_seconds_min"]
    records = [record(30, date(2026, 8, 1)), *others, record(5, date(2026, 1, 1))]
    assert limits_on(records, date(2026, 7, 31)).reading_seconds_min == 5
    assert limits_on(records, date(2026, 8, 1)).reading_seconds_min == 30
    with pytest.raises(NoLimitInForce, match="reading_seconds_min on 2025-12-31"):
        limits_on(records, date(2025, 12, 31))


def test_every_limit_names_its_source_and_its_standing() -> None:
    assert all(record.source and record.standing in "PSDM" for record in library().limits)
