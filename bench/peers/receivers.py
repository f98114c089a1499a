"""Receivers of webhooks in a process of their own: fast ones, one that is slow, one that never answers."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final, cast

import uvloop

NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
NEVER: Final = -1.0


@dataclass(frozen=True, slots=True)
class Came:
    """A request as it came: to which receiver, under which `webhook-id`, when (`time.monotonic`)."""

    receiver: int
    webhook_id: str
    at: float


class Receiver(asyncio.Protocol):
    """The least of an HTTP server: reads a request, notes it, answers 204 after so long."""

    def __init__(self, number: int, answers_after_s: float, came: list[Came]) -> None:
        self._number, self._answers_after_s, self._came = number, answers_after_s, came
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            size = int(_header(head, b"content-length") or 0)
            if len(self._read) < end + 4 + size:
                return
            self._read = self._read[end + 4 + size :]
            self._came.append(Came(self._number, _header(head, b"webhook-id").decode(), time.monotonic()))
            if self._answers_after_s == 0:
                self._transport.write(NO_CONTENT)
            elif self._answers_after_s > 0:
                asyncio.get_running_loop().call_later(self._answers_after_s, self._transport.write, NO_CONTENT)


def _header(head: bytes, name: bytes) -> bytes:
    at = head.find(b"\r\n" + name + b":")
    return head[at + len(name) + 3 :].split(b"\r\n", 1)[0].strip() if at >= 0 else b""


@dataclass(frozen=True, slots=True)
class Receivers:
    """`take()` gives what came since it was last asked."""

    ports: Sequence[int]
    pipe: Connection

    def take(self) -> list[Came]:
        self.pipe.send("take")
        came: list[Came] = self.pipe.recv()
        return came


@contextmanager
def receivers(answers_after_s: Sequence[float]) -> Iterator[Receivers]:
    """A receiver for each of these: 0 answers at once, `NEVER` reads and says nothing."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_process, args=(tuple(answers_after_s), theirs))
    process.start()
    theirs.close()  # so that its end is seen when it ends
    try:
        yield Receivers(ours.recv(), ours)
    finally:
        ours.send("stop")
        process.join(30)
        if process.is_alive():
            process.kill()


def _process(answers_after_s: Sequence[float], pipe: Connection) -> None:
    uvloop.run(_serve(answers_after_s, pipe))


async def _serve(answers_after_s: Sequence[float], pipe: Connection) -> None:
    loop, came = asyncio.get_running_loop(), list[Came]()
    servers = [
        await loop.create_server(lambda number=number, after=after: Receiver(number, after, came), "127.0.0.1", 0)  # type: ignore[misc]
        for number, after in enumerate(answers_after_s)
    ]
    pipe.send([server.sockets[0].getsockname()[1] for server in servers])
    asked = asyncio.Event()
    loop.add_reader(pipe.fileno(), asked.set)
    os.set_blocking(pipe.fileno(), True)  # libuv made it otherwise: an answer of many deliveries is more than it takes
    while True:
        await asked.wait()
        asked.clear()
        if pipe.recv() == "stop":
            break
        taken, came[:] = list(came), []
        pipe.send(taken)
    for server in servers:
        server.close()
