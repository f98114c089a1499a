"""What settles a loan on a day."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.lending.allocation import Component, Debt
from libs.lending.money import Money, total
from libs.lending.payoff import open_debts, payoff_quote
from libs.lending.schedule import repayment_plan
from libs.lending.terms import Fee, FeeTiming, LoanTerms, Tranche
from libs.lending.tests.strategies import SIMPLE_METHODS, terms

TERMS = LoanTerms(
    principal=Money.of("100000"),
    annual_rate=Decimal("0.12"),
    instalments=12,
    disbursed_on=date(2026, 1, 31),
    fees=(Fee(code="account", timing=FeeTiming.EACH_INSTALMENT, amount=Money.of("2")),),
)
PLAN = repayment_plan(TERMS)


def test_interest_is_for_the_time_the_loan_was_used() -> None:
    after_first = [debt for debt in open_debts(PLAN) if debt.instalment > 1]
    quote = payoff_quote(PLAN, after_first, date(2026, 3, 15))
    assert quote.amount(Component.PRINCIPAL).amount == "92115.12"
    assert quote.amount(Component.INTEREST).amount == "445.72"  # 15 of 31 days
    assert quote.amount(Component.FEE).amount == "0.00"
    assert quote.total.amount == "92560.84"


def test_what_is_already_due_is_asked_in_full() -> None:
    debts = [*open_debts(PLAN), Debt(0, date(2026, 3, 1), Component.COST, 500)]
    quote = payoff_quote(PLAN, debts, date(2026, 3, 15))
    assert quote.amount(Component.INTEREST).amount == "1445.72"
    assert quote.amount(Component.FEE).amount == "2.00"
    assert quote.amount(Component.COST).amount == "5.00"


def test_interest_paid_in_advance_is_taken_off_and_never_below_nothing() -> None:
    def less_interest(paid: int) -> list[Debt]:
        return [
            debt._replace(amount_minor=debt.amount_minor - paid)
            if (debt.instalment, debt.component) == (1, Component.INTEREST)
            else debt
            for debt in open_debts(PLAN)
        ]

    on = date(2026, 2, 14)
    assert payoff_quote(PLAN, less_interest(20_000), on).amount(Component.INTEREST).amount == "300.00"
    assert payoff_quote(PLAN, less_interest(90_000), on).amount(Component.INTEREST).amount == "0.00"


def test_a_prepayment_fee_is_on_what_is_repaid_in_advance() -> None:
    quote = payoff_quote(PLAN, open_debts(PLAN), date(2026, 3, 15), Decimal("0.01"))
    assert quote.amount(Component.FEE).amount == "923.15"  # 1 % of 92,115.12, and the fee due on 28 February


@given(terms(methods=SIMPLE_METHODS), st.integers(0, 400))
def test_a_payoff_never_costs_more_than_going_on(agreed: LoanTerms, offset: int) -> None:
    plan = repayment_plan(replace(agreed, fees=()))
    on = date.fromordinal(agreed.disbursed_on.toordinal() + offset)
    debts = open_debts(plan)
    quote = payoff_quote(plan, debts, on)
    undrawn = total(tranche.amount for tranche in agreed.tranches if tranche.on > on)
    assert quote.amount(Component.PRINCIPAL) == plan.principal - undrawn
    assert quote.total.minor <= sum(debt.amount_minor for debt in debts)
    later = payoff_quote(plan, debts, plan.maturity)
    assert later.total.minor == sum(debt.amount_minor for debt in debts)


def test_a_tranche_that_is_not_yet_paid_out_is_not_asked_back() -> None:
    terms = replace(TERMS, tranches=(Tranche(date(2026, 5, 10), Money.of("30000")),))
    plan = repayment_plan(terms)
    before, after = (payoff_quote(plan, open_debts(plan), date(2026, 5, day)) for day in (9, 10))
    assert before.amount(Component.PRINCIPAL).amount == "70000.00"
    assert after.amount(Component.PRINCIPAL).amount == "100000.00"
