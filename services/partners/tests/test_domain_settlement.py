"""Settlements: what is netted, and that fees are neither lost nor made by rounding."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.partners import SettlementMade, SettlementPaid, nothing
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.partners.domain.settlement import RecordPayment, Settle, Settlements, fee_minor
from services.partners.handlers import SETTLEMENT

MADE = SettlementMade.model_validate(SettlementMade.example)
PAID = SettlementPaid.model_validate(SettlementPaid.example)
SETTLE = Settle(
    settlement_id=MADE.settlement_id,
    partner="harbour-bank",
    amounts=MADE.amounts,
    transferred=MADE.transferred,
    transferred_interest=MADE.transferred_interest,
    funded=MADE.funded,
    fee_bases={Decimal("0.05"): 126_00},
    movements=1,
    file_sha256=MADE.file_sha256,
    on=MADE.settled_on,
)
PAY = RecordPayment(
    settlement_id=MADE.settlement_id,
    bank_reference=PAID.bank_reference,
    value_date=PAID.value_date,
    by="finance-2",
    today=PAID.paid_on,
)


def test_what_came_in_less_the_fee_is_paid_on() -> None:
    Scenario(SETTLEMENT).when(SETTLE).then(MADE)


def test_what_the_partner_had_paid_before_is_not_asked_for_again_and_what_it_bought_is() -> None:
    lent = nothing().model_copy(update={"disbursed": Money(8_400_00)})
    payout = replace(SETTLE, amounts=lent, fee_bases={})
    assert SETTLEMENT.decide(payout, Settlements())[0].net == Money(-8_400_00)
    assert SETTLEMENT.decide(replace(payout, funded=Money(8_400_00)), Settlements())[0].net == Money(0)
    bought = replace(SETTLE, amounts=nothing(), fee_bases={}, transferred=Money(100))
    assert SETTLEMENT.decide(bought, Settlements())[0].net == Money(-100)
    sold = replace(bought, transferred_interest=Money(-40))
    assert SETTLEMENT.decide(sold, Settlements())[0].net == Money(-60)


def test_a_settlement_is_paid_once() -> None:
    Scenario(SETTLEMENT).given(MADE).when(PAY).then(PAID)
    Scenario(SETTLEMENT).given(MADE, PAID).when(PAY).then()
    Scenario(SETTLEMENT).given(MADE, PAID).when(replace(PAY, bank_reference="other")).refused("settlement-paid")
    Scenario(SETTLEMENT).when(PAY).refused("settlement-not-found")
    Scenario(SETTLEMENT).given(MADE).when(replace(PAY, value_date=date(2026, 3, 4))).refused("value-date-later")


@given(st.lists(st.integers(-100_000, 100_000), min_size=1, max_size=50), st.decimals(0, 1, places=4))
def test_fees_add_up_to_the_fee_on_the_whole_however_it_was_cut(bases: list[int], rate: Decimal) -> None:
    state, fees, net = Settlements(), 0, 0
    for base in bases:
        [made] = SETTLEMENT.decide(replace(SETTLE, amounts=nothing(), fee_bases={rate: base}), state)
        assert isinstance(made, SettlementMade)
        state = SETTLEMENT.replay([made], state)
        fees, net = fees + made.servicing_fee.minor, net + made.net.minor
    assert fees == fee_minor(rate, sum(bases))
    assert net == -fees


@given(st.integers(0, 10**9), st.decimals(0, 1, places=4))
def test_what_is_taken_back_takes_its_fee_back(base: int, rate: Decimal) -> None:
    state = Settlements()
    fees = []
    for each in (base, -base):
        [made] = SETTLEMENT.decide(replace(SETTLE, fee_bases={rate: each}), state)
        assert isinstance(made, SettlementMade)
        state = SETTLEMENT.replay([made], state)
        fees.append(made.servicing_fee.minor)
    assert sum(fees) == 0
