"""Closing a business day over 10,000 and 100,000 active loans (with --full 1,000,000): with rows read from the
database first, payments of the day heard, due dates passed, arrears opened. Beside it: every loan replayed one by one.

A portfolio is made of the lives of a few loans, decided by the ledger's own rules and copied under other ids: every
loan has its row as the last close left it, and those that the day touches have their events. Streams that a close
never opens are left out: that it does not open them is the point, and they would be of many gigabytes.
"""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

import orjson
import psutil
from pydantic import SecretStr

from bench.common.result import RESULTS, Goal, Result
from bench.common.servers import postgres
from bench.common.session import Session
from libs.contracts.base import DomainEvent
from libs.contracts.ledger import BusinessDayOpened, DayClosed, RepaymentPurpose
from libs.contracts.personal import personal_members
from libs.events.canonical import canonical
from libs.events.codec import Codec
from libs.events.commands import Cause
from libs.events.envelope import Actor, Metadata, StoredEvent
from libs.events.ids import new_id
from libs.events.memory import MemoryLog
from libs.events.postgres import PostgresStore, connect
from libs.keys.wrapping import new_key
from libs.lending.money import Money
from libs.lending.terms import InterestAccrual
from libs.service.host import published_codec, running
from libs.service.keyrings import keyrings
from libs.service.runtime import Runtime
from libs.service.settings import ServiceSettings
from libs.service.settling import settle
from services.ledger.app import create_ledger
from services.ledger.columns import LAYOUT, Columns
from services.ledger.day_end import DayEnd
from services.ledger.domain import commands as c
from services.ledger.domain.account import earned
from services.ledger.domain.loan import NO_LOAN, Loan
from services.ledger.handlers import DAY_STREAM, LOAN
from services.ledger.library import library
from services.ledger.meters import ADD_SEGMENTS, AS_BEFORE, SET_LAYOUT, everything_stamped
from services.ledger.portfolio import row_for, segment_of
from services.ledger.tests.making import signed
from standalone.postgres import EmbeddedPostgres

TODAY: Final = date(2026, 6, 15)
"""The day that is closed."""
DAYS: Final = 30
"""Due dates lie on so many days from today on: one loan in so many is due today."""
INSTALMENTS: Final = 30
PAID_IN: Final = (0, 1)
"""Of those due today and tomorrow payments come in: two days are closed."""
UNPAID: Final = 20
"""One due loan in so many is not paid, and is overdue the day after."""
LATE: Final = 49
"""One loan in so many is in arrears; no common factor with `DAYS`, so that they too are due on every day."""
REPLAYED: Final = 300
AGED: Final = 100_000
AGED_TURNS: Final = 3
KEK: Final = new_key()
ISSUER: Final = "http://issuer.test"
NAMES: Final = UUID("8f0c7a52-7c2e-5b8e-9a57-0d2b6f2f9d11")
BORROWER: Final = str(uuid5(NAMES, "borrower"))
OPERATOR: Final = Cause(Actor("operator", "operator"), "bench")
MEMORY_GIB_MAX: Final = 6.0
MIB: Final = 2**20
SETTLE_S: Final = 900.0


@dataclass(frozen=True)
class Life:
    """One loan up to yesterday's close, and what comes in for it when its due date is today or tomorrow."""

    loan: Loan
    events: Sequence[DomainEvent]
    paying: Sequence[DomainEvent]
    row: tuple[UUID, bytes, bytes, bytes]
    segment: tuple[str, ...]

    @property
    def loan_id(self) -> str:
        return self.loan.loan_id


@cache
def life(due_in: int, months: int, daily: bool, missed: int) -> Life:
    """A loan that is due `due_in` days from today, has `months` instalments behind it, the last `missed` unpaid."""
    back = (TODAY.year * 12 + TODAY.month - 1) - (months + 1)
    first = date(back // 12, back % 12 + 1, TODAY.day) + timedelta(days=due_in)
    accrual = InterestAccrual.DAILY if daily else InterestAccrual.BY_PERIOD
    contract = signed(due_in, disbursed_on=first, instalments=INSTALMENTS, accrual=accrual, irr="0.19")
    loan_id = str(uuid5(NAMES, f"{due_in}/{months}/{daily}/{missed}"))
    payment_id = str(uuid5(NAMES, "payment"))
    loan, events = NO_LOAN, list[DomainEvent]()

    def do(command: type[c.LoanCommand], on: date, **values: Any) -> list[DomainEvent]:
        return list(LOAN.decide(command(today=on, policy=library().policy(on), **values), loan))

    def happen(found: list[DomainEvent]) -> None:
        nonlocal loan
        events.extend(found)
        loan = LOAN.replay(found, loan)

    def pay(n: int) -> list[DomainEvent]:
        row = loan.books.plan.rows[n]
        return do(
            c.ReceiveRepayment,
            row.due,
            repayment_id=f"repayment-{n}",
            amount=Money(row.total_minor),
            value_date=row.due,
            purpose=RepaymentPurpose.INSTALMENT,
            channel="direct-debit",
            bank_reference=f"R{n}",
        )

    happen(do(c.BookLoan, first, loan_id=loan_id, payment_id=payment_id, signed=contract, applicant_id=BORROWER))
    happen(do(c.ConfirmDisbursement, first, payment_id=payment_id, bank_reference="B1", value_date=first))
    for n in range(months - missed):
        happen(pay(n))
    if missed:
        day = loan.books.plan.rows[months - missed].due
        while day < TODAY:
            day += timedelta(days=1)
            happen(do(c.ObserveDay, day))
    paying = pay(months) if due_in in PAID_IN and not missed else []
    yesterday = TODAY - timedelta(days=1)
    columns = Columns()
    columns.put(loan_id, row_for(loan, len(events), 0, yesterday, library().policy(yesterday)))
    return Life(loan, tuple(events), tuple(paying), columns.packed([0], AS_BEFORE)[0], segment_of(loan))


def life_of(n: int, months: int, arrears: bool) -> Life:
    """Which life the nth loan has."""
    is_late = arrears and n % LATE == 1
    return life(n % DAYS, months, daily=n // DAYS % 2 == 1, missed=1 + n // LATE % 3 if is_late else 0)


def id_of(n: int) -> UUID:
    return uuid5(NAMES, f"loan/{n}")


class Copied(NamedTuple):
    """An event as it is stored; one that holds personal values with what is to be sealed."""

    stored: StoredEvent
    plain: DomainEvent | None


class Copies:
    """Events of lives under the ids of other loans and of other borrowers, whose account numbers are sealed each under a
    key of the borrower's own."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.metadata = Metadata("2026-06-15T00:00:00.000000Z", OPERATOR.actor, "bench").to_bytes()
        self.encoded: dict[
            int, tuple[list[tuple[type[DomainEvent], bytes]], list[tuple[type[DomainEvent], bytes]]]
        ] = {}

    def of(self, found: Life, loan_id: UUID, paying: bool) -> list[Copied]:
        if id(found) not in self.encoded:
            parts = [[(type(e), canonical(e.payload())) for e in part] for part in (found.events, found.paying)]
            self.encoded[id(found)] = parts[0], parts[1]
        first = len(found.events) if paying else 0
        copied: list[Copied] = []
        for n, (event_class, data) in enumerate(self.encoded[id(found)][paying], 1):
            own = data.replace(found.loan_id.encode(), str(loan_id).encode())
            own = own.replace(BORROWER.encode(), str(uuid5(NAMES, f"borrower/{loan_id}")).encode())
            stored = StoredEvent(f"loan-{loan_id}", first + n, new_id(), event_class.type_name, own, self.metadata)
            values = orjson.loads(own) if personal_members(event_class) else None
            copied.append(Copied(stored, event_class.model_validate(values) if values else None))
        return copied

    async def sealed(self, copied: Sequence[Copied]) -> list[StoredEvent]:
        written = iter(await self.codec.write([one.plain for one in copied if one.plain is not None]))
        return [one.stored if one.plain is None else one.stored._replace(data=next(written)[1]) for one in copied]


@dataclass(frozen=True)
class Portfolio:
    """So many loans, with so many instalments behind them, one in `LATE` in arrears or none."""

    size: int
    months: int
    arrears: bool

    def __str__(self) -> str:
        return f"{self.size:,} loans, {self.months} instalments old, {'one in 49' if self.arrears else 'none'} late"


async def fill(store: PostgresStore, codec: Codec, portfolio: Portfolio, session: Session) -> list[StoredEvent]:
    """The portfolio as the close of yesterday left it, with today's payments; those of tomorrow are given back."""
    size = portfolio.size
    session.stage(str(portfolio), size)
    copies, whole, rows = Copies(codec), list[Copied](), list[tuple[Any, ...]]()
    paid: dict[int, list[Copied]] = {due_in: [] for due_in in PAID_IN}
    short: list[tuple[str, int]] = []
    segments: dict[tuple[str, ...], int] = {}

    async def flush() -> None:
        await store.pool.copy_records_to_table(
            "loan_meter", records=rows, columns=("loan_id", "columns", "late", "plan")
        )
        if whole:
            await store.copy(await copies.sealed(whole))
        session.advance(len(rows))
        rows.clear()
        whole.clear()

    for n in range(size):
        found, loan_id = life_of(n, portfolio.months, portfolio.arrears), id_of(n)
        segments.setdefault(found.segment, len(segments))
        rows.append((loan_id, *found.row[1:]))
        if found.paying and n // DAYS % UNPAID:
            short.append((f"loan-{loan_id}", len(found.events)))
            paid[n % DAYS] += copies.of(found, loan_id, paying=True)
        elif n % DAYS in PAID_IN or found.loan.bucket != "CURRENT":
            whole += copies.of(found, loan_id, paying=False)
        if len(rows) == 10_000:
            await flush()
    await flush()
    assert len(segments) == 1, "one segment, whose code is 0"
    await store.pool.execute(SET_LAYOUT, LAYOUT)
    await store.pool.execute(ADD_SEGMENTS, [0], *([value] for value in next(iter(segments))))
    last = await store.stamp()
    closed = DayClosed(
        business_date=TODAY - timedelta(days=1), accruals=(), loans=0, detail_sha256="0" * 64, known_until=last or 0
    )
    opened = BusinessDayOpened(business_date=TODAY, previous=closed.business_date)
    await store.copy(
        [
            StoredEvent(DAY_STREAM, n, new_id(), event.type_name, canonical(event.payload()), copies.metadata)
            for n, event in enumerate((closed, opened), 1)
        ]
    )
    streams, versions = [stream for stream, _ in short], [version for _, version in short]
    await store.pool.execute(
        "insert into es.stream (stream_id, version) select * from unnest($1::text[], $2::int[])", streams, versions
    )
    today, tomorrow = [await copies.sealed(paid[due_in]) for due_in in PAID_IN]
    await arrive(store, today)
    await store.pool.execute("vacuum analyze")
    return tomorrow


async def arrive(store: PostgresStore, payments: Sequence[StoredEvent]) -> None:
    for start in range(0, len(payments), 5_000):
        await store.copy(payments[start : start + 5_000])
    await store.stamp()


def settings_of(server: EmbeddedPostgres, name: str) -> ServiceSettings:
    return ServiceSettings(
        service="ledger",
        database_url=SecretStr(server.dsn(name)),
        keys_url=SecretStr(server.dsn(name)),
        keys_kek=SecretStr(KEK),
        kafka_bootstrap="in-memory:0",
        jwks_file=Path("none"),
        token_issuer=ISSUER,
        topic_partitions=1,
        business_date_start=TODAY,
    )


@asynccontextmanager
async def ledger(server: EmbeddedPostgres, name: str, log: MemoryLog) -> AsyncIterator[Runtime]:
    async with running(create_ledger(), settings_of(server, name), log) as runtime:
        yield runtime


async def settled(runtime: Runtime) -> None:
    """Until read models and relay have taken in all that is there: what is measured is the close alone."""
    await settle({runtime.name: runtime.side}, SETTLE_S)


async def replay_ms(runtime: Runtime, size: int) -> float:
    """What one loan costs that is loaded, folded and asked what it has earned."""
    loans = [n for n in range(0, size, DAYS) if n // DAYS % UNPAID == 0][:REPLAYED]
    began = time.perf_counter()
    for n in loans:
        stored = await runtime.store.load(f"loan-{id_of(n)}")
        loan = LOAN.replay(await runtime.codec.read(stored))
        assert earned(loan.books, TODAY + timedelta(days=1)).interest > 0
    assert loans, "some loans have their whole streams"
    return (time.perf_counter() - began) / len(loans) * 1000


def memory_gib(server: EmbeddedPostgres) -> float:
    """This process at its highest, and the database server now."""
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    root = psutil.Process(int((server.data_dir / "postmaster.pid").read_text().splitlines()[0]))
    processes = [root, *root.children(recursive=True)]
    return float(ours + sum(one.memory_full_info().pss for one in processes) / MIB / 1024)


@dataclass
class Measured:
    """Seconds for a day closed from a cold start, and for the day after it; milliseconds to replay one loan.
    `changed` are the events by which the first close changes loans."""

    cold_s: float
    warm_s: float
    replay_ms: float
    changed: int
    detail_mib: float
    memory_gib: float


async def close(server: EmbeddedPostgres, portfolio: Portfolio, session: Session) -> Measured:
    name = f"ledger_{portfolio.size}_{portfolio.months}"
    server.create_database(name)
    log = MemoryLog()
    async with ledger(server, name, log):
        pass  # migrates
    store = await connect(server.dsn(name), min_size=1, max_size=4)
    keyring = await keyrings.take(settings_of(server, name))
    try:
        tomorrow = await fill(store, published_codec().with_keyring(keyring), portfolio, session)
    finally:
        await keyrings.give_back(keyring)
        await store.close()
    async with ledger(server, name, log) as runtime:
        await settled(runtime)
    async with ledger(server, name, log) as runtime:  # which has no loan in memory
        await settled(runtime)
        session.stage(f"closing two days over {portfolio.size:,} loans", 2)
        day_end: DayEnd = runtime.extras["day-end"]
        before = await runtime.store.last_sequence()
        began = time.perf_counter()
        await day_end.run(TODAY, OPERATOR)
        cold_s = time.perf_counter() - began
        await everything_stamped(runtime.store)
        changed = await runtime.store.last_sequence() - before - 2
        detail = await runtime.store.pool.fetchval("select octet_length(detail) from day_detail")
        session.advance()
        await arrive(runtime.store, tomorrow)
        runtime.appended.set()
        await settled(runtime)
        began = time.perf_counter()
        await day_end.run(TODAY + timedelta(days=1), OPERATOR)
        warm_s = time.perf_counter() - began
        session.advance()
        last = await runtime.store.load(DAY_STREAM)
        closes = [await runtime.codec.read([one]) for one in last if one.type == DayClosed.type_name]
        assert not any(event.failures for [event] in closes), "every loan is worked out"
        one_ms = await replay_ms(runtime, portfolio.size)
        return Measured(cold_s, warm_s, one_ms, changed, detail / MIB, memory_gib(server))


async def measure(session: Session) -> Result:
    sizes = [10_000, 100_000, *([1_000_000] if session.full else [])]
    found: dict[int, Measured] = {}
    young: list[float] = []
    old: list[float] = []
    with postgres() as server:
        for size in sizes:
            found[size] = await close(server, Portfolio(size, 11, arrears=True), session)
        for turn in range(AGED_TURNS):  # nobody is in arrears in his first month, so here nobody is at all
            for months, into in ((0, young), (23, old))[:: 1 if turn % 2 == 0 else -1]:
                measured = await close(server, Portfolio(AGED - turn, months, arrears=False), session)
                into.append(measured.cold_s)
    largest = max(sizes)
    seconds = found[largest].cold_s
    one_by_one = found[largest].replay_ms / 1000 * largest
    plot(found)
    return Result(
        unit=f"s to close a day over {largest:,} loans",
        ours=seconds,
        peers={"replaying every loan": one_by_one},
        ratios={"replaying every loan": one_by_one / seconds},
        goals=[
            Goal(
                "seconds for 1,000,000 loans" + ("" if session.full else " (scaled)"), seconds * 1e6 / largest, most=60
            ),
            Goal("cost at an age of 700 days against the first month", min(old) / min(young), most=1.1),
            Goal("times replaying every loan", one_by_one / seconds, least=50),
            Goal("GiB with the database", max(one.memory_gib for one in found.values()), most=MEMORY_GIB_MAX),
        ],
        runs=1,
        limited_by="hearing of the day's payments and passing due dates, in Python, one loan at a time",
        details={f"{size:,} loans": vars(one) for size, one in found.items()}
        | {"first month, s": young, "700 days, s": old},
    )


def plot(found: dict[int, Measured]) -> None:
    """Seconds by size as a small picture beside the result."""
    width, height, left, bottom = 640, 320, 70, 40
    top_s = max(one.cold_s for one in found.values()) * 1.15
    bars = []
    step = (width - left) / len(found)
    for n, (size, one) in enumerate(found.items()):
        for m, (seconds, colour) in enumerate(((one.cold_s, "#1f6f5c"), (one.warm_s, "#8fc1b5"))):
            x, h = left + n * step + 20 + m * 60, seconds / top_s * (height - bottom - 30)
            y = height - bottom - h
            bars.append(f'<rect x="{x:.0f}" y="{y:.1f}" width="50" height="{h:.1f}" fill="{colour}"/>')
            bars.append(f'<text x="{x + 25:.0f}" y="{y - 5:.1f}" text-anchor="middle">{seconds:.1f} s</text>')
        bars.append(
            f'<text x="{left + n * step + 75:.0f}" y="{height - 18}" text-anchor="middle">{size:,} loans</text>'
        )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "dayend.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{left}" y="18">Closing a business day: from a cold start (dark), the day after (light)</text>'
        f'<line x1="{left}" y1="{height - bottom}" x2="{width}" y2="{height - bottom}" stroke="#888"/>'
        + "".join(bars)
        + "</svg>\n"
    )
