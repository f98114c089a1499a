"""Keeps background loops running: one that fails begins anew after a pause, one that is stuck is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, TypeVar

import structlog

from libs.events import metrics

log = structlog.get_logger(__name__)

T = TypeVar("T")

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 1.0
"""A try costs little, and what was away may be back: whoever takes over a relay must not sleep through the lease's end."""
HEALTHY_S: Final = 30.0
"""A loop that ran this long before it failed is not failing again and again."""
STUCK_AFTER_S: Final = 60.0
"""Longer than any wait that a loop may have of its own: the longest is for a task on the outside world."""
LOOKS: Final = 4
"""How often a loop is looked at within that time. Looks are counted, not seconds: a process that was stopped and
continued has missed one look, and is not taken for stuck."""
FINISH_S: Final = 10.0
"""How long a step that was begun may take to its end when its loop is to end."""


class Stuck(Exception):
    """A loop made no progress for too long, or ended without an error although nobody asked it to."""


@dataclass(slots=True)
class _Pulse:
    beats: int = 0


_pulse: ContextVar[_Pulse | None] = ContextVar("puhui_loop", default=None)


def beat() -> None:
    """Called by a loop at each of its steps: it makes progress, or it would if there were anything to do."""
    pulse = _pulse.get()
    if pulse is not None:
        pulse.beats += 1


async def finishing(step: Awaitable[T]) -> T:
    """A step that comes to its end although its loop is cancelled meanwhile; then the cancellation goes on.

    So an orderly shutdown finishes the batch at hand. A step that takes longer than `FINISH_S` is cut off, which is
    no worse than a crash.
    """
    task = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task}, timeout=FINISH_S)
        finally:
            await _end(task)
        raise


class _Failures:
    """Of one loop. One that goes on and on is worth telling at its first, second, fourth, eighth time and so forth."""

    def __init__(self) -> None:
        self._last, self.times = "", 0

    def count(self, error: Exception, *, anew: bool) -> bool:
        """Whether to tell it; `anew`: the loop ran well before."""
        self.times = 1 if anew or repr(error) != self._last else self.times + 1
        self._last = repr(error)
        return self.times & (self.times - 1) == 0


async def keep_running(
    service: str, name: str, run: Callable[[], Awaitable[None]], stuck_after_s: float = STUCK_AFTER_S
) -> None:
    """Run until cancelled. Passing faults of broker and database are expected; each is logged with its cause.

    A run that does not `beat` for `stuck_after_s` is cancelled and another one takes its place. Should the stuck one
    come to life again, it finds that its positions have moved on, and changes nothing.
    """
    pause_s, failures, time = FIRST_PAUSE_S, _Failures(), asyncio.get_running_loop().time
    while True:
        began = time()
        try:
            await _watched(run, stuck_after_s)
            return
        except Stuck as error:
            metrics.LOOPS_STUCK.labels(service, name).inc()
            log.error("loop is stuck and is replaced", service=service, loop=name, error=str(error))
        except Exception as error:
            metrics.LOOP_FAILURES.labels(service, name).inc()
            if failures.count(error, anew=time() - began > HEALTHY_S):
                again = {"service": service, "loop": name, "times": failures.times}
                log.warning("loop failed and begins anew", **again, exc_info=error)
        if time() - began > HEALTHY_S:
            pause_s = FIRST_PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def _watched(run: Callable[[], Awaitable[None]], stuck_after_s: float) -> None:
    pulse = _Pulse()
    token = _pulse.set(pulse)
    task = asyncio.ensure_future(run())
    assert isinstance(task, asyncio.Task), "what runs is a coroutine"
    _pulse.reset(token)
    seen, silent = 0, 0
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=stuck_after_s / LOOKS)
            silent = silent + 1 if pulse.beats == seen else 0
            seen = pulse.beats
            if silent >= LOOKS and not task.done():
                raise Stuck(f"no progress for {stuck_after_s:g} s in {' > '.join(where(task))}")
        if task.cancelled():  # not by us: a client let a cancellation of its own escape
            raise Stuck("ended by a cancellation that nobody asked for")
        task.result()
    finally:
        await _end(task)


def where(task: asyncio.Task[Any]) -> list[str]:
    """What a task waits in: function and line, from its outermost coroutine to the innermost one."""
    waiting: Any = task.get_coro()
    places: list[str] = []
    while waiting is not None:
        frame, awaited = _frame_of(waiting)
        if frame is None:
            break
        places.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        if frame.f_code is finishing.__code__ and isinstance(step := frame.f_locals["task"], asyncio.Task):
            awaited = step.get_coro()  # a task beside it
        waiting = awaited
    return places


def _frame_of(waiting: Any) -> tuple[FrameType | None, Any]:
    """The frame of a coroutine or generator, and what it awaits."""
    for kind, awaits in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
        if hasattr(waiting, f"{kind}_frame"):
            return getattr(waiting, f"{kind}_frame"), getattr(waiting, awaits)
    return None, None


async def _end(task: asyncio.Future[T]) -> None:
    """Cancel what is not done, and see its end, whichever it is."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=2 * FINISH_S)
    if task.done() and not task.cancelled():
        task.exception()
