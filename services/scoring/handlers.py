"""From what was heard to what is to be decided."""

from __future__ import annotations

from datetime import date
from typing import Final

from libs.contracts.application import ApplicationSubmitted
from libs.contracts.values import LoanRequest
from libs.events.decider import Decider
from services.scoring.domain import refresh
from services.scoring.domain.assessment import INITIAL, AssessApplication, Command, Event, State, decide, evolve
from services.scoring.domain.card import effective_card, effective_cards
from services.scoring.domain.judging import Rules
from services.scoring.library import library
from services.scoring.shelf import Shelf

assessments: Final[Decider[Command, State, Event]] = Decider("assessment", INITIAL, decide, evolve)

refreshes: Final[Decider[refresh.Command, refresh.State, refresh.Event]] = Decider(
    "refresh", refresh.INITIAL, refresh.decide, refresh.evolve
)
"""One stream a borrower: what is asked of sources about him while a loan of his runs."""


def rules_of(shelf: Shelf, request: LoanRequest, on: date) -> Rules:
    """The rules in force on the day of submission, whenever this service gets to hear of it and however long it takes
    to gather what is needed, so that no delay and no replay can change an assessment."""
    asked = on, request.applicant_kind.value, request.product.code, request.region
    return Rules(
        card=effective_card(shelf.champions, *asked),
        challengers=tuple(effective_cards(shelf.challengers, *asked)) if shelf.challengers else (),
        catalogue=library().catalogue,
        kinds=library().kinds,
        policy=library().information_policy(on),
    )


def assess_submitted(submitted: ApplicationSubmitted, shelf: Shelf) -> AssessApplication:
    """The command to assess what was submitted."""
    on, request = submitted.submitted_on, submitted.request
    return AssessApplication(
        application_id=submitted.application_id,
        request=request,
        consents=submitted.consents,
        on=on,
        rules=rules_of(shelf, request, on),
    )


def rules_for(shelf: Shelf, state: State) -> Rules:
    """The rules of an application for which information is gathered."""
    assert state.gathered is not None, "asked about one for which something was asked for"
    asked = state.gathered.asked
    return rules_of(shelf, asked.request, asked.requested_on)
