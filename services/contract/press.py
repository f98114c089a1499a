"""Sets documents in a process of its own: a document costs some milliseconds of processor time, which no event loop
has to give, and a thread would only take from it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import get_context, parent_process
from typing import Final, ParamSpec, TypeVar

from libs.typesetting.typography import prepare

P = ParamSpec("P")
T = TypeVar("T")

PROCESSES: Final = 1
YIELDS: Final = 10
"""Steps of niceness below the rest: where cores are short a document waits, not a request or a decision. Of bursts of
20 applications a second, in three pairs of runs, the middle decision was there after 0.5 to 0.9 of the time.

On Linux it runs only where a core has nothing else to do, and is interrupted at once by what comes (`SCHED_IDLE`), instead
of at the end of its turn of some milliseconds (docs/adr/0076)."""


class Press:
    """Runs functions of the document module elsewhere; functions and arguments must survive pickling."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._users = 0

    def take(self) -> None:
        """Whoever takes it stops it too: it ends with the last one."""
        self._users += 1

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result. A press that died is replaced, and the work is done again by the new one."""
        work = partial(function, *args, **kwargs)
        try:
            return await self._submit(work)
        except BrokenProcessPool:
            self._pool = None
            return await self._submit(work)

    async def _submit(self, work: Callable[[], T]) -> T:
        if self._pool is None:
            # Spawned, not forked: a fork would inherit connections and an event loop that are not its own.
            self._pool = ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=_begin)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def stop(self) -> None:
        """End the process when what it works on is done, unless somebody else uses it."""
        self._users -= 1
        if self._users > 0:
            return
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown)


def _begin() -> None:
    """In the new process: ready to set, and gone when the one that started it is, however that ended. An interrupt at the
    terminal reaches it too, and is the starter's to heed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(YIELDS)
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may refuse it; documents are set all the same
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None, "the press was started by another process"
    parent.join()
    os._exit(1)


press: Final = Press()
"""One a process: documents of all kinds take turns."""
