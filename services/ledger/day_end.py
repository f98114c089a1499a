"""Closing business days: one transaction holds a day's accrual, the next day's opening, and every loan that this
changes; days on which no loan changes share one. What a crash leaves is whole days, so starting again goes on where
it stopped.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from libs.contracts.base import DomainEvent
from libs.contracts.problems import Rejected
from libs.events.commands import Cause
from libs.events.errors import is_transient
from libs.events.store import ConcurrencyError, Session
from libs.service.runtime import Runtime
from services.ledger import meters
from services.ledger.columns import F
from services.ledger.detail import Detail
from services.ledger.domain.commands import ObserveDay
from services.ledger.domain.day import CloseDay
from services.ledger.domain.loan import Loan
from services.ledger.handlers import BUSINESS_DAY, DAY_STREAM, LOAN
from services.ledger.lateness import first_day_late, may_be
from services.ledger.library import library
from services.ledger.portfolio import Folded, Portfolio, next_look
from services.ledger.statement import Statement

ATTEMPTS: Final = 50
DAYS_MAX: Final = 3660
"""Days that one call may close: ten years; a later date is a mistake."""
DAYS_AT_ONCE: Final = 31
"""Days that share a transaction where no loan changes on them."""
LOANS_AT_ONCE: Final = 50_000
"""More loans than this, and each day has a transaction of its own: its work is what takes the time."""
CHUNK: Final = 200
"""Loans whose events are written under one savepoint."""
KEEP_DETAIL: Final = """
    insert into day_detail (business_date, loans, detail) select * from unnest($1::date[], $2::int[], $3::bytea[])"""


@dataclass(frozen=True, slots=True)
class Closed:
    """What a call did: how many days it closed, and the business date afterwards."""

    days: int
    business_date: date


@dataclass(slots=True)
class Progress:
    """How far a run is: the day being closed, what is being done, and how much of it."""

    until: date | None = None
    day: date | None = None
    phase: str = "idle"
    done: int = 0
    of: int = 0
    days_closed: int = 0
    loans: int = 0


class Observed(NamedTuple):
    """What the opening of a day means for a loan: events that follow a version of its stream."""

    loan_id: str
    loan: Loan | None
    """None where its row has said enough."""
    version: int
    events: Sequence[DomainEvent]


@dataclass(slots=True)
class Batch:
    """Days worked out and not yet written; `observed` belongs to the opening after the last of them."""

    events: list[DomainEvent] = field(default_factory=list)
    details: list[tuple[date, Detail]] = field(default_factory=list)
    observed: list[Observed] = field(default_factory=list)
    days: int = 0


class DayEnd:
    """Closes days, one caller at a time; two processes that try both lose nothing, the slower one finds it done."""

    def __init__(self, runtime: Runtime, statement: Statement) -> None:
        self._runtime, self._statement = runtime, statement
        self._portfolio: Portfolio | None = None
        self._turn = asyncio.Lock()
        self._executor = ThreadPoolExecutor(os.cpu_count() or 1, "day-end")
        self.progress = Progress()

    async def portfolio(self) -> Portfolio:
        """All loans as they are now, but for those to be folded."""
        while self._portfolio is None or not await meters.follow(self._runtime, self._portfolio):
            self._at("loading the portfolio")
            self._portfolio = await meters.load(self._runtime)
            self._portfolio.executor = self._executor
        return self._portfolio

    async def run(self, until: date, cause: Cause) -> Closed:
        """Close every open day up to `until`, that day included. Raises `Rejected` for a date too far ahead."""
        async with self._turn:
            first = self._today(await self.portfolio())
            if (until - first).days >= DAYS_MAX:
                raise Rejected(
                    "too-many-days",
                    f"{first} is open; close at most {DAYS_MAX} days at once.",
                    field="/until",
                    status=422,
                )
            self.progress = Progress(until=until, day=first)
            if first <= until:
                await self._statement.fetch(until)
            try:
                today = first
                while today <= until:
                    today = await self._close(until, cause)
            finally:  # those who follow read what a run of days has left in few large batches, not after each day
                self._runtime.appended.set()
                self._at("idle")
            return Closed((today - first).days, today)

    async def stop(self) -> None:
        self._executor.shutdown(wait=False)

    def _today(self, portfolio: Portfolio) -> date:
        return portfolio.day.today or self._runtime.today

    def _at(self, phase: str, done: int = 0, of: int = 0) -> None:
        self.progress.phase, self.progress.done, self.progress.of = phase, done, of

    async def _close(self, until: date, cause: Cause) -> date:
        """Close the open day, and those after it that can share its transaction; conflicts with commands on the same
        loans are resolved by doing it anew, and a database that does not answer is asked again for a while. Raises what
        the last attempt met."""
        attempts = 0
        while True:
            attempts += 1
            try:
                portfolio = await self.portfolio()
                if await self._statement.book(self._today(portfolio), cause):
                    portfolio = await self.portfolio()
                batch = await self._work_out(portfolio, until)
                await self._write(portfolio, batch, cause)
            except Exception as error:
                self._portfolio = None  # its columns are ahead of what is stored
                passes = isinstance(error, ConcurrencyError) or is_transient(error)
                if attempts == ATTEMPTS or not passes:
                    raise
                await asyncio.sleep(0.01)
            else:
                today = self._today(portfolio)
                self._runtime.business_date.heard(today)
                self.progress.days_closed += batch.days
                return today

    async def _work_out(self, portfolio: Portfolio, until: date) -> Batch:
        batch, today = Batch(), self._today(portfolio)
        days_max = DAYS_AT_ONCE if len(portfolio.columns) <= LOANS_AT_ONCE else 1
        while not batch.observed and batch.days < days_max and today <= until and not self._statement.waits(today):
            self.progress.day, self.progress.loans = today, len(portfolio.columns)
            await self._bring_up(portfolio, today)
            self._at("accruing")
            closing = await asyncio.to_thread(portfolio.close, today, library().policy(today))
            command = CloseDay(
                day=today,
                accruals=closing.lines,
                loans=closing.detail.loans,
                detail_sha256=closing.detail.sha256,
                known_until=portfolio.sequence,
                failures=closing.failures,
            )
            events = BUSINESS_DAY.decide(command, portfolio.day)
            portfolio.day = BUSINESS_DAY.replay(events, portfolio.day)
            batch.events += events
            batch.details.append((today, closing.detail))
            batch.days += 1
            today += timedelta(days=1)
            batch.observed = await self._observe(portfolio, today)
        return batch

    async def _bring_up(self, portfolio: Portfolio, day: date) -> None:
        """Rows up to date for the close of a day: what happened to loans, then the due dates that pass."""
        await self._refresh(portfolio, portfolio.touched, day)
        ending = portfolio.ending(day)
        if ending:
            self._at("passing due dates", 0, len(ending))
            plans = await meters.plans_of(self._runtime, portfolio, ending)
            await self._refresh(portfolio, portfolio.cross(ending, plans, day), day)

    async def _refresh(self, portfolio: Portfolio, loan_ids: Iterable[str], day: date) -> None:
        wanted = sorted(loan_ids)
        policy = library().policy(day)
        for start in range(0, len(wanted), CHUNK):
            self._at("folding what changed", start, len(wanted))
            portfolio.refresh(await self._fold(portfolio, wanted[start : start + CHUNK]), day, policy)

    async def _observe(self, portfolio: Portfolio, day: date) -> list[Observed]:
        """What the opening of a day changes, for every loan that it may change. The rows stay those of the close: the
        events are heard like all others, at the next one."""
        columns, policy = portfolio.columns, library().policy(day)
        looking = columns.looking(day.toordinal())
        observed, looking = await self._observe_rows(portfolio, looking, day)
        for start in range(0, len(looking), CHUNK):
            self._at("opening the next day", start, len(looking))
            chunk = [columns.loan_id(n) for n in looking[start : start + CHUNK]]
            for loan_id, (loan, version) in (await self._fold(portfolio, chunk)).items():
                try:
                    events = LOAN.decide(ObserveDay(today=day, policy=policy), loan)
                    look = next_look(loan, day, policy)
                except Exception as error:  # noqa: BLE001  # whatever is wrong with one loan is that loan's matter
                    portfolio.fail(loan_id, error)
                    continue
                if events:
                    observed.append(Observed(loan_id, loan, version, events))
                else:
                    portfolio.look_at(loan_id, look)
        return observed

    async def _observe_rows(
        self, portfolio: Portfolio, looking: Sequence[int], day: date
    ) -> tuple[list[Observed], list[int]]:
        """What can be said from rows alone, and the rows of the loans that have to be asked."""
        columns, policy = portfolio.columns, library().policy(day)
        newly = [n for n in looking if may_be(columns, n, day)]
        plans = await meters.plans_of(self._runtime, portfolio, newly)
        told, observed = set[int](), list[Observed]()
        for n in newly:
            events = first_day_late(columns, n, plans[n], portfolio.currency(n), day, policy)
            if events is not None:
                told.add(n)
                observed.append(Observed(columns.loan_id(n), None, int(columns.data[F.VERSION, n]), events))
        return observed, [n for n in looking if n not in told]

    async def _fold(self, portfolio: Portfolio, loan_ids: Sequence[str]) -> dict[str, Folded]:
        folded, failed = await meters.fold(self._runtime, loan_ids)
        for loan_id, error in failed.items():
            portfolio.fail(loan_id, error)
        return folded

    async def _write(self, portfolio: Portfolio, batch: Batch, cause: Cause) -> None:
        self._at("writing")
        async with self._runtime.store.transaction() as session:
            await self._runtime.commands.append(DAY_STREAM, portfolio.day_version, batch.events, cause, within=session)
            kept = [(day, detail.loans, detail.content) for day, detail in batch.details if detail.loans]
            if kept:
                await session.connection.execute(KEEP_DETAIL, *(list(part) for part in zip(*kept, strict=True)))
            await self._append_observed(session, batch.observed, self._today(portfolio), cause)
            await meters.save(session, portfolio)
        meters.saved(portfolio)
        portfolio.day_version += len(batch.events)

    async def _append_observed(self, session: Session, observed: Sequence[Observed], day: date, cause: Cause) -> None:
        """Under a savepoint a chunk: a loan that moved meanwhile is decided on again, and no other one."""
        for start in range(0, len(observed), CHUNK):
            self._at("writing", start, len(observed))
            chunk = observed[start : start + CHUNK]
            try:
                async with session.connection.transaction():
                    for one in chunk:
                        stream_id = LOAN.stream_id(one.loan_id)
                        await self._runtime.commands.append(stream_id, one.version, one.events, cause, within=session)
            except ConcurrencyError:
                command = ObserveDay(today=day, policy=library().policy(day))
                for one in chunk:
                    stream_id = LOAN.stream_id(one.loan_id)
                    await self._runtime.commands.handle(LOAN, stream_id, command, cause, within=session)
            else:  # the next close hears of these events, and needs the loans as they are then
                for one in chunk:
                    if one.loan is None:
                        continue
                    after, version = LOAN.replay(one.events, one.loan), one.version + len(one.events)
                    self._runtime.commands.keep(LOAN.stream_id(one.loan_id), after, version, session)
