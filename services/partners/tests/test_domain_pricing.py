"""What of the income is ours by the partner's price: nothing is lost or made, and who goes without is who was named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.partners import FUNDING_TERMS, FundingTerms, Price, SettlementMade, Side, nothing
from libs.lending.money import Money
from services.partners.domain.pricing import margin_rate, servicing_rate
from services.partners.domain.settlement import Settle, Settlements
from services.partners.handlers import SETTLEMENT

TERMS = FundingTerms.model_validate(FUNDING_TERMS)


@pytest.mark.parametrize(
    ("price", "loan_rate", "ours"),
    [
        (Price(annual_rate=Decimal("0.06"), shortfall=Side.OWN), "0.24", "0.75"),
        (Price(annual_rate=Decimal("0.06"), shortfall=Side.OWN), "0.06", "0"),
        (Price(annual_rate=Decimal("0.06"), shortfall=Side.OWN), "0.05", "-0.2"),
        (Price(annual_rate=Decimal("0.06"), shortfall=Side.PARTNER), "0.05", "0"),
        (Price(spread=Decimal("0.06"), shortfall=Side.PARTNER), "0.24", "0.25"),
        (Price(spread=Decimal("0.06"), shortfall=Side.OWN), "0.05", "1"),
        (Price(spread=Decimal("0.06"), shortfall=Side.PARTNER), "0.05", "1.2"),
        (Price(annual_rate=Decimal("0.07"), shortfall=Side.OWN), "0.18", "0.61111111111111111111"),
        (None, "0.18", "0"),
        (None, "0", "0"),
        (Price(annual_rate=Decimal("0.06"), shortfall=Side.OWN), "0", None),
        (Price(annual_rate=Decimal("0.36"), shortfall=Side.OWN), "0.0001", None),
    ],
)
def test_the_margin_is_what_the_price_leaves_of_the_loans_rate(
    price: Price | None, loan_rate: str, ours: str | None
) -> None:
    assert margin_rate(price, Decimal(loan_rate)) == (None if ours is None else Decimal(ours))


def test_servicing_is_paid_on_what_the_partner_has() -> None:
    assert servicing_rate(TERMS, Decimal("0.75")) == Decimal("0.0125")
    assert servicing_rate(TERMS, Decimal(0)) == TERMS.servicing_fee_rate
    assert servicing_rate(TERMS, Decimal("1.2")) == 0, "nothing is left of which it could be paid"


rates = st.integers(10, 3600).map(lambda each: Decimal(each) / 10_000)
incomes = st.lists(st.integers(-(10**6), 10**7), min_size=1, max_size=12)


@given(rates, rates, st.sampled_from(Side), incomes, st.randoms())
def test_the_two_have_the_whole_within_a_fen_of_the_price_however_it_is_settled(
    own_rate: Decimal, loan_rate: Decimal, shortfall: Side, incomes: list[int], random: object
) -> None:
    ours = margin_rate(Price(annual_rate=own_rate, shortfall=shortfall), loan_rate)
    assert ours is not None
    shuffled = list(incomes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    undone = [*incomes, 12345, -12345]  # a receipt that is reversed
    margins = {sum(settled(ours, each)) for each in (incomes, shuffled, undone, [sum(incomes)])}
    assert len(margins) == 1, "a function of the running total"
    exact = Fraction(own_rate) / Fraction(loan_rate)
    partner = sum(incomes) - margins.pop()
    if shortfall is Side.PARTNER:
        exact = min(Fraction(1), exact)
    assert abs(partner - exact * sum(incomes)) < 1


def settled(rate: Decimal, incomes: list[int]) -> list[int]:
    state, margins = Settlements(), []
    for number, income in enumerate(incomes):
        command = Settle(
            settlement_id=f"settlement-{number}",
            partner="harbour-bank",
            amounts=nothing().model_copy(update={"interest": Money(income)}),
            transferred=Money(0),
            transferred_interest=Money(0),
            funded=Money(0),
            fee_bases={},
            price_bases={rate: income} if rate else {},
            movements=1,
            file_sha256="0" * 64,
            on=date(2026, 1, 1),
        )
        (made,) = SETTLEMENT.decide(command, state)
        assert isinstance(made, SettlementMade)
        assert made.net + made.price_margin == Money(income), "what the partner is paid and what is ours is the whole"
        state = SETTLEMENT.evolve(state, made)
        margins.append(made.price_margin.minor)
    return margins
