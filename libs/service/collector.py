"""How often Python looks for cycles among what is kept.

A service keeps much for long: classes, routes, folded states, recent events. Python's full collections walk through all
of it, and come the more often the faster objects are made; at the usual thresholds they were a third of all processor
time of a platform at work. What is there at the start is set aside, and the rest is looked through seldom: what is not
part of a cycle goes at once in any case, by its reference count.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 50_000
"""New containers before a young collection: some megabytes."""
MIDDLE: Final = 20
OLD: Final = 50
"""A full collection in fifty million new containers, unless memory grows."""


def relax_collector() -> None:
    """Called when a process has started and is about to serve."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
