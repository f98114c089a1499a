"""The process that sets documents, beside the one that needs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Final

import psutil

from services.contract.press import YIELDS, Press

ENDS_WITHIN_S: Final = 30
OWNER: Final = """
import asyncio, os
from services.contract.press import press

async def work():
    print(await press.run(os.getpid), flush=True)
    await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(work())
"""


async def test_the_press_gives_way_to_the_process_that_needs_it() -> None:
    own, press = os.nice(0), Press()
    press.take()
    try:
        assert await press.run(os.nice, 0) == min(own + YIELDS, 19)
        if sys.platform == "linux":
            assert await press.run(os.sched_getscheduler, 0) == os.SCHED_IDLE != os.sched_getscheduler(0)
    finally:
        await press.stop()


def test_the_press_ends_with_a_process_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        press = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
    _, alive = psutil.wait_procs([press], timeout=ENDS_WITHIN_S)
    assert alive == []


async def test_an_interrupt_at_the_terminal_is_not_the_presss_to_heed() -> None:
    press = Press()
    press.take()
    try:
        assert await press.run(signal.getsignal, signal.SIGINT) is signal.SIG_IGN
    finally:
        await press.stop()
