"""Acts to which a second person may have to agree (R7.10): done at once, or asked for and done when another agrees.

Each act is a function from who acts, what it is about and the body of the request to a command. The direct call runs it
for who calls; the approval runs it again for who agrees, on what is asked and by the state of that moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from fastapi import Response

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import ActKind, ActRejected, ActRequested
from libs.contracts.problems import Rejected, refuse_unless
from libs.events.commands import Cause, Outcome
from libs.events.decider import Decider
from libs.events.envelope import StoredEvent
from libs.events.ids import derive_id
from libs.events.store import Session
from libs.lending.money import Money
from libs.service.actor import Actor
from libs.service.commands import Call, Decide
from libs.service.etag import Precondition
from libs.service.models import Id, MoneyField, RequestModel, ResponseModel
from libs.service.runtime import Runtime
from services.ledger.api.shapes import example
from services.ledger.domain.act import Act as Requested
from services.ledger.domain.act import ActCommand, ApproveAct, RequestAct, State, Target
from services.ledger.domain.checks import Check
from services.ledger.domain.policy import Policy
from services.ledger.handlers import ACT
from services.ledger.library import library


@dataclass(frozen=True, slots=True)
class By:
    """Who does an act, and on which day."""

    runtime: Runtime
    actor: Actor
    today: date
    new_id: Callable[[str], str]
    """An identifier for a purpose, the same whenever the act is sent again."""

    @property
    def policy(self) -> Policy:
        return library().policy(self.today)


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """A command that is ready to be decided, and how what it leads to is shown. `around` is held while it is done;
    `beside` is what happens with it in the same transaction."""

    decider: Decider[Any, Any, Any]
    stream_id: str
    command: Any
    shown: Callable[[Any], Any]
    effective_date: date | None = None
    rules: dict[str, str] = field(default_factory=dict)
    status: int = 200
    location: str = ""
    around: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    beside: Callable[[Session, Cause], Awaitable[object]] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """One kind of act: who may do it, what its request looks like, and what is done."""

    kind: ActKind
    roles: Sequence[str]
    body: type[RequestModel] | None
    work: Callable[[By, Target, Any], Awaitable[Work]]
    amount: Callable[[Any], Money] | None = None
    """What it moves, by the first event that follows; None for what moves no amount."""

    def moved(self, events: Sequence[DomainEvent]) -> Money | None:
        return self.amount(events[0]) if self.amount is not None else None


class ActShown(ResponseModel):
    """A request to which another person has to agree, and what became of it."""

    model_config = example(
        **ActRequested.example,
        state="OPEN",
        ended_by=None,
        ended_on=None,
        reason="",
    )

    act_id: Id
    act: ActKind
    state: State
    loan_id: str
    repayment_id: str
    suspense_id: str
    period: str
    asked: dict[str, Any]
    amount: MoneyField | None
    agreed_by: list[Id]
    open_until: date
    requested_by: Id
    requested_on: date
    ended_by: str | None
    ended_on: date | None
    reason: str


WAITS: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "model": ActShown,
        "description": "Nothing is done yet: another person has to agree, at `/ledger/acts/{act_id}`.",
    }
}


def act_shown(state: Requested) -> ActShown:
    requested, ended = state.requested, state.ended
    assert requested is not None, "it was asked for first"
    return ActShown(
        **{name: getattr(requested, name) for name in ActRequested.model_fields},
        state=state.state,
        ended_by=state.ended_by,
        ended_on=state.ended_on,
        reason=ended.reason if isinstance(ended, ActRejected) else "",
    )


class _SecondPersonNeeded(Exception):
    """What would follow from an act is more than one person may do."""

    def __init__(self, amount: Money | None) -> None:
        self.amount = amount


async def perform(call: Call, act: Act, target: Target, body: RequestModel | None = None) -> Response:
    """Do the act, or where the policy of the day says so ask for it: nothing happens before another person agrees.

    What is asked for is decided as far as it can be, so that a request which must fail fails at once.
    """
    work = await act.work(By(call.runtime, call.actor, call.today, call.new_id), target, body)
    checks = library().checks(call.today)
    check = checks.acts.get(act.kind) if checks is not None else None
    if checks is None or check is None or call.role in check.exempt:
        return await _execute(call, work, work.decider)
    try:
        return await _execute(call, work, _guarded(work.decider, act, check))
    except _SecondPersonNeeded as needed:
        amount = needed.amount
    act_id = call.new_id("act")
    request = RequestAct(
        today=call.today,
        act_id=act_id,
        act=act.kind,
        target=target,
        asked=body.model_dump(mode="json", exclude_unset=True) if body is not None else {},
        amount=amount,
        check=check,
        requested_by=call.actor.subject,
    )
    asking = replace(call, precondition=Precondition())  # which was met by what the act is about
    return await asking.execute(
        ACT,
        ACT.stream_id(act_id),
        request,
        act_shown,
        status=202,
        location=f"/ledger/acts/{act_id}",
        rules={"ledger-checks": checks.label},
    )


async def _execute(call: Call, work: Work, decider: Decider[Any, Any, Any]) -> Response:
    async def both(session: Session, decide: Decide[Any, Any], command: Any) -> Outcome[Any]:
        outcome = await decide(command)
        if outcome.events and work.beside is not None:
            await work.beside(session, call.cause(work.effective_date, work.rules))
        return outcome

    async with work.around():
        return await call.execute(
            decider,
            work.stream_id,
            work.command,
            work.shown,
            status=work.status,
            location=work.location,
            effective_date=work.effective_date,
            rules=work.rules,
            within=both if work.beside is not None else None,
        )


def _guarded(decider: Decider[Any, Any, Any], act: Act, check: Check) -> Decider[Any, Any, Any]:
    """Decides the same, but stops before anything follows to which a second person must agree."""

    def decide(command: Any, state: Any) -> Sequence[DomainEvent]:
        events = decider.decide(command, state)
        if events and check.asks(amount := act.moved(events)):
            raise _SecondPersonNeeded(amount)
        return events

    return replace(decider, decide=decide)


async def approve(call: Call, act_id: str, acts: Mapping[ActKind, Act]) -> Response:
    """Agree to what was asked, and do it, both or neither.

    Who agrees must be able to do it himself. Raises the problem with which the act is refused by now; the request then
    stays open.
    """
    stream_id = ACT.stream_id(act_id)
    agreed = ApproveAct(today=call.today, approved_by=call.actor.subject, roles=call.actor.roles)
    state, _ = await call.runtime.commands.state(ACT, stream_id)
    requested, work = state.requested, None
    if requested is not None and state.ended is None:
        ACT.decide(agreed, state)  # may he at all: nothing is prepared for who may not
        with _staying_open(requested):
            work = await _prepared(call, _by_approval(requested, acts), requested)

    async def both(session: Session, decide: Decide[ActCommand, Requested], command: ActCommand) -> Outcome[Requested]:
        outcome = await decide(command)
        if outcome.answer is None:
            if requested is None or work is None:
                raise Rejected("act-new", "It was asked for only just now; look at it, and agree again.")
            (approved,) = await session.load(stream_id, outcome.version - 1)
            with _staying_open(requested):
                await _done(call, work, approved, session)
        return outcome

    async with AsyncExitStack() as held:
        if requested is not None and work is not None:
            with _staying_open(requested):
                await held.enter_async_context(work.around())
        return await call.execute(ACT, stream_id, agreed, act_shown, within=both)


def _by_approval(requested: ActRequested, acts: Mapping[ActKind, Act]) -> Act:
    act = acts.get(requested.act)
    if act is None:
        text = "Who agrees to a file sends the file that he has seen: POST /ledger/repayment-files."
        raise Rejected("act-by-file", text)
    return act


async def _prepared(call: Call, act: Act, requested: ActRequested) -> Work:
    target = Target(**{part.name: getattr(requested, part.name) for part in fields(Target)})
    body = act.body.model_validate(requested.asked) if act.body is not None else None
    act_id = UUID(requested.act_id)
    by = By(call.runtime, call.actor, call.today, lambda purpose: str(derive_id(act_id, purpose)))
    return await act.work(by, target, body)


async def _done(call: Call, work: Work, approved: StoredEvent, session: Session) -> None:
    """What was asked happens, by who agreed and because of it."""
    cause = replace(
        call.cause(work.effective_date, work.rules),
        causation_id=str(approved.event_id),
        after=approved.circumstances.recorded_at,
    )
    outcome = await call.runtime.commands.handle(work.decider, work.stream_id, work.command, cause, within=session)
    refuse_unless(bool(outcome.events), "act-done", "This is done already.")
    if work.beside is not None:
        await work.beside(session, cause)


@contextmanager
def _staying_open(requested: ActRequested) -> Iterator[None]:
    """A refusal of what was asked, told to who agrees. No member of his request is wrong, so none is named."""
    try:
        yield
    except Rejected as refused:
        text = f"{refused.detail} The request stays open until {requested.open_until}; reject it if it is of no use."
        raise Rejected(refused.code, text, status=refused.status, **refused.extra) from None
