"""Where an application's time goes: every stage measured, as figures and as a picture."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Response
from pydantic import ConfigDict, Field

from libs.contracts.problems import Rejected, refuse_unless
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import BusinessDate, Code, ResponseModel
from libs.service.runtime import Runtime, runtime_of
from services.audit.access import RecordedRoute
from services.audit.domain.service_levels import ServiceLevels
from services.audit.library import library
from services.audit.process_map import process_map
from services.audit.stages import Asked, Cycle, Edge, GroupBy, stages

router = APIRouter(tags=["stages"], route_class=RecordedRoute)

Reader = Annotated[Actor, Depends(require("auditor", "compliance_officer", "risk_manager", "operator"))]
Running = Annotated[Runtime, Depends(runtime_of)]


class EdgeShown(ResponseModel):
    """From one step of an application to the next."""

    group: str = Field(description="What `by` asks for; empty without it, and where no person acted.")
    before: str
    after: str
    worked: bool = Field(description="An officer has the case in hand; otherwise somebody waits.")
    applications: int
    median_ms: int
    p90_ms: int
    longest_ms: int
    total_ms: int = Field(description="Of all applications together: the bottleneck is where this is most.")
    within_ms: int | None = Field(description="The service level: how long it should take at most.")
    breaches: int = Field(description="How many took longer.")

    @classmethod
    def of(cls, edge: Edge) -> Self:
        return cls(**{name: getattr(edge, name) for name in cls.model_fields})


class CycleShown(ResponseModel):
    """From submission to the decision."""

    group: str
    automatic: bool = Field(description="Decided without a person.")
    applications: int
    median_ms: int
    p90_ms: int
    longest_ms: int
    within_ms: int
    breaches: int

    @classmethod
    def of(cls, cycle: Cycle) -> Self:
        return cls(**{name: getattr(cycle, name) for name in cls.model_fields})


class StagesShown(ResponseModel):
    """The process as it was: the edge on which most time was spent first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "edges": [
                        {
                            "group": "",
                            "before": "referred",
                            "after": "claimed",
                            "worked": False,
                            "applications": 212,
                            "median_ms": 5400000,
                            "p90_ms": 14400000,
                            "longest_ms": 90000000,
                            "total_ms": 1420000000,
                            "within_ms": 14400000,
                            "breaches": 21,
                        }
                    ],
                    "cycles": [],
                    "decided": 1000,
                    "straight_through": 640,
                    "service_levels": 1,
                }
            ]
        }
    )

    edges: list[EdgeShown]
    cycles: list[CycleShown] = Field(description="Time to the decision, apart for those that needed a person.")
    decided: int
    straight_through: int = Field(description="Decided without a person.")
    service_levels: int = Field(description="The version of the service levels, in force on the last date asked for.")


async def asked(
    submitted_from: Annotated[BusinessDate, Query(description="First business date of submission.")],
    submitted_to: Annotated[BusinessDate, Query(description="Last business date of submission.")],
    product: Annotated[Code | None, Query(description="One product.")] = None,
    channel: Annotated[str | None, Query(max_length=16, description="One channel, for example `ONLINE`.")] = None,
    officer: Annotated[str | None, Query(max_length=128, description="Only steps that this person took.")] = None,
) -> Asked:
    """Which applications' stages are asked for."""
    refuse_unless(
        submitted_from <= submitted_to,
        "period-reversed",
        "The period begins after it ends.",
        field="/submitted_to",
        status=422,
    )
    return Asked(submitted_from, submitted_to, product, channel, officer)


def _levels(of: Asked) -> ServiceLevels:
    try:
        return library().service_levels_on(of.last)
    except LookupError:
        detail = "No service levels were in force then; ask for a later date."
        raise Rejected("service-levels-unknown", detail, field="/submitted_to", status=422) from None


@router.get("/stages", summary="Measure every stage")
async def show_stages(
    _actor: Reader,
    runtime: Running,
    of: Annotated[Asked, Depends(asked)],
    by: Annotated[GroupBy | None, Query(description="Tell times apart by this.")] = None,
) -> StagesShown:
    """Time from step to step over the applications submitted within the dates, from their events alone: how many, the
    median, the 90th percentile, how many were later than they should be, and how many were decided without a person."""
    levels = _levels(of)
    found = await stages(runtime, of, levels, by)
    return StagesShown(
        edges=[EdgeShown.of(edge) for edge in found.edges],
        cycles=[CycleShown.of(cycle) for cycle in found.cycles],
        decided=found.decided,
        straight_through=found.straight_through,
        service_levels=levels.version,
    )


SVG: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/svg+xml": {"example": '<svg xmlns="http://www.w3.org/2000/svg"></svg>'}},
        "description": "The process as a picture.",
    }
}


@router.get("/stages.svg", summary="Draw the process", response_class=Response, responses=SVG)
async def draw_stages(_actor: Reader, runtime: Running, of: Annotated[Asked, Depends(asked)]) -> Response:
    """The same as a picture: the arrow that takes most time of all in red, an officer's work in blue, waiting in grey."""
    found = await stages(runtime, of, _levels(of))
    return Response(process_map(found.edges), media_type="image/svg+xml")
