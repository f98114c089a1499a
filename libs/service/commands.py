"""From an HTTP request to a decision of the domain, once for each idempotency key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from typing import Annotated, Any, Final, Self, TypeAlias, TypeVar
from uuid import UUID, uuid5

import orjson
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.problems import Rejected
from libs.events.commands import Cause, Key, KeyReused, Outcome, VersionMismatch
from libs.events.conflicts import CONFLICTS, in_transaction
from libs.events.decider import Decider
from libs.events.envelope import Actor as EventActor
from libs.events.sealing import SubjectKey
from libs.events.store import AlreadyAnswered, Session
from libs.service.actor import Actor
from libs.service.auth import require
from libs.service.context import current
from libs.service.etag import Precondition, etag, precondition
from libs.service.idempotency import fingerprint, idempotency_key
from libs.service.problems import CONFLICT, IDEMPOTENCY_KEY_REUSED, PRECONDITION_FAILED, Problem
from libs.service.runtime import Runtime, runtime_of

C = TypeVar("C")
S = TypeVar("S")

Decide: TypeAlias = Callable[[C], Awaitable[Outcome[S]]]
Within: TypeAlias = Callable[[Session, Decide[C, S], C], Awaitable[Outcome[S]]]
"""What a command does in its own transaction: (session, decide, command) to the outcome of `decide`."""

KEYED: Final = UUID("6a1f9a3e-55a1-5c3f-9d0e-3b9a1c0f4d27")
"""Namespace of identifiers that are derived from an idempotency key."""
SUBJECT: Final = "sealed_for"
ANSWER: Final = b"command answer"


@dataclass(frozen=True, slots=True)
class Call:
    """One command as it was called: by whom, with which key, on which version, on which business date."""

    request: Request
    runtime: Runtime
    actor: Actor
    role: str
    key: str
    precondition: Precondition

    @property
    def today(self) -> date:
        return self.runtime.today

    def new_id(self, purpose: str = "") -> str:
        """An identifier that the same caller with the same key gets again, so that a retry finds what it made."""
        return str(uuid5(KEYED, f"{self.actor.subject}/{self.runtime.name}/{purpose}/{self.key}"))

    async def execute(
        self,
        decider: Decider[C, S, Any],
        stream_id: str,
        command: C,
        body: Callable[[S], Any],
        *,
        status: int = 200,
        location: str = "",
        effective_date: date | None = None,
        rules: dict[str, str] | None = None,
        subject: str | None = None,
        within: Within[C, S] | None = None,
    ) -> Response:
        """Decide the command and answer with `body(state)`: an object of JSON values or a pydantic model.

        The answer is remembered with the key in the same transaction as the events. The same request again gets it
        again, with `Idempotency-Replayed: true`; another request under the key gets a 422. A domain's refusal
        (`Rejected`) and a stale If-Match (412) leave no trace, so the key may be used again.

        `subject`: the person whose personal data the request or the answer holds. What is remembered of both is then
        sealed under that person's key; raises `sealing.Shut` when there is none any more.

        `within`: work in the one transaction of the command, for what a service keeps beside its events: it is given
        the session and a function that decides a command, and gives that one's outcome. It is done anew after a
        conflict; without events in the outcome there is nothing to write.
        """
        answers: list[_Answer] = []
        print_of, remembered = fingerprint(self.request, self.actor), _as_it_is
        if subject is not None:
            seal = await self.runtime.codec.sealing_key(subject)
            print_of, remembered = seal.blinded(print_of), partial(_sealed, seal)

        def answer(outcome: Outcome[Any]) -> bytes:  # of the last attempt, which is the one that counts
            answers.append(_Answer(status, outcome.version, location, _body_bytes(body(outcome.state))))
            return remembered(answers[-1].to_bytes())

        key = Key(
            key=sha256(f"{self.actor.subject}\x00{self.key}".encode()).hexdigest(),
            fingerprint=print_of,
            answer=answer,
        )
        conditional = self.precondition.if_match is not None or self.precondition.if_none_match is not None
        if conditional and await self.runtime.store.answered(key.key) is None:  # an answer stands, whatever came since
            _, version = await self.runtime.commands.state(decider, stream_id)
            self.precondition.check(version or None)
        handle = partial(
            self.runtime.commands.handle,
            decider,
            stream_id,
            cause=self.cause(effective_date, rules),
            key=key,
            expected_version=self.precondition.expected_version,
        )
        try:
            outcome = await (handle(command) if within is None else self._together(handle, command, within, key))
        except KeyReused:
            raise Problem(IDEMPOTENCY_KEY_REUSED) from None
        except VersionMismatch as mismatch:
            raise Problem(PRECONDITION_FAILED, headers={"etag": etag(mismatch.current)}) from None
        except CONFLICTS:
            raise Problem(CONFLICT, "Too many commands on this resource at once; send it again.") from None
        if outcome.answer is not None:
            return _Answer.from_bytes(await _opened(self.runtime, outcome.answer)).response(replayed=True)
        return answers[-1].response(replayed=False)

    async def _together(
        self, handle: Callable[..., Awaitable[Outcome[S]]], command: C, within: Within[C, S], key: Key
    ) -> Outcome[S]:
        outcomes: list[Outcome[S]] = []

        async def work(session: Session) -> None:
            outcomes.append(await within(session, partial(handle, within=session), command))

        try:
            await in_transaction(self.runtime.store, work)
        except (AlreadyAnswered, Rejected):  # the same key a moment earlier, if its answer is there now
            if await self.runtime.store.answered(key.key) is None:
                raise
            await in_transaction(self.runtime.store, work)
        return outcomes[-1]

    def cause(self, effective_date: date | None = None, rules: dict[str, str] | None = None) -> Cause:
        """The circumstances of what this call leads to."""
        context = current()
        return Cause(
            actor=EventActor(self.actor.subject, self.role, self.actor.on_behalf_of or ""),
            correlation_id=context.correlation_id if context else self.key,
            request_id=context.request_id if context else "",
            traceparent=context.traceparent if context else "",
            effective_date=(effective_date or self.today).isoformat(),
            rules=rules or {},
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a command is answered with, as it is remembered with its key."""

    status: int
    version: int
    location: str
    body: bytes

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """The body is written anew as it was: an answer holds no numbers but whole ones."""
        values = orjson.loads(stored)
        return cls(values["status"], values["version"], values["location"], orjson.dumps(values["body"]))

    def to_bytes(self) -> bytes:
        return orjson.dumps(
            {
                "status": self.status,
                "version": self.version,
                "location": self.location,
                "body": orjson.Fragment(self.body),
            }
        )

    def response(self, *, replayed: bool) -> Response:
        headers = {"etag": etag(self.version)}
        if self.location:
            headers["location"] = self.location
        if replayed:
            headers["idempotency-replayed"] = "true"
        return Response(self.body, self.status, headers, media_type="application/json")


def _body_bytes(value: Any) -> bytes:
    return orjson.dumps(value.model_dump(mode="json") if hasattr(value, "model_dump") else value)


def _as_it_is(answer: bytes) -> bytes:
    return answer


def _sealed(key: SubjectKey, answer: bytes) -> bytes:
    return orjson.dumps({SUBJECT: key.subject, "answer": key.seal_bytes(answer, ANSWER).hex()})


async def _opened(runtime: Runtime, answer: bytes) -> bytes:
    stored = orjson.loads(answer)
    if SUBJECT not in stored:
        return answer
    key = await runtime.codec.opening_key(stored[SUBJECT])
    return key.open_bytes(bytes.fromhex(stored["answer"]), ANSWER)


def command(*roles: str) -> Any:
    """The dependency of a command for actors with one of these roles: `call: Annotated[Call, command("auditor")]`."""
    admitted = frozenset(roles)
    required = Depends(require(*roles))

    async def call(
        request: Request,
        key: Annotated[str, Depends(idempotency_key)],
        condition: Annotated[Precondition, Depends(precondition)],
        runtime: Annotated[Runtime, Depends(runtime_of)],
        actor: Actor = required,
    ) -> Call:
        if runtime.before_command is not None:
            await runtime.before_command(runtime)
        return Call(request, runtime, actor, actor.acting_as(admitted) or "", key, condition)

    return Depends(call)
