"""Decision tables: every version with its document, proposed, and released once its comparison is signed off."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, Field
from starlette.responses import Response

from libs.contracts.types import Id
from libs.events.canonical import NotCanonical, canonical
from libs.service.commands import Call, command
from libs.service.models import RequestModel
from libs.service.problems import NOT_FOUND, Problem, invalid
from libs.service.runtime import Runtime, runtime_of
from services.approval import models
from services.approval.api.decisions import Reader
from services.approval.domain.release import ProposeTable, ReleaseTable, State
from services.approval.handlers import TABLE_ID, TABLES, TABLES_STREAM, admitted, proposed_table, table_in_force
from services.approval.library import library
from services.approval.tables import DecisionTable, in_force, propose
from services.approval.tables.coverage import coverage_of

router = APIRouter(tags=["tables"])

Running = Annotated[Runtime, Depends(runtime_of)]
Manager = Annotated[Call, command("risk_manager")]
TableId = Annotated[str, Path(max_length=64)]
Version = Annotated[int, Path(ge=1, le=9999)]


class Proposal(RequestModel):
    """A version of the table as a whole document, as GET shows one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"document": {"format": "puhui.decision-table/1", "table_id": "standard"}}]}
    )

    document: dict[str, Any]


class Release(RequestModel):
    """The comparison that was signed off."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"comparison_id": "comparison-1"}]})

    comparison_id: Id = Field(description="Of this version with the table that it replaces.")


async def all_tables(runtime: Runtime) -> tuple[list[DecisionTable], State]:
    """Every version there is, released or not, and what is known of those that were proposed."""
    releases, _ = await runtime.commands.state(TABLES, TABLES_STREAM)
    return [*library().tables, *(proposed_table(each) for each in releases.proposed.values())], releases


async def table_named(runtime: Runtime, table_id: str, version: int) -> DecisionTable:
    """One version; 404 when there is none."""
    tables, _ = await all_tables(runtime)
    for table in tables:
        if (table.table_id, table.version) == (table_id, version):
            return table
    raise Problem(NOT_FOUND, "There is no such table; /approval/tables lists them.")


@router.get("/tables", summary="List decision tables")
async def list_tables(_actor: Reader, runtime: Running) -> list[models.TableSummary]:
    """Every version, whether it may decide, and which one does on the business date."""
    current = await table_in_force(runtime.commands, runtime.today)
    tables, releases = await all_tables(runtime)
    released = {(table.table_id, table.version) for table in admitted(releases)}
    return [
        models.TableSummary(
            table_id=table.table_id,
            version=table.version,
            effective_from=table.effective_from,
            sha256=table.sha256,
            title=table.document["title"],
            source=table.document["source"],
            released=(table.table_id, table.version) in released,
            in_force=table is current,
        )
        for table in tables
    ]


@router.get("/tables/{table_id}/{version}", summary="One decision table")
async def read_table(_actor: Reader, runtime: Running, table_id: TableId, version: Version) -> models.TableDocument:
    """The whole document: conditions, outcomes, reasons with their texts, sources."""
    table = await table_named(runtime, table_id, version)
    return models.TableDocument(sha256=table.sha256, document=dict(table.document))


@router.get("/tables/{table_id}/{version}/coverage", summary="What a table covers")
async def read_coverage(_actor: Reader, runtime: Running, table_id: TableId, version: Version) -> models.TableCoverage:
    """Every possible application looked at: how many kinds each row decides, and where two rows fit with different
    outcomes. A table with a gap, an unreachable row, or an approval above a refusal is never on record."""
    table = await table_named(runtime, table_id, version)
    return models.TableCoverage.of(coverage_of(table.content))


@router.post("/tables", summary="Propose a version", status_code=201, response_model=models.TableProposal)
async def propose_table(call: Manager, body: Proposal) -> Response:
    """Puts a version on record, under its hash. It decides nothing before it is compared, signed off and released."""
    try:
        table = propose(json.loads(canonical(body.document)), TABLE_ID)
    except (NotCanonical, ValueError) as fault:
        raise invalid("/document", "table-fault", str(fault)) from None
    order = ProposeTable(
        table_id=table.table_id,
        version=table.version,
        effective_from=table.effective_from,
        sha256=table.sha256,
        document=dict(table.document),
        known=frozenset(each.version for each in library().tables),
        by=call.actor.subject,
        today=call.today,
    )
    location = f"/approval/tables/{table.table_id}/{table.version}"
    shown = models.TableProposal(table_id=table.table_id, version=table.version, sha256=table.sha256)
    stream_id = TABLES_STREAM
    return await call.execute(TABLES, stream_id, order, lambda _state: shown, status=201, location=location)


@router.post("/tables/{table_id}/{version}/release", summary="Release a version", response_model=models.TableProposal)
async def release_table(call: Manager, table_id: TableId, version: Version, body: Release) -> Response:
    """From its effective date on it decides. Needs a comparison with the table that it replaces, signed off by somebody
    who neither proposed the version nor made the comparison."""
    table = await table_named(call.runtime, table_id, version)
    _, releases = await all_tables(call.runtime)
    order = ReleaseTable(
        version=version,
        sha256=table.sha256,
        effective_from=table.effective_from,
        comparison_id=body.comparison_id,
        in_force_sha256=in_force(admitted(releases), table.effective_from).sha256,
        by=call.actor.subject,
        today=call.today,
    )
    shown = models.TableProposal(table_id=table_id, version=version, sha256=table.sha256)
    return await call.execute(TABLES, TABLES_STREAM, order, lambda _state: shown)
