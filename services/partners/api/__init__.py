"""How the partners service is asked."""

from __future__ import annotations

from typing import Final

from services.partners.api.agreements import router as agreements
from services.partners.api.books import router as books
from services.partners.api.buy_backs import router as buy_backs
from services.partners.api.callbacks import router as callbacks
from services.partners.api.contacts import router as contacts
from services.partners.api.costs import router as costs
from services.partners.api.deliveries import router as deliveries
from services.partners.api.endpoints import router as endpoints
from services.partners.api.fundings import router as fundings
from services.partners.api.funds import router as funds
from services.partners.api.keys import router as keys
from services.partners.api.own import router as own
from services.partners.api.partners import router as partners
from services.partners.api.performance import router as performance
from services.partners.api.reconciliation import router as reconciliation
from services.partners.api.settlements import router as settlements
from services.partners.api.shares import router as shares

routers: Final = [
    endpoints,
    deliveries,
    agreements,
    fundings,
    funds,
    books,
    settlements,
    shares,
    buy_backs,
    costs,
    partners,
    contacts,
    callbacks,
    keys,
    reconciliation,
    own,
    performance,
]
