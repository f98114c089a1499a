"""Instalments under replay, and the conventions of a replay."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction

from libs.lending.allocation import Component


class Prepayment(StrEnum):
    """What money paid before it is due does."""

    COMING_INSTALMENTS = "COMING_INSTALMENTS"
    """Pays the coming instalments in order, each to its planned amount; what it saves in interest shortens the end."""
    REDUCE_INSTALMENT = "REDUCE_INSTALMENT"
    """All principal of the current instalment, even beyond it; the following ones are solved again (降低月供)."""


@dataclass(frozen=True, slots=True)
class Recalculation:
    """Conventions of a replay.

    `carry_interest`: interest that an instalment's planned amount cannot hold moves to the next (the instalment
    stays level); otherwise it is billed where it arose. `rate_lead_days`: a new rate runs from that many days
    before its named date (Apache Fineract's progressive loans: 1). `overdue_bears_interest`: overdue principal goes
    on bearing the contract's interest until it is paid, or until the day the plan is worked out for. `round_pieces`:
    where balance or rate changes inside an instalment, each piece of its interest is rounded by itself; otherwise their
    exact sum once.
    """

    prepayment: Prepayment = Prepayment.COMING_INSTALMENTS
    carry_interest: bool = True
    rate_lead_days: int = 0
    overdue_bears_interest: bool = True
    round_pieces: bool = True


PROGRESSIVE = Recalculation(Prepayment.COMING_INSTALMENTS, carry_interest=True, rate_lead_days=1)
"""As Apache Fineract's progressive loans with interest recalculation."""
CUMULATIVE = Recalculation(Prepayment.REDUCE_INSTALMENT, carry_interest=False)
"""As Apache Fineract's cumulative loans with daily recalculation and the strategy to reduce the instalment."""


@dataclass(slots=True)
class LiveRow:
    """An instalment under replay, in minor units; `level` is its planned amount of principal and interest, `periods`
    how many regular periods it spans."""

    number: int
    start: date
    due: date
    level: int = 0
    principal: int = 0
    interest: int = 0
    fee: int = 0
    penalty: int = 0
    payments: list[tuple[date, Component, int]] = field(default_factory=list)
    periods: Fraction = Fraction(1)

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.fee + self.penalty

    @property
    def paid(self) -> int:
        return sum(amount for _, _, amount in self.payments)

    @property
    def outstanding(self) -> int:
        return self.total - self.paid

    def paid_of(self, component: Component) -> int:
        """What was paid of one component."""
        return sum(amount for _, what, amount in self.payments if what is component)

    def due_of(self, component: Component) -> int:
        """What is asked of one component."""
        return {
            Component.PRINCIPAL: self.principal,
            Component.INTEREST: self.interest,
            Component.FEE: self.fee,
            Component.PENALTY: self.penalty,
        }.get(component, 0)

    @property
    def in_advance(self) -> int:
        """What was paid before the due date."""
        return sum(amount for on, _, amount in self.payments if on < self.due)

    @property
    def late(self) -> int:
        """What was paid after the due date."""
        return sum(amount for on, _, amount in self.payments if on > self.due)

    @property
    def paid_on(self) -> date | None:
        """The day of the last payment of a row that is paid in full."""
        return max((on for on, _, _ in self.payments), default=None) if self.outstanding == 0 else None
