"""Parameters of a published case as loan terms and conventions. Nothing expected is read here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from libs.lending.calendar import MonthEnd, Period, PeriodUnit
from libs.lending.money import Money
from libs.lending.periods import plan_periods
from libs.lending.rounding import Rounding
from libs.lending.terms import BrokenPeriod, InstalmentFit, InstalmentRule, InterestAccrual, LoanTerms, RepaymentMethod
from standalone.case_daycount import with_day_count
from standalone.case_values import (
    Case,
    UnsupportedError,
    conventions,
    day,
    first_of,
    is_cumulative,
    is_flat,
    is_frappe,
    is_progressive,
    money,
    number,
    params,
    product,
    whole,
)

INSTALMENTS_WHEN_OPEN: Final = 1200
"""Bound where a case fixes the instalment and leaves the number open."""

UNDATED: Final = "2001-01-01"
"""Start of a case that gives no date: its interest is by period, so that any day gives the same amounts."""


@dataclass(frozen=True)
class LateCharge:
    """A charge once for each instalment that is overdue."""

    rate: Decimal
    on_interest: bool = False


MONTH_END: Final = {
    "END_DUE_DATE_ROLL": MonthEnd.ROLL,
    "FIRST_DAY_OF_NEXT_MONTH": MonthEnd.ROLL,
    "END_DUE_DATE_CLAMP": MonthEnd.CLAMP,
    "LAST_DAY_OF_MONTH": MonthEnd.CLAMP,
    **{rule.value: rule for rule in MonthEnd},
}
"""Month-end rules as sources name them, in a parameter or in a product's code."""
PRODUCT_LATE_CHARGE: Final = {
    "OVERDUE_FROM_AMOUNT_INTEREST": LateCharge(Decimal("0.015"), on_interest=True),
    "OVERDUE_FROM_AMOUNT": LateCharge(Decimal("0.015")),
}
"""Overdue charge that a source's product code names (Apache Fineract's test products: 1.5 %)."""
PRODUCT_DOWN_PAYMENT: Final = Decimal(25)
"""Percent of each disbursement that Apache Fineract's test products with a down payment ask at once."""

UNITS: Final = {
    "DAY": (1, PeriodUnit.DAYS),
    "WEEK": (1, PeriodUnit.WEEKS),
    "FORTNIGHT": (2, PeriodUnit.WEEKS),
    "MONTH": (1, PeriodUnit.MONTHS),
    "QUARTER": (3, PeriodUnit.MONTHS),
    "YEAR": (12, PeriodUnit.MONTHS),
}
ROUNDING: Final = {
    **{mode.value: mode for mode in Rounding},
    "CEILING": Rounding.UP,
    "FLOOR": Rounding.DOWN,
}
"""Modes by their names in Java; amounts are never negative, so that towards the ends and from zero are one."""

KNOWN_PARAMS: Final = frozenset({
    "principal", "annual_rate_percent", "monthly_rate_percent", "n", "number_of_repayments", "period",
    "disbursement_date", "first_due_date", "schedule_start_date", "due_day", "periods", "interest_type",
    "interest_calculation_period", "amortization", "repayment_method", "grace_on_principal_periods",
    "grace_on_interest_periods", "interest_free_periods", "payment_strategy", "source_product_code", "day_count",
    "days_in_year", "days_in_month", "bpi_recovery_method", "balloon", "balloon_amount", "down_payment_percent",
    "auto_down_payment", "month_end_due_date_strategy", "future_installment_allocation_rule",
    "installment_amount_in_multiples_of", "fixed_installment_amount", "payment_timing",
    # What says nothing about amounts or dates.
    "currency", "title", "note", "loan_term", "submitted_on_date", "approved_on_date", "expected_disbursement_date",
    "borrower", "purpose",
})  # fmt: skip


def terms_of(case: Case) -> LoanTerms:
    """The terms that a case's parameters and conventions give; raises `UnsupportedError`."""
    values = params(case)
    _refuse_unknown(case)
    method, extra = _method(case)
    balloon = first_of(values, "balloon", "balloon_amount")
    terms = LoanTerms(
        principal=money(values["principal"]),
        annual_rate=_annual_rate(values),
        instalments=whole(first_of(values, "n", "number_of_repayments") or INSTALMENTS_WHEN_OPEN),
        disbursed_on=day(values.get("disbursement_date", UNDATED)),
        period=_period(values["period"]),
        method=method,
        first_due=day(values["first_due_date"]) if "first_due_date" in values else None,
        schedule_from=day(values["schedule_start_date"]) if "schedule_start_date" in values else None,
        due_day=whole(values["due_day"]) if "due_day" in values else None,
        month_end=_month_end(case),
        principal_grace=whole(values.get("grace_on_principal_periods", 0)),
        interest_grace=_interest_grace(case),
        interest_free=whole(values.get("interest_free_periods", 0)),
        flat_interest=is_flat(case),
        balloon=money(balloon) if balloon is not None else None,
        rounding=_rounding(case),
        **extra,
    )
    return _with_periods(_with_instalment_rule(with_day_count(terms, case), case), values)


def down_payment(case: Case) -> tuple[Decimal, bool]:
    """Which part (a fraction) of each disbursement is due at once, and whether it is paid by itself."""
    code, values = product(case), params(case)
    named = "DOWNPAYMENT" in code or "DOWN_PAYMENT" in code
    percent = first_of(values, "down_payment_percent")
    part = number(percent) / 100 if percent is not None else (PRODUCT_DOWN_PAYMENT / 100 if named else Decimal(0))
    return part, bool(values.get("auto_down_payment", named and "AUTO" in code))


def _refuse_unknown(case: Case) -> None:
    values = params(case)
    if "COMPOUNDING_MONTHLY" in product(case) or "COMPOUNDING_DAILY" in product(case):
        raise UnsupportedError("interest on interest during recalculation")
    if whole(conventions(case).get("currency_decimals", 2)) != 2:
        raise UnsupportedError("a currency without two decimals")
    if str(values.get("bpi_recovery_method", "")).lower().startswith("upfront"):
        raise UnsupportedError("interest deducted from the loan in advance (Civil Code 670)")
    if str(values.get("payment_timing", "END")).upper() not in ("END", "ARREARS", "IN_ARREARS", "0"):
        raise UnsupportedError("instalments in advance (an annuity due)")
    unknown = [name for name, value in values.items() if name not in KNOWN_PARAMS and value not in (None, 0, "", "0")]
    if unknown:
        raise UnsupportedError(f"the parameter {unknown[0]} has no counterpart here")


def _annual_rate(values: Mapping[str, Any]) -> Decimal:
    if "annual_rate_percent" not in values and "monthly_rate_percent" in values:
        return number(values["monthly_rate_percent"]) * 12 / 100
    return number(values["annual_rate_percent"]) / 100


def _period(period: Any) -> Period:
    """Every so many units; units may be named in the singular."""
    unit = str(period["unit"]).upper()
    named = UNITS.get(unit) or UNITS.get(unit.removesuffix("S"))
    if named is None:
        raise UnsupportedError(f"a period in {unit}")
    return Period(whole(period.get("every", 1)) * named[0], named[1])


def _month_end(case: Case) -> MonthEnd:
    named = params(case).get("month_end_due_date_strategy")
    if named is not None:
        if str(named).upper() not in MONTH_END:
            raise UnsupportedError(f"month ends by {named}")
        return MONTH_END[str(named).upper()]
    return next((rule for name, rule in MONTH_END.items() if name in product(case)), MonthEnd.CLAMP)


def _interest_grace(case: Case) -> int:
    """Deferred interest; the cumulative generator bills it anyway for declining balances (see the case's note)."""
    grace = whole(params(case).get("grace_on_interest_periods", 0))
    return 0 if is_cumulative(case) and not is_flat(case) else grace


def _rounding(case: Case) -> Rounding:
    """The mode that the case names; Apache Fineract and frappe round half to even where they say nothing."""
    usual = "HALF_EVEN" if is_progressive(case) or is_cumulative(case) or is_frappe(case) else "HALF_UP"
    named = re.match(r"[A-Z_]+", str(conventions(case).get("rounding_mode", usual)).upper().replace("-", "_"))
    if named is None or named.group() not in ROUNDING:
        raise UnsupportedError(f"rounding {conventions(case)['rounding_mode']!r}")
    return ROUNDING[named.group()]


_METHODS: Final = (
    (("EQUAL_INSTALLMENT", "EQUAL_INSTALMENT", "ANNUITY", "LEVEL"), RepaymentMethod.EQUAL_INSTALMENT),
    (("EQUAL_PRINCIPAL", "LINEAR"), RepaymentMethod.EQUAL_PRINCIPAL),
    (("INTEREST_ONLY",), RepaymentMethod.INTEREST_ONLY_BALLOON),
    (("BULLET",), RepaymentMethod.BULLET),
    (("FLAT",), RepaymentMethod.FLAT),
)


def _method(case: Case) -> tuple[RepaymentMethod, dict[str, Any]]:
    values = params(case)
    text = str(values.get("amortization", values.get("repayment_method", "EQUAL_INSTALLMENTS")))
    if "fixed_installment_amount" in values:
        return RepaymentMethod.FIXED_INSTALMENT, {"fixed_instalment": money(values["fixed_installment_amount"])}
    if text.startswith("FIXED_PRINCIPAL"):
        percent = number(re.sub(r"^\D*", "", text))
        return RepaymentMethod.FIXED_PRINCIPAL, {"fixed_principal": money(values["principal"]).times(percent / 100)}
    if text.startswith("fixed amount per period"):
        return RepaymentMethod.FIXED_INSTALMENT, {"fixed_instalment": money(re.sub(r"^\D*", "", text))}
    upper = text.upper().replace(" ", "_").replace("-", "_")
    for names, method in _METHODS:
        if upper.startswith(names):
            flat = is_flat(case) and method is RepaymentMethod.EQUAL_INSTALMENT
            return RepaymentMethod.FLAT if flat else method, {}
    raise UnsupportedError(f"amortisation {text!r}")


def _with_instalment_rule(terms: LoanTerms, case: Case) -> LoanTerms:
    if is_progressive(case):
        return replace(terms, instalment_fit=InstalmentFit.ONE_RETRY, **_multiple(case))
    if is_frappe(case):
        spread = str(params(case).get("bpi_recovery_method", "")).startswith("Amortized")
        return replace(
            terms,
            instalment_rule=InstalmentRule.NOMINAL_RATE,
            instalment_rounding=Rounding.UP,
            instalment_multiple_minor=100,
            broken_period=BrokenPeriod.SPREAD if spread else BrokenPeriod.DAYS,
        )
    if is_cumulative(case):
        daily = terms.accrual is InterestAccrual.DAILY
        rule = InstalmentRule.NOMINAL_DAYS if daily else InstalmentRule.NOMINAL_RATE
        return replace(terms, instalment_rule=rule, **_multiple(case))
    return replace(terms, **_multiple(case))


def _multiple(case: Case) -> dict[str, Any]:
    name = "installment_amount_in_multiples_of"
    multiple: Money | None = None
    for values in (params(case), conventions(case)):
        if multiple is None and values.get(name):
            multiple = money(values[name])
    return {"instalment_multiple_minor": multiple.minor} if multiple else {}


def _with_periods(terms: LoanTerms, values: Mapping[str, Any]) -> LoanTerms:
    """Due dates given one by one; where they are regular from the first period's start, that says it all.

    A list whose periods do not join (a slip in the source) is read as its regular dates.
    """
    periods = values.get("periods")
    if not periods:
        return terms
    start = day(periods[0]["from"])
    regular = replace(terms, schedule_from=start, disbursed_on=max(terms.disbursed_on, start))
    dues = [day(period["due"]) for period in periods]
    joined = all(first["due"] == second["from"] for first, second in pairwise(periods))
    if not joined or plan_periods(regular).due == dues:
        return regular
    return replace(regular, due_dates=tuple(dues))
