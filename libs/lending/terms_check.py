"""Terms that no plan can be made from: found before anything is worked out."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from libs.lending.calendar import PeriodUnit
from libs.lending.conventions import InstalmentFit, Remainder, RepaymentMethod

if TYPE_CHECKING:
    from libs.lending.terms import LoanTerms

INSTALMENTS_MAX: Final = 1200
"""A hundred years of months: a bound on the work that one plan may cause."""
RATE_MAX: Final = Decimal(10)
"""1,000 % a year: beyond it the input is a mistake (a percent given as a fraction); legal caps are policy data."""


def problem(t: LoanTerms) -> tuple[str, str] | None:
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
    return _date_problem(t) or _grace_problem(t) or _method_problem(t) or _rate_problem(t) or _tranche_problem(t)


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
        *(tranche.amount for tranche in t.tranches),
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
    if any(a >= b for a, b in pairwise(days)):
        return "rate-changes", "rate changes rise in date"
    if any(not c.annual_rate.is_finite() or not 0 <= c.annual_rate <= RATE_MAX for c in t.rate_changes):
        return (
            "annual-rate",
            "the annual rate is a fraction from 0 to 10 (0.18 is 18 %)",
        )
    return None


def _tranche_problem(t: LoanTerms) -> tuple[str, str] | None:
    if not t.tranches:
        return None
    days = [t.disbursed_on, *(tranche.on for tranche in t.tranches)]
    if any(a >= b for a, b in pairwise(days)):
        return "tranches", "tranches rise in date, and the first is after the disbursement"
    if any(tranche.amount.minor <= 0 for tranche in t.tranches):
        return "tranches", "a tranche is a positive amount"
    if sum(tranche.amount.minor for tranche in t.tranches) >= t.principal.minor:
        return "tranches", "tranches are parts of the principal, and leave some for the first day"
    if t.flat_interest or t.method is RepaymentMethod.FLAT:
        return "tranches", "flat interest is on one principal: it has no tranches"
    if t.instalment_fit is not InstalmentFit.ROUNDED or t.remainder is not Remainder.LAST:
        return "tranches", "with tranches the instalment is rounded once, and the last one takes what is left"
    return None
