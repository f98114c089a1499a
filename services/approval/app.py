"""Composes the approval service."""

from __future__ import annotations

from pathlib import Path

from libs.service.host import Service
from libs.service.runtime import Runtime
from services.approval import exposure
from services.approval.api import routers
from services.approval.library import library
from services.approval.reactions import reactions
from services.approval.views import decisions


async def _start(runtime: Runtime) -> None:
    """Check the rules, where a fault stops the service at its start, and count what they are about."""
    await exposure.recount_when_needed(runtime, library().exposure)


service = Service(
    name="approval",
    title="Puhui approval",
    description="Decides on scored applications: by a versioned table where it can, by people where it must.",
    routers=routers,
    migrations=Path(__file__).parent / "migrations",
    projections=[decisions],
    reactions=reactions,
    on_start=_start,
)
