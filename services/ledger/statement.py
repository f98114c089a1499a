"""The bank's statement, read before a day is closed: payments confirmed that nobody told us of, and those returned.

A day closes on what the bank knew of it, so what follows from a return does not depend on when somebody looked.
"""

from __future__ import annotations

from datetime import date
from itertools import takewhile
from typing import Final
from uuid import UUID, uuid5

import structlog

from libs.contracts.problems import Rejected
from libs.events.commands import Cause
from libs.events.errors import is_transient
from libs.events.store import Session
from libs.service.runtime import Runtime
from services.ledger.bank import Bank, NoAnswer, NotSent, StatementEntry
from services.ledger.domain.commands import ConfirmDisbursement, LoanCommand, ReturnDisbursement
from services.ledger.domain.disbursement import PAID
from services.ledger.domain.loan import Loan
from services.ledger.domain.suspense import HoldReceipt
from services.ledger.handlers import LOAN, SUSPENSE
from services.ledger.library import library

log = structlog.get_logger(__name__)

CURSOR: Final = "select cursor from bank_cursor"
RETURNS: Final = UUID("5f6c7f0a-9b2e-5d57-8a35-6d0a1c1a5a11")
"""Receipts that are held because a payout came back are named under this and the payment."""
CANNOT_COME_BACK: Final = frozenset({"tranche-paid-out", "loan-written-off"})
"""Why a loan cannot be as if it had never been paid out."""
MOVE_CURSOR: Final = """
    insert into bank_cursor (only_row, cursor) values (true, $1)
    on conflict (only_row) do update set cursor = excluded.cursor where bank_cursor.cursor < excluded.cursor"""


class Statement:
    """Entries fetched and not yet booked, oldest first. Where no bank is configured there are none."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._entries: list[StatementEntry] = []
        self._aside: list[StatementEntry] = []
        """Of loans that cannot be worked out: read again at the next run."""

    async def fetch(self, until: date) -> None:
        """Read what the bank has entered since the last time. Raises `Rejected` (503) when it cannot be read."""
        bank: Bank | None = self._runtime.extras.get("bank")
        if bank is None:
            return
        after = await self._runtime.store.pool.fetchval(CURSOR) or 0
        self._aside = []
        try:
            self._entries = [entry async for entry in bank.statement(after, until)]
        except (NotSent, NoAnswer) as error:
            raise Rejected(
                "bank-unavailable",
                "The bank's statement cannot be read, and no day is closed without it; repeat when the bank answers.",
                status=503,
            ) from error

    def waits(self, today: date) -> bool:
        """Whether something has to be booked before `today` is closed."""
        return bool(self._entries) and self._entries[0].booked_on <= today

    async def book(self, today: date, cause: Cause) -> bool:
        """Book the entries of the open day and before; whether any changed a loan."""
        due = list(takewhile(lambda entry: entry.booked_on <= today, self._entries))
        if not due:
            return False
        changed = False
        aside = list(self._aside)
        async with self._runtime.store.transaction() as session:
            for entry in due:
                try:
                    loan, _ = await self._runtime.commands.state(LOAN, entry.stream_id, session)
                except Exception as error:
                    if is_transient(error):
                        raise
                    log.warning("statement entry left for later", cursor=entry.cursor, error=repr(error))
                    aside.append(entry)
                    continue
                for command in commands_of(entry, loan, today):
                    try:
                        await self._runtime.commands.handle(LOAN, entry.stream_id, command, cause, within=session)
                    except Rejected as refused:
                        await self._hold(session, entry, refused, today, cause)
                    changed = True
            # What was booked is known to its loan: it may come again after one that has to wait.
            await session.connection.execute(MOVE_CURSOR, aside[0].cursor - 1 if aside else due[-1].cursor)
        self._aside = aside
        del self._entries[: len(due)]
        return changed

    async def _hold(
        self, session: Session, entry: StatementEntry, refused: Rejected, today: date, cause: Cause
    ) -> None:
        """A payout that came back to a loan which cannot be as if it had never been paid out: the money is with us, and is
        held until a person says what it is for. Whatever else is refused is raised."""
        if entry.kind != "returned" or refused.code not in CANNOT_COME_BACK:
            raise refused
        held = HoldReceipt(
            today=today,
            suspense_id=str(uuid5(RETURNS, entry.payment_id)),
            amount=entry.amount,
            value_date=entry.booked_on,
            channel="returned-payout",
            bank_reference=entry.reference,
            text=f"Payout {entry.payment_id} of {entry.stream_id} came back: {entry.reason}. {refused.detail}",
        )
        await self._runtime.commands.handle(SUSPENSE, SUSPENSE.stream_id(held.suspense_id), held, cause, within=session)
        log.warning("returned payout is held", cursor=entry.cursor, stream_id=entry.stream_id, code=refused.code)


def commands_of(entry: StatementEntry, loan: Loan, today: date) -> list[LoanCommand]:
    """What an entry means for its loan: nothing where the loan knows it already."""
    awaited = loan.payment is not None and loan.payment.payment_id == entry.payment_id
    first = loan.disbursed is not None and loan.disbursed.payment_id == entry.payment_id
    if not awaited and not first and loan.drawn(entry.payment_id) is None:
        return []
    policy = library().policy(today)
    commands: list[LoanCommand] = []
    if awaited and loan.payment is not None and loan.payment.state not in PAID:
        confirm = ConfirmDisbursement(
            today=today,
            policy=policy,
            payment_id=entry.payment_id,
            bank_reference=entry.reference,
            value_date=entry.booked_on,
        )
        commands.append(confirm)
    if entry.kind == "returned":
        back = ReturnDisbursement(
            today=today,
            policy=policy,
            payment_id=entry.payment_id,
            reason=entry.reason,
            value_date=entry.booked_on,
        )
        commands.append(back)
    return commands
