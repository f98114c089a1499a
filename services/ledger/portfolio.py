"""Every loan in memory, folded from the ledger's own sequence: what a day-end needs, at the cost of what changed.

It holds nothing that events do not say. What has been posted for a loan is what its meter said at the last close, by
the facts that this close took into account; so it is found again after any crash.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from libs.contracts.ledger import DayClosed, LoanWrittenOff, RecoveryReceived
from libs.events.store import Store
from libs.service.runtime import Runtime
from services.ledger.domain.account import advance, earned
from services.ledger.domain.day import NO_DAY, BusinessDay
from services.ledger.domain.loan import NO_LOAN, Loan, Status, evolve
from services.ledger.domain.meter import Meter, meter, stopped
from services.ledger.domain.policy import Policy
from services.ledger.domain.position import edge_after, oldest_overdue
from services.ledger.handlers import BUSINESS_DAY, DAY_STREAM, LOAN
from services.ledger.library import library

BATCH: Final = 1000
BREATH: Final = 100
"""Events between two chances for others on the loop: heartbeats of consumers must not wait."""
NEVER: Final = 0

Segment = tuple[str, str, str]
"""Product, grade, currency."""


@dataclass(slots=True)
class Entry:
    """One loan with what the books hold of it: earned amounts and allowance as posted, in minor units."""

    loan_id: str
    loan: Loan
    version: int = 0
    meter: Meter | None = None
    posted: tuple[int, int, int] = (0, 0, 0)
    allowance: int = 0
    look: int = NEVER
    """The day on which passing time alone changes something, as an ordinal."""

    @property
    def segment(self) -> Segment:
        agreement = self.loan.agreed.agreement
        return agreement.request.product.code, agreement.grade, self.loan.currency


@dataclass(eq=False)
class Portfolio:
    """All loans up to `sequence`. `closed` is the last day whose accrual is posted."""

    runtime: Runtime
    entries: dict[str, Entry] = field(default_factory=dict)
    active: dict[str, Entry] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    """Since the last close."""
    unplanned: set[str] = field(default_factory=set)
    """Whose next look has not been worked out since they changed."""
    looks: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    sequence: int = 0
    day: BusinessDay = NO_DAY
    day_version: int = 0
    closed: date | None = None

    @property
    def today(self) -> date:
        """The open business day."""
        return self.closed + timedelta(days=1) if self.closed else self.runtime.today

    @classmethod
    async def load(cls, runtime: Runtime) -> Portfolio:
        """From the beginning: first what the last close knew, which is posted, then the rest."""
        portfolio = cls(runtime)
        day, _ = await runtime.commands.state(BUSINESS_DAY, DAY_STREAM)
        await everything_stamped(runtime.store)
        if day.closed is not None:
            await portfolio._read(day.known_until)
            portfolio.settle(day.closed)
        await portfolio._read()
        return portfolio

    async def catch_up(self) -> bool:
        """Take in all that is committed by now; False when another process closed a day, so that this is stale."""
        await everything_stamped(self.runtime.store)
        return await self._read()

    async def _read(self, until: int | None = None) -> bool:
        store, codec = self.runtime.store, self.runtime.codec
        while until is None or self.sequence < until:
            limit = BATCH if until is None else min(BATCH, until - self.sequence)
            batch = await store.read(self.sequence, limit)
            for n, stored in enumerate(batch):
                category, _, key = stored.stream_id.partition("-")
                event = codec.decode(stored.type, stored.data)  # without keys: no figure needs personal data
                if category == LOAN.category:
                    self.take(key, stored.version, event)
                elif until is None and isinstance(event, DayClosed) and event.business_date > (self.closed or date.min):
                    return False
                else:
                    self.day, self.day_version = BUSINESS_DAY.evolve(self.day, event), stored.version
                self.sequence = stored.sequence
                if n % BREATH == BREATH - 1:
                    await asyncio.sleep(0)
            if len(batch) < limit:
                break
        return True

    def take(self, loan_id: str, version: int, event: Any) -> None:
        entry = self.entries.get(loan_id)
        if entry is None:
            entry = self.entries[loan_id] = Entry(loan_id, NO_LOAN)
        assert version == entry.version + 1, "a stream's events come in order"
        entry.loan, entry.version = evolve(entry.loan, event), version
        if isinstance(event, LoanWrittenOff):
            entry.allowance -= event.written_off.total.minor
        elif isinstance(event, RecoveryReceived):
            entry.allowance += event.amount.minor
        if entry.loan.status is Status.ACTIVE:
            self.active[loan_id] = entry
        else:
            self.active.pop(loan_id, None)
        if entry.loan.booked is not None:
            self.changed.add(loan_id)
            self.unplanned.add(loan_id)

    def settle(self, closed: date) -> None:
        """What was posted at the last close: exactly what the meters said then."""
        policy = library().policy(closed)
        on = closed + timedelta(days=1)
        for entry in self.entries.values():
            if entry.loan.booked is not None:
                entry.meter = meter_of(entry.loan, on)
                entry.posted = entry.meter.read(on.toordinal())
                entry.allowance = allowance_of(entry.loan, closed, policy)
        self.changed.clear()
        self.closed = closed

    def plan_looks(self, today: date, policy: Policy) -> None:
        """Work out for every changed loan when time alone will change it next."""
        for loan_id in self.unplanned:
            entry = self.entries[loan_id]
            look = next_look(entry.loan, today, policy)
            entry.look = look.toordinal() if look else NEVER
            if look:
                self.looks[entry.look].add(loan_id)
        self.unplanned.clear()

    def to_look_at(self, day: date) -> list[str]:
        """The loans that the opening of a day may change, in a fixed order."""
        ordinal = day.toordinal()
        return sorted(loan_id for loan_id in self.looks[ordinal] if self.entries[loan_id].look == ordinal)


async def everything_stamped(store: Store) -> None:
    """Until all that was committed before this call has its place in the sequence."""
    while await store.stamp() is None:  # noqa: ASYNC110  # another is at it, in another process perhaps: no event
        await asyncio.sleep(0.001)


def meter_of(loan: Loan, on: date) -> Meter:
    """What a loan has earned, whatever became of it."""
    if loan.account is None:
        return stopped(0, 0, 0)
    if loan.written_off is not None:
        amounts = earned(loan.account, loan.written_off.written_off_on)
        return stopped(amounts.interest, amounts.fee, amounts.penalty)
    return meter(loan.account, on)


def allowance_of(loan: Loan, on: date, policy: Policy) -> int:
    """The allowance that a loan needs: its tier's part of the open principal."""
    if loan.status is not Status.ACTIVE or loan.account is None:
        return 0
    rate, scale = policy.provision_rate(loan.tier).as_integer_ratio()
    return (2 * advance(loan.account, on).principal * rate + scale) // (2 * scale)


def next_look(loan: Loan, today: date, policy: Policy) -> date | None:
    """The next day on which time alone changes a loan: credit meets a due date, or a bucket or tier begins."""
    if loan.status is not Status.ACTIVE or loan.account is None:
        return None
    account, tomorrow = advance(loan.account, today), today + timedelta(days=1)
    coming = next((row.due for row in account.rows if row.due > today and row.planned_open), None)
    oldest = oldest_overdue(account, tomorrow)
    days = []
    if coming is not None:
        days.append(coming if account.credit else coming + timedelta(days=1))
    if oldest is not None:
        edge = edge_after(policy.edges, (today - oldest).days)
        if edge is not None:
            days.append(oldest + timedelta(days=edge))
    return max(min(days), tomorrow) if days else None
