"""What was agreed: everything on which two lenders' repayment plans for "the same" loan may differ."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

from libs.lending.calendar import MONTHLY, MonthEnd, Period, PeriodUnit, WorkingDay
from libs.lending.codec import CodecError, from_json, to_json
from libs.lending.daycount import DayCount
from libs.lending.money import Money
from libs.lending.rounding import Rounding

INSTALMENTS_MAX: Final = 1200
"""A hundred years of months: a bound on the work that one plan may cause."""
RATE_MAX: Final = Decimal(10)
"""1,000 % a year: beyond it the input is a mistake (a percent given as a fraction); legal caps are policy data."""


class TermsError(ValueError):
    """Terms that no plan can be made from; `code` is stable, the message says what to change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RepaymentMethod(StrEnum):
    """How principal is spread over the instalments."""

    EQUAL_INSTALMENT = "EQUAL_INSTALMENT"
    """等额本息: one amount each time, interest first, the rest principal (annuity)."""
    EQUAL_PRINCIPAL = "EQUAL_PRINCIPAL"
    """等额本金: principal in equal parts, interest on what is left."""
    INTEREST_ONLY_BALLOON = "INTEREST_ONLY_BALLOON"
    """按期付息到期还本: interest each period, principal with the last."""
    BULLET = "BULLET"
    """到期一次还本付息: one row; `instalments` is then the term in periods."""
    FLAT = "FLAT"
    """Equal principal with interest on the original principal each period (disclose its annual cost by IRR)."""
    FIXED_PRINCIPAL = "FIXED_PRINCIPAL"
    """`fixed_principal` each time, what is left with the last instalment."""
    FIXED_INSTALMENT = "FIXED_INSTALMENT"
    """`fixed_instalment` each time until repaid; `instalments` is the most there may be."""
    STEPPED = "STEPPED"
    """An annuity whose instalments stand in the proportion of `weights` (step-up, step-down, seasonal)."""
    IRREGULAR = "IRREGULAR"
    """`principal_parts` as agreed, one for each instalment, interest on what is left."""


class InterestAccrual(StrEnum):
    """What one regular period's interest is a function of."""

    BY_PERIOD = "BY_PERIOD"
    """Annual rate × n/12 (months), n/52 (weeks), n/days of the nominal year (days): 按月计息, PBoC 银发〔2005〕129号."""
    NOMINAL_DAYS = "NOMINAL_DAYS"
    """Annual rate × 30 days a month (7 a week) / days of the nominal year, whatever the dates."""
    DAILY = "DAILY"
    """The day count between the period's dates: 按日计息."""


class BrokenPeriod(StrEnum):
    """Interest of a first period that is shorter or longer than the regular one."""

    DAYS = "DAYS"
    """Whole periods as regular, odd days by the day count (PBoC 银发〔2005〕129号: 零头天数按实际天数)."""
    PRO_RATA = "PRO_RATA"
    """The regular period's part, by actual days over that period's actual days (Apache Fineract)."""
    SPREAD = "SPREAD"
    """Odd days by the day count, their interest in equal parts on every instalment (frappe/lending)."""


class PartialPeriod(StrEnum):
    """Interest of a part of a period that is priced by period (accrual, early payoff)."""

    PRO_RATA = "PRO_RATA"
    """The period's interest by actual days over the period's days. Default."""
    DAYS = "DAYS"
    """The day count on the balance, at most the period's interest (PBoC 银发〔2005〕129号: 日利率 = 年利率 / 360)."""


class InstalmentRule(StrEnum):
    """Which period rates the level instalment is solved from; interest is charged by the real ones anyway."""

    PERIOD_RATES = "PERIOD_RATES"
    """Each period's own rate: the instalments come out level whatever the day count. Default."""
    NOMINAL_RATE = "NOMINAL_RATE"
    """The textbook annuity with annual rate / periods a year, dates ignored."""
    NOMINAL_DAYS = "NOMINAL_DAYS"
    """As the textbook, with 30 days a month over the nominal year (Apache Fineract, cumulative loans)."""


class InstalmentFit(StrEnum):
    """Whether the rounded instalment is moved to bring the last one nearer to it."""

    ROUNDED = "ROUNDED"
    """No: the exact annuity rounded once. A longer term then never raises it. Default."""
    CLOSEST = "CLOSEST"
    """To the amount that leaves the last instalment closest to the others."""
    ONE_RETRY = "ONE_RETRY"
    """One correction by difference / n where the difference exceeds n/2 minor units, kept if better (Fineract)."""


class InterestShortfall(StrEnum):
    """When a level instalment would not cover its period's interest."""

    RAISE = "RAISE"
    """That instalment is raised to its interest, the following ones are solved again."""
    REFUSE = "REFUSE"
    """`TermsError` with code `instalment-below-interest`."""


class Remainder(StrEnum):
    """Which instalment carries what rounding leaves."""

    LAST = "LAST"
    FIRST = "FIRST"


class FeeTiming(StrEnum):
    AT_DISBURSEMENT = "AT_DISBURSEMENT"
    """Paid by the borrower beside the loan. Never deducted from it (Civil Code 670)."""
    EACH_INSTALMENT = "EACH_INSTALMENT"
    """Due with every instalment."""
    SPREAD = "SPREAD"
    """One amount in equal parts over the instalments."""
    FINANCED = "FINANCED"
    """Added to the principal and repaid with it; interest runs on it."""


class FeeBase(StrEnum):
    """What a fee's rate is a part of."""

    PRINCIPAL = "PRINCIPAL"
    """The loan's principal."""
    INSTALMENT_PRINCIPAL = "INSTALMENT_PRINCIPAL"
    INSTALMENT = "INSTALMENT"
    """The instalment's principal and interest."""
    OPENING_BALANCE = "OPENING_BALANCE"
    """Principal outstanding before the instalment."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanTerms:
    """The agreed terms of one loan. Rates are fractions a year (0.18 is 18 %); `to_json` loses nothing.

    `disbursed_on` is the first day that bears interest; due dates are counted from `schedule_from` (default: that
    day) or, where given, from `first_due`; `due_dates` overrides both. `due_day` fixes the day of the month.
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

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise TermsError(*problem)

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


def _problem(t: LoanTerms) -> tuple[str, str] | None:
    """The first fault found in the terms: its stable code and what to change."""
    if t.principal.minor <= 0:
        return "principal", "the principal must be positive"
    if not t.annual_rate.is_finite() or not 0 <= t.annual_rate <= RATE_MAX:
        return (
            "annual-rate",
            "the annual rate is a fraction from 0 to 10 (0.18 is 18 %)",
        )
    if type(t.instalments) is not int or not 1 <= t.instalments <= INSTALMENTS_MAX:
        return "instalments", f"the number of instalments is 1 to {INSTALMENTS_MAX}"
    if t.instalment_multiple_minor < 1:
        return (
            "instalment-multiple",
            "instalments are rounded to a multiple of at least one minor unit",
        )
    if t.due_day is not None and (not 1 <= t.due_day <= 31 or t.period.unit is not PeriodUnit.MONTHS):
        return "due-day", "the due day is 1 to 31, and belongs to periods of months"
    return _date_problem(t) or _grace_problem(t) or _method_problem(t) or _rate_problem(t)


def _date_problem(t: LoanTerms) -> tuple[str, str] | None:
    if t.due_dates:
        if len(t.due_dates) != (1 if t.method is RepaymentMethod.BULLET else t.instalments):
            return "due-dates", "give one due date for each instalment"
        if any(a >= b for a, b in zip((t.disbursed_on, *t.due_dates), t.due_dates, strict=False)):
            return (
                "due-dates",
                "due dates rise, and the first is after the disbursement",
            )
    if t.first_due is not None and t.first_due <= t.disbursed_on:
        return "first-due", "the first due date must be after the disbursement"
    if t.schedule_from is not None and t.first_due is not None:
        return "first-due", "give either the schedule's start or the first due date"
    return None


def _grace_problem(t: LoanTerms) -> tuple[str, str] | None:
    if min(t.principal_grace, t.interest_grace, t.interest_free) < 0:
        return "grace", "grace is counted in instalments from 0"
    if t.method is RepaymentMethod.BULLET and max(t.principal_grace, t.interest_grace, t.interest_free):
        return "grace", "a bullet loan has one instalment: it has no grace"
    if max(t.principal_grace, t.interest_grace) >= t.instalments or t.interest_free > t.instalments:
        return "grace", "grace must leave at least one instalment"
    return None


def _method_problem(t: LoanTerms) -> tuple[str, str] | None:
    method = t.method
    if (t.fixed_principal is not None) != (method is RepaymentMethod.FIXED_PRINCIPAL):
        return (
            "fixed-principal",
            "a fixed principal part belongs to FIXED_PRINCIPAL, and is needed there",
        )
    if (t.fixed_instalment is not None) != (method is RepaymentMethod.FIXED_INSTALMENT):
        return (
            "fixed-instalment",
            "a fixed instalment belongs to FIXED_INSTALMENT, and is needed there",
        )
    if bool(t.weights) != (method is RepaymentMethod.STEPPED):
        return "weights", "weights belong to STEPPED, and are needed there"
    if t.weights and (len(t.weights) != t.instalments or min(t.weights) < 0 or t.weights[-1] <= 0):
        return (
            "weights",
            "one weight for each instalment, none negative, the last positive",
        )
    if bool(t.principal_parts) != (method is RepaymentMethod.IRREGULAR):
        return (
            "principal-parts",
            "principal parts belong to IRREGULAR, and are needed there",
        )
    if t.principal_parts and (
        len(t.principal_parts) != t.instalments
        or sum(part.minor for part in t.principal_parts) != t.principal.minor
        or any(part.minor < 0 for part in t.principal_parts)
    ):
        return (
            "principal-parts",
            "one part for each instalment, none negative, together the principal",
        )
    amounts = (
        t.balloon,
        t.fixed_principal,
        t.fixed_instalment,
        *t.principal_parts,
        *(f.amount for f in t.fees),
    )
    if any(amount is not None and amount.currency != t.principal.currency for amount in amounts):
        return "currency", "all amounts are in the currency of the principal"
    if t.balloon is not None and not 0 <= t.balloon.minor <= t.principal.minor:
        return "balloon", "the balloon is a part of the principal"
    if any(amount is not None and amount.minor <= 0 for amount in (t.fixed_principal, t.fixed_instalment)):
        return "fixed-amount", "a fixed part must be positive"
    return None


def _rate_problem(t: LoanTerms) -> tuple[str, str] | None:
    days = [change.effective for change in t.rate_changes]
    if any(a >= b for a, b in itertools.pairwise(days)):
        return "rate-changes", "rate changes rise in date"
    if any(not c.annual_rate.is_finite() or not 0 <= c.annual_rate <= RATE_MAX for c in t.rate_changes):
        return (
            "annual-rate",
            "the annual rate is a fraction from 0 to 10 (0.18 is 18 %)",
        )
    return None
