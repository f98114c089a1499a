"""Closing a month: the control accounts are held against every loan, then its journal is put under a hash.

The hash is of what the posting rules make of events, one canonical JSON line a side of an entry, chained to the seal
before. So the month can be made again from events alone, and must give the same hash.
"""

from __future__ import annotations

import asyncio
import calendar
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from datetime import date
from hashlib import sha256
from typing import Final

from libs.contracts.ledger import PeriodSealed
from libs.contracts.problems import Rejected, refuse_unless
from libs.events.canonical import canonical
from libs.service.runtime import Runtime
from services.ledger.day_end import DayEnd
from services.ledger.domain.account import advance
from services.ledger.domain.chart import Role
from services.ledger.domain.period import SealPeriod
from services.ledger.domain.posting import RULES, Entry, entry_of
from services.ledger.handlers import LOAN, PERIOD, PERIOD_STREAM, SUSPENSE
from services.ledger.library import library
from services.ledger.meters import BATCH, everything_stamped
from services.ledger.views import books

ATTEMPTS: Final = 5
CONTROLLED: Final = (
    Role.LOANS,
    Role.INTEREST_RECEIVABLE,
    Role.FEE_RECEIVABLE,
    Role.PENALTY_RECEIVABLE,
    Role.BORROWER_CREDIT,
    Role.LOSS_ALLOWANCE,
    Role.SUSPENDED_INTEREST,
    Role.SUSPENSE,
)


@dataclass(frozen=True, slots=True)
class Control:
    """Minor units, debit positive."""

    role: Role
    currency: str
    control: int
    sub_ledger: int

    @property
    def equal(self) -> bool:
        return self.control == self.sub_ledger


async def control_accounts(runtime: Runtime) -> tuple[int, list[Control]]:
    """Control accounts by the entries of all events, sub-ledgers by every loan, at one place of the sequence."""
    for _ in range(ATTEMPTS):
        await everything_stamped(runtime.store)
        sequence = await runtime.store.last_sequence()
        sub_ledger = await _sub_ledger(runtime)
        control: defaultdict[Role, int] = defaultdict(int)
        async for _, _, entry in entries(runtime, sequence):
            for line in entry.lines:
                control[line.role] += line.amount
        await everything_stamped(runtime.store)
        if await runtime.store.last_sequence() == sequence:
            return sequence, [Control(role, "CNY", control[role], sub_ledger[role]) for role in CONTROLLED]
    raise Rejected("books-busy", "Entries came in all the time; compare again when it is quieter.", status=409)


async def _sub_ledger(runtime: Runtime) -> defaultdict[Role, int]:
    """What every loan says of itself: what is posted as earned (the day's detail), less what was allocated."""
    day_end: DayEnd = runtime.extras["day-end"]
    portfolio = await day_end.portfolio()
    columns, today = portfolio.columns, runtime.today
    sums: defaultdict[Role, int] = defaultdict(int)
    sums[Role.LOSS_ALLOWANCE] = -int(columns.allowance[: len(columns)].sum()) - sum(portfolio.moved.values())
    sums[Role.SUSPENDED_INTEREST] = -int(columns.suspense[: len(columns)].sum())
    last, streams = 0, set[str]()
    while batch := await runtime.store.read(last, BATCH):
        streams.update(event.stream_id for event in batch if not event.stream_id.startswith("businessday-"))
        last = batch[-1].sequence
    for stream_id in sorted(streams):
        category = stream_id.partition("-")[0]
        if category == SUSPENSE.category:
            held, _ = await runtime.commands.state(SUSPENSE, stream_id)
            if held.received is not None and held.closed is None:
                sums[Role.SUSPENSE] -= held.received.amount.minor
            continue
        if category != LOAN.category:
            continue
        loan, _ = await runtime.commands.state(LOAN, stream_id)
        sums[Role.BORROWER_CREDIT] -= loan.posted_credit
        if loan.account is None:
            continue
        n = columns.at(loan.loan_id)
        interest, fee, penalty = (int(part) for part in columns.posted[:, n]) if n is not None else (0, 0, 0)
        gone = loan.written_off.written_off if loan.written_off is not None else None
        principal = advance(loan.account, today).principal
        sums[Role.LOANS] += principal - (gone.principal.minor if gone else 0)
        sums[Role.INTEREST_RECEIVABLE] += interest - loan.posted.interest - (gone.interest.minor if gone else 0)
        sums[Role.FEE_RECEIVABLE] += fee - loan.posted.fee - (gone.fee.minor if gone else 0)
        sums[Role.PENALTY_RECEIVABLE] += penalty - loan.posted.penalty - (gone.penalty.minor if gone else 0)
    return sums


async def entries(runtime: Runtime, until: int) -> AsyncIterator[tuple[int, str, Entry]]:
    """The entry of every event that has one, with its place and type, by the posting rules."""
    at = 0
    while at < until:
        for stored in await runtime.store.read(at, min(BATCH, until - at)):
            at = stored.sequence
            if runtime.codec.current_type(stored.type) in books.types:
                entry = entry_of(runtime.codec.decode(stored.type, stored.data))
                if entry is not None:
                    yield stored.sequence, stored.type, entry
        await asyncio.sleep(0)


async def sealing(runtime: Runtime, month: str, sealed_by: str) -> SealPeriod:
    """The command that closes a month. Raises `Rejected` where a day of it is open or the books do not agree; of a month
    that is closed it is the one that closed it, from which nothing new follows."""
    first, last = _days(month)
    state, _ = await runtime.commands.state(PERIOD, PERIOD_STREAM)
    known = state.seal(month)
    if known is not None:
        return SealPeriod(**{part.name: getattr(known, part.name) for part in fields(SealPeriod)})
    refuse_unless(last < runtime.today, "period-open", f"{last} is not closed yet; close its days first.")
    _, controls = await control_accounts(runtime)
    wrong = [control.role.value for control in controls if not control.equal]
    refuse_unless(
        not wrong, "control-accounts-differ", f"{', '.join(wrong)} differ from the sub-ledger; see /control-accounts."
    )
    until = await runtime.store.last_sequence()
    digest, count, lines = await _hash(runtime, first, last, until, state.last_sha256)
    return SealPeriod(
        period=month,
        first=first,
        last=last,
        entries=count,
        lines=lines,
        sha256=digest,
        known_until=until,
        sealed_by=sealed_by,
        sealed_on=runtime.today,
    )


async def seal_of(runtime: Runtime, month: str) -> PeriodSealed:
    state, _ = await runtime.commands.state(PERIOD, PERIOD_STREAM)
    found = state.seal(month)
    if found is None:
        raise Rejected("period-not-sealed", "This month is not closed.", status=404)
    return found


async def rebuilt_hash(runtime: Runtime, sealed: PeriodSealed) -> str:
    """The hash of a month as events give it now."""
    digest, _, _ = await _hash(runtime, sealed.first, sealed.last, sealed.known_until, sealed.previous_sha256)
    return digest


async def _hash(runtime: Runtime, first: date, last: date, until: int, previous: str) -> tuple[str, int, int]:
    digest, count, lines, chart = sha256(previous.encode()), 0, 0, library().chart
    async for sequence, type_name, entry in entries(runtime, until):
        if not first <= entry.booked_on <= last:
            continue
        count += 1
        for number, line in enumerate(entry.lines, 1):
            lines += 1
            row = {
                "account": chart.code(line.role),
                "amount": str(line.amount),
                "booked_on": entry.booked_on.isoformat(),
                "currency": entry.currency,
                "line": number,
                "rules": RULES,
                "segment": line.segment,
                "sequence": sequence,
                "type": type_name,
                "value_date": entry.value_date.isoformat(),
            }
            digest.update(canonical(row) + b"\n")
    return digest.hexdigest(), count, lines


def _days(month: str) -> tuple[date, date]:
    year, number = int(month[:4]), int(month[5:])
    if year < 1:
        raise Rejected("period", "There is no such month.", field="/month", status=422)
    return date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1])
