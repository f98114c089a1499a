"""Composes the approval service."""

from __future__ import annotations

from pathlib import Path

from libs.service.host import Service
from services.approval.api import routers
from services.approval.reactions import reactions
from services.approval.views import decisions

service = Service(
    name="approval",
    title="Puhui approval",
    description="Decides on scored applications: by a versioned table where it can, by people where it must.",
    routers=routers,
    migrations=Path(__file__).parent / "migrations",
    projections=[decisions],
    reactions=reactions,
)
