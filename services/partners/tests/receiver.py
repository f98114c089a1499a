"""A partner's receiver: a real HTTP server on loopback that verifies with the reference library and remembers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook

Answer = Callable[[int, dict[str, Any]], tuple[int, dict[str, str]]]
"""From how many came before and the event to a status and headers."""


@dataclass
class Receiver:
    answer: Answer = lambda _count, _event: (204, {})
    url: str = ""
    secret: str = ""
    came: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """The `webhook-id` and the event of everything that came, answered well or not."""
    accepted: list[dict[str, Any]] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.secret:
            Webhook(self.secret).verify(body.decode(), dict(request.headers))
        event = json.loads(body)
        status, headers = self.answer(len(self.came), event)
        async with self.changed:
            self.came.append((request.headers["webhook-id"], event))
            self.signatures.append(request.headers["webhook-signature"])
            if status < 300:
                self.accepted.append(event)
            self.changed.notify_all()
        return web.Response(status=status, headers=headers)

    async def until(self, condition: Callable[[Receiver], bool], timeout_s: float = 20) -> None:
        """Until what came is as wanted; raises `TimeoutError` when it never is."""
        async with asyncio.timeout(timeout_s), self.changed:
            await self.changed.wait_for(lambda: condition(self))


@asynccontextmanager
async def receiving(answer: Answer | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer) if answer else Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
