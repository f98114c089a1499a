"""The one maker of identifiers."""

from __future__ import annotations

import os
import time
from uuid import UUID, uuid5

from asyncpg.pgproto import pgproto


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): ordered by time in milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000 & (2**48 - 1)
    random = int.from_bytes(os.urandom(10), "big") & ~(0xF << 76 | 0x3 << 62)
    value = milliseconds << 80 | 0x7 << 76 | 0x2 << 62 | random
    return pgproto.UUID(value.to_bytes(16, "big"))  # as the store has them; uuid.UUID takes twice as long, and to print


def derive_id(cause: UUID, purpose: str) -> UUID:
    """The identifier of what `cause` leads to (UUID version 5): a retry finds the same one, so it repeats nothing."""
    return uuid5(cause, purpose)
