"""Which debts a repayment pays."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.lending.allocation import (
    CIVIL_CODE_561,
    INSTALMENT_BY_INSTALMENT,
    Component,
    Debt,
    Direction,
    Order,
    Timing,
    allocate,
)
from libs.lending.money import Money

ON = date(2026, 3, 31)
JAN, FEB, MARCH, APRIL = (date(2026, month, day) for month, day in ((1, 31), (2, 28), (3, 31), (4, 30)))


def debts() -> list[Debt]:
    """Two instalments past due, one due today, one to come; costs of enforcement beside them."""
    rows = [(1, JAN), (2, FEB), (3, MARCH), (4, APRIL)]
    parts = [(Component.INTEREST, 10), (Component.PRINCIPAL, 100)]
    owed = [Debt(n, due, component, amount) for n, due in rows for component, amount in parts]
    return [*owed, Debt(1, JAN, Component.PENALTY, 5), Debt(0, FEB, Component.COST, 7)]


def paid(amount: int, order: Order = CIVIL_CODE_561) -> list[tuple[int, str, int]]:
    result = allocate(Money(amount), debts(), ON, order)
    return [(line.instalment, line.component.value, line.amount_minor) for line in result.lines]


def test_by_law_costs_then_interest_then_principal_over_all_that_is_due() -> None:
    assert paid(60) == [
        (0, "COST", 7),
        (1, "PENALTY", 5),
        (1, "INTEREST", 10),
        (2, "INTEREST", 10),
        (3, "INTEREST", 10),
        (1, "PRINCIPAL", 18),
    ]


def test_by_law_costs_come_before_fees_and_these_before_penalties() -> None:
    owed = [Debt(1, JAN, component, 10) for component in (Component.PENALTY, Component.FEE, Component.COST)]
    lines = allocate(Money(25), owed, ON, CIVIL_CODE_561).lines
    assert [(line.component.value, line.amount_minor) for line in lines] == [("COST", 10), ("FEE", 10), ("PENALTY", 5)]


def test_by_law_nothing_is_paid_in_advance_and_the_rest_is_the_borrowers() -> None:
    result = allocate(Money(1000), debts(), ON)
    assert result.surplus == Money(1000 - 7 - 5 - 3 * 110)
    assert result.paid_minor(Component.PRINCIPAL) == 300
    assert all(line.instalment != 4 for line in result.lines)


def test_by_agreement_the_oldest_instalment_whole() -> None:
    assert paid(130, INSTALMENT_BY_INSTALMENT) == [
        (1, "PENALTY", 5),
        (1, "INTEREST", 10),
        (1, "PRINCIPAL", 100),
        (0, "COST", 7),
        (2, "INTEREST", 8),
    ]


def test_an_agreed_order_may_reach_into_the_future() -> None:
    order = Order(((Timing.DUE, Component.PRINCIPAL), (Timing.IN_ADVANCE, Component.PRINCIPAL)), Direction.HORIZONTAL)
    assert paid(150, order) == [(3, "PRINCIPAL", 100), (4, "PRINCIPAL", 50)]


def test_an_order_names_each_step_once() -> None:
    with pytest.raises(ValueError, match="once"):
        Order(((Timing.DUE, Component.FEE), (Timing.DUE, Component.FEE)))


def test_a_negative_repayment_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        allocate(Money(-1), debts(), ON)


DEBTS = st.builds(
    Debt,
    st.integers(0, 5),
    st.dates(date(2026, 1, 1), date(2026, 6, 30)),
    st.sampled_from(Component),
    st.integers(0, 1000),
)


@given(
    st.integers(0, 20_000), st.lists(DEBTS, max_size=20), st.sampled_from([CIVIL_CODE_561, INSTALMENT_BY_INSTALMENT])
)
def test_every_fen_is_paid_once_and_no_debt_twice(amount: int, owed: list[Debt], order: Order) -> None:
    result = allocate(Money(amount), owed, ON, order)
    assert sum(line.amount_minor for line in result.lines) + result.surplus.minor == amount
    open_now = sum(debt.amount_minor for debt in owed if debt.due <= ON)
    assert result.surplus.minor == max(0, amount - open_now)
    assert all(line.amount_minor > 0 for line in result.lines)
