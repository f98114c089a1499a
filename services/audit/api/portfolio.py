"""The regulator's export: monthly figures of the portfolio, with the queries that made them."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import ConfigDict, Field

from libs.contracts.examples import SHA256
from libs.contracts.values import Named
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import ResponseModel
from libs.service.runtime import Runtime, runtime_of
from services.audit.access import RecordedRoute
from services.audit.portfolio import monthly_figures

router = APIRouter(tags=["regulator"], route_class=RecordedRoute)

COLUMNS = ("code", "name_zh", "name_en", "value", "unit", "query")


class FigureShown(ResponseModel):
    """One figure with the query that made it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "loans-disbursed",
                    "name": {"zh": "当月放款笔数", "en": "Loans paid out"},
                    "value": 42,
                    "unit": "count",
                    "query": "select count(*)::bigint from counted where in_month",
                }
            ]
        }
    )

    code: str
    name: Named
    value: int
    unit: str = Field(description="A count, or fen.")
    query: str


class MonthlyFigures(ResponseModel):
    """The figures of a month, over the archive up to a place."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "month": "2026-03",
                    "parameters": {"$1": "2026-03-01", "$2": "2026-03-31", "$3": "42000"},
                    "figures": [],
                    "sha256": SHA256,
                }
            ]
        }
    )

    month: str
    parameters: dict[str, str] = Field(description="What the queries were asked with: $3 is the place of the archive.")
    figures: list[FigureShown]
    sha256: str = Field(description="Of the canonical JSON of the figures.")


@router.get("/regulator/portfolio", summary="Monthly portfolio figures", response_model=MonthlyFigures)
async def read_portfolio(
    _actor: Annotated[Actor, Depends(require("auditor", "compliance_officer", "risk_manager"))],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    month: Annotated[str, Query(pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$", description="For example 2026-03.")],
    media: Annotated[str, Query(pattern="^(json|csv)$", description="json or csv.")] = "json",
) -> Any:
    """Flows of the month and what is owed at its end, from the archived events, as they are known now."""
    figures = await monthly_figures(runtime, month)
    if media == "csv":
        text = StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for figure in figures["figures"]:
            name = figure["name"]
            writer.writerow([figure["code"], name["zh"], name["en"], figure["value"], figure["unit"], figure["query"]])
        headers = {"content-disposition": f'attachment; filename="portfolio-{month}.csv"'}
        return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
    return figures
