"""Closing days: whole or not at all, once each, at the cost of what changes."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np
import pyarrow.parquet as pq
import pytest

from libs.contracts.ledger import AccrualSuspended, BusinessDayOpened, DayClosed
from libs.events.store import ConcurrencyError
from libs.lending.daycount import DayCount
from libs.lending.terms import InterestAccrual
from libs.service.testing import KEK, Served, key
from services.ledger.columns import LAYOUT, F
from services.ledger.day_end import DayEnd
from services.ledger.domain.account import earned
from services.ledger.handlers import DAY_STREAM, LOAN
from services.ledger.meters import AS_BEFORE, load
from services.ledger.tests.conftest import Start
from services.ledger.tests.making import DAY, OutsideBank, contract_id, loan_id, outside_bank, signed


async def close_until(ledger: Served, day: date) -> dict[str, Any]:
    operator = await ledger.client("operator")
    answer = await operator.post("/ledger/day-ends", json={"until": day.isoformat()}, headers=key())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def days_closed(ledger: Served) -> list[date]:
    return [event.business_date for event in await ledger.events(DAY_STREAM) if isinstance(event, DayClosed)]


async def test_days_close_in_order_once_each_and_again_is_nothing(ledger: Served) -> None:
    until = DAY + timedelta(days=2)
    assert await close_until(ledger, until) == {
        "business_date": str(until + timedelta(days=1)),
        "until": str(until),
        "days_closed": 3,
    }
    assert (await close_until(ledger, until))["days_closed"] == 0
    assert (await close_until(ledger, DAY))["days_closed"] == 0
    assert await days_closed(ledger) == [DAY + timedelta(days=n) for n in range(3)]
    opened = [event for event in await ledger.events(DAY_STREAM) if isinstance(event, BusinessDayOpened)]
    assert [event.previous for event in opened] == await days_closed(ledger)
    reader = await ledger.client("customer")
    shown = (await reader.get("/ledger/business-date")).json()
    assert (shown["business_date"], shown["closed"]) == (str(until + timedelta(days=1)), str(until))


async def test_a_month_accrues_exactly_the_instalments_interest(ledger: Served, lend: Callable[..., Any]) -> None:
    loan = await lend()
    await close_until(ledger, date(2026, 2, 4))
    closed = [event for event in await ledger.events(DAY_STREAM) if isinstance(event, DayClosed)]
    assert sum(event.accruals[0].interest.minor for event in closed) == 18_000
    assert {event.loans for event in closed} == {1}
    auditor = await ledger.client("auditor")
    detail = await auditor.get(f"/ledger/day-ends/{DAY}/detail")
    assert sha256(detail.content).hexdigest() == closed[0].detail_sha256
    row = pq.read_table(io.BytesIO(detail.content)).to_pylist()[0]
    assert row == {
        "loan_id": UUID(loan),
        "segment": "consumer-standard/B/ONLINE/OWN/",
        "currency": "CNY",
        "interest_minor": closed[0].accruals[0].interest.minor,
        "fee_minor": 0,
        "penalty_minor": 0,
        "provision_minor": 12_000,
        "suspended_minor": 0,
    }
    assert (await auditor.get("/ledger/day-ends/2030-01-01/detail")).status_code == 404


async def test_a_crash_in_the_middle_of_a_day_leaves_none_of_it_and_is_gone_on_from(
    start: Start, bank: OutsideBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: Any) -> None:
        raise RuntimeError("the process died here")

    async with start(bank) as ledger:
        for n in range(3):
            await ledger.publish(f"contract-{contract_id(n)}", signed(n))
        await ledger.settle()
        await close_until(ledger, date(2026, 2, 4))
        day_end: DayEnd = ledger.runtime.extras["day-end"]
        with monkeypatch.context() as dying:
            dying.setattr(day_end, "_append_observed", crash)  # after the day's own events were written
            operator = await ledger.client("operator")
            answer = await operator.post("/ledger/day-ends", json={"until": "2026-03-10"}, headers=key())
            assert answer.status_code == 500
        assert (await days_closed(ledger))[-1] == date(2026, 2, 4)
    async with start(bank) as ledger:
        assert (await close_until(ledger, date(2026, 3, 10)))["days_closed"] == 34
        closed = await days_closed(ledger)
        assert closed == [DAY + timedelta(days=n) for n in range(len(closed))]
        await ledger.settle()
        officer = await ledger.client("finance_officer")
        rows = (await officer.get("/ledger/trial-balance")).json()
        balances = {row["account"]: row["balance"]["amount"] for row in rows["accounts"]}
        plan = (await officer.get(f"/ledger/loans/{loan_id(0)}/plan")).json()["instalments"]
        events = [event for event in await ledger.events(DAY_STREAM) if isinstance(event, DayClosed)]
        posted = sum(event.accruals[0].interest.minor for event in events)
        minor = [int(row["interest"]["amount"].replace(".", "")) for row in plan]
        third = minor[2] * 6 / 31
        assert posted == 3 * (minor[0] + minor[1] + round(third))
        assert balances["6011.01"] == f"-{posted // 100}.{posted % 100:02d}"
        assert rows["total"] == {"CNY": "0.00"}
        assert await ledger.parked() == []


async def test_killed_at_any_point_it_goes_on_and_accrues_nothing_twice(
    start: Start, bank: OutsideBank, database: str
) -> None:
    until = date(2026, 3, 12)
    async with start(bank) as ledger:
        for n in range(4):
            await ledger.publish(f"contract-{contract_id(n)}", signed(n))
        await ledger.settle()
        await close_until(ledger, DAY)
    for said in (1, 3, 4):
        assert not await asyncio.to_thread(run_and_kill, database, until, said), "it was killed before its end"
    assert await asyncio.to_thread(run_and_kill, database, until, 10**6)
    async with start(bank) as ledger:
        closed = [event for event in await ledger.events(DAY_STREAM) if isinstance(event, DayClosed)]
        assert [event.business_date for event in closed] == [DAY + timedelta(days=n) for n in range(67)]
        assert accrued(closed) == await interest_earned(ledger, range(4))
        for n in range(4):
            changed = [
                event.changed_on for event in await ledger.events(f"loan-{loan_id(n)}") if hasattr(event, "changed_on")
            ]
            assert changed == [date(2026, 2, 6), date(2026, 3, 8)], "each change of a bucket once"


def run_and_kill(database: str, until: date, lines: int) -> bool:
    """Whether the process ended by itself before it had said so many things."""
    command = [sys.executable, "-m", "services.ledger.tests.closing", database, until.isoformat(), KEK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for n, line in enumerate(process.stdout):
            if line.strip() == "done":
                return process.wait() == 0
            if n == lines:
                process.kill()
                return False
    raise AssertionError("the process ended without having done its work")


async def test_two_that_close_the_same_days_at_once_close_each_once(ledger: Served, lend: Callable[..., Any]) -> None:
    await lend()
    answers = await asyncio.gather(*[close_until(ledger, DAY + timedelta(days=4)) for _ in range(3)])
    assert sum(answer["days_closed"] for answer in answers) == 5
    assert await days_closed(ledger) == [DAY + timedelta(days=n) for n in range(5)]


async def test_another_process_that_closed_days_is_noticed(ledger: Served, lend: Callable[..., Any]) -> None:
    await lend()
    await close_until(ledger, DAY)
    mine: DayEnd = ledger.runtime.extras["day-end"]
    other = DayEnd(ledger.runtime, mine._statement)
    operator = await ledger.client("operator")
    ledger.runtime.extras["day-end"] = other
    await operator.post("/ledger/day-ends", json={"until": str(DAY + timedelta(days=3))}, headers=key())
    ledger.runtime.extras["day-end"] = mine
    assert (await close_until(ledger, DAY + timedelta(days=5)))["days_closed"] == 2
    closed = [event for event in await ledger.events(DAY_STREAM) if isinstance(event, DayClosed)]
    assert [event.business_date for event in closed] == [DAY + timedelta(days=n) for n in range(6)]
    assert sum(event.accruals[0].interest.minor for event in closed) == round(18_000 * 6 / 31)


async def test_a_loan_that_moves_while_a_day_is_written_is_decided_on_again(
    ledger: Served, lend: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was paid in time: the opening of the next day finds nothing, and what was thought before is remembered
    nowhere."""
    loan, other = await lend(1), await lend(2)
    day_end: DayEnd = ledger.runtime.extras["day-end"]
    append, officer = day_end._append_observed, await ledger.client("finance_officer")
    await close_until(ledger, date(2026, 2, 4))
    first = (await officer.get(f"/ledger/loans/{loan}/plan")).json()["instalments"][0]

    async def meanwhile(*those: Any) -> None:
        body = {
            "amount": first["total"],
            "value_date": first["due"],
            "channel": "bank-transfer",
            "bank_reference": "R1",
        }
        answer = await officer.post(f"/ledger/loans/{loan}/repayments", json=body, headers=key())
        assert answer.status_code == 201, answer.text
        await append(*those)

    with monkeypatch.context() as crossing:
        crossing.setattr(day_end, "_append_observed", meanwhile)
        await close_until(ledger, date.fromisoformat(first["due"]))
    for each, overdue in ((loan, False), (other, True)):
        stream = f"loan-{each}"
        events = await ledger.events(stream)
        assert any(hasattr(event, "changed_on") for event in events) == overdue
        assert await ledger.runtime.commands.state(LOAN, stream) == (LOAN.replay(events), len(events))


@pytest.mark.parametrize(
    ("met", "status"),
    [
        (ConcurrencyError("a loan moved"), 409),
        (asyncpg.DeadlockDetectedError("a loan moved"), 409),
        (ConnectionRefusedError("no database"), 503),
        (asyncpg.AdminShutdownError("terminating connection"), 503),
        (asyncpg.TooManyConnectionsError("no room"), 503),
    ],
)
async def test_what_does_not_pass_in_time_is_told_as_what_it_is_and_done_when_it_is_sent_again(
    ledger: Served, lend: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, met: Exception, status: int
) -> None:
    await lend()
    day_end: DayEnd = ledger.runtime.extras["day-end"]
    tried: list[None] = []

    async def meets(*_: Any) -> None:
        tried.append(None)
        raise met

    with monkeypatch.context() as crossing:
        crossing.setattr("services.ledger.day_end.ATTEMPTS", 3)
        crossing.setattr(day_end, "_write", meets)
        operator = await ledger.client("operator")
        answer = await operator.post("/ledger/day-ends", json={"until": str(DAY)}, headers=key())
    assert (answer.status_code, len(tried)) == (status, 3), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await close_until(ledger, DAY))["days_closed"] == 1


async def test_one_loan_that_cannot_be_worked_out_stops_no_other(
    ledger: Served, lend: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sick, sound = await lend(1), await lend(2)
    decode = ledger.runtime.codec.decode

    def broken(type: str, data: bytes, *keys: Any) -> Any:
        if sick.encode() in data:
            raise ValueError("this event cannot be read")
        return decode(type, data, *keys)

    with monkeypatch.context() as breaking:
        breaking.setattr(ledger.runtime.codec, "decode", broken)
        ledger.runtime.commands._states.clear()
        await close_until(ledger, DAY + timedelta(days=1))
    first, second = [event for event in await ledger.events(DAY_STREAM) if isinstance(event, DayClosed)]
    assert [failure.loan_id for failure in first.failures] == [sick]
    assert "this event cannot be read" in first.failures[0].reason
    assert (first.loans, second.failures) == (1, first.failures)
    assert sound not in {failure.loan_id for failure in second.failures}
    await close_until(ledger, DAY + timedelta(days=2))
    closed = [event for event in await ledger.events(DAY_STREAM) if isinstance(event, DayClosed)]
    assert (closed[-1].failures, closed[-1].loans) == ((), 2)
    assert accrued(closed) == await interest_earned(ledger, (1, 2)), "it catches up on its days"


async def test_rows_of_another_layout_are_made_again_from_events(start: Start, bank: OutsideBank) -> None:
    async with start(bank) as ledger:
        for n in range(4):
            kind = {"day_count": DayCount.THIRTY_E_360, "accrual": InterestAccrual.DAILY} if n == 3 else {}
            await ledger.publish(f"contract-{contract_id(n)}", signed(n, **kind))
        await ledger.settle()
        await close_until(ledger, date(2026, 2, 20))
        officer = await ledger.client("finance_officer")
        paid = {"amount": {"amount": "1200.00", "currency": "CNY"}, "value_date": "2026-02-21"}
        answer = await officer.post(f"/ledger/loans/{loan_id(1)}/repayments", json=paid, headers=key())
        assert answer.status_code == 201
        pool = ledger.runtime.store.pool
        kept = await pool.fetch("select * from loan_meter order by loan_id")
    expected = [tuple(row) for row in kept]
    async with start(bank) as ledger:
        for layout in (LAYOUT, LAYOUT - 1):
            await ledger.runtime.store.pool.execute("update loan_meter_layout set layout = $1", layout)
            again = await load(ledger.runtime)
            rows = again.columns.packed(range(len(again.columns)), AS_BEFORE)
            assert again.is_new == (layout != LAYOUT)
            assert sorted(map(derived, rows)) == [derived(row) for row in expected]
        await close_until(ledger, date(2026, 3, 20))
        assert await ledger.runtime.store.pool.fetchval("select layout from loan_meter_layout") == LAYOUT
        closed = [event for event in await ledger.events(DAY_STREAM) if isinstance(event, DayClosed)]
        assert accrued(closed) == await interest_earned(ledger, range(4))


def derived(row: Sequence[Any]) -> tuple[Any, list[int], bytes]:
    """A row as it is stored, without what it says of the moment at which it was made."""
    columns = np.frombuffer(row[1], np.int64).tolist()
    columns[F.PLAIN] = 0
    return row[0], columns, row[2]


def accrued(closed: list[DayClosed]) -> int:
    return sum(line.interest.minor for event in closed for line in event.accruals)


async def interest_earned(ledger: Served, loans: Iterable[int]) -> int:
    """By every loan's own account, up to the end of the last closed day."""
    total = 0
    for n in loans:
        loan, _ = await ledger.runtime.commands.state(LOAN, LOAN.stream_id(loan_id(n)))
        total += earned(loan.books, ledger.runtime.today).interest
    return total


async def test_progress_is_shown(ledger: Served, lend: Callable[..., Any]) -> None:
    await lend()
    auditor = await ledger.client("auditor")
    assert (await auditor.get("/ledger/day-ends/progress")).json()["phase"] == "idle"
    await close_until(ledger, DAY + timedelta(days=4))
    shown = (await auditor.get("/ledger/day-ends/progress")).json()
    assert (shown["phase"], shown["days_closed"], shown["loans"]) == ("idle", 5, 1)
    assert (shown["until"], shown["day"]) == ("2026-01-09", "2026-01-09")


async def test_no_day_is_closed_without_the_banks_statement(start: Start, bank: OutsideBank) -> None:
    async with start(bank) as ledger:
        await ledger.runtime.extras["bank"].aclose()
        ledger.runtime.extras["bank"] = _unreachable(ledger)
        operator = await ledger.client("operator")
        answer = await operator.post("/ledger/day-ends", json={"until": str(DAY)}, headers=key())
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:puhui:problem:bank-unavailable")
        assert await days_closed(ledger) == []


def _unreachable(ledger: Served) -> Any:
    from services.ledger.bank import Bank, BankSettings

    bank = Bank("http://127.0.0.1:1", BankSettings())
    ledger.runtime.on_stop.append(bank.aclose)
    return bank


@pytest.mark.parametrize(
    "body",
    [{}, {"until": "2026-02-30"}, {"until": "tomorrow"}, {"until": 5}, {"until": "2026-01-09", "force": True}],
)
async def test_a_wrong_date_is_refused(ledger: Served, body: dict[str, Any]) -> None:
    operator = await ledger.client("operator")
    answer = await operator.post("/ledger/day-ends", json=body, headers=key())
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_an_absurd_date_and_the_wrong_role_are_refused(ledger: Served) -> None:
    operator, officer = await ledger.client("operator"), await ledger.client("finance_officer")
    answer = await operator.post("/ledger/day-ends", json={"until": "2199-01-01"}, headers=key())
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:puhui:problem:too-many-days")
    answer = await officer.post("/ledger/day-ends", json={"until": str(DAY)}, headers=key())
    assert answer.status_code == 403
    assert await days_closed(ledger) == []


async def test_arrears_run_through_buckets_and_tiers_with_one_event_a_change(start: Start) -> None:
    async with start(outside_bank()) as ledger:
        await ledger.publish(f"contract-{contract_id(1)}", signed(1))
        await ledger.settle()
        await close_until(ledger, date(2026, 2, 5) + timedelta(days=360))
        events = await ledger.events(f"loan-{loan_id(1)}")
        buckets = [
            (event.position.bucket.value, event.position.days_past_due)
            for event in events
            if hasattr(event, "changed_on")
        ]
        assert buckets == [("M1", 1), ("M2", 31), ("M3", 61), ("M4", 91), ("M5", 121), ("M6", 151), ("M7", 181)]
        tiers = [(event.tier.value, event.days_past_due) for event in events if hasattr(event, "classified_on")]
        assert tiers == [("SPECIAL_MENTION", 1), ("SUBSTANDARD", 91), ("DOUBTFUL", 271), ("LOSS", 361)]
        suspended = [event for event in events if isinstance(event, AccrualSuspended)]
        assert [event.days_past_due for event in suspended] == [91]
        assert len(events) == 3 + len(buckets) + len(tiers) + len(suspended)
