"""Lists of products and of applications. No personal data: who applied is an identifier here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    Numeric,
    Select,
    Table,
    Text,
    and_,
    func,
    or_,
    select,
)

from libs.contracts.application import (
    AcquisitionCostRecorded,
    AcquisitionCostWithdrawn,
    ApplicationAmended,
    ApplicationConcluded,
    ApplicationEnd,
    ApplicationExpired,
    ApplicationStarted,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    ProductDefined,
    ProductWithdrawn,
)
from libs.contracts.values import LoanRequest
from libs.events.codec import Recorded
from libs.events.projection import Change, Patch, Projection, Put
from services.application.domain.application import Status

METADATA: Final = MetaData()

PRODUCT_VERSION: Final = Table(
    "product_version_v1",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("effective_from", Date, nullable=False),
    Column("effective_until", Date, nullable=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount_min_minor", BigInteger, nullable=False),
    Column("amount_max_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("instalments_min", Integer, nullable=False),
    Column("instalments_max", Integer, nullable=False),
    Column("term_months_max", Integer, nullable=True),
    Column("annual_rate", Numeric, nullable=False),
)
"""`effective_until` is the first day of the next version."""

PRODUCT_WITHDRAWAL: Final = Table(
    "product_withdrawal_v1",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("effective_from", Date, nullable=False),
)

APPLICATION: Final = Table(
    "application_v1",
    METADATA,
    Column("application_id", Text, primary_key=True),
    Column("applicant_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("product_version", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("instalments", Integer, nullable=False),
    Column("period_months", Integer, nullable=False),
    Column("method", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("started_on", Date, nullable=False),
    Column("expires_on", Date, nullable=False),
    Column("submitted_on", Date, nullable=True),
    Column("ended_on", Date, nullable=True),
    Index("application_v1_by_start", "started_on", "application_id"),
    Index("application_v1_by_applicant", "applicant_id"),
    Index("application_v1_by_status", "status", "expires_on"),
)

ACQUISITION_COST: Final = Table(
    "acquisition_cost_v1",
    METADATA,
    Column("cost_id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("document", Text, nullable=False),
    Column("recorded_on", Date, nullable=False),
    Column("withdrawn_on", Date, nullable=True),
    Index("acquisition_cost_v1_by_day", "first_day", "cost_id"),
)
CONTRACTED: Final = "contracted"

PRODUCTS: Final = Projection("products", 1, [PRODUCT_VERSION, PRODUCT_WITHDRAWAL])
APPLICATIONS: Final = Projection("applications", 1, [APPLICATION])
ACQUISITION: Final = Projection("acquisition", 1, [ACQUISITION_COST])


def reached(started_from: date, started_to: date) -> Select[Any]:
    """Of the applications that began on these dates, by channel, source and currency: how many began, were submitted and
    led to a contract, and the amounts of these."""
    found = APPLICATION.c
    contracted = found.status == ApplicationEnd.CONTRACTED.value
    return (
        select(
            found.channel,
            found.source,
            found.currency,
            func.count().label("started"),
            func.count().filter(found.submitted_on.is_not(None)).label("submitted"),
            func.count().filter(contracted).label(CONTRACTED),
            func.coalesce(func.sum(found.amount_minor).filter(contracted), 0).label("amount_minor"),
        )
        .where(found.started_on.between(started_from, started_to))
        .group_by(found.channel, found.source, found.currency)
    )


def in_force(on: date) -> Select[Any]:
    """The products that take applications on a date, each in its version of that date."""
    version, withdrawal = PRODUCT_VERSION.c, PRODUCT_WITHDRAWAL.c
    return (
        select(PRODUCT_VERSION)
        .outerjoin(PRODUCT_WITHDRAWAL, version.code == withdrawal.code)
        .where(
            and_(
                version.effective_from <= on,
                or_(version.effective_until.is_(None), version.effective_until > on),
                or_(withdrawal.effective_from.is_(None), withdrawal.effective_from > on),
            )
        )
    )


@PRODUCTS.on(ProductDefined)
def _defined(recorded: Recorded[ProductDefined]) -> Iterator[Change]:
    product = recorded.event.product
    yield Put(
        PRODUCT_VERSION,
        {
            "code": product.code,
            "version": product.version,
            "effective_from": product.effective_from,
            "name_zh": product.name.zh,
            "name_en": product.name.en,
            "kind": product.kind,
            "amount_min_minor": product.amount_min.minor,
            "amount_max_minor": product.amount_max.minor,
            "currency": product.amount_min.currency,
            "instalments_min": product.instalments_min,
            "instalments_max": product.instalments_max,
            "term_months_max": product.term_months_max,
            "annual_rate": product.annual_rate,
        },
    )
    if product.version > 1:
        key = {"code": product.code, "version": product.version - 1}
        yield Patch(PRODUCT_VERSION, key, {"effective_until": product.effective_from})


@PRODUCTS.on(ProductWithdrawn)
def _product_withdrawn(recorded: Recorded[ProductWithdrawn]) -> Iterator[Change]:
    event = recorded.event
    yield Put(PRODUCT_WITHDRAWAL, {"code": event.code, "effective_from": event.effective_from})


@APPLICATIONS.on(ApplicationStarted)
def _started(recorded: Recorded[ApplicationStarted]) -> Iterator[Change]:
    event = recorded.event
    request = event.request
    yield Put(
        APPLICATION,
        {
            "application_id": event.application_id,
            "applicant_id": request.applicant_id,
            "status": Status.DRAFT.value,
            "channel": request.channel.value,
            "source": request.source,
            "started_on": event.started_on,
            "expires_on": event.expires_on,
            **_asked_for(request),
        },
    )


@APPLICATIONS.on(ApplicationAmended)
def _amended(recorded: Recorded[ApplicationAmended]) -> Iterator[Change]:
    yield _patch(recorded.event.application_id, **_asked_for(recorded.event.request))


@APPLICATIONS.on(ApplicationSubmitted)
def _submitted(recorded: Recorded[ApplicationSubmitted]) -> Iterator[Change]:
    event = recorded.event
    yield _patch(
        event.application_id,
        status=Status.SUBMITTED.value,
        submitted_on=event.submitted_on,
        product_version=event.request.product.version,
    )


@APPLICATIONS.on(ApplicationWithdrawn)
def _withdrawn(recorded: Recorded[ApplicationWithdrawn]) -> Iterator[Change]:
    event = recorded.event
    yield _patch(event.application_id, status=Status.WITHDRAWN.value, ended_on=event.withdrawn_on)


@APPLICATIONS.on(ApplicationExpired)
def _expired(recorded: Recorded[ApplicationExpired]) -> Iterator[Change]:
    event = recorded.event
    yield _patch(event.application_id, status=Status.EXPIRED.value, ended_on=event.expired_on)


@APPLICATIONS.on(ApplicationConcluded)
def _concluded(recorded: Recorded[ApplicationConcluded]) -> Iterator[Change]:
    event = recorded.event
    yield _patch(event.application_id, status=event.end.value, ended_on=event.concluded_on)


@ACQUISITION.on(AcquisitionCostRecorded)
def _cost_recorded(recorded: Recorded[AcquisitionCostRecorded]) -> Iterator[Change]:
    event = recorded.event
    yield Put(
        ACQUISITION_COST,
        {
            "cost_id": event.cost_id,
            "channel": event.channel.value,
            "source": event.source,
            "kind": event.kind.value,
            "amount_minor": event.amount.minor,
            "currency": event.amount.currency,
            "first_day": event.first_day,
            "last_day": event.last_day,
            "document": event.document,
            "recorded_on": event.recorded_on,
        },
    )


@ACQUISITION.on(AcquisitionCostWithdrawn)
def _cost_withdrawn(recorded: Recorded[AcquisitionCostWithdrawn]) -> Iterator[Change]:
    event = recorded.event
    yield Patch(ACQUISITION_COST, {"cost_id": event.cost_id}, {"withdrawn_on": event.withdrawn_on})


def _asked_for(request: LoanRequest) -> dict[str, Any]:
    return {
        "product": request.product.code,
        "product_version": request.product.version,
        "amount_minor": request.amount.minor,
        "currency": request.amount.currency,
        "instalments": request.instalments,
        "period_months": request.period_months,
        "method": request.method.value,
        "purpose": request.purpose,
    }


def _patch(application_id: str, **values: Any) -> Patch:
    return Patch(APPLICATION, {"application_id": application_id}, values)
