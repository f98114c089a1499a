"""Which payments go wrong, and how: the same seed and payment id always give the same outcome."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from hashlib import sha256
from typing import Final

SCALE: Final = 10_000
"""Rates are basis points: whole numbers of ten thousand payments."""


class Outcome(StrEnum):
    CONFIRMED = "confirmed"
    """Paid and said so at once."""
    ACCEPTED = "accepted"
    """Accepted, paid later: who asks is told when it was."""
    SLOW = "slow"
    """Paid, but the answer comes later than anybody waits."""
    ERROR_BEFORE = "error-before"
    """The first request breaks before anything was done."""
    ERROR_AFTER = "error-after"
    """Paid, but the answer is an error."""
    DUPLICATE = "duplicate"
    """Paid once, told twice in the statement."""
    REFUSED = "refused"
    """Never paid: the account is closed or does not exist."""
    REFUSED_FOR_NOW = "refused-for-now"
    """Not paid: no liquidity at the moment."""
    RETURNED = "returned"
    """Paid, and sent back by the receiving bank some days later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Rates in basis points, and how long things take. All zero: a bank without faults."""

    accepted: int = 0
    slow: int = 0
    error_before: int = 0
    error_after: int = 0
    duplicate: int = 0
    refused: int = 0
    refused_for_now: int = 0
    returned: int = 0
    slow_s: float = 5.0
    return_days: int = 3
    """Business days until a returned payment is back."""

    def __post_init__(self) -> None:
        rates = [getattr(self, name) for name in RATES]
        if any(type(rate) is not int or rate < 0 for rate in rates) or sum(rates) > SCALE:
            raise ValueError(f"fault rates are whole basis points and sum to at most {SCALE}")
        if self.slow_s < 0 or self.return_days < 0:
            raise ValueError("times are not negative")


RATES: Final = tuple(field.name for field in fields(Faults) if field.name not in ("slow_s", "return_days"))


def draw(seed: int, purpose: str, size: int) -> int:
    """A number below `size` that belongs to a seed and a purpose."""
    digest = sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % size


def outcome_of(seed: int, faults: Faults, payment_id: str) -> Outcome:
    """What becomes of a payment."""
    drawn = draw(seed, f"outcome/{payment_id}", SCALE)
    for name in RATES:
        drawn -= getattr(faults, name)
        if drawn < 0:
            return Outcome(name.replace("_", "-"))
    return Outcome.CONFIRMED
