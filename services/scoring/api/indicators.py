"""What is asked of applicants, and what must not be."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field

from libs.contracts.problems import Rejected
from libs.contracts.values import Named
from libs.service.models import Code, ResponseModel
from services.scoring.api.access import Reader
from services.scoring.domain.indicators import Category, Indicator, Kind
from services.scoring.domain.outcome import named
from services.scoring.library import library

router = APIRouter(tags=["indicators"])

_EXAMPLE: Final[dict[str, Any]] = {
    "id": "requested-term-months",
    "name": {"zh": "申请期限", "en": "Term asked for"},
    "kind": "quantitative",
    "category": "financial",
    "source_item": "request.instalments",
    "unit": "months",
    "minimum": 1,
    "maximum": 120,
    "codes": {},
}
_EXAMPLE_PROHIBITED: Final[dict[str, Any]] = {
    "id": "sex",
    "aliases": ["gender"],
    "standing": "prohibited",
    "basis": "ECOA 15 U.S.C. 1691(a)",
    "reason": "Decisions must not depend on sex.",
}


class IndicatorDetail(ResponseModel):
    """An indicator as it is declared."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: Code
    name: Named
    kind: Kind
    category: Category
    source_item: str = Field(description="Where the value comes from.")
    unit: str | None = Field(description="Of a quantitative one; null otherwise.")
    minimum: int | None = Field(description="Of a quantitative one; null otherwise.")
    maximum: int | None = Field(description="Of a quantitative one; null otherwise.")
    codes: dict[str, Named] = Field(description="Of a qualitative one, each with its meaning; empty otherwise.")


class IndicatorList(ResponseModel):
    """The indicator catalogue."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "1", "items": [_EXAMPLE]}]})

    version: str
    items: list[IndicatorDetail]


class ProhibitedAttributeDetail(ResponseModel):
    """An attribute that no card may use, under any of its names."""

    id: str
    aliases: list[str]
    standing: str = Field(description="`prohibited` itself, or a `proxy` that stands in for what is.")
    basis: str
    reason: str


class ProhibitedList(ResponseModel):
    """Every attribute that no card may use."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_EXAMPLE_PROHIBITED]}]})

    items: list[ProhibitedAttributeDetail]


@router.get("/indicators", summary="List indicators")
async def list_indicators(
    _actor: Reader,
    category: Annotated[Category | None, Query(description="Of one category.")] = None,
    kind: Annotated[Kind | None, Query(description="Quantitative or qualitative.")] = None,
) -> IndicatorList:
    """The indicators that cards may use: what a front end should ask, with every admissible answer."""
    catalogue = library().catalogue
    chosen = [
        _detail(each)
        for each in catalogue.indicators.values()
        if category in (None, each.category) and kind in (None, each.kind)
    ]
    return IndicatorList(version=catalogue.version, items=chosen)


@router.get("/indicators/{indicator_id}", summary="Show an indicator")
async def show_indicator(
    indicator_id: Annotated[Code, Path(description="The indicator, for example `loan-purpose`.")], _actor: Reader
) -> IndicatorDetail:
    """One indicator as it is declared."""
    indicator = library().catalogue.indicators.get(indicator_id)
    if indicator is None:
        raise Rejected(
            "indicator-unknown", "There is no such indicator; GET /scoring/indicators lists them.", status=404
        )
    return _detail(indicator)


@router.get("/prohibited-attributes", summary="List prohibited attributes")
async def list_prohibited_attributes(_actor: Reader) -> ProhibitedList:
    """What no card may use, why, and under which names it is recognised."""
    return ProhibitedList(
        items=[
            ProhibitedAttributeDetail(
                id=each.id, aliases=list(each.aliases), standing=each.standing, basis=each.basis, reason=each.reason
            )
            for each in library().prohibited
        ]
    )


def _detail(indicator: Indicator) -> IndicatorDetail:
    quantitative = indicator.kind is Kind.QUANTITATIVE
    return IndicatorDetail(
        id=indicator.id,
        name=named(indicator.name),
        kind=indicator.kind,
        category=indicator.category,
        source_item=indicator.source_item,
        unit=indicator.unit,
        minimum=indicator.minimum if quantitative else None,
        maximum=indicator.maximum if quantitative else None,
        codes={code: named(text) for code, text in indicator.codes.items()},
    )
