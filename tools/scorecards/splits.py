"""Splits that never depend on a library's generator: the same everywhere, for ever."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from hashlib import sha256


def parts_of(rows: Sequence[Hashable], defaulted: Sequence[int], count: int, seed: str) -> list[int]:
    """A part number from 0 to `count` - 1 for each row, each part with the same share of defaults.

    The order within a class is that of SHA-256 over seed and row number.
    """
    part = [0] * len(rows)
    for outcome in (0, 1):
        places = [place for place, actual in enumerate(defaulted) if actual == outcome]
        places.sort(key=lambda place: sha256(f"{seed}:{rows[place]}".encode()).digest())
        for position, place in enumerate(places):
            part[place] = position % count
    return part
