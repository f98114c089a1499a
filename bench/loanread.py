"""A loan of five years with 2,000 facts: read over HTTP, and repaid once more; beside a loan just paid out."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx

from bench.common.result import Goal, Result
from bench.common.servers import directory, postgres
from bench.common.session import Session
from libs.contracts.ledger import RepaymentPurpose
from libs.events.commands import Cause
from libs.events.envelope import Actor
from libs.lending.money import Money
from libs.service.runtime import Runtime
from libs.service.testing import key, served
from services.ledger.app import create_ledger
from services.ledger.domain import commands as c
from services.ledger.domain.payouts import payment_id_of
from services.ledger.handlers import LOAN
from services.ledger.library import library
from services.ledger.tests.making import DAY, applicant_id, loan_id, signed

FACTS: Final = 2_000
READS: Final = 40
REPAYMENTS: Final = 15
CAUSE: Final = Cause(Actor("service:ledger", "service"), "bench")
PEER_READ_MS: Final = 96.0
"""Apache Fineract with 300 transactions, measured on a machine of this size before: 91 to 102 ms."""


async def lend(runtime: Runtime, n: int, facts: int, session: Session) -> str:
    """A loan with so many repayments behind it, one a day at most."""
    found = loan_id(n)
    stream_id, payment_id = LOAN.stream_id(found), payment_id_of(found, 1)

    async def do(command: type[c.LoanCommand], **values: Any) -> None:
        policy = library().policy(DAY)
        today = values.pop("today", DAY)
        await runtime.commands.handle(LOAN, stream_id, command(today=today, policy=policy, **values), CAUSE)

    contract = signed(n, instalments=60, annual_rate=Decimal("0.12"), irr="0.13")
    await do(c.BookLoan, loan_id=found, payment_id=payment_id, signed=contract, applicant_id=applicant_id(n))
    await do(c.ConfirmDisbursement, payment_id=payment_id, bank_reference="B", value_date=DAY)
    for number in range(facts):
        day = DAY + timedelta(days=number * 9 // 10)
        await do(
            c.ReceiveRepayment,
            today=day,
            repayment_id=f"r-{number}",
            amount=Money(500),
            value_date=day,
            purpose=RepaymentPurpose.INSTALMENT,
            channel="bank-transfer",
            bank_reference=f"F{n}-{number}",
        )
        session.advance()
    return found


async def read_ms(client: httpx.AsyncClient, loan: str) -> float:
    began = time.perf_counter()
    for _ in range(READS):
        answer = await client.get(f"/ledger/loans/{loan}")
        assert answer.status_code == 200, answer.text
    return (time.perf_counter() - began) / READS * 1000


async def repay_ms(client: httpx.AsyncClient, loan: str, day: str) -> float:
    body = {"amount": {"amount": "1.00", "currency": "CNY"}, "value_date": day}
    began = time.perf_counter()
    for _ in range(REPAYMENTS):
        answer = await client.post(
            f"/ledger/loans/{loan}/repayments", json=body | {"bank_reference": str(uuid4())}, headers=key()
        )
        assert answer.status_code == 201, answer.text
    return (time.perf_counter() - began) / REPAYMENTS * 1000


async def measure(session: Session) -> Result:
    with postgres() as server, directory() as path:
        server.create_database("ledger")
        today = DAY + timedelta(days=FACTS * 9 // 10)
        service = create_ledger()
        async with served(service, server.dsn("ledger"), Path(path), business_date_start=today) as ledger:
            session.stage(f"a loan with {FACTS:,} facts", FACTS)
            old = await lend(ledger.runtime, 1, FACTS, session)
            young = await lend(ledger.runtime, 2, 1, session)
            client = await ledger.client("finance_manager")
            stream = f"loan-{UUID(old)}"

            def reading(loan: str) -> Callable[[], Awaitable[float]]:
                return lambda: read_ms(client, loan)

            def repaying(loan: str) -> Callable[[], Awaitable[float]]:
                return lambda: repay_ms(client, loan, today.isoformat())

            reads = await session.in_turns("reading", {"old": reading(old), "young": reading(young)})
            repayments = await session.in_turns("repaying", {"old": repaying(old), "young": repaying(young)})
            ledger.runtime.commands._states.clear()
            began = time.perf_counter()
            await ledger.runtime.commands.state(LOAN, stream)
            cold_ms = (time.perf_counter() - began) * 1000
    growth = repayments["old"] / repayments["young"]
    return Result(
        unit=f"ms to read a loan with {FACTS:,} facts over HTTP",
        ours=reads["old"],
        peers={"Apache Fineract with 300 transactions, measured before": PEER_READ_MS},
        ratios={"Apache Fineract with 300 transactions, measured before": PEER_READ_MS / reads["old"]},
        goals=[
            Goal("ms to read it", reads["old"], most=10.0),
            Goal("its next repayment, times that of a young loan", growth, most=1.2),
        ],
        runs=session.runs,
        limited_by="the fold of the first read after a start is not in it: see details",
        details={"reads, ms": reads, "repayments, ms": repayments, "first read after a start, ms": cold_ms},
    )
