"""From what was heard to what is to be decided."""

from __future__ import annotations

from libs.contracts.application import ApplicationSubmitted
from libs.events.decider import Decider
from services.scoring.domain.assessment import INITIAL, AssessApplication, Event, State, decide, evolve
from services.scoring.domain.card import effective_card
from services.scoring.library import Library

assessments: Decider[AssessApplication, State, Event] = Decider("assessment", INITIAL, decide, evolve)


def assess_submitted(submitted: ApplicationSubmitted, library: Library) -> AssessApplication:
    """The command to assess what was submitted.

    The card is the one in force on the day of submission, whenever this service gets to hear of it, so that a backlog
    or a replay cannot change a score.
    """
    on, request = submitted.submitted_on, submitted.request
    return AssessApplication(
        application_id=submitted.application_id,
        request=request,
        on=on,
        card=effective_card(library.cards, on, request.applicant_kind.value),
        catalogue=library.catalogue,
    )
