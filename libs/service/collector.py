"""How often Python looks for cycles among what is kept.

A service keeps much for long: classes, routes, folded states, recent events. Python's full collections walk through all
of it, and come the more often the faster objects are made; at the usual thresholds they were a third of all processor
time of a platform at work. What is there at the start is set aside, and the rest is looked through seldom: what is not
part of a cycle goes at once in any case, by its reference count.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 20_000
"""New containers before a young collection. It looks at all that these refer to and costs a microsecond or two each, in
which the process answers nobody: some 30 milliseconds; with 50,000 it was up to 115. With 5,000, fewer than a few batches
of events are, it comes for what is at work, and costs more in sum."""
MIDDLE: Final = 250
OLD: Final = 10
"""A collection of what has grown older in five million containers that stayed, a full one in fifty million. What goes by
its reference count is not among them."""


def relax_collector() -> None:
    """Called when a process has started and is about to serve."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
