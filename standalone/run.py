"""`puhui run` and `puhui demo`: the platform in this process, its front end in another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Final

import httpx
import uvicorn
from rich.console import Console

from standalone.platform import HOST, Layout, platform, server
from standalone.postgres import EmbeddedPostgres
from standalone.processes import ServerProcess, free_port

FIRST_DATE: Final = date(2026, 1, 5)
READY_S: Final = 120.0
READY_POLL_S: Final = 0.05
BEGUN_BEFORE: Final = 3
"""Exit status of a demonstration that cannot be played on."""
DONE: Final = "demo.json"
"""Its presence in a directory says that the demonstration has been played there to the end."""

console = Console(stderr=True)


def run_platform(directory: Path, *, port: int, broker: str, loans: int, seed: int) -> int:
    """Serve until interrupted; first, on an empty store, play the demonstration (loans 0: not)."""
    layout, port = Layout(directory), port or free_port()
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # in order: what was started here is stopped here
    with platform(layout, port=port, broker_name=broker, first_date=FIRST_DATE, bank_seed=seed) as gateway:
        serving = server(gateway, port)
        url = f"http://{HOST}:{port}"
        front_end = FrontEnd(url, layout, loans=loans, seed=seed, began=began)
        watcher = threading.Thread(target=front_end.play, daemon=True)
        watcher.start()
        try:
            serving.run()
        finally:
            front_end.stop()
    return 0


class FrontEnd:
    """Waits until the platform is ready, says so, and plays the demonstration from a process of its own."""

    def __init__(self, url: str, layout: Layout, *, loans: int, seed: int, began: float) -> None:
        self._url, self._layout, self._loans, self._seed, self._began = url, layout, loans, seed, began
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def play(self) -> None:
        wait_until_ready(self._url, lambda: self._stopped)
        if self._stopped:
            return
        console.print(f"[bold green]Puhui is ready[/] after {time.monotonic() - self._began:.1f} s: {self._url}/docs")
        console.print(f"Development users and their secrets: {self._layout.identity / 'users.json'}")
        if self._loans and not (self._layout.directory / DONE).exists():
            self._child = start_front_end(self._url, self._layout.directory, self._loans, self._seed)
            if self._child.wait() == 0:
                console.print(f"The demonstration is over; the platform goes on serving at {self._url}")

    def stop(self) -> None:
        self._stopped = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            self._child.wait()


def run_demo(directory: Path, *, broker: str, loans: int, seed: int) -> int:
    """Play the demonstration in a fresh directory, leave `report.json` there, and stop."""
    layout = Layout(directory)
    end_leftovers(layout)
    shutil.rmtree(directory, ignore_errors=True)
    port = free_port()
    with platform(layout, port=port, broker_name=broker, first_date=FIRST_DATE, bank_seed=seed) as gateway:
        serving = server(gateway, port)
        url = f"http://{HOST}:{port}"
        with served_in_background(serving):
            wait_until_ready(url, lambda: False)
            child = start_front_end(url, directory, loans, seed)
            try:
                status = child.wait()
            except KeyboardInterrupt:
                child.terminate()
                status = child.wait()
    return status


def end_leftovers(layout: Layout) -> None:
    """End the servers that a killed run left behind, before their files are taken from under them.

    Raises `DirectoryInUse` when that run is alive: then it needs its servers.
    """
    with ExitStack() as held:
        if layout.postgres.exists():  # its lock is held by who runs; starting it deals with what is left of the last
            held.enter_context(EmbeddedPostgres(layout.postgres))
        for record in layout.directory.glob("**/*.pid"):
            if record.name != "postmaster.pid":
                ServerProcess(record.stem, record.parent).end_orphan()


@contextmanager
def served_in_background(serving: uvicorn.Server) -> Iterator[None]:
    thread = threading.Thread(target=serving.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        serving.should_exit = True
        thread.join()


def start_front_end(url: str, directory: Path, loans: int, seed: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "standalone.cli", "drive", url, str(directory)]
    return subprocess.Popen([*command, "--loans", str(loans), "--seed", str(seed)])


def wait_until_ready(url: str, given_up: Callable[[], bool]) -> None:
    """Until every service says that it is ready; raises `TimeoutError`."""
    deadline = time.monotonic() + READY_S
    # One client for all questions: making one reads all certificates that this machine trusts, 50 ms of the processor,
    # which would be taken from what is being started.
    with httpx.Client(timeout=5) as http:
        while not given_up():
            with contextlib.suppress(httpx.TransportError):
                if http.get(f"{url}/health/ready").status_code == 200:
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"the platform was not ready within {READY_S:.0f} s")
            time.sleep(READY_POLL_S)


def drive_platform(url: str, directory: Path, *, loans: int, seed: int) -> int:
    """The front end's part: play, report, say what came out."""
    from standalone.demo.play import BegunBefore, play
    from standalone.demo.report import summary

    try:
        report = asyncio.run(play(url, Layout(directory), first_date=FIRST_DATE, loans=loans, seed=seed))
    except BegunBefore as error:
        console.print(f"The demonstration was interrupted and is not played on: {error}. All that it did is kept.")
        console.print(f"For a whole one: `make demo`, or begin anew without {directory}.")
        return BEGUN_BEFORE
    text = json.dumps(report, ensure_ascii=False, indent=2) + "\n"
    (directory / "report.json").write_text(text, encoding="utf-8")
    (directory / DONE).write_text(text, encoding="utf-8")
    console.print(summary(report))
    return 0 if report["sound"] else 1
