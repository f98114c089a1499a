"""Evidence that needs no trust: bundles, the heads of the logs, their tiles and keys."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Response

from libs.contracts.types import Id
from libs.evidence.tiles import tile_path
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.problems import CONFLICT, NOT_FOUND, Problem
from libs.service.runtime import Runtime, runtime_of
from services.audit import models
from services.audit.access import RecordedRoute
from services.audit.evidence import NotProvable, evidence_of
from services.audit.history import application_of
from services.audit.leaves import HEARD
from services.audit.logs import LogState, logs_of

bundles = APIRouter(tags=["evidence"], route_class=RecordedRoute)
router = APIRouter(tags=["evidence"])
"""Heads, tiles and keys say nothing of anybody: who reads them is not on record."""

Auditor = Annotated[Actor, Depends(require("auditor", "risk_manager", "operator", "service"))]
Running = Annotated[Runtime, Depends(runtime_of)]
LogName = Annotated[str, Path(pattern="^[a-z]{1,32}$", description="The service whose sequence it is.")]

NOTE: Final = """\
puhui.local/scoring
24
bn0TEtkMznxeA1JUG5vo2jvvp3PlPOmMm9bdlYtNW8k=
streams 24 f16EWu6QqNWDHUUiSKWxJdsAkdnFAz4H3683UyZ1OKM=
time 2026-11-25T20:17:20.589860Z

— puhui.local/scoring hIQNUGF7/kty7CGOB7/qpS6vh9F/Y63VCrxOW+p9iKm+hAEsTgd/YjT6zSeAq7slwVtYcfVm5z4Ked/e6MaH3AJawQQ=
— witness.local A0qBJAAAAABrB0JQuj8VzKkXlhnsJHXPvwEFRnykWwSe8JrjJeMN7Qq8VNN/W+MxXxQ9cliVkxLxgljayheS6x3VF4fV+ZFU2vzZDQ==
"""
ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}, "example": "PK..."}},
        "description": "A bundle.",
    }
}
TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": NOTE}}, "description": "A signed note."}
}
HASHES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "..."}},
        "description": "Hashes, 32 bytes each.",
    }
}


@bundles.get(
    "/loans/{identifier}/evidence",
    summary="Evidence of one loan, to be checked offline",
    response_class=Response,
    responses=ZIP,
)
async def read_evidence(
    _actor: Auditor,
    runtime: Running,
    identifier: Annotated[Id, Path(description="Of the application, the contract or the loan.")],
) -> Response:
    """A zip: events, proofs of inclusion, consistency and completeness, signed heads, keys, schemas, the state that
    follows, and a summary. `puhui verify` checks it without the platform."""
    application_id = await application_of(runtime, identifier)
    if application_id is None:
        raise Problem(NOT_FOUND, "No application, contract or loan has this identifier.")
    try:
        bundle = await evidence_of(runtime, logs_of(runtime), application_id)
    except NotProvable as error:
        raise Problem(CONFLICT, f"No evidence can be given now. {error}") from None
    named = f'attachment; filename="evidence-{application_id}.zip"'
    return Response(bundle, media_type="application/zip", headers={"Content-Disposition": named})


@router.get("/logs", summary="The logs, their heads and keys")
async def list_logs(_actor: Auditor, runtime: Running) -> models.LogList:
    """One log a service: how far it is signed and anchored, and why not where it is not."""
    logs = logs_of(runtime)
    heard = dict(await runtime.store.pool.fetch(HEARD, list(logs.logs)))
    return models.LogList(items=[_shown(state, heard[name]) for name, state in logs.logs.items()], keys=logs.keys)


@router.get("/logs/{name}/checkpoint", summary="The head of a log", response_class=Response, responses=TEXT)
async def read_checkpoint(_actor: Auditor, runtime: Running, name: LogName) -> Response:
    """A signed note (C2SP tlog-checkpoint) with the signatures of the log and of its witness."""
    return Response(_log(runtime, name).note, media_type="text/plain; charset=utf-8")


@router.get("/logs/{name}/tile/{level}/{number}", summary="A tile of a log", response_class=Response, responses=HASHES)
async def read_tile(
    _actor: Auditor,
    runtime: Running,
    name: LogName,
    level: Annotated[int, Path(ge=0, le=7)],
    number: Annotated[int, Path(ge=0, le=2**47)],
) -> Response:
    """Up to 256 hashes of a level of the tree (C2SP tlog-tiles), as far as the head goes."""
    row = _log(runtime, name).tiles.tile(level, number)
    if not row:
        raise Problem(NOT_FOUND, f"{tile_path(level, number)} lies beyond the head of the log.")
    return Response(row, media_type="application/octet-stream")


def _log(runtime: Runtime, name: str) -> Any:
    state = logs_of(runtime).logs.get(name)
    if state is None or state.log is None or state.log.head is None:
        raise Problem(NOT_FOUND, "There is no such log, or it has no head here.")
    return state.log


def _shown(state: LogState, heard: int) -> models.LogShown:
    head = state.log.head if state.log else None
    return models.LogShown(
        name=state.name,
        origin=state.signer.name,
        heard=heard,
        events=head.size if head else None,
        streams=head.streams if head else None,
        root=head.root.hex() if head else None,
        signed_at=head.signed_at if head else None,
        halted=state.halted,
        unwitnessed=state.unwitnessed,
    )
