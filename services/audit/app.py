"""Composes the audit service."""

from __future__ import annotations

from pathlib import Path

from libs.service.host import Service
from libs.service.runtime import Runtime
from services.audit import logs
from services.audit.api import routers
from services.audit.archive import subscribers
from services.audit.library import library
from services.audit.standing import standing
from services.audit.views import pages, securities, trails


async def start(runtime: Runtime) -> None:
    """Check the rules that audit goes by, where a fault stops the service at its start, and open the logs."""
    library()
    standing.runtime = runtime
    await logs.start(runtime)


service = Service(
    name="audit",
    title="Puhui audit",
    description="Keeps every event of every service, and answers what happened, by whom, on whose authority, and why.",
    routers=routers,
    personal=True,
    migrations=Path(__file__).parent / "migrations",
    projections=[pages, securities, trails],
    subscribers=subscribers,
    tasks=standing.tasks,
    on_start=start,
)
