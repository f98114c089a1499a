"""Ports: nobody is given one twice, and one that is taken is told before anything is started."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from standalone import processes
from standalone.platform import Layout, platform
from standalone.processes import LOOPBACK, PortInUse, free_port

ASK = (
    "import sys; from standalone import processes as p; p._PORTS = range(*map(int, sys.argv[1:])); print(p.free_port())"
)

only_reserved_on_linux = pytest.mark.skipif(sys.platform != "linux", reason="ports are only reserved on Linux")


@only_reserved_on_linux
def test_a_free_port_is_given_once_to_this_process_and_others(monkeypatch: pytest.MonkeyPatch) -> None:
    first = _four_in_a_row()
    monkeypatch.setattr(processes, "_PORTS", range(first, first + 4))
    ours = {free_port() for _ in range(3)}
    other = subprocess.run([sys.executable, "-c", ASK, str(first), str(first + 4)], capture_output=True, check=True)
    assert len(ours) == 3
    assert {int(other.stdout)} == set(range(first, first + 4)) - ours
    assert free_port() == int(other.stdout), "who had it has ended"
    with pytest.raises(OSError, match=f"no port from {first} to {first + 3}"):
        free_port()


def test_a_server_listens_at_the_port_that_was_reserved_for_it() -> None:
    port = free_port()

    async def greet() -> bytes:
        async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            writer.close()

        async with await asyncio.start_server(hello, LOOPBACK, port):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            said = await reader.read()
            writer.close()
            return said

    assert asyncio.run(greet()) == b"hello"


def test_a_platform_whose_port_is_taken_says_so_before_it_starts_anything(empty_directory: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as others:
        port = others.getsockname()[1]
        starting = platform(
            Layout(empty_directory), port=port, broker_name="tansu", first_date=date(2026, 1, 5), bank_seed=1
        )
        with pytest.raises(PortInUse, match=f"port {port} .* PUHUI_PORT"), starting:
            pass
    assert not empty_directory.exists() or not any(empty_directory.iterdir())


def _four_in_a_row() -> int:
    """The first of four ports that nobody has now."""
    for first in range(16_384, 30_000, 4):
        held = [socket.socket() for _ in range(4)]
        try:
            for number, one in enumerate(held):
                one.bind((LOOPBACK, first + number))
            return first
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
    raise AssertionError("no four ports are free")
