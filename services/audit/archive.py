"""Keeps every event of every service as it is: the audit's own store is the platform's merged history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from libs.contracts.base import EVENT_TYPES
from libs.contracts.catalogue import MODULES, topic
from libs.contracts.ledger import BusinessDayOpened
from libs.events.codec import Recorded
from libs.events.delivery import Subscriber
from libs.events.store import Session
from libs.service.runtime import Runtime
from services.audit import leaves
from services.audit.standing import on_business_day

OTHERS: Final = tuple(topic(service) for service in MODULES if service != "audit")


class Archive:
    """Appends what it hears under the same streams, versions, identifiers and bytes."""

    consumer = "audit.archive"
    types = frozenset(EVENT_TYPES)
    batch_size = 500
    gather_s = 0.5
    """Nothing follows from what is kept until somebody asks, and ten events cost little more than one."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        await session.copy([recorded.stored for recorded in batch])
        await leaves.record(session, batch)
        for recorded in batch:
            if recorded.current_type == BusinessDayOpened.type_name:
                await on_business_day(session, recorded)
        session.after_commit(self._runtime.appended.set)


def subscribers(runtime: Runtime) -> Sequence[tuple[Sequence[str], Subscriber]]:
    return [(OTHERS, Archive(runtime))]
