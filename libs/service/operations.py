"""What operators see and do of a running service: progress, parked events."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from libs.events.feeds import OwnFeed
from libs.events.operations import Progress
from libs.events.rebuild import verify
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import ResponseModel
from libs.service.parked import parked_routes
from libs.service.runtime import Runtime, runtime_of

Reader = Annotated[Actor, Depends(require("operator", "auditor", "service"))]
Running = Annotated[Runtime, Depends(runtime_of)]


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class ProgressReport(ResponseModel):
    """How far a service has got, and whom it hears: lay all services' reports side by side to see what is on its way."""

    model_config = example(
        service="ledger",
        topic="puhui.ledger",
        business_date="2026-02-02",
        subscriptions={"ledger": ["puhui.contract"], "books.v1": [""]},
        progress=Progress(last_sequence=42, relay_position=42, published=(42, 40)).to_json(),
    )

    service: str
    topic: str
    business_date: str
    subscriptions: dict[str, list[str]]
    progress: dict[str, Any]


class Verified(ResponseModel):
    """A read model compared, row by row, with one built again from the events."""

    model_config = example(read_model="books.v1", events=42_000, differing_rows=0, differences=[], equal=True)

    read_model: str
    events: int
    differing_rows: int
    differences: list[str] = Field(description="The first of the rows that differ.")
    equal: bool


@cache
def operations_router(service: str) -> APIRouter:
    """The operators' operations under `/<service>/operations`."""
    router = APIRouter(prefix="/operations", tags=["operations"])

    @router.get("/progress", summary="How far this service has got")
    async def read_progress(_actor: Reader, runtime: Running) -> ProgressReport:
        """Last sequence, relay, consumers, tasks and parked events of this service at one moment."""
        progress = await runtime.store.progress()
        return ProgressReport(
            service=service,
            topic=runtime.topic,
            business_date=runtime.today.isoformat(),
            subscriptions={name: list(topics) for name, (topics, _) in runtime.subscriptions.items()},
            progress=progress.to_json(),
        )

    @router.post("/verifications", summary="Build every read model again and compare")
    async def verify_read_models(call: Annotated[Call, command("operator", "auditor")]) -> list[Verified]:
        """Each projection is built from the first event on in tables of its own and compared with the live one at the
        same position, row by row; the live one goes on meanwhile and is not touched."""
        found = []
        for projection in call.runtime.projections:
            feed = OwnFeed(call.runtime.store, f"/puhui/{service}")
            comparison = await verify(call.runtime.store, projection, call.runtime.codec, feed)
            found.append(
                Verified(
                    read_model=projection.consumer,
                    events=sum(comparison.positions.values()),
                    differing_rows=comparison.differing,
                    differences=[str(difference) for difference in comparison.differences],
                    equal=comparison.equal,
                )
            )
        return found

    parked_routes(router)
    return router
