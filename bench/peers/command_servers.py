"""Two HTTP servers for the same command, each one uvicorn worker: `python -m bench.peers.command_servers ours|bare`.

`ours` is the chassis with the kit: a verified bearer token and role, an idempotency key, decide, append with the answer.
`bare` is FastAPI with nothing but a pydantic body and one hand-written statement. Both are told by the environment:
DATABASE (its URL), PORT, DIRECTORY (the issuer's keys).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import uuid4

import asyncpg
import uvicorn
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.responses import Response

from libs.events.clock import Clock
from libs.events.commands import CommandHandler
from libs.events.postgres import connect
from libs.events.sequencer import Sequencer
from libs.events.signals import Fanout, Signal
from libs.events.tests.shop import CODEC, ITEM, Receive
from libs.service.app_factory import create_app
from libs.service.auth import TokenVerifier
from libs.service.business_date import BusinessDate
from libs.service.commands import Call, command
from libs.service.keys import JwksFile
from libs.service.models import RequestModel
from libs.service.runtime import Runtime
from libs.service.settings import ServiceSettings

ISSUER: Final = "http://identity.test"
CONNECTIONS: Final = 8
BY_HAND: Final = "insert into receipt (id, item, quantity, key) values ($1, $2, $3, $4)"
BY_HAND_TABLE: Final = "create table receipt (id uuid primary key, item text, quantity int, key text unique)"

router = APIRouter()


class Receipt(RequestModel):
    """Goods that came in."""

    quantity: int = Field(ge=1, le=1_000_000)


@router.post("/items/{item_id}/receipts", status_code=201, summary="Receive goods")
async def receive(item_id: str, body: Receipt, call: Annotated[Call, command("loan_officer")]) -> Any:
    """Adds to the stock of an item."""
    stream = ITEM.stream_id(item_id)
    return await call.execute(ITEM, stream, Receive(body.quantity), lambda s: {"quantity": s.quantity}, status=201)


@asynccontextmanager
async def running(settings: ServiceSettings) -> AsyncIterator[Runtime]:
    url = settings.database_url.get_secret_value()
    store = await connect(url, min_size=CONNECTIONS, max_size=CONNECTIONS)
    appended, clock, stamped = Signal(), Clock(), Fanout()
    runtime = Runtime(
        name="shop",
        topic="shop",
        settings=settings,
        store=store,
        engine=create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1)),
        codec=CODEC,
        clock=clock,
        commands=CommandHandler(store, CODEC, clock, appended.set),
        business_date=BusinessDate(store, date(2026, 1, 5)),
        appended=appended,
        stamped=stamped,
        wake_tasks=Signal(),
    )
    sequencing = asyncio.create_task(Sequencer(store, "shop", appended, stamped).run())
    yield runtime
    sequencing.cancel()
    await asyncio.gather(sequencing, return_exceptions=True)
    await store.close()


def ours(database: str, directory: Path) -> FastAPI:
    settings = ServiceSettings(
        service="shop", database_url=SecretStr(database), kafka_bootstrap="none:0",
        jwks_file=directory / "jwks.json", token_issuer=ISSUER,
    )  # fmt: skip

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings) as app.state.runtime:
            yield

    verifier = TokenVerifier(JwksFile(directory / "jwks.json"), issuer=ISSUER, audience="puhui")
    return create_app(
        "shop", title="Shop", description="A shop.", routers=[router], verifier=verifier, lifespan=lifespan
    )


class BareReceipt(BaseModel):
    quantity: int


def bare(database: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async def keep(_connection: Any) -> None:
            return

        async with asyncpg.create_pool(database, min_size=CONNECTIONS, max_size=CONNECTIONS, reset=keep) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/shop/items/{item_id}/receipts", status_code=201)
    async def receive_bare(item_id: str, body: BareReceipt) -> Response:
        made = uuid4()
        await app.state.pool.execute(BY_HAND, made, item_id, body.quantity, str(made))
        return Response(b'{"quantity":1}', 201, media_type="application/json")

    return app


def main() -> None:
    database, directory = os.environ["DATABASE"], Path(os.environ["DIRECTORY"])
    app = ours(database, directory) if sys.argv[1] == "ours" else bare(database)
    uvicorn.run(
        app, host="127.0.0.1", port=int(os.environ["PORT"]), log_config=None, access_log=False, server_header=False
    )


if __name__ == "__main__":
    main()
