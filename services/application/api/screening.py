"""Pre-screening: which products there are for somebody, before he says who he is."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import ConfigDict, Field

from libs.contracts import examples as ex
from libs.contracts.values import ApplicantKind, Business, GuaranteeKind, Named
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.models import BusinessDate, Code, MoneyField, RequestModel, ResponseModel, ZeroOrMoreMoney
from libs.service.runtime import Runtime, runtime_of
from services.application.api.application_answers import ObstacleShown
from services.application.api.application_requests import BUSINESS, BusinessBody, Region
from services.application.domain.screening import Prospect, Screened, refuse_impossible, screen
from services.application.domain.segment import Profile
from services.application.handlers import products_in_force

router = APIRouter(tags=["products"])
PROSPECT: Final[dict[str, Any]] = {
    "kind": "PERSON",
    "birth_date": "1990-05-17",
    "region": "330106",
    "monthly_income": ex.cny("9000.00"),
    "business": BUSINESS,
}
SCREENED: Final[dict[str, Any]] = {
    "code": "consumer-standard",
    "version": 1,
    "name": ex.PRODUCT["name"],
    "admitted": True,
    "amounts": [
        {"guarantee": "UNSECURED", "amount_min": ex.cny("1000.00"), "amount_max": ex.cny("50000.00")},
    ],
    "terms": [{"period_months": 1, "instalments_min": 3, "instalments_max": 36}],
    "reasons": [],
}


class ProspectBody(RequestModel):
    """Somebody who might apply. What is left out is not stated; a product that asks about it is then not for him."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROSPECT]})

    kind: ApplicantKind
    birth_date: BusinessDate | None = Field(default=None, description="Of a person; it bounds the term.")
    region: Region = Field(default="", description="Where he lives or trades, or the enterprise is (GB/T 2260).")
    monthly_income: ZeroOrMoreMoney = Money.zero()
    business: BusinessBody = BusinessBody()


class AmountsShown(ResponseModel):
    """What may be asked for with one kind of security."""

    guarantee: GuaranteeKind
    amount_min: MoneyField
    amount_max: MoneyField


class TermsShown(ResponseModel):
    """How many instalments there may be of so many months each."""

    period_months: int
    instalments_min: int
    instalments_max: int


class ReasonShown(ObstacleShown):
    """Why a product is not for the prospect."""

    pointer: str = Field(description="JSON pointer to the member of the request concerned.")


class ProductScreened(ResponseModel):
    """A product: with amounts and terms where it is for the prospect, with every reason where it is not."""

    code: Code
    version: int
    name: Named
    admitted: bool
    amounts: list[AmountsShown]
    terms: list[TermsShown]
    reasons: list[ReasonShown]


class Screening(ResponseModel):
    """Every product in force on the business date, by code."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"on": "2026-02-01", "items": [SCREENED]}]})

    on: date
    items: list[ProductScreened]


@router.post("/pre-screening", summary="Screen somebody before an application")
async def pre_screen(
    body: ProspectBody,
    response: Response,
    _actor: Annotated[Actor, Depends(require())],
    runtime: Annotated[Runtime, Depends(runtime_of)],
) -> Screening:
    """Which products there are for somebody of these characteristics, for which amounts and terms, and why the others
    are not. Nobody is named and nothing is kept; documents, consents and the decision come with an application.
    """
    prospect = Prospect(
        kind=body.kind,
        birth_date=body.birth_date,
        profile=Profile(
            region=body.region, business=Business(**dict(body.business)), monthly_income=body.monthly_income
        ),
    )
    refuse_impossible(prospect, runtime.today)
    response.headers["cache-control"] = "no-store"
    products = await products_in_force(runtime)
    return Screening(on=runtime.today, items=[_shown(screen(product, prospect, runtime.today)) for product in products])


def _shown(screened: Screened) -> ProductScreened:
    product = screened.product
    return ProductScreened(
        code=product.code,
        version=product.version,
        name=product.name,
        admitted=not screened.reasons,
        amounts=[
            AmountsShown(guarantee=each.guarantee, amount_min=each.amount_min, amount_max=each.amount_max)
            for each in screened.amounts
        ],
        terms=[
            TermsShown(
                period_months=each.period_months,
                instalments_min=each.instalments_min,
                instalments_max=each.instalments_max,
            )
            for each in screened.terms
        ],
        reasons=[ReasonShown(code=each.code, pointer=f"#{each.pointer}", text=each.text) for each in screened.reasons],
    )
