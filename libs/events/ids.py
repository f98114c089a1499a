"""The one maker of identifiers."""

from __future__ import annotations

import os
import time
from uuid import UUID, uuid5


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): ordered by time in milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80 | random
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def derive_id(cause: UUID, purpose: str) -> UUID:
    """The identifier of what `cause` leads to (UUID version 5): a retry finds the same one, so it repeats nothing."""
    return uuid5(cause, purpose)
