"""The ledger service, composed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import httpx

from libs.service.host import Service
from libs.service.runtime import Runtime
from services.ledger.api import routers
from services.ledger.api.files import CSV
from services.ledger.bank import Bank, BankSettings
from services.ledger.day_end import DayEnd
from services.ledger.handlers import BUSINESS_DAY, DAY_STREAM
from services.ledger.library import library
from services.ledger.payments import Payments
from services.ledger.reactions import reactions
from services.ledger.statement import Statement
from services.ledger.views import acts, books, lenders, portfolio, suspense


async def know_the_day(runtime: Runtime) -> None:
    """The day that is open by the events of days, whichever process has opened it."""
    day, _ = await runtime.commands.state(BUSINESS_DAY, DAY_STREAM)
    runtime.business_date.heard(day.today or date.min)


def create_ledger(bank_transport: httpx.AsyncBaseTransport | None = None) -> Service:
    """The service; `bank_transport` replaces the network between it and the bank."""
    payments = Payments()

    async def on_start(runtime: Runtime) -> None:
        library()  # a faulty rule document stops the service at its start
        payments.runtime = runtime
        if runtime.settings.bank_url is not None:
            secret = runtime.settings.bank_secret
            bank_settings = BankSettings(token=secret) if secret else BankSettings()
            bank = Bank(runtime.settings.bank_url, bank_settings, bank_transport)
            runtime.extras["bank"] = bank
            runtime.on_stop.append(bank.aclose)
        day_end = DayEnd(runtime, Statement(runtime))
        runtime.extras["day-end"] = day_end
        runtime.on_stop.append(day_end.stop)
        await know_the_day(runtime)

    return Service(
        name="ledger",
        title="Ledger",
        description="Books loans from signed contracts, pays them out once, keeps their plans, repayments and arrears, "
        "closes business days, and keeps double-entry books of it all.",
        routers=routers,
        personal=True,
        migrations=Path(__file__).parent / "migrations",
        projections=[portfolio, books, lenders, suspense, acts],
        raw_media_types=frozenset({CSV}),
        reactions=reactions,
        tasks=payments.tasks,
        on_start=on_start,
        before_command=know_the_day,
    )


service: Final = create_ledger()
