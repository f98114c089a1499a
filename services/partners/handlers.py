"""The way into the domain."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from libs.contracts.partners import PartnerRegistered, SettlementDue
from libs.events.decider import Decider
from libs.events.ids import derive_id
from services.partners.domain import (
    agreement,
    callbacks,
    contacts,
    endpoint,
    funding,
    funds,
    partner,
    reconciliation,
    settlement,
    sharing,
)

PARTNER: Final[Decider[partner.RegisterPartner, partner.Partner, PartnerRegistered]] = Decider(
    "partner", partner.INITIAL, partner.decide, partner.evolve
)
ENDPOINT: Final[Decider[endpoint.Command, endpoint.Endpoint, endpoint.Event]] = Decider(
    "endpoint", endpoint.INITIAL, endpoint.decide, endpoint.evolve
)
SHARE: Final[Decider[sharing.Command, sharing.Sharing, sharing.Event]] = Decider(
    "share", sharing.INITIAL, sharing.decide, sharing.evolve
)
AGREEMENT: Final[Decider[agreement.Command, agreement.Agreement, agreement.Event]] = Decider(
    "agreement", agreement.INITIAL, agreement.decide, agreement.evolve
)
FUNDING: Final[Decider[funding.Command, funding.Funding, funding.Event]] = Decider(
    "funding", funding.INITIAL, funding.decide, funding.evolve
)
FUNDS: Final[Decider[funds.Command, funds.Funds, funds.Event]] = Decider(
    "funds", funds.INITIAL, funds.decide, funds.evolve
)
SETTLEMENT: Final[Decider[settlement.Command, settlement.Settlements, settlement.Event]] = Decider(
    "settlement", settlement.INITIAL, settlement.decide, settlement.evolve
)
SETTLEMENT_DAY: Final[Decider[date, date | None, SettlementDue]] = Decider(
    "settlementday",
    None,
    lambda day, last: [SettlementDue(business_date=day)] if last is None or day > last else [],
    lambda _last, event: event.business_date,
)
SETTLEMENT_DAY_STREAM: Final = SETTLEMENT_DAY.stream_id("cn")
RECONCILIATION: Final[Decider[reconciliation.Command, reconciliation.Reconciliation, reconciliation.Event]] = Decider(
    "reconciliation", reconciliation.INITIAL, reconciliation.decide, reconciliation.evolve
)
CALLBACKS: Final[Decider[callbacks.Command, callbacks.CallbackSecret, callbacks.Event]] = Decider(
    "callbacks", callbacks.INITIAL, callbacks.decide, callbacks.evolve
)
CONTACTS: Final[Decider[contacts.Command, contacts.Contacts, contacts.Event]] = Decider(
    "contacts", contacts.INITIAL, contacts.decide, contacts.evolve
)


def loan_id_of(application_id: str) -> str:
    """The loan that an application leads to: its contract follows from it, and the loan from the contract."""
    return str(derive_id(derive_id(UUID(application_id), "contract"), "loan"))
