"""How often Python looks for cycles among what is kept.

A service keeps much for long: classes, routes, folded states, recent events. Python's full collections walk through all
of it, and come the more often the faster objects are made; at the usual thresholds they were a third of all processor
time of a platform at work. What is there at the start is set aside, and the rest is looked through seldom: what is not
part of a cycle goes at once in any case, by its reference count.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 5_000
"""New containers before a young collection. It looks at all that these refer to, so each costs microseconds: some ten
milliseconds in which the process answers nobody; with ten times as many it was a hundred."""
MIDDLE: Final = 1_000
OLD: Final = 10
"""A collection of what has grown older in five million containers that stayed, a full one in fifty million. What goes by
its reference count is not among them."""


def relax_collector() -> None:
    """Called when a process has started and is about to serve."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
