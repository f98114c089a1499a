"""Who bears losses: for whole lives of loans with recoveries, reversals and what comes late, both together bear the loss."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.partners import FirstLoss, SettlementMade, Side, nothing
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.partners.domain.losses import Pool, amounts_of, cap_minor, paid_to_partner
from services.partners.domain.settlement import Settle, Settlements
from services.partners.domain.split import Book, changes
from services.partners.handlers import SETTLEMENT

DAY = date(2026, 1, 1)
POOL = "harbour-consumer/1"
fen = st.integers(0, 10**9)
sides = st.sampled_from(Side)
rates = st.integers(0, 10_000).map(lambda each: Decimal(each) / 10_000)
orders = st.builds(FirstLoss, bearer=sides, cap=fen.map(Money), cap_rate=rates) | st.builds(
    FirstLoss, bearer=sides, cap=st.none(), cap_rate=rates
)
lives = st.lists(
    st.tuples(
        st.integers(0, 400), st.sampled_from(["disbursed", "written_off", "recovered"]), st.integers(-(10**7), 10**8)
    ),
    max_size=20,
)


def pools_of(loan_id: str, partner_ppm: int, life: Sequence[tuple[int, str, int]]) -> list[Pool]:
    """What each movement of a loan moves in the pool, split as loans are."""
    book, moved = Book.begin(loan_id, (("harbour-bank", partner_ppm), ("own", 1_000_000 - partner_ppm)), DAY), []
    for day, account, amount in life:
        after = book.move(DAY + timedelta(days=day), {account: amount})
        part = changes(book, after).get("harbour-bank", {})
        lent = amount if account == "disbursed" else 0
        lost = {"written_off": amount, "recovered": -amount}.get(account, 0)
        moved.append(Pool(lent, lost, part.get("written_off", 0) - part.get("recovered", 0)))
        book = after
    return moved


def settled(terms: FirstLoss, days: Sequence[Pool]) -> list[SettlementMade]:
    state, made = Settlements(), []
    for number, moved in enumerate(days):
        (event,) = SETTLEMENT.decide(settle(terms, moved, number), state)
        assert isinstance(event, SettlementMade)
        state, made = SETTLEMENT.evolve(state, event), [*made, event]
    return made


def settle(terms: FirstLoss, moved: Pool, number: int) -> Settle:
    return Settle(
        settlement_id=f"settlement-{number}",
        partner="harbour-bank",
        amounts=nothing(),
        transferred=Money(0),
        transferred_interest=Money(0),
        funded=Money(0),
        fee_bases={},
        movements=1,
        file_sha256="0" * 64,
        on=DAY,
        pools={POOL: (terms, moved)},
    )


@given(orders, st.integers(1, 999_999), lives)
def test_the_first_bears_everything_up_to_the_cap_and_both_by_their_shares_beyond(
    terms: FirstLoss, partner_ppm: int, life: list[tuple[int, str, int]]
) -> None:
    pool = sum(pools_of("loan-1", partner_ppm, life), Pool())
    paid = paid_to_partner(terms, pool)
    partner, own = pool.partner_lost - paid, pool.lost - pool.partner_lost + paid
    assert partner + own == pool.lost, "both together bear what was lost"
    if pool.lost <= 0:
        assert paid == 0, "nothing was lost"
        return
    first, cap = (own if terms.bearer is Side.OWN else partner), cap_minor(terms, pool.lent)
    if pool.lost <= cap:
        assert first == pool.lost, "up to the cap, the first bears everything"
        return
    share = Fraction(partner_ppm if terms.bearer is Side.PARTNER else 1_000_000 - partner_ppm, 1_000_000)
    assert abs(first - (cap + share * (pool.lost - cap))) <= 3, "within the split's fen of the exact amount"


@given(orders, st.lists(st.tuples(st.integers(1, 999_999), lives), min_size=1, max_size=4), st.randoms())
def test_it_is_of_no_consequence_in_which_order_and_how_often_it_is_settled(
    terms: FirstLoss, loans: list[tuple[int, list[tuple[int, str, int]]]], random: object
) -> None:
    """Loans in different shares under one agreement, moved and settled one by one, in any order, or all at once."""
    moved = [pool for n, (ppm, life) in enumerate(loans) for pool in pools_of(f"loan-{n}", ppm, life)]
    shuffled = list(moved)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    at_once = settled(terms, [sum(moved, Pool())])[0].first_loss
    for days in (moved, shuffled):
        assert sum((each.first_loss for each in settled(terms, days)), Money(0)) == at_once
    assert all(each.net == each.first_loss for each in settled(terms, moved)), "it is part of what is paid"


@given(orders, lives, fen, st.integers(0, 400))
def test_what_is_taken_back_leaves_nothing(
    terms: FirstLoss, life: list[tuple[int, str, int]], amount: int, day: int
) -> None:
    """A recovery that turns out to be none, and a write-off that is undone."""
    for account in ("written_off", "recovered"):
        undone = [*life, (day, account, amount), (day, account, -amount)]
        assert paid_to_partner(terms, sum(pools_of("loan", 700_000, undone), Pool())) == paid_to_partner(
            terms, sum(pools_of("loan", 700_000, life), Pool())
        )


def test_what_is_recovered_repays_first_what_was_borne_last() -> None:
    """Lent 1,000.00 in 70 : 30; we bear the first 50.00."""
    terms, partner_share = FirstLoss(bearer=Side.OWN, cap_rate=Decimal("0.05")), Fraction(7, 10)
    borne = []
    for lost in (40_00, 50_00, 150_00, 100_00, 50_00, 20_00, 0):  # three write-offs, then recoveries
        pool = Pool(1_000_00, lost, int(lost * partner_share))
        borne.append((pool.lost - pool.partner_lost + paid_to_partner(terms, pool)) / 100)
    assert borne == [40, 50, 80, 65, 50, 20, 0]


def test_the_partner_bears_first_where_the_agreement_says_so() -> None:
    terms = FirstLoss(bearer=Side.PARTNER, cap=Money(50_00), cap_rate=Decimal("0.9"))
    pool = Pool(1_000_00, 150_00, 105_00)
    assert paid_to_partner(terms, pool) == -15_00, "50.00 in place of 70 % of it"
    (made,) = settled(terms, [pool])
    assert (made.first_loss, made.net) == (Money(-15_00), Money(-15_00))
    Scenario(SETTLEMENT).given(made).when(settle(terms, Pool(0, -150_00, -105_00), 1)).then(
        replace_event(made, settlement_id="settlement-1", amount=15_00, pool=Pool(0, -150_00, -105_00))
    )


@pytest.mark.parametrize(("cap", "rate", "expected"), [(100, None, 100), (None, "0.05", 49), (10, "0.05", 10)])
def test_of_two_caps_the_lower_counts_and_parts_of_fen_do_not(cap: int | None, rate: str | None, expected: int) -> None:
    terms = FirstLoss(
        bearer=Side.OWN, cap=None if cap is None else Money(cap), cap_rate=None if rate is None else Decimal(rate)
    )
    assert cap_minor(terms, 999) == expected


def replace_event(made: SettlementMade, *, settlement_id: str, amount: int, pool: Pool) -> SettlementMade:
    changed = {"settlement_id": settlement_id, "first_loss": Money(amount), "net": Money(amount)}
    return made.model_copy(update={**changed, "pools": {POOL: amounts_of(pool)}})
