"""Products and consent texts: what may be applied for, and under which rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from libs.contracts.problems import Rejected
from libs.contracts.values import Named
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.etag import etag, not_modified
from libs.service.models import BusinessDate, Code
from libs.service.pagination import CursorParameter, Limit, Page, page_of, paginate, parse_sort
from libs.service.runtime import Runtime, runtime_of
from services.application.api.catalogue_models import (
    ConsentTexts,
    ConsentTextShown,
    ProductListed,
    ProductShown,
    ProductVersionBody,
    VersionListed,
    WithdrawProductBody,
)
from services.application.domain.product import DefineProduct, State, WithdrawProduct
from services.application.handlers import PRODUCT, rules
from services.application.library import policy
from services.application.views import PRODUCT_VERSION, in_force

router = APIRouter(tags=["products"])
ProductCode = Annotated[Code, Path(description="The product's code.", examples=["consumer-standard"])]
SORTABLE: Final = {
    name: PRODUCT_VERSION.c[name] for name in ("code", "annual_rate", "amount_max_minor", "effective_from")
}


@router.get("/products", summary="List products")
async def list_products(
    _actor: Annotated[Actor, Depends(require())],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    on: Annotated[BusinessDate | None, Query(description="In force on this date; default: the business date.")] = None,
    kind: Annotated[Code | None, Query(description="Only products of this kind.", examples=["consumer"])] = None,
    sort: Annotated[str | None, Query(max_length=100, description=f"By {', '.join(SORTABLE)}; `-` descends.")] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[ProductListed]:
    """The products that take applications on a date, each in its version of that date."""
    keys = parse_sort(sort, SORTABLE, default="code", unique="code")
    statement = in_force(on or runtime.today)
    if kind is not None:
        statement = statement.where(PRODUCT_VERSION.c.kind == kind)
    rows = await runtime.fetch(paginate(statement, keys, cursor=cursor, limit=limit))
    return page_of(rows, keys, limit=limit, item=_listed)


@router.get("/products/{code}", summary="Show a product")
async def show_product(
    code: ProductCode,
    request: Request,
    response: Response,
    _actor: Annotated[Actor, Depends(require())],
    runtime: Annotated[Runtime, Depends(runtime_of)],
    on: Annotated[BusinessDate | None, Query(description="As of this date; default: the business date.")] = None,
) -> ProductShown:
    """Every rule of the version in force on a date, and the dates of all versions."""
    state, version = await runtime.commands.state(PRODUCT, PRODUCT.stream_id(code))
    if not state.versions:
        raise Rejected("product-unknown", "There is no product with this code; see the list of products.", status=404)
    if on is not None and (unchanged := not_modified(request, version)) is not None:
        return unchanged  # type: ignore[return-value]  # FastAPI sends a Response as it is
    response.headers["etag"] = etag(version)
    return _shown(code, state, on or runtime.today)


@router.post("/products/{code}/versions", summary="Define a version of a product", status_code=201)
async def define_product(
    code: ProductCode, body: ProductVersionBody, call: Annotated[Call, command("risk_manager")]
) -> ProductShown:
    """A new product, or a new version of one, in force from its effective date until the next version's.

    The all-in annual cost of its dearest loan must be within the cap in force on that date.
    """
    cap = policy().cost_cap(body.effective_from)
    return await call.execute(  # type: ignore[return-value]  # FastAPI sends a Response as it is
        PRODUCT,
        PRODUCT.stream_id(code),
        DefineProduct(product=body.as_product(code), cap=cap, today=call.today),
        body=lambda state: _shown(code, state, body.effective_from),
        status=201,
        location=f"/application/products/{code}",
        effective_date=body.effective_from,
        rules=rules(),
    )


@router.post("/products/{code}/withdraw", summary="Withdraw a product")
async def withdraw_product(
    code: ProductCode, body: WithdrawProductBody, call: Annotated[Call, command("risk_manager")]
) -> ProductShown:
    """No new application is taken from a date on; what has been submitted goes on."""
    return await call.execute(  # type: ignore[return-value]  # FastAPI sends a Response as it is
        PRODUCT,
        PRODUCT.stream_id(code),
        WithdrawProduct(code=code, effective_from=body.effective_from, reason=body.reason, today=call.today),
        body=lambda state: _shown(code, state, call.today),
        effective_date=body.effective_from,
    )


@router.get("/consents", summary="List consent texts")
async def list_consents(
    _actor: Annotated[Actor, Depends(require())], runtime: Annotated[Runtime, Depends(runtime_of)]
) -> ConsentTexts:
    """The words that an applicant agrees to, in force on the business date; name the version when consent is given."""
    texts = policy().consents(runtime.today)
    return ConsentTexts(
        items=[
            ConsentTextShown(
                purpose=text.purpose,
                version=text.version,
                name=text.name,
                text=text.text,
                applies_to=list(text.applies_to),
                required=text.required,
                valid_days=text.valid_days,
            )
            for text in texts
        ]
    )


def _listed(row: Mapping[str, Any]) -> ProductListed:
    return ProductListed(
        code=row["code"],
        version=row["version"],
        effective_from=row["effective_from"],
        name=Named(zh=row["name_zh"], en=row["name_en"]),
        kind=row["kind"],
        amount_min=Money(row["amount_min_minor"], row["currency"]),
        amount_max=Money(row["amount_max_minor"], row["currency"]),
        instalments_min=row["instalments_min"],
        instalments_max=row["instalments_max"],
        term_months_max=row["term_months_max"],
        annual_rate=row["annual_rate"],
    )


def _shown(code: str, state: State, on: date) -> ProductShown:
    return ProductShown(
        code=code,
        on=on,
        product=state.in_force(on),
        versions=[VersionListed(version=each.version, effective_from=each.effective_from) for each in state.versions],
        withdrawn_from=state.withdrawn_from,
    )
