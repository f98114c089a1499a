"""Terms say everything, survive JSON, and refuse what no plan can be made of."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from libs.lending.calendar import Period, PeriodUnit
from libs.lending.codec import CodecError, to_json
from libs.lending.money import Money
from libs.lending.terms import (
    Fee,
    FeeBase,
    FeeTiming,
    LoanTerms,
    RateChange,
    Remainder,
    RepaymentMethod,
    TermsError,
    Tranche,
)

BASE = LoanTerms(
    principal=Money.of("10000"), annual_rate=Decimal("0.12"), instalments=3, disbursed_on=date(2026, 1, 15)
)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"principal": Money(0)}, "principal"),
        ({"annual_rate": Decimal("-0.01")}, "annual-rate"),
        ({"annual_rate": Decimal("NaN")}, "annual-rate"),
        ({"annual_rate": Decimal(12)}, "annual-rate"),
        ({"instalments": 0}, "instalments"),
        ({"instalments": 1201}, "instalments"),
        ({"instalment_multiple_minor": 0}, "instalment-multiple"),
        ({"due_day": 32}, "due-day"),
        ({"due_day": 5, "period": Period(1, PeriodUnit.WEEKS)}, "due-day"),
        ({"due_dates": (date(2026, 2, 15),)}, "due-dates"),
        ({"due_dates": (date(2026, 2, 15), date(2026, 2, 15), date(2026, 3, 15))}, "due-dates"),
        ({"first_due": date(2026, 1, 15)}, "first-due"),
        ({"first_due": date(2026, 2, 1), "schedule_from": date(2026, 1, 1)}, "first-due"),
        ({"principal_grace": -1}, "grace"),
        ({"principal_grace": 3}, "grace"),
        ({"interest_free": 4}, "grace"),
        ({"interest_grace": 1, "method": RepaymentMethod.BULLET}, "grace"),
        ({"fixed_principal": Money(1)}, "fixed-principal"),
        ({"method": RepaymentMethod.FIXED_PRINCIPAL}, "fixed-principal"),
        ({"method": RepaymentMethod.FIXED_PRINCIPAL, "fixed_principal": Money(0)}, "fixed-amount"),
        ({"method": RepaymentMethod.FIXED_INSTALMENT}, "fixed-instalment"),
        ({"weights": (Decimal(1),)}, "weights"),
        ({"method": RepaymentMethod.STEPPED, "weights": (Decimal(1), Decimal(1), Decimal(0))}, "weights"),
        ({"principal_parts": (Money(1),)}, "principal-parts"),
        ({"method": RepaymentMethod.IRREGULAR, "principal_parts": (Money(1),) * 3}, "principal-parts"),
        ({"balloon": Money(1, "USD")}, "currency"),
        ({"balloon": Money.of("10001")}, "balloon"),
        ({"rate_changes": (RateChange(date(2026, 3, 1), Decimal("0.1")),) * 2}, "rate-changes"),
        ({"rate_changes": (RateChange(date(2026, 3, 1), Decimal(11)),)}, "annual-rate"),
        ({"tranches": (Tranche(date(2026, 1, 15), Money(1)),)}, "tranches"),
        ({"tranches": (Tranche(date(2026, 2, 1), Money(1)),) * 2}, "tranches"),
        ({"tranches": (Tranche(date(2026, 2, 1), Money(0)),)}, "tranches"),
        ({"tranches": (Tranche(date(2026, 2, 1), Money.of("10000")),)}, "tranches"),
        ({"tranches": (Tranche(date(2026, 2, 1), Money(1, "USD")),)}, "currency"),
        ({"tranches": (Tranche(date(2026, 2, 1), Money(1)),), "method": RepaymentMethod.FLAT}, "tranches"),
        ({"tranches": (Tranche(date(2026, 2, 1), Money(1)),), "remainder": Remainder.FIRST}, "tranches"),
    ],
)
def test_impossible_terms_are_refused_by_name(change: dict[str, object], code: str) -> None:
    with pytest.raises(TermsError) as refused:
        replace(BASE, **change)  # type: ignore[arg-type]  # the keys fit the terms
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "fee-amount-or-rate"),
        ({"amount": Money(1), "rate": Decimal("0.1")}, "fee-amount-or-rate"),
        ({"amount": Money(-1)}, "fee-out-of-range"),
        ({"rate": Decimal("1.1")}, "fee-out-of-range"),
        ({"rate": Decimal("0.1"), "base": FeeBase.INSTALMENT}, "fee-base"),
    ],
)
def test_impossible_fees_are_refused_by_name(fields: dict[str, object], code: str) -> None:
    with pytest.raises(TermsError) as refused:
        Fee(code="fee", timing=FeeTiming.AT_DISBURSEMENT, **fields)  # type: ignore[arg-type]  # the keys fit
    assert refused.value.code == code


def test_json_holds_decimal_strings_and_every_field() -> None:
    data = BASE.to_json()
    assert data["principal"] == {"amount": "10000.00", "currency": "CNY"}
    assert data["annual_rate"] == "0.12"
    assert data["disbursed_on"] == "2026-01-15"
    assert set(data) == set(LoanTerms.__slots__)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("annual_rate", 0.12, "annual_rate"),
        ("annual_rate", "1e-1", "annual_rate"),
        ("principal", {"amount": 10000, "currency": "CNY"}, "principal"),
        ("principal", {"amount": "1.001", "currency": "CNY"}, "principal"),
        ("principal", "10000", "principal"),
        ("instalments", "3", "instalments"),
        ("instalments", True, "instalments"),
        ("disbursed_on", "2026-02-30", "disbursed_on"),
        ("disbursed_on", 20260115, "disbursed_on"),
        ("method", "SOMETIMES", "method"),
        ("period", {"every": 1, "unit": "YEARS"}, "period.unit"),
        ("period", 1, "period"),
        ("due_dates", "2026-02-15", "due_dates"),
        ("surprise", 1, "surprise"),
    ],
)
def test_malformed_json_is_refused_with_the_field(field: str, value: object, named: str) -> None:
    with pytest.raises(TermsError) as refused:
        LoanTerms.from_json({**BASE.to_json(), field: value})
    assert refused.value.code == "malformed"
    assert named in str(refused.value)


def test_missing_fields_and_other_shapes_are_refused() -> None:
    for data in ([], {}, None, {"principal": {"amount": "1.00", "currency": "CNY"}}):
        with pytest.raises(TermsError):
            LoanTerms.from_json(data)


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(CodecError):
        to_json(1.5)
