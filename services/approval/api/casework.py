"""Work on referred applications beyond deciding: questions, votes, proofs; what a declined applicant is told and may ask."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import Field
from starlette.responses import Response

from libs.contracts.approval import Condition, Outcome
from libs.contracts.examples import APPLICATION, SHA256
from libs.contracts.values import Named, Reason
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.commands import Call, command
from libs.service.models import Code, MoneyField, RequestModel, ResponseModel, Text
from libs.service.problems import FORBIDDEN, NOT_FOUND, Problem, invalid
from libs.service.runtime import Runtime, runtime_of
from services.approval import models
from services.approval.api.decisions import OFFICERS, ApplicationId, Officer, Reader
from services.approval.domain.commands import (
    AnswerQuestion,
    AskApplicant,
    CastVote,
    MeetCondition,
    RequestReview,
)
from services.approval.domain.state import State, Status
from services.approval.handlers import DECISION, SECURITY, officer_state, within_limits
from services.approval.library import library
from services.approval.models import example
from services.approval.notice import letter, main_reasons, review_until

router = APIRouter(tags=["casework"])

Running = Annotated[Runtime, Depends(runtime_of)]
Applicant = Annotated[Call, command("customer", "loan_officer")]
Addressee = Annotated[Actor, Depends(require("customer", "loan_officer", *OFFICERS, "auditor"))]
Member = Annotated[Call, command("senior_credit_officer", "risk_manager", "finance_manager")]
Witness = Annotated[Call, command(*OFFICERS, "contract_officer")]
ConditionCode = Annotated[str, Path(max_length=64, description="The condition.")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Question(RequestModel):
    """What the applicant is asked for: a code of the policy."""

    model_config = example(code="proof-of-income")

    code: Code


class Answer(RequestModel):
    """What the applicant sends: documents by their hashes."""

    model_config = example(code="proof-of-income", documents=[SHA256])

    code: Code
    documents: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=20)]


class Vote(RequestModel):
    """A member's vote on what was recommended."""

    model_config = example(outcome="APPROVE", note="Two sources of repayment, both seen")

    outcome: Outcome
    note: Text


class Proof(RequestModel):
    """What shows that a condition is met. The document is left out where the security on record shows it."""

    model_config = example(document_sha256=SHA256, note="Policy 2026-0815, paid until the end of the loan")

    document_sha256: Sha256 | None = None
    note: Text


class QueueShown(ResponseModel):
    queue: str
    deadline_days: int
    escalates_to: str


class CaseworkShown(ResponseModel):
    """How referred applications are worked on: the codes that commands take, with their texts."""

    model_config = example(
        version=1,
        lease_days=3,
        queues=[{"queue": "standard", "deadline_days": 5, "escalates_to": "large"}],
        questions=[],
        conditions=[],
        override_reasons={},
        term_override_reasons={},
        committee_quorum=3,
        committee_share="2/3",
        committee_max={"amount": "5000000.00", "currency": "CNY"},
    )

    version: int
    lease_days: int
    queues: list[QueueShown]
    questions: list[Reason]
    conditions: list[Condition]
    override_reasons: dict[str, Named]
    term_override_reasons: dict[str, Named] = Field(description="Why a longer term than the table allows is offered.")
    committee_quorum: int
    committee_share: str = Field(description="Of the votes, which must be for it: a fraction.")
    committee_max: MoneyField


class NoticeShown(ResponseModel):
    """What a declined applicant is told."""

    model_config = example(
        application_id=APPLICATION,
        declined_on="2026-02-01",
        automatic=True,
        reasons=[{"code": "score-too-low", "text": {"zh": "综合信用评分不足", "en": "The credit score is too low"}}],
        review_until="2026-03-03",
        text={"zh": "贷款申请审批结果通知……", "en": "Notice on your application for a loan …"},
    )

    application_id: str
    declined_on: date
    automatic: bool
    reasons: list[Reason] = Field(description="The main ones, at most four.")
    review_until: date | None = Field(description="Until when a review by a person can be asked for.")
    text: Named = Field(description="The whole letter.")


@router.get("/casework", summary="How cases are worked on")
async def read_casework(_actor: Reader, runtime: Running) -> CaseworkShown:
    """Deadlines of the queues, the questions, conditions and reasons of overrides that there are today."""
    policy = library().casework(runtime.today)
    return CaseworkShown(
        version=policy.version,
        lease_days=policy.lease_days,
        queues=[
            QueueShown(queue=code, deadline_days=queue.deadline_days, escalates_to=queue.escalates_to)
            for code, queue in policy.queues.items()
        ],
        questions=list(policy.questions.values()),
        conditions=list(policy.conditions.values()),
        override_reasons=dict(policy.review.override_reasons),
        term_override_reasons=dict(policy.longer_term.reasons),
        committee_quorum=policy.committee.quorum,
        committee_share=str(policy.committee.approve_share),
        committee_max=policy.committee.decide_max,
    )


@router.post("/decisions/{application_id}/questions", summary="Ask the applicant", response_model=models.Decision)
async def ask_applicant(call: Officer, application_id: ApplicationId, body: Question) -> Response:
    """Nothing is decided until the answer is there, or the day until which it was asked for has passed."""
    policy = library().casework(call.today)
    if body.code not in policy.questions:
        raise invalid("/code", "unknown-question", f"Send one of {', '.join(policy.questions)}.")
    known = await officer_state(call.runtime.commands, call.actor.subject)
    order = AskApplicant(
        officer=call.actor.subject,
        question=policy.questions[body.code],
        answer_days=policy.answer_days,
        today=call.today,
        related=known.related,
    )
    return await call.execute(DECISION, DECISION.stream_id(application_id), order, models.Decision.of)


@router.post("/decisions/{application_id}/answers", summary="Answer a question", response_model=models.Decision)
async def answer_question(call: Applicant, application_id: ApplicationId, body: Answer) -> Response:
    """By the applicant, or by an officer who was handed the papers."""
    await _own(call.runtime, call.actor, application_id)
    order = AnswerQuestion(code=body.code, documents=body.documents, today=call.today)
    return await call.execute(DECISION, DECISION.stream_id(application_id), order, models.Decision.of)


@router.post("/decisions/{application_id}/votes", summary="Vote in the committee", response_model=models.Decision)
async def cast_vote(call: Member, application_id: ApplicationId, body: Vote) -> Response:
    """On an approval that an officer has recommended. The vote that makes the quorum decides."""
    policy = library().casework(call.today)
    if not call.actor.has(*policy.committee.roles):
        raise Problem(FORBIDDEN, "You are no member of the committee.")
    stream_id, commands = DECISION.stream_id(application_id), call.runtime.commands
    known = await officer_state(commands, call.actor.subject)
    order = CastVote(
        member=call.actor.subject,
        outcome=body.outcome,
        note=body.note,
        committee=policy.committee,
        authority=library().authority(call.today),
        today=call.today,
        related=known.related,
    )
    within = partial(within_limits, commands, stream_id)
    return await call.execute(DECISION, stream_id, order, models.Decision.of, within=within)


@router.post(
    "/decisions/{application_id}/conditions/{code}",
    summary="Show that a condition is met",
    response_model=models.Decision,
)
async def meet_condition(call: Witness, application_id: ApplicationId, code: ConditionCode, body: Proof) -> Response:
    """By somebody who did not decide. With the last proof the approval counts, and the offer is made."""
    stream_id, commands = DECISION.stream_id(application_id), call.runtime.commands
    state, _ = await commands.state(DECISION, stream_id)
    known = await officer_state(commands, call.actor.subject)
    coverage, least = await _coverage(call.runtime, application_id, state, call.today)
    order = MeetCondition(
        code=code,
        document_sha256=body.document_sha256 or "",
        note=body.note,
        officer=call.actor.subject,
        coverage_bps=coverage,
        coverage_min_bps=least,
        today=call.today,
        related=known.related,
    )
    within = partial(within_limits, commands, stream_id)
    return await call.execute(DECISION, stream_id, order, models.Decision.of, within=within)


async def _coverage(runtime: Runtime, application_id: str, state: State, today: date) -> tuple[int, int]:
    """How much of what would be offered its security covers, and what the policy asks for, in basis points."""
    if state.prepared is None or state.request is None:
        return 0, 0
    policy = library().security(today)
    security, _ = await runtime.commands.state(SECURITY, SECURITY.stream_id(application_id))
    least = policy.coverage_min_bps.get(state.request.guarantee.kind, 0)
    return security.coverage_bps(state.prepared.offer.amount, policy, today), least


@router.get("/decisions/{application_id}/notice", summary="The notice of a decline")
async def read_notice(actor: Addressee, runtime: Running, application_id: ApplicationId) -> NoticeShown:
    """The main reasons and what the applicant may do about it, as a letter in both languages."""
    state = await _own(runtime, actor, application_id)
    if state.status is not Status.DECLINED or state.decided_on is None:
        raise Problem(NOT_FOUND, "This application is not declined; there is no notice.")
    policy = library().casework(state.decided_on)
    return NoticeShown(
        application_id=application_id,
        declined_on=state.decided_on,
        automatic=not state.decided_by,
        reasons=list(main_reasons(state, policy)),
        review_until=review_until(state, policy),
        text=letter(state, policy),
    )


@router.post("/decisions/{application_id}/review", summary="Ask for a person", response_model=models.Decision)
async def request_review(call: Applicant, application_id: ApplicationId) -> Response:
    """What the table has declined is decided by people instead. Once, and within the days of the notice."""
    await _own(call.runtime, call.actor, application_id)
    order = RequestReview(review=library().casework(call.today).review, today=call.today)
    return await call.execute(DECISION, DECISION.stream_id(application_id), order, models.Decision.of)


async def _own(runtime: Runtime, actor: Actor, application_id: str) -> State:
    """The decision, for whoever may know of it; 404 for somebody else's."""
    state, _ = await runtime.commands.state(DECISION, DECISION.stream_id(application_id))
    own = state.request is not None and actor.on_behalf_of in (None, state.request.applicant_id)
    if state.request is None or not (own or not actor.has("customer")):
        raise Problem(NOT_FOUND, "No decision is known for this application.")
    return state
