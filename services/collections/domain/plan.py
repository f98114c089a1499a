"""A negotiated plan: dates and amounts by which arrears are made good, and when it is kept or broken (R4.12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum

from libs.contracts.collections import PlanBroken, PlanKept, PlanPart, PlanProgressed, RepaymentNoted
from libs.lending.money import Money

ONE_DAY = timedelta(days=1)

Told = PlanProgressed | PlanKept | PlanBroken


class PlanStatus(StrEnum):
    OPEN = "OPEN"
    KEPT = "KEPT"
    BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True)
class Paid:
    """Money that came for a plan."""

    value_date: date
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The parts in the order of their dates, and what has come for them: money noted since, of value from the day of the
    agreement on. A part is met when by its date as much had come as all parts until then ask for; `parts_met` is what was
    told of that last. Money that is taken back counts no more."""

    plan_id: str
    parts: tuple[PlanPart, ...]
    agreed_on: date
    parts_met: int = 0
    status: PlanStatus = PlanStatus.OPEN
    money: dict[str, Paid] = field(default_factory=dict)

    @property
    def total(self) -> Money:
        return _sum([part.amount for part in self.parts], self.parts[0].amount.currency)

    @property
    def paid(self) -> Money:
        """Of the plan's time: what came later is no part of it."""
        return self._paid_by(self.parts[-1].due)

    @property
    def next_due(self) -> date | None:
        """Of the first part that is not met; None when all are."""
        return self.parts[self.parts_met].due if self.parts_met < len(self.parts) else None

    def _paid_by(self, due: date) -> Money:
        return _sum([paid.amount for paid in self.money.values() if paid.value_date <= due], self.total.currency)

    def _met(self) -> int:
        """How many parts from the first one on are met."""
        asked = Money(0, self.total.currency)
        for number, part in enumerate(self.parts):
            asked = asked + part.amount
            if self._paid_by(part.due) < asked:
                return number
        return len(self.parts)

    def with_money(self, noted: RepaymentNoted) -> Plan:
        """The plan after money came in or was taken back; its status is not changed by that alone."""
        before = self.money.get(noted.repayment_id)
        if noted.amount.minor < 0:
            if before is None:
                return self
            left = Paid(before.value_date, before.amount + noted.amount)
            return replace(self, money={**self.money, noted.repayment_id: left})
        if noted.value_date < self.agreed_on or before is not None:
            return self
        return replace(self, money={**self.money, noted.repayment_id: Paid(noted.value_date, noted.amount)})

    def after_money(self, case_id: str, on: date) -> list[Told]:
        """What follows once the money is known anew."""
        met = self._met()
        if met == len(self.parts):
            return [] if self.status is PlanStatus.KEPT else [self._kept(case_id, on)]
        if self.parts[met].due < on:
            return [] if self.status is PlanStatus.BROKEN else [self._broken(case_id, met, on)]
        if self.status is PlanStatus.OPEN and met == self.parts_met:
            return []
        return [
            PlanProgressed(
                case_id=case_id,
                plan_id=self.plan_id,
                parts_met=met,
                paid=self.paid,
                next_due=self.parts[met].due,
                progressed_on=on,
            )
        ]

    def after_date(self, case_id: str, today: date) -> list[Told]:
        """The business date is `today`: an open plan with an unmet part of an earlier date is broken."""
        met = self._met()
        if self.status is not PlanStatus.OPEN or met == len(self.parts) or today <= self.parts[met].due:
            return []
        return [self._broken(case_id, met, self.parts[met].due + ONE_DAY)]

    def after_cure(self, case_id: str, on: date) -> list[Told]:
        """The arrears were made good on a date: an open plan is kept when no part was missed by then, whatever came."""
        return self.after_date(case_id, on) or [self._kept(case_id, on)]

    def given_up(self, case_id: str, on: date) -> list[Told]:
        """The loan is written off: an open plan is over."""
        return self.after_date(case_id, on) or [self._broken(case_id, self._met(), on)]

    def _kept(self, case_id: str, on: date) -> PlanKept:
        return PlanKept(case_id=case_id, plan_id=self.plan_id, paid=self.paid, kept_on=on)

    def _broken(self, case_id: str, met: int, on: date) -> PlanBroken:
        return PlanBroken(case_id=case_id, plan_id=self.plan_id, part=met + 1, paid=self.paid, broken_on=on)


def _sum(amounts: Sequence[Money], currency: str) -> Money:
    total = Money(0, currency)
    for amount in amounts:
        total = total + amount
    return total
