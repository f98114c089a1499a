"""The partners service over HTTP on loopback, with tokens, and example partners that it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn
from pydantic import SecretStr

from libs.service.identity import create_identity_app
from libs.service.testing import Served
from partners.example.app import HOOK, create_app
from partners.example.desk import Desk, Pay
from partners.example.setup import Configuration, open_desk, register
from partners.kit import Money, Patience
from services.partners.tests.world import world

HOST: Final = "127.0.0.1"
PATIENCE: Final = Patience(first_pause_s=0.05, whole_s=20)


@asynccontextmanager
async def serving(app: Any, *, lifespan: bool = True) -> AsyncIterator[str]:
    """An ASGI application on a free port of loopback: its URL."""
    server = uvicorn.Server(
        uvicorn.Config(app, host=HOST, port=0, log_level="warning", lifespan="on" if lifespan else "off")
    )
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
            assert not running.done(), "the server ended while it was started"
        yield f"http://{HOST}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@dataclass
class Platform:
    """The partners service, its neighbours' voices, and what a partner is given to reach it."""

    served: Served
    manager: httpx.AsyncClient
    configuration: Configuration


@asynccontextmanager
async def platform(database: str, directory: Path) -> AsyncIterator[Platform]:
    """With `harbour-bank` registered, for whom the development user `partner` speaks, and `hill-bank`."""
    async with world(database, directory) as (served, manager):
        identity = create_identity_app(served.issuer, host=HOST, path="/identity")

        async def both(scope: Any, receive: Any, send: Any) -> None:
            app = identity if scope["path"].startswith("/identity/") else served.app
            await app(scope, receive, send)

        async with serving(both, lifespan=False) as url:
            configuration = Configuration(
                url=url,
                partner="harbour-bank",
                token_url=f"{url}/identity/token",
                client_id="partner",
                client_secret=SecretStr(served.issuer.secret("partner")),
            )
            yield Platform(served, manager, configuration)


@asynccontextmanager
async def example(
    configuration: Configuration, path: Path, pay: Pay | None = None, policy: Path | None = None
) -> AsyncIterator[tuple[Desk, str]]:
    """The example partner at work, registered: its desk and the URL of its hook."""

    def nobody(_loan_id: str, _amount: Money) -> None:
        return

    desk = open_desk(configuration, path, pay or nobody, **({"policy": policy} if policy else {}))
    async with serving(create_app(desk)) as url:
        await asyncio.to_thread(register, desk, url + HOOK)
        yield desk, url + HOOK
    desk.client.close()
    desk.record.close()


async def until(condition: Callable[[], bool], what: str, timeout_s: float = 30) -> None:
    """Until it holds; a failure says what was waited for."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"after {timeout_s:.0f} s still not: {what}") from None
