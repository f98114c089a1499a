"""The collections service, composed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from libs.service.host import Service
from libs.service.runtime import Runtime
from services.collections.api import routers
from services.collections.library import library
from services.collections.messages import LocalGateway
from services.collections.rates import Notices
from services.collections.reactions import reactions
from services.collections.reminding import Reminding
from services.collections.views import cases, reminders
from services.collections.watch_views import watching

reminding: Final = Reminding()
notices: Final = Notices(reminding.tasks)


async def _start(runtime: Runtime) -> None:
    library()  # a faulty rule document stops the service at its start
    runtime.extras["messages"] = LocalGateway(runtime.store.pool)
    reminding.runtime = notices.runtime = runtime


service: Final = Service(
    name="collections",
    title="Collections",
    description="Reminds borrowers before the due date, and collects what is overdue: cases, contacts within the law, "
    "promises to pay. Warns early, and watches borrowers.",
    routers=routers,
    personal=True,
    migrations=Path(__file__).parent / "migrations",
    projections=[cases, reminders, watching],
    reactions=reactions,
    tasks=reminding.tasks,
    on_start=_start,
)
