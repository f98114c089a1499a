"""Which debts a repayment pays: derived from the amount, what is owed, the date and the agreed order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import Final, NamedTuple

from libs.lending.money import Money


class Component(StrEnum):
    """What a part of a debt is for."""

    COST = "COST"
    """Costs of enforcement (实现债权的有关费用)."""
    FEE = "FEE"
    PENALTY = "PENALTY"
    """Overdue interest and late charges."""
    INTEREST = "INTEREST"
    PRINCIPAL = "PRINCIPAL"


class Timing(StrEnum):
    """Where a debt stands on the day of the repayment."""

    PAST_DUE = "PAST_DUE"
    DUE = "DUE"
    IN_ADVANCE = "IN_ADVANCE"


class Direction(StrEnum):
    VERTICAL = "VERTICAL"
    """A step of the order over all instalments, oldest first, then the next step."""
    HORIZONTAL = "HORIZONTAL"
    """An instalment's steps of one timing together, oldest instalment first, then the next instalment."""


Step = tuple[Timing, Component]


@dataclass(frozen=True, slots=True)
class Order:
    """An agreed order of allocation. What no step names is left alone, and the money stays as surplus."""

    steps: tuple[Step, ...]
    direction: Direction = Direction.VERTICAL

    def __post_init__(self) -> None:
        if len(set(self.steps)) != len(self.steps):
            raise ValueError("an order of allocation names each step once")


LEGAL_COMPONENTS: Final = (
    Component.COST,
    Component.FEE,
    Component.PENALTY,
    Component.INTEREST,
    Component.PRINCIPAL,
)

CIVIL_CODE_561: Final = Order(
    tuple((timing, component) for component in LEGAL_COMPONENTS for timing in (Timing.PAST_DUE, Timing.DUE))
)
"""Default order: costs of enforcement, interest (agreed fees and overdue interest first), principal, over all that is
due (Civil Code 561), the oldest first (560). Nothing in advance: what is over stays the borrower's credit."""

INSTALMENT_BY_INSTALMENT: Final = Order(
    tuple((timing, component) for timing in (Timing.PAST_DUE, Timing.DUE) for component in LEGAL_COMPONENTS),
    Direction.HORIZONTAL,
)
"""By agreement: the oldest instalment whole, then the next (keeps days past due low)."""


class Debt(NamedTuple):
    """An open part of an instalment (number 0: not of an instalment), in minor units."""

    instalment: int
    due: date
    component: Component
    amount_minor: int


class AllocationLine(NamedTuple):
    """How much of the repayment went to which part of which instalment."""

    instalment: int
    due: date
    component: Component
    timing: Timing
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """The lines sum to the repayment less `surplus`."""

    lines: tuple[AllocationLine, ...]
    surplus: Money

    def paid_minor(self, component: Component) -> int:
        """What went to one component."""
        return sum(line.amount_minor for line in self.lines if line.component is component)


def timing(due: date, on: date) -> Timing:
    """Where a debt that falls due on `due` stands on day `on`."""
    if due < on:
        return Timing.PAST_DUE
    return Timing.DUE if due == on else Timing.IN_ADVANCE


def allocate(amount: Money, debts: Iterable[Debt], on: date, order: Order = CIVIL_CODE_561) -> Allocation:
    """Spend `amount` on the open debts in the agreed order; no debt gets more than it is."""
    if amount.minor < 0:
        raise ValueError("a repayment is not negative")
    left, lines = amount.minor, []
    for debt, when in _ranked(debts, on, order):
        if left == 0:
            break
        paid = min(left, debt.amount_minor)
        lines.append(AllocationLine(debt.instalment, debt.due, debt.component, when, paid))
        left -= paid
    return Allocation(tuple(lines), Money(left, amount.currency))


def _ranked(debts: Iterable[Debt], on: date, order: Order) -> list[tuple[Debt, Timing]]:
    """Open debts that the order names, in the order they are paid."""
    rank = {step: n for n, step in enumerate(order.steps)}
    group = _groups(order.steps) if order.direction is Direction.HORIZONTAL else rank
    open_debts = []
    for debt in debts:
        step = (timing(debt.due, on), debt.component)
        if debt.amount_minor > 0 and step in rank:
            open_debts.append((debt, step))
    open_debts.sort(key=lambda pair: (group[pair[1]], pair[0].due, pair[0].instalment, rank[pair[1]]))
    return [(debt, step[0]) for debt, step in open_debts]


def _groups(steps: Sequence[Step]) -> dict[Step, int]:
    """Neighbouring steps of one timing are one group."""
    grouped = groupby(steps, key=lambda step: step[0])
    return {step: n for n, (_, members) in enumerate(grouped) for step in members}
