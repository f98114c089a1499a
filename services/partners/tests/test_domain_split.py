"""What falls to each lender: for all shares, amounts, reversals and late movements, the parts are the whole."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.partners import SHARE_PARTS
from services.partners.domain.split import (
    ACCOUNTS,
    CHANGES_HANDS,
    COST,
    TRANSFERRED,
    TRANSFERRED_INTEREST,
    Book,
    Shares,
    SharesError,
    apportion,
    changes,
)

DAY = date(2026, 1, 1)
amounts_minor = st.integers(-(10**11), 10**11)
phases = st.integers(0, SHARE_PARTS - 1)


@st.composite
def shares(draw: st.DrawFn) -> Shares:
    cuts = draw(st.sets(st.integers(1, SHARE_PARTS - 1), max_size=4))
    edges = [0, *sorted(cuts), SHARE_PARTS]
    names = draw(st.permutations(["own", "a", "b", "c", "d"]))
    return tuple((names[number], edges[number + 1] - edges[number]) for number in range(len(edges) - 1))


movements = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.dictionaries(st.sampled_from(ACCOUNTS), st.integers(-(10**8), 10**8), min_size=1, max_size=4),
    ),
    max_size=25,
)


@given(amounts_minor, shares(), phases)
def test_parts_are_the_whole_and_within_a_fen_of_the_exact_share(total: int, shares: Shares, phase: int) -> None:
    parts = apportion(total, shares, phase)
    assert sum(parts) == total
    for part, (_, share) in zip(parts, shares, strict=True):
        assert abs(part - Fraction(total * share, SHARE_PARTS)) < 1


@given(st.integers(-300, 300), shares())
def test_over_all_phases_each_lender_has_exactly_its_share(total: int, shares: Shares) -> None:
    """The rule is neutral for every amount, not only on average over amounts."""
    shares = tuple((funder, max(1, share // 10_000)) for funder, share in shares)
    parts = sum(share for _, share in shares)
    sums = dict.fromkeys((funder for funder, _ in shares), 0)
    for phase in range(parts):  # the same rule in units small enough to try all phases
        cumulative, before = 0, 0
        for funder, share in shares:
            cumulative += share
            until = (total * cumulative + phase) // parts
            sums[funder] += until - before
            before = until
    assert sums == {funder: total * share for funder, share in shares}


@given(shares(), movements)
def test_a_whole_life_adds_up_and_does_not_depend_on_the_order_of_what_came_late(
    shares: Shares, life: list[tuple[int, dict[str, int]]]
) -> None:
    book = backwards = Book.begin("loan-1", shares, DAY)
    for day, moved in life:
        book = _checked(book, day, moved)
    for day, moved in reversed(life):
        backwards = backwards.move(DAY + timedelta(days=day), moved)
    assert book.holdings() == backwards.holdings()
    for account in ACCOUNTS:
        assert sum(row[account] for row in book.holdings().values()) == book.total.get(account, 0)


earned = st.none() | st.integers(-(10**6), 10**9)


@given(shares(), movements, st.lists(st.tuples(st.integers(1, 60), shares(), earned), max_size=4))
def test_with_changes_of_shares_the_parts_are_the_whole_and_what_is_sold_is_bought(
    first: Shares, life: list[tuple[int, dict[str, int]]], later: list[tuple[int, Shares, int | None]]
) -> None:
    book, since = Book.begin("loan-2", first, DAY), DAY
    for number, (day, moved) in enumerate(life):
        if number < len(later):
            since += timedelta(days=later[number][0])
            book = book.transfer(since, *later[number][1:])
            book = _borne(book, day, number * 7_777 - 10_000, later[number][1])  # by who is not asked for a share
        book = _checked(book, day, moved)  # before and after the change, as the days fall
    held = book.holdings().values()
    assert [sum(row[name] for row in held) for name in CHANGES_HANDS] == [0, 0]
    for account in ACCOUNTS:
        assert sum(row[account] for row in held) == book.total.get(account, 0)


@given(shares(), movements, st.integers(0, 400), st.integers(-(10**8), 10**8))
def test_a_reversal_gives_everybody_back_what_he_had(
    shares: Shares, life: list[tuple[int, dict[str, int]]], day: int, amount: int
) -> None:
    book, on = Book.begin("loan-3", shares, DAY), DAY + timedelta(days=day)
    for other, moved in life:
        book = book.move(DAY + timedelta(days=other), moved)
    moved = book.move(on, {"interest": amount, "principal": -amount})
    back = moved.move(on, {"interest": -amount, "principal": amount})
    assert back.holdings() == book.holdings()


@given(shares(), shares(), st.integers(1, 10**10))
def test_after_a_transfer_each_holds_his_new_share_of_what_is_outstanding(
    old: Shares, new: Shares, outstanding: int
) -> None:
    book = Book.begin("loan-4", old, DAY).move(DAY, {"disbursed": outstanding})
    held = book.transfer(DAY + timedelta(days=30), new).holdings()
    for funder, share in new:
        owed = held[funder]["disbursed"] - held[funder]["principal"] + held[funder][TRANSFERRED]
        assert abs(owed - Fraction(outstanding * share, SHARE_PARTS)) < 1


@given(shares(), shares(), movements, movements, st.integers(0, 10**9))
def test_who_sells_has_his_share_of_what_was_earned_whoever_pays_it_and_whenever_that_is_known(
    old: Shares,
    new: Shares,
    life: list[tuple[int, dict[str, int]]],
    late: list[tuple[int, dict[str, int]]],
    earned: int,
) -> None:
    """Interest received, and paid by the buyer: together the share of what the loan had earned, to the fen."""
    book, since = Book.begin("loan-5", old, DAY), DAY + timedelta(days=200)
    for day, moved in life:
        book = book.move(DAY + timedelta(days=day % 200), moved)  # all of it before the change
    book = book.transfer(since, new, earned)
    for day, moved in late:
        book = _checked(book, day % 200, moved)
    met, held = book.total.get("interest", 0), book.holdings()
    for funder in held:
        at_first = _part(old, met, book.phase, funder) + _part(old, earned - met, book.phase, funder)
        at_last = _part(new, earned - met, book.phase, funder)
        assert held[funder]["interest"] - held[funder][TRANSFERRED_INTEREST] == at_first - at_last
        assert abs(at_first - Fraction(earned * dict(old).get(funder, 0), SHARE_PARTS)) < 2


def _part(shares: Shares, total: int, phase: int, funder: str) -> int:
    return dict(zip(dict(shares), apportion(total, shares, phase), strict=True)).get(funder, 0)


@given(shares(), shares(), movements, st.lists(st.tuples(st.integers(0, 400), st.integers(1, 10**7)), max_size=12))
def test_costs_are_borne_as_agreed_to_the_fen_however_many_and_what_is_taken_back_leaves_nothing(
    held: Shares, agreed: Shares, life: list[tuple[int, dict[str, int]]], costs: list[tuple[int, int]]
) -> None:
    book = Book.begin("loan-6", held, DAY)
    for day, moved in life:
        book = book.move(DAY + timedelta(days=day), moved)
    before = book
    for day, amount in costs:
        book = _borne(book, day, amount, agreed)
    total = sum(amount for _, amount in costs)
    rows, without = book.holdings(), before.holdings()
    for funder, row in rows.items():
        borne = row[COST] - without.get(funder, {}).get(COST, 0)
        assert abs(borne - Fraction(total * dict(agreed).get(funder, 0), SHARE_PARTS)) < 1, "of all, not of each"
    for day, amount in reversed(costs):
        book = _borne(book, day, -amount, agreed)
    assert changes(before, book) == {}


def _borne(book: Book, day: int, amount: int, bearing: Shares) -> Book:
    after = book.bear(DAY + timedelta(days=day), amount, bearing)
    rows = changes(book, after)
    assert sum(row[COST] for row in rows.values()) == amount == after.total.get(COST, 0) - book.total.get(COST, 0)
    assert all(amount == row[COST] for row in rows.values() for amount in [sum(row.values())]), "and nothing else moves"
    return after


def test_what_is_not_the_shares_of_a_whole_is_refused() -> None:
    for wrong in ((), (("a", 1),), (("a", SHARE_PARTS + 1), ("b", -1)), (("a", 500_000), ("a", 500_000))):
        with pytest.raises(SharesError):
            Book.begin("loan", wrong, DAY)
    with pytest.raises(SharesError, match="2026-01-01"):
        Book.begin("loan", (("a", SHARE_PARTS),), DAY).transfer(DAY, (("b", SHARE_PARTS),))


def _checked(book: Book, day: int, moved: dict[str, int]) -> Book:
    after = book.move(DAY + timedelta(days=day), moved)
    rows = changes(book, after).values()
    for account in ACCOUNTS:
        assert sum(row[account] for row in rows) == moved.get(account, 0), "the parts of a movement are the movement"
    assert [sum(row[name] for row in rows) for name in CHANGES_HANDS] == [0, 0]
    return after
