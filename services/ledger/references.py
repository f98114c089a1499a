"""One bank reference, one repayment, whatever the loan: reserved before the command, so that two loans at once cannot
both take it. A reservation whose repayment never came to be lapses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from libs.contracts.problems import Rejected
from libs.service.runtime import Runtime
from services.ledger.domain.loan import Receipt
from services.ledger.handlers import LOAN

LAPSE: Final = timedelta(seconds=60)
"""Far longer than a command takes: by then its repayment is there, or will never be."""

RESERVE: Final = """
    insert into bank_reference (reference, loan_id, repayment_id, reserved_at) values ($1, $2, $3, now())
    on conflict (reference) do update set reference = excluded.reference
    returning loan_id, repayment_id, reserved_at < now() - $4::interval as lapsed"""
TAKE_OVER: Final = """
    update bank_reference set loan_id = $2, repayment_id = $3, reserved_at = now()
    where reference = $1 and loan_id = $4 and repayment_id = $5 returning reference"""
RELEASE: Final = """
    delete from bank_reference where reference = $1 and loan_id = $2 and repayment_id = $3"""


@asynccontextmanager
async def reserved(runtime: Runtime, reference: str, loan_id: str, repayment_id: str) -> AsyncIterator[None]:
    """Hold a reference for a repayment; given back when the command is refused. Raises `Rejected` when it is taken."""
    if not reference:
        yield
        return
    await _reserve(runtime, reference, loan_id, repayment_id)
    try:
        yield
    except Exception:
        if await _receipt(runtime, loan_id, repayment_id) is None:
            await runtime.store.pool.execute(RELEASE, reference, loan_id, repayment_id)
        raise


async def _reserve(runtime: Runtime, reference: str, loan_id: str, repayment_id: str) -> None:
    pool = runtime.store.pool
    holder = await pool.fetchrow(RESERVE, reference, loan_id, repayment_id, LAPSE)
    assert holder is not None, "the statement returns the row that it made or found"
    held_by = (holder["loan_id"], holder["repayment_id"])
    if held_by == (loan_id, repayment_id):
        return
    receipt = await _receipt(runtime, *held_by)
    is_free = holder["lapsed"] if receipt is None else receipt.reversed_on is not None
    if is_free and await pool.fetchrow(TAKE_OVER, reference, loan_id, repayment_id, *held_by) is not None:
        return
    raise Rejected(
        "bank-reference-used",
        f"The bank's reference belongs to repayment {held_by[1]} of loan {held_by[0]}.",
        field="/bank_reference",
        loan_id=held_by[0],
        repayment_id=held_by[1],
    )


async def _receipt(runtime: Runtime, loan_id: str, repayment_id: str) -> Receipt | None:
    loan, _ = await runtime.commands.state(LOAN, LOAN.stream_id(loan_id))
    return loan.receipt(repayment_id)
