"""Partners, agreements, offers, endpoints, shares of loans and what each lender has, as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Date, Index, Integer, MetaData, String, Table, Text

from libs.contracts.partners import (
    AgreementApproved,
    AgreementEnded,
    AgreementProposed,
    CostRepaid,
    CostRepaymentReversed,
    CostReversed,
    CostShared,
    EndpointRegistered,
    EndpointSecretRotated,
    EndpointStatusChanged,
    FundedAmounts,
    FunderPart,
    FunderShare,
    FundingAnswer,
    FundingAnswered,
    FundingLapsed,
    FundingOffered,
    FundingWithdrawn,
    FundsCalled,
    FundsMissing,
    FundsReceived,
    FundsReleased,
    FundsReserved,
    FundsUsed,
    LoanShared,
    MovementSplit,
    PartnerRegistered,
    SettlementMade,
    SettlementPaid,
    SharesTransferred,
)
from libs.events.canonical import canonical
from libs.events.codec import Recorded
from libs.events.projection import Add, Change, Patch, Projection, Put
from libs.lending.money import Money
from services.partners.domain.split import ACCOUNTS, CHANGES_HANDS

METADATA: Final = MetaData()

PARTNER: Final = Table(
    "partner_v1",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("registered_on", Date, nullable=False),
    Index("partner_v1_by_subject", "subject"),
)

ENDPOINT: Final = Table(
    "endpoint_v1",
    METADATA,
    Column("endpoint_id", String(80), primary_key=True),
    Column("partner", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("types", Text, nullable=False),
    Column("status", String(8), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("previous_until", BigInteger, nullable=False),
    Column("registered_on", Date, nullable=False),
    Index("endpoint_v1_by_partner", "partner", "endpoint_id"),
)
"""`types` are separated and surrounded by spaces, so that one is found by its name between two."""

SHARE: Final = Table(
    "loan_share_v1",
    METADATA,
    Column("loan_id", String(80), primary_key=True),
    Column("funder", String(64), primary_key=True),
    Column("share_ppm", Integer, nullable=False, default=0),
    *(Column(f"{name}_minor", BigInteger, nullable=False, default=0) for name in (*ACCOUNTS, *CHANGES_HANDS)),
    Index("loan_share_v1_by_funder", "funder", "loan_id"),
)
"""The sub-ledger: what each lender of a loan holds, has received and has bought."""

CONTROL: Final = Table(
    "shared_loan_v1",
    METADATA,
    Column("loan_id", String(80), primary_key=True),
    *(Column(f"{name}_minor", BigInteger, nullable=False, default=0) for name in ACCOUNTS),
)
"""The control accounts: what moved on a shared loan, whoever holds it."""

AGREEMENT: Final = Table(
    "agreement_v1",
    METADATA,
    Column("agreement", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("partner", String(64), nullable=False),
    Column("status", String(8), nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("last_day", Date),
    Column("priority", Integer, nullable=False),
    Column("terms", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    Index("agreement_v1_by_partner", "partner", "agreement"),
)

FUNDING: Final = Table(
    "funding_v1",
    METADATA,
    Column("application_id", String(80), primary_key=True),
    Column("partner", String(64), primary_key=True),
    Column("agreement", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("share_ppm", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("status", String(9), nullable=False),
    Column("reason", Text, nullable=False),
    Column("answer_until", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("offered_on", Date, nullable=False),
    Index("funding_v1_by_partner", "partner", "offered_on", "application_id"),
    Index("funding_v1_open", "answer_until", postgresql_where="status = 'OFFERED'"),
)
"""What was offered to whom, and what he said: OFFERED, ACCEPTED, DECLINED, LAPSED, WITHDRAWN."""

FUNDS: Final = Table(
    "funds_v1",
    METADATA,
    Column("partner", String(64), primary_key=True),
    *(Column(f"{name}_minor", BigInteger, nullable=False, default=0) for name in ("received", "reserved", "used")),
)
"""A partner's money with us: what came, what is set aside for loans, and what went into loans."""

FUNDS_CALL: Final = Table(
    "funds_call_v1",
    METADATA,
    Column("loan_id", String(80), primary_key=True),
    Column("partner", String(64), primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("until", Text, nullable=False),
    Column("status", String(8), nullable=False),
    Index("funds_call_v1_open", "until", postgresql_where="status = 'CALLED'"),
)
"""What was called for a loan: CALLED, RESERVED, MISSING or RELEASED."""

SETTLEMENT: Final = Table(
    "settlement_v1",
    METADATA,
    Column("settlement_id", String(80), primary_key=True),
    Column("partner", String(64), nullable=False),
    Column("settled_on", Date, nullable=False),
    Column("movements", Integer, nullable=False),
    Column("net_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("fixed_fee_minor", BigInteger, nullable=False),
    Column("file_sha256", String(64), nullable=False),
    Column("document", Text, nullable=False),
    Column("paid_on", Date),
    Column("bank_reference", Text, nullable=False),
    Index("settlement_v1_by_partner", "partner", "settled_on"),
)
"""Settlements with partners; `document` is the event that made it."""

partners_view = Projection("partners", 1, [PARTNER, ENDPOINT])
shares_view = Projection("shares", 1, [SHARE, CONTROL])
funding_view = Projection("funding", 1, [AGREEMENT, FUNDING])
funds_view = Projection("funds", 1, [FUNDS, FUNDS_CALL])
settlements_view = Projection("settlements", 1, [SETTLEMENT])


@partners_view.on(PartnerRegistered)
def partner_registered(recorded: Recorded[PartnerRegistered]) -> Iterable[Change]:
    event = recorded.event
    yield Put(
        PARTNER,
        {
            "partner": event.partner,
            "name_zh": event.legal_name.zh,
            "name_en": event.legal_name.en,
            "licence": event.licence,
            "subject": event.subject,
            "registered_on": event.registered_on,
        },
    )


@partners_view.on(EndpointRegistered)
def endpoint_registered(recorded: Recorded[EndpointRegistered]) -> Iterable[Change]:
    event = recorded.event
    yield Put(
        ENDPOINT,
        {
            "endpoint_id": event.endpoint_id,
            "partner": event.partner,
            "url": event.url,
            "types": f" {' '.join(event.types)} ",
            "status": "ACTIVE",
            "generation": 1,
            "previous_until": 0,
            "registered_on": event.registered_on,
        },
    )


@partners_view.on(EndpointStatusChanged)
def endpoint_changed(recorded: Recorded[EndpointStatusChanged]) -> Iterable[Change]:
    yield Patch(ENDPOINT, {"endpoint_id": recorded.event.endpoint_id}, {"status": recorded.event.status.value})


@partners_view.on(EndpointSecretRotated)
def secret_rotated(recorded: Recorded[EndpointSecretRotated]) -> Iterable[Change]:
    event = recorded.event
    values = {"generation": event.generation, "previous_until": event.previous_until}
    yield Patch(ENDPOINT, {"endpoint_id": event.endpoint_id}, values)


@funding_view.on(AgreementProposed, AgreementApproved)
def agreed(recorded: Recorded[Any]) -> Iterable[Change]:
    event = recorded.event
    approved = isinstance(event, AgreementApproved)
    yield Put(
        AGREEMENT,
        {
            "agreement": event.agreement,
            "version": event.version,
            "partner": event.partner,
            "status": "APPROVED" if approved else "PROPOSED",
            "effective_from": event.effective_from,
            "last_day": None,
            "priority": event.terms.priority,
            "terms": event.terms.model_dump_json(),
            "proposed_by": event.proposed_by,
            "approved_by": event.approved_by if isinstance(event, AgreementApproved) else "",
        },
    )


@funding_view.on(AgreementEnded)
def ended(recorded: Recorded[AgreementEnded]) -> Iterable[Change]:
    event = recorded.event
    for version in range(1, event.versions + 1):
        yield Patch(AGREEMENT, {"agreement": event.agreement, "version": version}, {"last_day": event.last_day})


@funding_view.on(FundingOffered)
def offered(recorded: Recorded[FundingOffered]) -> Iterable[Change]:
    event = recorded.event
    yield Put(
        FUNDING,
        {
            "application_id": event.application_id,
            "partner": event.partner,
            "agreement": event.agreement,
            "version": event.version,
            "share_ppm": event.share_ppm,
            "amount_minor": event.amount.minor,
            "status": "OFFERED",
            "reason": "",
            "answer_until": event.answer_until,
            "data": canonical(event.data).decode(),
            "offered_on": event.offered_on,
        },
    )


@funding_view.on(FundingAnswered)
def answered(recorded: Recorded[FundingAnswered]) -> Iterable[Change]:
    event = recorded.event
    status = "ACCEPTED" if event.answer is FundingAnswer.ACCEPT else "DECLINED"
    yield Patch(FUNDING, _offer_of(event), {"status": status, "reason": event.reason})


@funding_view.on(FundingLapsed)
def lapsed(recorded: Recorded[FundingLapsed]) -> Iterable[Change]:
    yield Patch(FUNDING, _offer_of(recorded.event), {"status": "LAPSED"})


@funding_view.on(FundingWithdrawn)
def withdrawn(recorded: Recorded[FundingWithdrawn]) -> Iterable[Change]:
    event = recorded.event
    yield Patch(FUNDING, _offer_of(event), {"status": "WITHDRAWN", "reason": event.reason})


def _offer_of(event: FundingAnswered | FundingLapsed | FundingWithdrawn) -> dict[str, Any]:
    return {"application_id": event.application_id, "partner": event.partner}


@funds_view.on(FundsReceived)
def funds_received(recorded: Recorded[FundsReceived]) -> Iterable[Change]:
    event = recorded.event
    yield Add(FUNDS, {"partner": event.partner}, {"received_minor": event.amount.minor})


@funds_view.on(FundsReserved)
def funds_reserved(recorded: Recorded[FundsReserved]) -> Iterable[Change]:
    event = recorded.event
    yield Add(FUNDS, {"partner": event.partner}, {"reserved_minor": event.amount.minor})
    yield from _call(event.partner, event.loan_id, event.amount, "RESERVED")


@funds_view.on(FundsCalled)
def funds_called(recorded: Recorded[FundsCalled]) -> Iterable[Change]:
    event = recorded.event
    yield from _call(event.partner, event.loan_id, event.amount, "CALLED", event.until)


@funds_view.on(FundsMissing)
def funds_missing(recorded: Recorded[FundsMissing]) -> Iterable[Change]:
    event = recorded.event
    yield from _call(event.partner, event.loan_id, event.amount, "MISSING")


@funds_view.on(FundsUsed)
def funds_used(recorded: Recorded[FundsUsed]) -> Iterable[Change]:
    event, minor = recorded.event, recorded.event.amount.minor
    yield Add(FUNDS, {"partner": event.partner}, {"reserved_minor": -minor, "used_minor": minor})


@funds_view.on(FundsReleased)
def funds_released(recorded: Recorded[FundsReleased]) -> Iterable[Change]:
    event = recorded.event
    if event.was_reserved:
        yield Add(FUNDS, {"partner": event.partner}, {"reserved_minor": -event.amount.minor})
    yield from _call(event.partner, event.loan_id, event.amount, "RELEASED")


def _call(partner: str, loan_id: str, amount: Money, status: str, until: str = "") -> Iterable[Change]:
    values = {"amount_minor": amount.minor, "until": until, "status": status}
    yield Put(FUNDS_CALL, {"loan_id": loan_id, "partner": partner, **values})


@settlements_view.on(SettlementMade)
def settled(recorded: Recorded[SettlementMade]) -> Iterable[Change]:
    event = recorded.event
    yield Put(
        SETTLEMENT,
        {
            "settlement_id": event.settlement_id,
            "partner": event.partner,
            "settled_on": event.settled_on,
            "movements": event.movements,
            "net_minor": event.net.minor,
            "fee_minor": event.servicing_fee.minor,
            "fixed_fee_minor": event.fixed_fee.minor,
            "file_sha256": event.file_sha256,
            "document": event.model_dump_json(),
            "paid_on": None,
            "bank_reference": "",
        },
    )


@settlements_view.on(SettlementPaid)
def settlement_paid(recorded: Recorded[SettlementPaid]) -> Iterable[Change]:
    event = recorded.event
    values = {"paid_on": event.paid_on, "bank_reference": event.bank_reference}
    yield Patch(SETTLEMENT, {"settlement_id": event.settlement_id}, values)


@shares_view.on(LoanShared)
def shared(recorded: Recorded[LoanShared]) -> Iterable[Change]:
    event = recorded.event
    yield Put(CONTROL, {"loan_id": event.loan_id})
    for share in event.shares:
        yield Put(SHARE, {"loan_id": event.loan_id, "funder": share.funder, "share_ppm": share.share_ppm})


@shares_view.on(MovementSplit)
def split(recorded: Recorded[MovementSplit]) -> Iterable[Change]:
    event = recorded.event
    yield Add(CONTROL, {"loan_id": event.loan_id}, _minor(event.whole))
    yield from _parts(event.loan_id, event.parts)


@shares_view.on(CostShared, CostReversed)
def cost(recorded: Recorded[Any]) -> Iterable[Change]:
    event = recorded.event
    whole = sum(part.amounts.cost.minor for part in event.parts)
    yield Add(CONTROL, {"loan_id": event.loan_id}, {"cost_minor": whole})
    yield from _parts(event.loan_id, event.parts)


@shares_view.on(CostRepaid)
def cost_repaid(recorded: Recorded[CostRepaid]) -> Iterable[Change]:
    """The control accounts by what was paid back, whatever the parts add up to."""
    event, minor = recorded.event, recorded.event.amount.minor
    yield Add(
        CONTROL, {"loan_id": event.loan_id}, {"cost_minor": -minor, "fee_minor": -minor if event.repayment_id else 0}
    )
    yield from _parts(event.loan_id, event.parts)


@shares_view.on(CostRepaymentReversed)
def cost_repayment_reversed(recorded: Recorded[CostRepaymentReversed]) -> Iterable[Change]:
    event = recorded.event
    whole = {
        f"{name}_minor": sum(getattr(part.amounts, name).minor for part in event.parts) for name in ("cost", "fee")
    }
    yield Add(CONTROL, {"loan_id": event.loan_id}, whole)
    yield from _parts(event.loan_id, event.parts)


@shares_view.on(SharesTransferred)
def transferred(recorded: Recorded[SharesTransferred]) -> Iterable[Change]:
    event = recorded.event
    yield from _parts(event.loan_id, event.parts)
    yield from _shares(event.loan_id, event.shares, {part.funder for part in event.parts})


def _parts(loan_id: str, parts: Sequence[FunderPart]) -> Iterable[Change]:
    for part in parts:
        amounts = _minor(part.amounts) | {f"{name}_minor": getattr(part, name).minor for name in CHANGES_HANDS}
        yield Add(SHARE, {"loan_id": loan_id, "funder": part.funder}, amounts)


def _shares(loan_id: str, shares: Sequence[FunderShare], sellers: set[str]) -> Iterable[Change]:
    now = {share.funder: share.share_ppm for share in shares}
    for funder in sellers - now.keys():
        yield Patch(SHARE, {"loan_id": loan_id, "funder": funder}, {"share_ppm": 0})
    for funder, share_ppm in now.items():
        yield Add(SHARE, {"loan_id": loan_id, "funder": funder}, {"share_ppm": 0})  # makes the row of a new lender
        yield Patch(SHARE, {"loan_id": loan_id, "funder": funder}, {"share_ppm": share_ppm})


def _minor(amounts: FundedAmounts) -> dict[str, Any]:
    return {f"{name}_minor": getattr(amounts, name).minor for name in ACCOUNTS}
