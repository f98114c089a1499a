"""The lender's business date as a service knows it: told by the ledger's events, kept in its own database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from sqlalchemy import Boolean, Column, Date, MetaData, Table, select

from libs.contracts.ledger import BusinessDayOpened
from libs.events.codec import Recorded
from libs.events.postgres import PostgresStore
from libs.events.projection import Change, Put

CHASSIS: Final = MetaData()
BUSINESS_DATE: Final = Table(
    "business_date",
    CHASSIS,
    Column("only_row", Boolean, primary_key=True, default=True),
    Column("today", Date, nullable=False),
)


class BusinessDate:
    """Today, for a service. Before the ledger has opened a day it is the first date that the settings name."""

    def __init__(self, store: PostgresStore, first: date) -> None:
        self._store = store
        self.today = first

    async def refresh(self) -> None:
        """Read what another process of this service may have heard."""
        known = await self._store.pool.fetchval("select today from business_date")
        if known is not None:
            self.today = max(self.today, known)

    def heard(self, today: date) -> None:
        """A later date was committed by this process."""
        self.today = max(self.today, today)


def changes(recorded: Recorded[BusinessDayOpened]) -> Iterable[Change]:
    yield Put(BUSINESS_DATE, {"only_row": True, "today": recorded.event.business_date})


TODAY: Final = select(BUSINESS_DATE.c.today)
