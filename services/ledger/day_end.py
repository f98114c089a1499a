"""Closing business days: one transaction a day holds its accrual, the next day's opening, and every loan that this
changes. What a crash leaves is either a whole day or none of it, so starting again goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from libs.contracts.ledger import AccrualLine
from libs.contracts.problems import Rejected
from libs.events.commands import Cause
from libs.events.errors import is_transient
from libs.events.store import ConcurrencyError, Session
from libs.lending.money import Money
from libs.service.runtime import Runtime
from services.ledger.domain.commands import ObserveDay
from services.ledger.domain.day import CloseDay
from services.ledger.handlers import BUSINESS_DAY, DAY_STREAM, LOAN
from services.ledger.library import library
from services.ledger.portfolio import Entry, Portfolio, Segment, allowance_of, meter_of
from services.ledger.statement import Statement

ATTEMPTS: Final = 50
DAYS_MAX: Final = 3660
"""Days that one call may close: ten years; a later date is a mistake."""
COMPRESSION: Final = 1
KEEP_DETAIL: Final = "insert into day_detail (business_date, loans, detail) values ($1, $2, $3)"


@dataclass(frozen=True, slots=True)
class Change:
    """What a day adds for one loan: earned (interest, fee, overdue interest) as it is afterwards, and the allowance."""

    entry: Entry
    earned: tuple[int, int, int]
    allowance: int

    @property
    def added(self) -> tuple[int, int, int, int]:
        """Interest, fee, overdue interest, provision."""
        before = self.entry.posted
        return (
            self.earned[0] - before[0],
            self.earned[1] - before[1],
            self.earned[2] - before[2],
            self.allowance - self.entry.allowance,
        )


@dataclass(frozen=True, slots=True)
class Closed:
    """What a call did: how many days it closed, and the business date afterwards."""

    days: int
    business_date: date


class DayEnd:
    """Closes days, one caller at a time; two processes that try both lose nothing, the slower one finds it done."""

    def __init__(self, runtime: Runtime, statement: Statement) -> None:
        self._runtime, self._statement = runtime, statement
        self._portfolio: Portfolio | None = None
        self._turn = asyncio.Lock()

    async def portfolio(self) -> Portfolio:
        """All loans as they are now."""
        while self._portfolio is None or not await self._portfolio.catch_up():
            self._portfolio = await Portfolio.load(self._runtime)
        return self._portfolio

    async def run(self, until: date, cause: Cause) -> Closed:
        """Close every open day up to `until`, that day included. Raises `Rejected` for a date too far ahead."""
        async with self._turn:
            portfolio = await self.portfolio()
            if (until - portfolio.today).days >= DAYS_MAX:
                raise Rejected(
                    "too-many-days",
                    f"{portfolio.today} is open; close at most {DAYS_MAX} days at once.",
                    field="/until",
                    status=422,
                )
            first = portfolio.today
            if first <= until:
                await self._statement.fetch(until)
            try:
                while portfolio.today <= until:
                    portfolio = await self._close(cause)
            finally:  # those who follow read what a run of days has left in few large batches, not after each day
                self._runtime.appended.set()
            return Closed((portfolio.today - first).days, portfolio.today)

    async def _close(self, cause: Cause) -> Portfolio:
        """Close the open day; conflicts with commands on the same loans are resolved by doing it anew."""
        for _ in range(ATTEMPTS):
            portfolio = await self.portfolio()
            try:
                if await self._statement.book(portfolio, cause):
                    portfolio = await self.portfolio()
                await self._close_once(portfolio, cause)
            except Exception as error:
                if not isinstance(error, ConcurrencyError) and not is_transient(error):
                    raise
                await asyncio.sleep(0.01)
            else:
                self._runtime.business_date.heard(portfolio.today)
                return portfolio
        raise ConcurrencyError(f"{ATTEMPTS} attempts to close one day met other commands")

    async def _close_once(self, portfolio: Portfolio, cause: Cause) -> None:
        day, tomorrow = portfolio.today, portfolio.today + timedelta(days=1)
        portfolio.plan_looks(day, library().policy(day))
        changes = changes_of(portfolio, day)
        detail = detail_of(changes)
        command = CloseDay(
            day=day,
            accruals=lines_of(changes),
            loans=len(changes),
            detail_sha256=sha256(detail).hexdigest(),
            known_until=portfolio.sequence,
        )
        async with self._runtime.store.transaction() as session:
            events = BUSINESS_DAY.decide(command, portfolio.day)
            await self._runtime.commands.append(DAY_STREAM, portfolio.day_version, events, cause, within=session)
            if changes:
                packed = zlib.compress(detail, COMPRESSION)
                await session.connection.execute(KEEP_DETAIL, day, len(changes), packed)
            await self._open(session, portfolio, tomorrow, cause)
        for change in changes:
            change.entry.posted, change.entry.allowance = change.earned, change.allowance
        portfolio.changed.clear()
        portfolio.looks.pop(tomorrow.toordinal(), None)
        portfolio.closed = day

    async def _open(self, session: Session, portfolio: Portfolio, day: date, cause: Cause) -> None:
        """Every loan that the new day changes says so."""
        policy = library().policy(day)
        for loan_id in portfolio.to_look_at(day):
            entry = portfolio.entries[loan_id]
            events = LOAN.decide(ObserveDay(today=day, policy=policy), entry.loan)
            if events:
                stream_id = LOAN.stream_id(loan_id)
                await self._runtime.commands.append(stream_id, entry.version, events, cause, within=session)
            else:
                portfolio.unplanned.add(loan_id)


def changes_of(portfolio: Portfolio, day: date) -> list[Change]:
    """What a day adds, for every loan to whom it adds something. The one pass over the portfolio."""
    policy = library().policy(day)
    through = day + timedelta(days=1)
    on = through.toordinal()
    repriced = policy is not library().policy(day - timedelta(days=1))
    touched = portfolio.changed
    entries = list(portfolio.active.values())
    entries += [portfolio.entries[loan_id] for loan_id in touched if loan_id not in portfolio.active]
    changes = []
    for entry in entries:
        is_touched = entry.loan_id in touched
        meter = entry.meter
        if meter is None or is_touched or not meter.since <= on < meter.until:
            meter = entry.meter = meter_of(entry.loan, through)
        earned = meter.read(on)
        allowance = allowance_of(entry.loan, day, policy) if is_touched or repriced else entry.allowance
        if earned != entry.posted or allowance != entry.allowance:
            changes.append(Change(entry, earned, allowance))
    changes.sort(key=lambda change: change.entry.loan_id)
    return changes


def lines_of(changes: list[Change]) -> tuple[AccrualLine, ...]:
    """The day's accrual by product and grade."""
    sums: defaultdict[Segment, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for change in changes:
        line = sums[change.entry.segment]
        for n, amount in enumerate(change.added):
            line[n] += amount
        line[4] += 1
    return tuple(
        AccrualLine(
            product=product,
            grade=grade,
            interest=Money(interest, currency),
            fee=Money(fee, currency),
            penalty=Money(penalty, currency),
            provision=Money(provision, currency),
            loans=loans,
        )
        for (product, grade, currency), (interest, fee, penalty, provision, loans) in sorted(sums.items())
    )


def detail_of(changes: list[Change]) -> bytes:
    """The same by loan, as canonical JSON lines in the order of loan ids: what the day's hash is of."""
    lines = []
    for change in changes:
        interest, fee, penalty, provision = change.added
        line = {
            "fee_minor": fee,
            "interest_minor": interest,
            "loan_id": change.entry.loan_id,
            "penalty_minor": penalty,
            "provision_minor": provision,
        }
        lines.append(json.dumps(line, separators=(",", ":")) + "\n")
    return "".join(lines).encode()
