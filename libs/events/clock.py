"""The one clock: a hybrid logical clock (Kulkarni et al. 2014) in whole microseconds.

Wall time, but never backwards, never the same twice, and always after the cause it is told of. The logical part lives
in the microseconds themselves, so that a time stays an ordinary RFC 3339 timestamp.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def wall_clock_us() -> int:
    return time.time_ns() // 1_000


class Clock:
    """Hands out recorded times. One a process; not shared between threads."""

    def __init__(self, wall_us: Callable[[], int] = wall_clock_us) -> None:
        self._wall_us = wall_us
        self._last_us = 0
        self._second = -1
        self._prefix = ""

    def now_us(self, after_us: int = 0) -> int:
        """Microseconds since 1970, later than any handed out before and than `after_us`."""
        self._last_us = max(self._wall_us(), self._last_us + 1, after_us + 1)
        return self._last_us

    def now(self, after: str | None = None) -> str:
        """The same as an RFC 3339 timestamp in UTC with six digits."""
        second, microsecond = divmod(self.now_us(parse_us(after) if after else 0), 1_000_000)
        if second != self._second:  # most of a timestamp is the same for a whole second
            self._second, self._prefix = second, format_us(second * 1_000_000)[:20]
        return f"{self._prefix}{microsecond:06d}Z"


def format_us(microseconds: int) -> str:
    moment = EPOCH + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}Z"


def parse_us(timestamp: str) -> int:
    """Microseconds of an RFC 3339 timestamp; raises `ValueError` for anything else."""
    moment = datetime.fromisoformat(timestamp)
    if moment.tzinfo is None:
        raise ValueError(f"{timestamp!r} names no offset from UTC")
    return (moment - EPOCH) // timedelta(microseconds=1)
