"""What operators do, on record: an event in the service's own store, in the transaction of the act itself."""

from __future__ import annotations

from typing import Final

from libs.contracts.base import DomainEvent
from libs.events.commands import Cause, CommandHandler
from libs.events.decider import Decider
from libs.events.store import Session

OPERATIONS: Final[Decider[DomainEvent, None, DomainEvent]] = Decider(
    "operations", None, lambda act, _state: [act], lambda state, _act: state
)
"""A stream of acts, one a service: whatever is done is written down, and nothing follows from it."""


async def record(
    commands: CommandHandler, service: str, act: DomainEvent, cause: Cause, within: Session | None = None
) -> None:
    """Write an act down, within the transaction in which it is done."""
    await commands.handle(OPERATIONS, OPERATIONS.stream_id(service), act, cause, within=within)
