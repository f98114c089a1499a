"""From an approved request to everything that the parties agree on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from libs.contracts.approval import DecisionBasis, Offer
from libs.contracts.contract import Agreement, CostDisclosure, CostItem
from libs.contracts.schedules import loan_terms
from libs.contracts.values import FeeRule, LoanRequest, Named, plan_rows
from libs.lending.annual_cost import annual_cost
from libs.lending.fees import fee_minor, instalment_fees
from libs.lending.money import Money, total
from libs.lending.schedule import RepaymentPlan, repayment_plan
from libs.lending.terms import PLANNED_ANEW, Fee, FeeTiming, LoanTerms

RATE_DIGITS: Final = 6
"""Decimals of an annual cost as a fraction: a ten-thousandth of a percent."""

INTEREST: Final = Named(zh="利息", en="Interest")
CHARGED_INTEREST: Final = Named(zh="随每期还款收取", en="With every instalment")
CHARGED: Final = {
    FeeTiming.AT_DISBURSEMENT: Named(
        zh="放款日另行支付，不从本金中扣除", en="Paid beside the loan on the day it is paid out, never deducted from it"
    ),
    FeeTiming.EACH_INSTALMENT: Named(zh="随每期还款收取", en="With every instalment"),
    FeeTiming.SPREAD: Named(zh="总额分摊至各期收取", en="One amount in equal parts with the instalments"),
    FeeTiming.FINANCED: Named(zh="计入本金", en="Added to the principal"),
}


def make_agreement(request: LoanRequest, offer: Offer, basis: DecisionBasis, on: date) -> Agreement:
    """The agreement that an offer of this day leads to. Raises `TermsError` when its terms give no plan.

    The plan counts from this day; the ledger moves it to the day on which the money is paid out. A clause of the product
    under which the rate may be raised is a part of it where a loan of this method can be planned anew on the way.
    """
    terms = _terms(request, offer, on)
    plan = repayment_plan(terms)
    overdue_rate = offer.annual_rate * request.product.overdue.rate_multiplier
    cost = annual_cost(plan)
    items = _cost_items(plan, offer.fees)
    rise = request.product.rate_increase if terms.method in PLANNED_ANEW else None
    raised = replace(terms, annual_rate=terms.annual_rate + rise.increase_max) if rise is not None else None
    disclosure = CostDisclosure(
        principal=terms.principal,
        items=items,
        total_cost=total((item.amount for item in items), terms.principal.currency),
        irr_annual=round(cost.irr, RATE_DIGITS),
        simple_annual=round(cost.simple, RATE_DIGITS),
        overdue_rate=overdue_rate,
        prepayment_fee_rate=request.product.prepayment_fee_rate,
        raised_rate=raised.annual_rate if raised else None,
        raised_irr_annual=round(annual_cost(repayment_plan(raised)).irr, RATE_DIGITS) if raised else None,
    )
    return Agreement(
        request=request,
        terms=terms,
        plan=plan_rows(plan),
        disclosure=disclosure,
        overdue_annual_rate=overdue_rate,
        overdue_grace_days=request.product.overdue.grace_days,
        grade=basis.grade,
        score=basis.score,
        rate_increase=rise,
    )


def _terms(request: LoanRequest, offer: Offer, on: date) -> LoanTerms:
    return loan_terms(
        request.product,
        principal=offer.amount,
        annual_rate=offer.annual_rate,
        instalments=offer.instalments,
        period_months=offer.period_months,
        method=offer.method,
        on=on,
        fees=offer.fees,
    )


def _cost_items(plan: RepaymentPlan, rules: tuple[FeeRule, ...]) -> tuple[CostItem, ...]:
    """Interest and each fee over the whole term: together what the borrower pays beyond the principal lent."""
    interest = CostItem(code="interest", name=INTEREST, amount=plan.interest, charged=CHARGED_INTEREST, payee="LENDER")
    fees = (
        CostItem(
            code=rule.code,
            name=rule.name,
            amount=_fee_total(plan, fee),
            charged=CHARGED[rule.timing],
            payee=rule.payee,
        )
        for rule, fee in zip(rules, plan.terms.fees, strict=True)
    )
    return (interest, *fees)


def _fee_total(plan: RepaymentPlan, fee: Fee) -> Money:
    terms = plan.terms
    if fee.timing is not FeeTiming.EACH_INSTALMENT:
        return Money(fee_minor(fee, terms.principal.minor, terms), terms.principal.currency)
    parts = [(row.principal_minor, row.interest_minor) for row in plan.rows]
    charges = instalment_fees(replace(terms, fees=(fee,)), plan.rows[0].opening_minor, parts)
    return Money(sum(charges), terms.principal.currency)
