"""The way into the domain."""

from __future__ import annotations

from typing import Final

from libs.contracts.partners import PartnerRegistered
from libs.events.decider import Decider
from services.partners.domain import endpoint, partner, sharing

PARTNER: Final[Decider[partner.RegisterPartner, partner.Partner, PartnerRegistered]] = Decider(
    "partner", partner.INITIAL, partner.decide, partner.evolve
)
ENDPOINT: Final[Decider[endpoint.Command, endpoint.Endpoint, endpoint.Event]] = Decider(
    "endpoint", endpoint.INITIAL, endpoint.decide, endpoint.evolve
)
SHARE: Final[Decider[sharing.Command, sharing.Sharing, sharing.Event]] = Decider(
    "share", sharing.INITIAL, sharing.decide, sharing.evolve
)
