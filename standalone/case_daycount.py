"""A published case's words for day count and accrual."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from libs.lending.daycount import DayCount
from libs.lending.terms import BrokenPeriod, InterestAccrual, LoanTerms
from standalone.case_values import Case, UnsupportedError, is_cumulative, is_progressive, params

DAYS_IN_YEAR: Final = {
    "DAYS_360": DayCount.ACT_360,
    "DAYS_364": DayCount.ACT_364,
    "DAYS_365": DayCount.ACT_365,
    "ACTUAL": DayCount.ACT_ACT_YEAR_END,
}
"""Apache Fineract's names."""

DAY_COUNT_TEXT: Final = (
    ("actual/actual", DayCount.ACT_ACT_ISDA),
    ("actual/360", DayCount.ACT_360),
    ("actual/364", DayCount.ACT_364),
    ("actual/365", DayCount.ACT_365),
)
BY_PERIOD_TEXT: Final = (
    "30/360", "30e/360", "30u/360", "/12 per month", "annual_rate/12", "rate/12", "by period", "per period", "monthly"
)  # fmt: skip
THIRTY_EUROPEAN: Final = ("30e/360", "european", "eurobond")
ACTUAL_WORDS: Final = (("act/", "actual/"), ("/act", "/actual"), ("a/", "actual/"), ("exact/", "actual/"))


def with_day_count(terms: LoanTerms, case: Case) -> LoanTerms:
    """The terms with the accrual, the day count and the broken period's rule that the case names."""
    year, month = params(case).get("days_in_year"), params(case).get("days_in_month")
    if year in DAYS_IN_YEAR and month in ("DAYS_30", "ACTUAL", "INVALID"):
        return _by_days_in_year(terms, str(year), str(month))
    text = _normal(str(params(case).get("day_count", "")))
    by_period = str(params(case).get("interest_calculation_period")) == "SAME_AS_REPAYMENT_PERIOD"
    if not by_period:
        for name, count in DAY_COUNT_TEXT:
            if name in text:
                return replace(terms, accrual=InterestAccrual.DAILY, day_count=_fineract(count, case))
        if terms.flat_interest and "365" in text:
            return replace(terms, accrual=InterestAccrual.DAILY, day_count=DayCount.ACT_365)
    if any(name in text for name in BY_PERIOD_TEXT) or (by_period and any(name in text for name, _ in DAY_COUNT_TEXT)):
        return _by_period(terms, case, text, by_period)
    raise UnsupportedError(f"day count {text[:80]!r}")


def _normal(text: str) -> str:
    text = text.lower()
    for short, name in ACTUAL_WORDS:
        if name not in text:
            text = text.replace(short, name)
    return text


def _by_days_in_year(terms: LoanTerms, year: str, month: str) -> LoanTerms:
    if month == "DAYS_30" and year == "ACTUAL":
        raise UnsupportedError("30-day months over the actual year")
    accrual = InterestAccrual.NOMINAL_DAYS if month == "DAYS_30" else InterestAccrual.DAILY
    return replace(terms, accrual=accrual, day_count=DAYS_IN_YEAR[year], broken_period=BrokenPeriod.PRO_RATA)


def _fineract(count: DayCount, case: Case) -> DayCount:
    """Apache Fineract's actual/actual counts the night of 31 December for the new year."""
    own: Any = count is DayCount.ACT_ACT_ISDA and (is_progressive(case) or is_cumulative(case))
    return DayCount.ACT_ACT_YEAR_END if own else count


def _by_period(terms: LoanTerms, case: Case, text: str, by_period: bool) -> LoanTerms:
    nominal = is_progressive(case) and not by_period
    accrual = InterestAccrual.NOMINAL_DAYS if nominal else InterestAccrual.BY_PERIOD
    if is_progressive(case) or is_cumulative(case):
        return replace(terms, accrual=accrual, day_count=DayCount.ACT_360, broken_period=BrokenPeriod.PRO_RATA)
    thirty = DayCount.THIRTY_E_360 if any(word in text for word in THIRTY_EUROPEAN) else DayCount.THIRTY_360_US
    return replace(terms, accrual=accrual, day_count=thirty)
