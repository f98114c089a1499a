"""The smallest HTTP client there is: one connection, one request after another, so that the server is what is measured."""

from __future__ import annotations

import asyncio
import time
from typing import Self


class Connection:
    """Keep-alive HTTP/1.1 to loopback."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int, patience_s: float = 60.0) -> Self:
        """Connect, waiting for a server that is only starting."""
        end = time.monotonic() + patience_s
        while True:
            try:
                return cls(*await asyncio.open_connection("127.0.0.1", port))
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.1)

    async def post(self, path: str, body: bytes, headers: str) -> int:
        """Send and wait for the whole answer; its status. `headers` are whole lines, each with its end."""
        self._writer.write(
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{headers}\r\n".encode()
            + body
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        at = lowered.index(b"content-length:") + len(b"content-length:")
        await self._reader.readexactly(int(lowered[at : lowered.index(b"\r\n", at)]))
        return int(head[9:12])

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
