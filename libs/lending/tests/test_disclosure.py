"""Costs by who charges them, and that nothing is left out."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given

from libs.lending.annual_cost import AnnualCostError
from libs.lending.disclosure import cost_disclosure
from libs.lending.money import Money
from libs.lending.schedule import repayment_plan
from libs.lending.terms import Fee, FeeBase, FeeTiming, LoanTerms
from libs.lending.tests.strategies import terms

TERMS = LoanTerms(
    principal=Money.of("100000"),
    annual_rate=Decimal("0.12"),
    instalments=12,
    disbursed_on=date(2026, 1, 31),
    fees=(
        Fee(code="service", timing=FeeTiming.AT_DISBURSEMENT, rate=Decimal("0.01"), payee="PARTNER"),
        Fee(code="guarantee", timing=FeeTiming.EACH_INSTALMENT, rate=Decimal("0.001"), payee="GUARANTOR",
            base=FeeBase.OPENING_BALANCE),
        Fee(code="insurance", timing=FeeTiming.FINANCED, amount=Money.of("1200"), payee="INSURER"),
        Fee(code="admin", timing=FeeTiming.SPREAD, amount=Money.of("100")),
    ),
)  # fmt: skip


def test_every_cost_is_named_with_who_charges_it() -> None:
    disclosed = cost_disclosure(repayment_plan(TERMS))
    assert [(item.code, item.payee) for item in disclosed.items] == [
        ("interest", "LENDER"),
        ("service", "PARTNER"),
        ("guarantee", "GUARANTOR"),
        ("insurance", "INSURER"),
        ("admin", "LENDER"),
    ]
    amounts = {item.code: item.amount.amount for item in disclosed.items}
    assert (amounts["service"], amounts["insurance"], amounts["admin"]) == ("1000.00", "1200.00", "100.00")
    assert disclosed.paid_out.amount == "99000.00"
    assert disclosed.annual.irr > disclosed.annual.simple > TERMS.annual_rate


@given(terms())
def test_the_items_are_all_that_is_paid_beyond_what_is_lent(agreed: LoanTerms) -> None:
    plan = repayment_plan(agreed)
    try:
        disclosed = cost_disclosure(plan)
    except AnnualCostError:  # fees as large as the loan, or nothing repaid beyond rounding: no rate explains it
        return
    assert disclosed.total == plan.total - agreed.principal


def test_a_loan_without_fees_costs_its_interest() -> None:
    plan = repayment_plan(replace(TERMS, fees=()))
    assert cost_disclosure(plan).total == plan.interest
