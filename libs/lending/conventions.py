"""What lenders' plans for "the same" loan may differ on, each choice with its source."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


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
    """`fixed_principal` each time, what is left with the last instalment; fewer where it is repaid sooner."""
    FIXED_INSTALMENT = "FIXED_INSTALMENT"
    """`fixed_instalment` each time until repaid; `instalments` is the most there may be."""
    STEPPED = "STEPPED"
    """An annuity whose instalments stand in the proportion of `weights` (step-up, step-down, seasonal)."""
    IRREGULAR = "IRREGULAR"
    """`principal_parts` as agreed, one for each instalment, interest on what is left."""


PLANNED_ANEW: Final = frozenset(
    {
        RepaymentMethod.EQUAL_INSTALMENT,
        RepaymentMethod.EQUAL_PRINCIPAL,
        RepaymentMethod.INTEREST_ONLY_BALLOON,
        RepaymentMethod.BULLET,
        RepaymentMethod.FIXED_INSTALMENT,
        RepaymentMethod.FIXED_PRINCIPAL,
    }
)
"""Methods whose rest is described by principal, rate and number alone: a loan of one can be planned anew on the way."""


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
