"""The way into the domain."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from libs.contracts.partners import PartnerRegistered
from libs.events.decider import Decider
from libs.events.ids import derive_id
from services.partners.domain import agreement, endpoint, funding, funds, partner, sharing

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


def loan_id_of(application_id: str) -> str:
    """The loan that an application leads to: its contract follows from it, and the loan from the contract."""
    return str(derive_id(derive_id(UUID(application_id), "contract"), "loan"))
