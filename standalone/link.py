"""Two processes that tell and ask each other: a line of JSON each, over a socket that nobody else has."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, Final

LINE_BYTES_MAX: Final = 2**20


class Link:
    """One end. What the other may tell (`tells`) or ask (`asks`) is named here, with who takes it.

    Not told or answered: whatever is said while the other end is gone. `ask` raises `ConnectionError` then.
    """

    def __init__(
        self, tells: Mapping[str, Callable[..., None]], asks: Mapping[str, Callable[..., Awaitable[Any]]] | None = None
    ) -> None:
        self._tells, self._asks = tells, asks or {}
        self._writer: asyncio.StreamWriter | None = None
        self._numbers = count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def open(self, end: socket.socket) -> asyncio.StreamReader:
        """Speak over `end` from now on; to be handed to `run`."""
        reader, self._writer = await asyncio.open_connection(sock=end, limit=LINE_BYTES_MAX)
        return reader

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Take what comes until the other end is closed; this one is closed then."""
        writer = self._writer
        assert writer is not None, "opened"
        try:
            while line := await reader.readline():
                self._take(json.loads(line))
        except ConnectionError:
            pass
        finally:
            self._writer = None
            writer.close()
            for task in self._answering:
                task.cancel()
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(ConnectionError("the other process is gone"))
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def tell(self, what: str, *of: Any) -> None:
        """Say it, and do not wait."""
        self._say({"tell": what, "of": of})

    async def ask(self, what: str, *of: Any) -> Any:
        """The answer; raises `ConnectionError` when none comes, or when the other cannot give one."""
        number = next(self._numbers)
        self._asked[number] = future = asyncio.get_running_loop().create_future()
        try:
            if not self._say({"ask": what, "of": of, "number": number}):
                raise ConnectionError("the other process is not there")
            return await future
        finally:
            del self._asked[number]

    def _say(self, message: Mapping[str, Any]) -> bool:
        if self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(json.dumps(message).encode() + b"\n")
        return True

    def _take(self, message: Mapping[str, Any]) -> None:
        if "tell" in message:
            self._tells[message["tell"]](*message["of"])
        elif "ask" in message:
            task = asyncio.create_task(self._answer(message))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        elif (future := self._asked.get(message["number"])) is not None and not future.done():
            if "failed" in message:
                future.set_exception(ConnectionError(message["failed"]))
            else:
                future.set_result(message["answer"])

    async def _answer(self, message: Mapping[str, Any]) -> None:
        number = message["number"]
        try:
            self._say({"number": number, "answer": await self._asks[message["ask"]](*message["of"])})
        except Exception as error:  # noqa: BLE001 - whatever it was: the other shall not wait for ever
            self._say({"number": number, "failed": f"{type(error).__name__}: {error}"})
