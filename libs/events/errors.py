"""Which faults pass by themselves: those are never held against an event."""

from __future__ import annotations

from typing import Final

import asyncpg

from libs.events.sealing import KeyMissing


class NotYet(Exception):
    """What an event needs to be handled has not arrived from another topic; its partition waits, others go on."""


OURS: Final = (
    NotYet,
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was cut off in the middle of an operation
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.CannotConnectNowError,
    # A table that is not there yet, a right that is missing: whoever deploys mends it, and no event is to blame.
    asyncpg.SyntaxOrAccessError,
    asyncpg.InvalidTransactionStateError,
    # Another key store than the one that the event was sealed from.
    KeyMissing,
)


def is_transient(error: BaseException) -> bool:
    """Whether the database or the network is at fault, not the event: try again, however long it takes.

    A value that does not fit its column is the event's fault, although asyncpg reports it as an error of the interface.
    """
    return isinstance(error, OURS) and not isinstance(error, ValueError)
