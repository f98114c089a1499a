"""The partners service, composed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from libs.contracts.catalogue import service_of, topic
from libs.contracts.partners import EndpointStatus
from libs.events.commands import Cause
from libs.events.delivery import Subscriber
from libs.events.envelope import Actor
from libs.events.loops import keep_running
from libs.events.signals import Signal
from libs.events.store import OWN
from libs.events.subscribers import ReactionSubscriber
from libs.service.host import Service
from libs.service.runtime import Runtime
from services.partners.api import routers
from services.partners.api.files import FILE_BYTES_MAX
from services.partners.deadlines import end_what_is_over
from services.partners.dispatcher import Dispatcher
from services.partners.domain.contacts import CONTACT
from services.partners.domain.endpoint import ChangeStatus
from services.partners.handlers import ENDPOINT
from services.partners.lane import Address
from services.partners.library import contact_policies, delivery_policy, key_policy, regimes
from services.partners.news import LoanNews
from services.partners.origination import heard
from services.partners.reactions import make_reactions
from services.partners.reconciliation_views import movements_view, reconciliation_view
from services.partners.secrets_of import Secrets
from services.partners.settings import PartnersSettings
from services.partners.standings import LoanStandings
from services.partners.views import funding_view, funds_view, partners_view, settlements_view, shares_view

DATA_DIR: Final = Path("var/partners")


async def _start(runtime: Runtime) -> None:
    """The adapters of this service, and the loop that sends."""
    regimes(), contact_policies(), key_policy()  # a faulty rule document stops the service at its start
    settings = PartnersSettings()
    secrets = Secrets(settings.key(runtime.settings.data_dir or DATA_DIR))
    runtime.extras["secrets"], runtime.extras["reach"] = secrets, settings.reach()

    async def disable(address: Address) -> None:
        command = ChangeStatus(
            status=EndpointStatus.DISABLED, reason="The receiver answered 410 Gone", today=runtime.today
        )
        cause = Cause(Actor("service:partners", "service"), address.endpoint_id)
        await runtime.commands.handle(ENDPOINT, ENDPOINT.stream_id(address.endpoint_id), command, cause)

    dispatcher = Dispatcher(
        runtime.store.pool, settings.reach(), secrets, delivery_policy(), _wake_of(runtime), disable
    )
    loop = asyncio.create_task(
        keep_running(runtime.name, "webhooks", dispatcher.run, runtime.settings.stuck_after_s), name="webhooks"
    )

    deadlines = asyncio.create_task(
        keep_running(runtime.name, "deadlines", partial(end_what_is_over, runtime), runtime.settings.stuck_after_s),
        name="deadlines",
    )

    async def stop() -> None:
        for task in (loop, deadlines):
            task.cancel()
        await asyncio.gather(loop, deadlines, return_exceptions=True)

    runtime.on_stop.append(stop)


def _wake_of(runtime: Runtime) -> Signal:
    """What wakes the dispatcher; made by whoever asks first, since subscribers are made before adapters."""
    signal: Signal = runtime.extras.setdefault("wake_webhooks", Signal())
    return signal


def _subscribers(runtime: Runtime) -> Sequence[tuple[Sequence[str], Subscriber]]:
    wake = _wake_of(runtime).set
    reactions = make_reactions(wake)
    return [
        ((topic("ledger"),), LoanNews(runtime.commands, wake)),
        ((topic("ledger"),), LoanStandings()),
        (
            sorted({topic(service_of(name)) for name in heard.types}),
            ReactionSubscriber(heard, runtime.commands, "partners.origination", heard.types),
        ),
        ((OWN,), ReactionSubscriber(reactions, runtime.commands, "partners.own", reactions.types)),
    ]


service: Final = Service(
    name="partners",
    title="Partners",
    description="Who lends with us: agreements, each partner's own decision, shares of loans to the fen, and webhooks "
    "that tell each partner of its loans.",
    routers=routers,
    migrations=Path(__file__).parent / "migrations",
    body_bytes_max=FILE_BYTES_MAX,
    personal=True,
    persons_prefix=CONTACT,  # it hears of borrowers, and opens nothing of theirs
    projections=[
        partners_view,
        shares_view,
        funding_view,
        funds_view,
        settlements_view,
        movements_view,
        reconciliation_view,
    ],
    subscribers=_subscribers,
    on_start=_start,
)
