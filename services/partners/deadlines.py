"""Ends offers and calls whose time is over: partners' time is that of clocks, not of business days."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from libs.events.commands import Cause
from libs.events.envelope import Actor
from libs.events.loops import beat
from libs.service.runtime import Runtime
from services.partners.domain.funding import LapseFunding
from services.partners.domain.funds import GiveUpCall
from services.partners.handlers import FUNDING, FUNDS

LOOK_S: Final = 1.0
AT_ONCE: Final = 100
OVERDUE: Final = """
    select application_id, partner from funding_v1
    where status = 'OFFERED' and answer_until < $1 order by answer_until limit $2"""


CALLS_OVERDUE: Final = """
    select loan_id, partner from funds_call_v1
    where status = 'CALLED' and until < $1 order by until limit $2"""


async def end_what_is_over(runtime: Runtime) -> None:
    """Look every second, until cancelled. The decider looks at the time again: what was answered meanwhile stands."""
    while True:
        beat()
        await lapse(runtime, now_text())
        await asyncio.sleep(LOOK_S)


async def lapse(runtime: Runtime, now: str) -> None:
    """End every offer and call that stood until before `now` (RFC 3339, UTC)."""
    for row in await runtime.store.pool.fetch(OVERDUE, now, AT_ONCE):
        command = LapseFunding(partner=row["partner"], now=now, today=runtime.today)
        cause = Cause(
            Actor("service:partners", "service"), row["application_id"], effective_date=runtime.today.isoformat()
        )
        await runtime.commands.handle(FUNDING, FUNDING.stream_id(row["application_id"]), command, cause)
    for row in await runtime.store.pool.fetch(CALLS_OVERDUE, now, AT_ONCE):
        give_up = GiveUpCall(loan_id=row["loan_id"], now=now, today=runtime.today)
        cause = Cause(Actor("service:partners", "service"), row["loan_id"], effective_date=runtime.today.isoformat())
        await runtime.commands.handle(FUNDS, FUNDS.stream_id(row["partner"]), give_up, cause)


def now_text() -> str:
    """The time as recorded times are written, so that texts compare as times."""
    return _text(datetime.now(UTC))


def after(recorded_at: str, seconds: int) -> str:
    """A time so long after something was recorded, in the same form."""
    return _text(datetime.fromisoformat(recorded_at) + timedelta(seconds=seconds))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
