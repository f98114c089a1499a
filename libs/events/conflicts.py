"""Does the same work anew when a race was lost: on what is there now, never by writing the same again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from libs.events.store import ConcurrencyError, Session, Store

ATTEMPTS: Final = 20
CONFLICTS: Final = (ConcurrencyError, asyncpg.TransactionRollbackError)
"""Lost races with commands and other consumers; a deadlock is one."""


async def in_transaction(store: Store, work: Callable[[Session], Awaitable[None]]) -> None:
    """Do `work` in one transaction, and from its beginning in another one after a conflict."""
    for attempt in range(ATTEMPTS):
        try:
            async with store.transaction() as session:
                await work(session)
            return
        except CONFLICTS:
            if attempt == ATTEMPTS - 1:
                raise
            await asyncio.sleep(0.002 * attempt)
