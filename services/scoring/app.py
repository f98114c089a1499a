"""The scoring service, composed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from libs.service.host import Service
from libs.service.runtime import Runtime
from services.scoring.api import routers
from services.scoring.gathering import Gathering
from services.scoring.library import library
from services.scoring.reactions import reactions
from services.scoring.refreshing import Refreshing
from services.scoring.sources import SourceSettings, sources_of
from services.scoring.views import assessments_view, refreshes_view


def create_scoring(transports: Mapping[str, httpx.AsyncBaseTransport] | None = None) -> Service:
    """The service; `transports` replace the network between it and the sources of these names."""
    gathering = Gathering()
    refreshing = Refreshing(gathering.tasks)

    async def on_start(runtime: Runtime) -> None:
        library()  # a faulty rule document stops the service at its start
        gathering.runtime = refreshing.runtime = runtime
        sources = sources_of(SourceSettings(), transports)
        runtime.extras["sources"] = sources
        runtime.on_stop += [source.aclose for source in sources.values()]

    return Service(
        name="scoring",
        title="Scoring",
        description="Assesses submitted applications with versioned scorecards, after it has gathered the information "
        "that its policy asks for: score, grade, probability of default, and the reasons, with every input on record. Asks "
        "anew about borrowers whose loans run, and about who answers for them.",
        routers=routers,
        personal=True,
        migrations=Path(__file__).parent / "migrations",
        projections=[assessments_view, refreshes_view],
        reactions=reactions,
        tasks=gathering.tasks,
        on_start=on_start,
    )


service: Final = create_scoring()
