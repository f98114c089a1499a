"""What a product costs its borrowers a year at the most, every fee included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from libs.contracts.application import Product
from libs.contracts.schedules import loan_terms
from libs.lending.annual_cost import annual_cost
from libs.lending.money import Money
from libs.lending.schedule import repayment_plan
from libs.lending.terms import LoanTerms, RepaymentMethod


class DearestLoan(NamedTuple):
    """The loan of a product with the highest all-in annual cost."""

    cost: Decimal
    """Compound (IRR), a fraction a year: never below the simple method's."""
    terms: LoanTerms


def dearest_loan(product: Product) -> DearestLoan:
    """The dearest loan among the extremes of amount, term, period and method.

    Raises `TermsError` or `AnnualCostError` where fees leave no loan.

    The extremes suffice: interest costs the same a year whatever the amount and about the same whatever the term, and
    a fee weighs most on the smallest loan and the shortest term, or grows with neither.
    """
    loans = (DearestLoan(annual_cost(repayment_plan(terms)).irr, terms) for terms in _extremes(product))
    return max(loans, key=lambda loan: loan.cost)


def _extremes(product: Product) -> Iterator[LoanTerms]:
    for method in product.methods:
        for period_months in product.period_months:
            for instalments in sorted({product.instalments_min, instalments_max(product, period_months)}):
                for amount in (product.amount_min, product.amount_max):
                    yield _terms(product, method, period_months, instalments, amount)


def instalments_max(product: Product, period_months: int) -> int:
    """The most instalments of a period that the product's longest term admits, but no fewer than the fewest."""
    if product.term_months_max is None:
        return product.instalments_max
    return max(product.instalments_min, min(product.instalments_max, product.term_months_max // period_months))


def _terms(product: Product, method: RepaymentMethod, period_months: int, instalments: int, amount: Money) -> LoanTerms:
    return loan_terms(
        product,
        principal=amount,
        annual_rate=product.annual_rate,
        instalments=instalments,
        period_months=period_months,
        method=method,
        on=_first_of_month(product.effective_from),
        fees=product.fees,
    )


def _first_of_month(day: date) -> date:
    """A day that every month has, so that no due date is cut short."""
    return day.replace(day=1)
