"""The deciders with their streams, and the question put to the decision table in force."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Final

from libs.contracts.approval import Outcome, TableProposed
from libs.contracts.values import LoanRequest, Reason
from libs.events import commands as kit
from libs.events.canonical import canonical
from libs.events.commands import CommandHandler
from libs.events.decider import Decider
from libs.events.store import Session
from libs.service.commands import Decide
from services.approval import exposure
from services.approval.domain import card_comparison, decision, group, officer, release, security, security_state
from services.approval.domain.capacity import coverage_bps, debt_to_income_bps
from services.approval.domain.commands import (
    CastVote,
    Command,
    ConsiderApplication,
    DecideCase,
    Lent,
    MeetCondition,
    Verdict,
)
from services.approval.domain.offers import instalments_offered
from services.approval.domain.state import Event, State
from services.approval.library import library
from services.approval.tables import DecisionTable, Facts, in_force

DECISION: Final[Decider[Command, State, Event]] = Decider(
    "decision", decision.initial, decision.decide, decision.evolve
)
TABLES: Final[Decider[release.Command, release.State, release.Event]] = Decider(
    "table", release.INITIAL, release.decide, release.evolve
)
TABLE_ID: Final = "standard"
"""The table that decides on applications."""
TABLES_STREAM: Final = TABLES.stream_id(TABLE_ID)
CARD_COMPARISON: Final[Decider[card_comparison.Command, card_comparison.State, card_comparison.Event]] = Decider(
    "cardcomparison", card_comparison.INITIAL, card_comparison.decide, card_comparison.evolve
)
GROUP: Final[Decider[group.Command, group.State, group.Event]] = Decider(
    "borrowergroup", group.INITIAL, group.decide, group.evolve
)
SECURITY: Final[Decider[security.Command, security_state.State, security_state.Event]] = Decider(
    "security", security.INITIAL, security.decide, security.evolve
)
OFFICER: Final[Decider[officer.Command, officer.State, officer.Event]] = Decider(
    "officer", officer.INITIAL, officer.decide, officer.evolve
)


def facts_of(request: LoanRequest, *, score: int | None, grade: str, on: date) -> Facts:
    """What a table is asked about an application (score None: it could not be scored)."""
    return Facts(
        grade=grade,
        scored=score is not None,
        dti_bps=debt_to_income_bps(request, on),
        amount_minor=request.amount.minor,
        coverage_bps=coverage_bps(request),
        guarantee=request.guarantee.kind,
        term_months=request.instalments * request.period_months,
    )


def verdict_on(table: DecisionTable, request: LoanRequest, *, score: int | None, grade: str, on: date) -> Verdict:
    """What a table says of an application; where it shortens the term, what it says of the shorter one, whose
    instalments are dearer, with the rows and reasons of both, those that decided first. Where the shorter one has fewer
    instalments than the product, a person decides."""
    verdict = table.decide(facts_of(request, score=score, grade=grade, on=on), score)
    if verdict.term_months_max is None:
        return verdict
    shorter = request.model_copy(update={"instalments": verdict.term_months_max // request.period_months})
    if shorter.instalments < instalments_offered(request)[0]:
        return table.below_product(verdict)
    then = verdict_on(table, shorter, score=score, grade=grade, on=on)
    rules = (*then.basis.rules, *verdict.basis.rules)
    return replace(
        then,
        basis=then.basis.model_copy(update={"rules": rules}),
        reasons=(*then.reasons, *verdict.reasons),
        instalments=then.instalments or shorter.instalments,
    )


def admitted(releases: release.State) -> list[DecisionTable]:
    """The tables that may decide once their date has come: the first of each, and what was released after it."""
    tables = [*library().tables, *(proposed_table(proposed) for proposed in releases.proposed.values())]
    first = {
        table.table_id: min(t.version for t in library().tables if t.table_id == table.table_id) for table in tables
    }
    return [table for table in tables if table.version == first[table.table_id] or table.version in releases.released]


async def table_in_force(commands: CommandHandler, on: date) -> DecisionTable:
    """The table that decides on a date; raises `LookupError` when none does."""
    releases, _ = await commands.state(TABLES, TABLES_STREAM)
    return table_of(releases, on)


def table_of(releases: release.State, on: date) -> DecisionTable:
    """The same from what was released."""
    return in_force(admitted(releases), on)


def proposed_table(proposed: TableProposed) -> DecisionTable:
    """A table that was put on record over HTTP, as one that can decide."""
    return _compiled(canonical(proposed.document))


@lru_cache(maxsize=64)
def _compiled(document: bytes) -> DecisionTable:
    return DecisionTable(json.loads(document))


def consider(
    application_id: str,
    request: LoanRequest,
    table: DecisionTable,
    *,
    score: int | None,
    grade: str,
    today: date,
    score_reasons: tuple[Reason, ...] = (),
) -> ConsiderApplication:
    """The command for a scored application (score None: a person must), with the verdict of the table in force."""
    return ConsiderApplication(
        application_id=application_id,
        request=request,
        verdict=verdict_on(table, request, score=score, grade=grade, on=today),
        authority=library().authority(today),
        today=today,
        notice=library().casework(today).notice,
        score_reasons=score_reasons,
    )


Locked = DecideCase | CastVote | MeetCondition
"""Commands of people that may approve, and so are held to the limits."""


async def within_limits(
    commands: CommandHandler, stream_id: str, session: Session, decide: Decide[Command, State], command: Command
) -> kit.Outcome[State]:
    """A person's decision with the limits as they stand, locked until it is written, and what it reserves."""
    counted: Sequence[str] = ()
    if isinstance(command, Locked) and getattr(command, "outcome", Outcome.APPROVE) is Outcome.APPROVE:
        state, _ = await commands.state(DECISION, stream_id, session)
        if state.request is not None:
            standing = await exposure.standing(session, library().exposure, state.request, command.today)
            command, counted = replace(command, exposures=standing.lines), standing.counted
    outcome = await decide(command)
    await exposure.follow(session, outcome, counted)
    return outcome


async def officer_state(commands: CommandHandler, subject: str) -> officer.State:
    """Whom an officer is related to, and whose authority he may use."""
    state, _ = await commands.state(OFFICER, OFFICER.stream_id(subject))
    return state


async def lent_authority(commands: CommandHandler, state: officer.State, today: date) -> tuple[Lent, ...]:
    """What somebody absent has lent to an officer, for today, with what holds for the lender himself."""
    authority, casework = library().authority(today), library().casework(today)
    lent = []
    for each in state.lent(today):
        lender = await officer_state(commands, each.delegator)
        lent.append(
            Lent(
                delegator=each.delegator,
                limit=authority.limit((each.role,)),
                review_limit=casework.review.limit((each.role,)),
                longer_term_limit=casework.longer_term.limit((each.role,)),
                related=lender.related,
            )
        )
    return tuple(lent)
