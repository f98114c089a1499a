"""What was agreed: everything on which two lenders' repayment plans for "the same" loan may differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self

from libs.lending.calendar import MONTHLY, MonthEnd, Period, WorkingDay
from libs.lending.codec import CodecError, from_json, to_json
from libs.lending.conventions import (
    PLANNED_ANEW,
    BrokenPeriod,
    FeeBase,
    FeeTiming,
    InstalmentFit,
    InstalmentRule,
    InterestAccrual,
    InterestShortfall,
    PartialPeriod,
    Remainder,
    RepaymentMethod,
)
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.rounding import Rounding
from libs.lending.terms_check import INSTALMENTS_MAX, RATE_MAX, problem

__all__ = [
    "INSTALMENTS_MAX",
    "PLANNED_ANEW",
    "RATE_MAX",
    "BrokenPeriod",
    "Fee",
    "FeeBase",
    "FeeTiming",
    "InstalmentFit",
    "InstalmentRule",
    "InterestAccrual",
    "InterestShortfall",
    "LoanTerms",
    "PartialPeriod",
    "RateChange",
    "Remainder",
    "RepaymentMethod",
    "TermsError",
    "Tranche",
]


class TermsError(ValueError):
    """Terms that no plan can be made from; `code` is stable, the message says what to change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A cost to the borrower: a fixed `amount`, or a `rate` (fraction) of `base`; `payee` says who charges it."""

    code: str
    timing: FeeTiming
    amount: Money | None = None
    rate: Decimal | None = None
    base: FeeBase = FeeBase.PRINCIPAL
    payee: str = "LENDER"

    def __post_init__(self) -> None:
        if (self.amount is None) == (self.rate is None):
            raise TermsError(
                "fee-amount-or-rate",
                f"fee {self.code}: give either an amount or a rate",
            )
        if (self.amount is not None and self.amount.minor < 0) or (self.rate is not None and not 0 <= self.rate <= 1):
            raise TermsError(
                "fee-out-of-range",
                f"fee {self.code}: neither negative nor above the whole",
            )
        if self.base is not FeeBase.PRINCIPAL and self.timing is not FeeTiming.EACH_INSTALMENT:
            raise TermsError(
                "fee-base",
                f"fee {self.code}: a fee on instalments is due with each instalment",
            )


@dataclass(frozen=True, slots=True)
class RateChange:
    """From `effective` (included) interest runs at `annual_rate`: an LPR reset or a teaser's end."""

    effective: date
    annual_rate: Decimal


@dataclass(frozen=True, slots=True)
class Tranche:
    """A part of the principal that is paid out on a later day, which is the first that bears interest on it."""

    on: date
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanTerms:
    """The agreed terms of one loan. Rates are fractions a year (0.18 is 18 %); `to_json` loses nothing.

    `disbursed_on` is the first day that bears interest; due dates are counted from `schedule_from` (default: that
    day) or, where given, from `first_due`; `due_dates` overrides both. `due_day` fixes the day of the month.
    `tranches` are the parts of the principal that are paid out later; with each the coming instalments are solved again.
    Grace and interest-free counts are in instalments from the first. `instalment_rounding` is for the level
    instalment where it differs from `rounding`. Raises `TermsError`.
    """

    principal: Money
    annual_rate: Decimal
    instalments: int
    disbursed_on: date
    period: Period = MONTHLY
    method: RepaymentMethod = RepaymentMethod.EQUAL_INSTALMENT
    schedule_from: date | None = None
    first_due: date | None = None
    due_day: int | None = None
    due_dates: tuple[date, ...] = ()
    month_end: MonthEnd = MonthEnd.CLAMP
    working_day: WorkingDay = WorkingDay.UNADJUSTED
    interest_to_moved_date: bool = False
    day_count: DayCount = DayCount.ACT_360
    accrual: InterestAccrual = InterestAccrual.BY_PERIOD
    flat_interest: bool = False
    broken_period: BrokenPeriod = BrokenPeriod.DAYS
    partial_period: PartialPeriod = PartialPeriod.PRO_RATA
    rate_changes: tuple[RateChange, ...] = ()
    principal_grace: int = 0
    interest_grace: int = 0
    interest_free: int = 0
    balloon: Money | None = None
    fixed_principal: Money | None = None
    fixed_instalment: Money | None = None
    weights: tuple[Decimal, ...] = ()
    principal_parts: tuple[Money, ...] = ()
    rounding: Rounding = Rounding.HALF_UP
    instalment_rounding: Rounding | None = None
    instalment_multiple_minor: int = 1
    instalment_rule: InstalmentRule = InstalmentRule.PERIOD_RATES
    instalment_fit: InstalmentFit = InstalmentFit.ROUNDED
    interest_shortfall: InterestShortfall = InterestShortfall.RAISE
    remainder: Remainder = Remainder.LAST
    fees: tuple[Fee, ...] = ()
    tranches: tuple[Tranche, ...] = ()

    def __post_init__(self) -> None:
        found = problem(self)
        if found:
            raise TermsError(*found)

    def to_json(self) -> dict[str, object]:
        """The terms as plain JSON types, every field written out."""
        result = to_json(self)
        assert isinstance(result, dict)
        return result

    @classmethod
    def from_json(cls, data: object) -> Self:
        """The terms that `to_json` wrote; raises `TermsError` (`malformed` names the field)."""
        try:
            return from_json(cls, data)
        except CodecError as error:
            raise TermsError("malformed", str(error)) from None
