"""Contracts as rows, to be listed and searched; one by its id is folded from its stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import BigInteger, Column, Date, Index, Integer, MetaData, Numeric, String, Table

from libs.contracts.contract import (
    ContractAccepted,
    ContractCancelled,
    ContractExpired,
    ContractOffered,
    ContractSigned,
    ContractViewed,
)
from libs.events.codec import Recorded
from libs.events.projection import Change, Patch, Projection, Put
from services.contract.domain.contract import Status

METADATA: Final = MetaData()

CONTRACT: Final = Table(
    "contract_v1",
    METADATA,
    Column("contract_id", String(80), primary_key=True),
    Column("application_id", String(80), nullable=False),
    Column("applicant_id", String(80), nullable=False),
    Column("status", String(16), nullable=False),
    Column("product_code", String(64), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("annual_rate", Numeric(9, 6), nullable=False),
    Column("instalments", Integer, nullable=False),
    Column("offered_on", Date, nullable=False),
    Column("expires_on", Date, nullable=False),
    Column("signed_on", Date),
    Column("ended_on", Date),
    Column("end_reason", String(500)),
    Index("contract_v1_by_date", "offered_on", "contract_id"),
    Index("contract_v1_by_applicant", "applicant_id"),
    Index("contract_v1_by_application", "application_id"),
    Index("contract_v1_by_status", "status", "offered_on"),
)

contracts_view: Final = Projection("contracts", 1, [CONTRACT])


@contracts_view.on(ContractOffered)
def offered(recorded: Recorded[ContractOffered]) -> Iterable[Change]:
    event = recorded.event
    terms, request = event.agreement.terms, event.agreement.request
    yield Put(
        CONTRACT,
        {
            "contract_id": event.contract_id,
            "application_id": event.application_id,
            "applicant_id": request.applicant_id,
            "status": Status.OFFERED.value,
            "product_code": request.product.code,
            "amount_minor": terms.principal.minor,
            "currency": terms.principal.currency,
            "annual_rate": terms.annual_rate,
            "instalments": terms.instalments,
            "offered_on": event.offered_on,
            "expires_on": event.expires_on,
        },
    )


@contracts_view.on(ContractViewed)
def viewed(recorded: Recorded[ContractViewed]) -> Iterable[Change]:
    if recorded.event.disclosure_confirmed:
        yield _patch(recorded.event.contract_id, status=Status.VIEWED.value)


@contracts_view.on(ContractAccepted)
def accepted(recorded: Recorded[ContractAccepted]) -> Iterable[Change]:
    yield _patch(recorded.event.contract_id, status=Status.ACCEPTED.value)


@contracts_view.on(ContractSigned)
def signed(recorded: Recorded[ContractSigned]) -> Iterable[Change]:
    yield _patch(recorded.event.contract_id, status=Status.SIGNED.value, signed_on=recorded.event.signed_on)


@contracts_view.on(ContractExpired)
def expired(recorded: Recorded[ContractExpired]) -> Iterable[Change]:
    event = recorded.event
    yield _patch(event.contract_id, status=Status.EXPIRED.value, ended_on=event.expired_on)


@contracts_view.on(ContractCancelled)
def cancelled(recorded: Recorded[ContractCancelled]) -> Iterable[Change]:
    """One that was never offered has no row, and gets none."""
    event = recorded.event
    yield _patch(event.contract_id, status=Status.CANCELLED.value, ended_on=event.cancelled_on, end_reason=event.reason)


def _patch(contract_id: str, **values: object) -> Patch:
    return Patch(CONTRACT, {"contract_id": contract_id}, values)
