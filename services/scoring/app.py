"""The scoring service, composed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from libs.service.host import Service
from libs.service.runtime import Runtime
from services.scoring.api import routers
from services.scoring.library import library
from services.scoring.reactions import reactions
from services.scoring.views import assessments_view


async def _check_rules(_runtime: Runtime) -> None:
    """Read and check every card before the first application is heard: a faulty one stops the service at its start."""
    library()


service: Final = Service(
    name="scoring",
    title="Scoring",
    description="Assesses submitted applications with versioned scorecards: score, grade, probability of default, "
    "and the reasons, with every input on record.",
    routers=routers,
    migrations=Path(__file__).parent / "migrations",
    projections=[assessments_view],
    reactions=reactions,
    on_start=_check_rules,
)
