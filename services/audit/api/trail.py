"""The trail: who did what, when, on whose authority, from which data, by which rules, caused by what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.runtime import Runtime, runtime_of
from services.audit import models
from services.audit.access import RecordedRoute
from services.audit.export import MEDIA_TYPES, Format, exported
from services.audit.search import Search, everything, search, with_sources
from services.audit.views import trail

router = APIRouter(tags=["trail"], route_class=RecordedRoute)

Auditor = Annotated[Actor, Depends(require("auditor", "risk_manager", "operator", "service"))]
Running = Annotated[Runtime, Depends(runtime_of)]
Searched = Annotated[Search, Depends(search)]

ORDERS = {"sequence": trail.c.sequence, "recorded_at": trail.c.recorded_at}
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            media.split(";")[0]: {"schema": {"type": "string", "format": "binary"}, "example": "..."}
            for media in MEDIA_TYPES.values()
        },
        "description": "All rows that were found, as a stream.",
    }
}


@router.get("/trail", summary="The trail of a loan, a subject, an officer, a rule version or a period")
async def list_trail(
    _actor: Auditor,
    runtime: Running,
    searched: Searched,
    sort: Annotated[
        str | None, Query(max_length=30, description="sequence or recorded_at; - before it for newest first.")
    ] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[models.TrailEntry]:
    """Every condition may be joined with every other; `effective` and `known` ask as of a pair of times."""
    keys = parse_sort(sort, ORDERS, default="sequence", unique="sequence")
    rows = await runtime.fetch(paginate(searched.statement, keys, cursor=cursor, limit=limit))
    return page_of(await with_sources(runtime, rows), keys, limit=limit, item=models.TrailEntry.of)


@router.get("/trail/export", summary="The same as a file", response_class=StreamingResponse, responses=FILES)
async def export_trail(
    _actor: Auditor,
    runtime: Running,
    searched: Searched,
    format: Annotated[Format, Query(description="ndjson, csv or parquet.")] = Format.NDJSON,
) -> StreamingResponse:
    """All rows that are found, in order, streamed: it may be millions. In CSV and Parquet `rules` and `sources` are
    JSON texts; in CSV a text that a spreadsheet would take for a formula has an apostrophe before it."""
    named = f'attachment; filename="trail.{format.value}"'
    rows = exported(everything(runtime, searched.statement), format)
    return StreamingResponse(rows, media_type=MEDIA_TYPES[format], headers={"Content-Disposition": named})
