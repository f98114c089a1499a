"""What the applicant can carry: ratios in basis points, rounded against the applicant, so that no limit is passed by
rounding."""

from __future__ import annotations

from datetime import date
from typing import Final

from libs.contracts.schedules import loan_terms
from libs.contracts.values import LoanRequest
from libs.lending.schedule import total_to_pay
from libs.lending.terms import LoanTerms

NO_INCOME_BPS: Final = 1_000_000
"""Debt-to-income of somebody without income: beyond every limit, and still a number."""
BASIS_POINTS: Final = 10_000


def terms_asked_for(request: LoanRequest, on: date) -> LoanTerms:
    """The terms of the request at the product's rate, as if paid out on a date."""
    return loan_terms(
        request.product,
        principal=request.amount,
        annual_rate=request.product.annual_rate,
        instalments=request.instalments,
        period_months=request.period_months,
        method=request.method,
        on=on,
    )


def monthly_burden_minor(request: LoanRequest, on: date) -> int:
    """The new loan's burden a month: the mean of its instalments, so that balloon and bullet loans count as well."""
    months = request.instalments * request.period_months
    return -(-total_to_pay(terms_asked_for(request, on)).minor // months)


def debt_to_income_bps(request: LoanRequest, on: date) -> int:
    """All debt service with the new loan's over income, a month, in basis points."""
    income = request.monthly_income.minor
    if income <= 0:
        return NO_INCOME_BPS
    burden = request.monthly_debt_service.minor + monthly_burden_minor(request, on)
    return min(-(-burden * BASIS_POINTS // income), NO_INCOME_BPS)


def coverage_bps(request: LoanRequest) -> int:
    """Value of the security over the amount, in basis points; 0 where there is none or its value is not known."""
    value = request.guarantee.value
    return 0 if value is None else min(value.minor * BASIS_POINTS // request.amount.minor, NO_INCOME_BPS)
