"""Who looked at what: every reading of archived records is itself on record."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.audit import RecordsRead
from libs.events.commands import Cause
from libs.events.decider import Decider
from libs.events.envelope import Actor as EventActor
from libs.service.context import current
from libs.service.dispatch import WatchedRoute
from libs.service.runtime import Runtime

ON_RECORD: Final = frozenset({"auditor", "compliance_officer", "privacy_officer", "risk_manager"})
"""Roles of people who read others' files. Operators and programs see figures and do not read files here."""
PARAMETERS_MAX: Final = 20
CHARS_MAX: Final = 200

ACCESS: Final[Decider[RecordsRead, None, RecordsRead]] = Decider(
    "access", None, lambda command, _: [command], lambda state, _: state
)


class RecordedRoute(WatchedRoute):
    """A route whose answers are put on record before they are given."""

    async def answered(self, request: Request, response: Response) -> None:
        if request.method == "GET" and response.status_code < HTTPStatus.BAD_REQUEST:
            await _record(request, self.path)


async def _record(request: Request, operation: str) -> None:
    context = current()
    actor = context.actor if context is not None else None
    role = actor.acting_as(ON_RECORD) if actor is not None else None
    if context is None or actor is None or role is None:
        return
    runtime: Runtime = request.app.state.runtime
    given = {**request.query_params, **{name: str(value) for name, value in request.path_params.items()}}
    read = RecordsRead(
        reader=actor.subject,
        role=role,
        operation=f"/{runtime.name}/{operation.removeprefix(f'/{runtime.name}').lstrip('/')}",
        parameters={name: value[:CHARS_MAX] for name, value in list(given.items())[:PARAMETERS_MAX]},
        read_on=runtime.today,
    )
    cause = Cause(
        EventActor(actor.subject, role, actor.on_behalf_of or ""),
        correlation_id=context.correlation_id,
        request_id=context.request_id,
        effective_date=runtime.today.isoformat(),
    )
    await runtime.commands.handle(ACCESS, ACCESS.stream_id(actor.subject), read, cause)
