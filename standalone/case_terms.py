"""Parameters of a published case as loan terms and conventions. Nothing expected is read here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from libs.lending.calendar import MonthEnd, Period, PeriodUnit
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.periods import plan_periods
from libs.lending.rounding import Rounding
from libs.lending.terms import (
    BrokenPeriod,
    InstalmentFit,
    InstalmentRule,
    InterestAccrual,
    LoanTerms,
    RepaymentMethod,
)

Case = Mapping[str, Any]
INSTALMENTS_WHEN_OPEN: Final = 1200
"""Bound where a case fixes the instalment and leaves the number open."""

UNDATED: Final = "2001-01-01"
"""Start of a case that gives no date: its interest is by period, so that any day gives the same amounts."""


class UnsupportedError(ValueError):
    """A case asks for something that has no counterpart here; the message says what."""


@dataclass(frozen=True)
class LateCharge:
    """A charge once for each instalment that is overdue."""

    rate: Decimal
    on_interest: bool = False


PRODUCT_MONTH_END: Final = {"END_DUE_DATE_ROLL": MonthEnd.ROLL, "END_DUE_DATE_CLAMP": MonthEnd.CLAMP}
"""Month-end rule that a source's product code names."""
PRODUCT_LATE_CHARGE: Final = {
    "OVERDUE_FROM_AMOUNT_INTEREST": LateCharge(Decimal("0.015"), on_interest=True),
    "OVERDUE_FROM_AMOUNT": LateCharge(Decimal("0.015")),
}
"""Overdue charge that a source's product code names (Apache Fineract's test products: 1.5 %)."""


def number(text: object) -> Decimal:
    """The number that a text begins with: "24 (entered as 2 percent per month)" is 24."""
    match = re.match(r"\s*-?[0-9]+(\.[0-9]+)?", str(text))
    if not match:
        raise UnsupportedError(f"no number in {str(text)[:60]!r}")
    return Decimal(match.group())


def money(text: object) -> Money:
    """An amount; more digits than the currency are refused."""
    return Money.of(number(text))


def day(text: object) -> date:
    """A date in ISO form."""
    return date.fromisoformat(str(text))


def is_progressive(case: Case) -> bool:
    """Whether the case's engine solves instalments from each period's own rate."""
    return "PROGRESSIVE" in str(case["conventions"].get("engine", ""))


def is_cumulative(case: Case) -> bool:
    """Whether the case's engine is the source's older schedule generator."""
    return not is_progressive(case) and "frappe" not in str(case.get("source", {}).get("project", ""))


def is_bare_calculator(case: Case) -> bool:
    """Whether the case drives the source's calculator itself: nothing falls overdue there by the passing of time."""
    return "EMICalculator" in str(case.get("source", {}).get("path", ""))


def is_flat(case: Case) -> bool:
    """Whether interest is on the original principal."""
    return str(case["params"].get("interest_type", "")).upper() == "FLAT"


def product(case: Case) -> str:
    """The source's product code."""
    return str(case["params"].get("source_product_code", ""))


def terms_of(case: Case) -> LoanTerms:
    """The terms that a case's parameters and conventions give; raises `UnsupportedError`."""
    params, conventions = case["params"], case["conventions"]
    _refuse_unknown(case)
    unit = str(params["period"]["unit"]).upper()
    if unit not in PeriodUnit.__members__:
        raise UnsupportedError(f"a period in {unit}")
    method, extra = _method(case)
    start = day(params.get("disbursement_date", UNDATED))
    terms = LoanTerms(
        principal=money(params["principal"]),
        annual_rate=number(params["annual_rate_percent"]) / 100,
        instalments=int(params.get("n", INSTALMENTS_WHEN_OPEN)),
        disbursed_on=start,
        period=Period(int(params["period"]["every"]), PeriodUnit(unit)),
        method=method,
        first_due=day(params["first_due_date"]) if "first_due_date" in params else None,
        schedule_from=day(params["schedule_start_date"]) if "schedule_start_date" in params else None,
        month_end=next((rule for code, rule in PRODUCT_MONTH_END.items() if code in product(case)), MonthEnd.CLAMP),
        principal_grace=int(params.get("grace_on_principal_periods", 0)),
        interest_grace=_interest_grace(case),
        interest_free=int(params.get("interest_free_periods", 0)),
        flat_interest=is_flat(case),
        rounding=_rounding(conventions),
        **extra,
    )
    return _with_periods(_with_instalment_rule(_with_day_count(terms, case), case), params)


def _refuse_unknown(case: Case) -> None:
    if "COMPOUNDING_MONTHLY" in product(case) or "COMPOUNDING_DAILY" in product(case):
        raise UnsupportedError("interest on interest during recalculation")
    if "DOWNPAYMENT" in product(case) or "DOWN_PAYMENT" in product(case):
        raise UnsupportedError("a down payment taken from the loan on its first day")
    if int(case["conventions"].get("currency_decimals", 2)) != 2:
        raise UnsupportedError("a currency without two decimals")


def _interest_grace(case: Case) -> int:
    """Deferred interest; the cumulative generator bills it anyway for declining balances (see the case's note)."""
    grace = int(case["params"].get("grace_on_interest_periods", 0))
    return 0 if is_cumulative(case) and not is_flat(case) else grace


def _rounding(conventions: Mapping[str, Any]) -> Rounding:
    named = re.match(r"[A-Z_]+", str(conventions.get("rounding_mode", "HALF_EVEN")))
    if named is None or named.group() not in Rounding.__members__:
        raise UnsupportedError(f"rounding {conventions['rounding_mode']!r}")
    return Rounding(named.group())


def _method(case: Case) -> tuple[RepaymentMethod, dict[str, Any]]:
    params = case["params"]
    text = str(params.get("amortization", params.get("repayment_method", "EQUAL_INSTALLMENTS")))
    if text.startswith("EQUAL_INSTALLMENTS"):
        return (RepaymentMethod.FLAT if is_flat(case) else RepaymentMethod.EQUAL_INSTALMENT), {}
    if text.startswith("EQUAL_PRINCIPAL"):
        return RepaymentMethod.EQUAL_PRINCIPAL, {}
    if text.startswith("FIXED_PRINCIPAL"):
        percent = number(re.sub(r"^\D*", "", text))
        return RepaymentMethod.FIXED_PRINCIPAL, {"fixed_principal": money(params["principal"]).times(percent / 100)}
    if text.startswith("fixed amount per period"):
        return RepaymentMethod.FIXED_INSTALMENT, {"fixed_instalment": money(re.sub(r"^\D*", "", text))}
    raise UnsupportedError(f"amortisation {text!r}")


DAYS_IN_YEAR: Final = {
    "DAYS_360": DayCount.ACT_360,
    "DAYS_364": DayCount.ACT_364,
    "DAYS_365": DayCount.ACT_365,
    "ACTUAL": DayCount.ACT_ACT_YEAR_END,
}
DAY_COUNT_TEXT: Final = (
    ("actual/actual", DayCount.ACT_ACT_YEAR_END),
    ("actual/360", DayCount.ACT_360),
    ("actual/364", DayCount.ACT_364),
    ("actual/365", DayCount.ACT_365),
)


def _with_day_count(terms: LoanTerms, case: Case) -> LoanTerms:
    params = case["params"]
    year, month = params.get("days_in_year"), params.get("days_in_month")
    if year in DAYS_IN_YEAR and month in ("DAYS_30", "ACTUAL", "INVALID"):
        if month == "DAYS_30" and year == "ACTUAL":
            raise UnsupportedError("30-day months over the actual year")
        accrual = InterestAccrual.NOMINAL_DAYS if month == "DAYS_30" else InterestAccrual.DAILY
        return replace(terms, accrual=accrual, day_count=DAYS_IN_YEAR[year], broken_period=BrokenPeriod.PRO_RATA)
    text = str(params.get("day_count", ""))
    if str(params.get("interest_calculation_period")) != "SAME_AS_REPAYMENT_PERIOD":
        for name, count in DAY_COUNT_TEXT:
            if name in text:
                return replace(terms, accrual=InterestAccrual.DAILY, day_count=count)
        if terms.flat_interest and "365" in text:
            return replace(terms, accrual=InterestAccrual.DAILY, day_count=DayCount.ACT_365)
    if "30/360" in text or "/12 per month" in text or "annual_rate/12" in text:
        nominal = is_progressive(case) and str(params.get("interest_calculation_period")) != "SAME_AS_REPAYMENT_PERIOD"
        accrual = InterestAccrual.NOMINAL_DAYS if nominal else InterestAccrual.BY_PERIOD
        return replace(terms, accrual=accrual, day_count=DayCount.ACT_360, broken_period=BrokenPeriod.PRO_RATA)
    raise UnsupportedError(f"day count {text[:80]!r}")


def _with_instalment_rule(terms: LoanTerms, case: Case) -> LoanTerms:
    conventions = case["conventions"]
    if is_progressive(case):
        return replace(terms, instalment_fit=InstalmentFit.ONE_RETRY, **_multiple(conventions))
    if is_cumulative(case):
        daily = terms.accrual is InterestAccrual.DAILY
        rule = InstalmentRule.NOMINAL_DAYS if daily else InstalmentRule.NOMINAL_RATE
        return replace(terms, instalment_rule=rule, **_multiple(conventions))
    spread = str(case["params"].get("bpi_recovery_method", "")).startswith("Amortized")
    return replace(
        terms,
        instalment_rule=InstalmentRule.NOMINAL_RATE,
        instalment_rounding=Rounding.UP,
        instalment_multiple_minor=100,
        broken_period=BrokenPeriod.SPREAD if spread else BrokenPeriod.DAYS,
    )


def _multiple(conventions: Mapping[str, Any]) -> dict[str, Any]:
    multiple = conventions.get("installment_amount_in_multiples_of")
    return {"instalment_multiple_minor": money(multiple).minor} if multiple else {}


def _with_periods(terms: LoanTerms, params: Mapping[str, Any]) -> LoanTerms:
    """Due dates given one by one; where they are regular from the first period's start, that says it all.

    A list whose periods do not join (a slip in the source) is read as its regular dates.
    """
    periods = params.get("periods")
    if not periods:
        return terms
    start = day(periods[0]["from"])
    regular = replace(terms, schedule_from=start, disbursed_on=max(terms.disbursed_on, start))
    dues = [day(period["due"]) for period in periods]
    joined = all(first["due"] == second["from"] for first, second in pairwise(periods))
    if not joined or plan_periods(regular).due == dues:
        return regular
    return replace(regular, due_dates=tuple(dues))
