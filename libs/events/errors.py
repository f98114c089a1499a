"""Which faults pass by themselves: those are never held against an event."""

from __future__ import annotations

from typing import Final

import asyncpg


class NotYet(Exception):
    """What an event needs to be handled has not arrived from another topic; its partition waits, others go on."""


TRANSIENT: Final = (
    NotYet,
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.CannotConnectNowError,
)


def is_transient(error: BaseException) -> bool:
    """Whether the database or the network is at fault, not the event: try again, however long it takes."""
    return isinstance(error, TRANSIENT)
