"""Composes the audit service."""

from __future__ import annotations

from pathlib import Path

from libs.service.host import Service
from services.audit.api import router
from services.audit.archive import subscribers
from services.audit.views import pages, trails

service = Service(
    name="audit",
    title="Puhui audit",
    description="Keeps every event of every service, and answers what happened, by whom, on whose authority, and why.",
    routers=[router],
    personal=True,
    migrations=Path(__file__).parent / "migrations",
    projections=[pages, trails],
    subscribers=subscribers,
)
