"""When a webhook is sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

PARTS: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """Pauses before each attempt, the first one included, each longer by up to `jitter_percent`.

    The jitter follows from the message and the attempt: endpoints that fell over together are not called again
    together, and a test sees the same times twice.
    """

    pauses_s: Sequence[int]
    jitter_percent: int
    retry_after_s_max: int

    @property
    def attempts(self) -> int:
        return len(self.pauses_s)

    def pause_ms(self, webhook_id: str, endpoint_id: str, failed: int, retry_after_s: int | None = None) -> int | None:
        """Milliseconds until the next attempt after `failed` ones; None when that was the last.

        A receiver's `Retry-After` lengthens a pause, up to the limit, and never shortens it.
        """
        if failed >= len(self.pauses_s):
            return None
        base_ms = self.pauses_s[failed] * 1000
        digest = sha256(f"{webhook_id}/{endpoint_id}/{failed}".encode()).digest()
        spread_ms = base_ms * self.jitter_percent * int.from_bytes(digest[:4], "big") // (100 * PARTS)
        asked_ms = min(retry_after_s or 0, self.retry_after_s_max) * 1000
        return max(base_ms + spread_ms, asked_ms)
