"""Composes the application service."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from libs.service.host import Service
from libs.service.runtime import Runtime
from services.application import views
from services.application.api import acquisition, applicants, applications, products, screening
from services.application.handlers import IDENTIFIERS, seed_products
from services.application.identifiers import IdentifierSettings, open_identifiers
from services.application.person_index import person_index
from services.application.reactions import reactions


async def start(runtime: Runtime) -> None:
    """Open the key of applicant identifiers and put this release's products on record."""
    identifiers = await open_identifiers(runtime.store, IdentifierSettings().applicant_key)
    runtime.extras[IDENTIFIERS] = person_index.identifiers = identifiers
    await seed_products(runtime)


service: Final = Service(
    name="application",
    title="Applications",
    description="Products on offer, applicants, and applications from the first draft until they are submitted or end.",
    routers=[products.router, screening.router, applicants.router, applications.router, acquisition.router],
    personal=True,
    migrations=Path(__file__).parent / "migrations",
    projections=[views.PRODUCTS, views.APPLICATIONS, views.ACQUISITION],
    reactions=reactions,
    on_start=start,
)
