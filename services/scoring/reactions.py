"""What the service hears: an application was submitted, so it is assessed."""

from __future__ import annotations

from libs.contracts.application import ApplicationSubmitted
from libs.events.codec import Recorded
from libs.events.subscribers import Reaction, Reactions
from services.scoring.handlers import assess_submitted, assessments
from services.scoring.library import library

reactions = Reactions("scoring")


@reactions.on(ApplicationSubmitted)
async def assess(recorded: Recorded[ApplicationSubmitted], reaction: Reaction) -> None:
    submitted = recorded.event
    await reaction.handle(
        assessments,
        assessments.stream_id(submitted.application_id),
        assess_submitted(submitted, library()),
        effective_date=submitted.submitted_on.isoformat(),
    )
