"""Reads the archive: the events that speak of a subject, as they were known at a moment and count on a date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from libs.contracts.catalogue import service_of
from libs.events.clock import EPOCH, parse_us
from libs.events.codec import Recorded
from libs.events.envelope import StoredEvent
from libs.service.runtime import Runtime
from services.audit.domain.page import Page

SEQUENCES: Final = """
    with loans as (select loan_id from loan_page where application_id = $1)
    select distinct s.sequence from trail_subject s
    where (s.kind = 'application' and s.id = $1)
       or (s.kind = 'contract' and s.id = (select contract_id from application_page where application_id = $1))
       or (s.kind = 'loan' and s.id in (select loan_id from loans))
       or (s.kind = 'case' and s.id in (select case_id from case_page where loan_id in (select loan_id from loans)))
    order by 1"""
EVENTS: Final = """
    select s.stream_id, e.version, e.event_id, e.type, e.data, e.metadata, q.global_seq
    from es.sequence q join es.event e using (stream_no, version) join es.stream s using (stream_no)
    where q.global_seq = any($1) order by q.global_seq"""
APPLICATION_OF: Final = """
    select application_id from application_page where application_id = $1 or loan_id = $1 or contract_id = $1 limit 1"""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point on both axes of time: what counts on `effective`, as it was known at `known`. None: no limit."""

    effective: date | None = None
    known: datetime | None = None

    def admits(self, recorded: Recorded[Any]) -> bool:
        """Whether an event was known then and counts then; its value date decides where it has one."""
        if self.known is not None and parse_us(recorded.metadata.recorded_at) > since_epoch_us(self.known):
            return False
        if self.effective is None:
            return True
        counts_from = getattr(recorded.event, "value_date", None) or _date(recorded.metadata.effective_date)
        return counts_from is None or counts_from <= self.effective


def since_epoch_us(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


async def application_of(runtime: Runtime, identifier: str) -> str | None:
    """The application that an identifier (its own, its contract's or its loan's) belongs to."""
    found: str | None = await runtime.store.pool.fetchval(APPLICATION_OF, identifier)
    return found


async def history_of(runtime: Runtime, application_id: str, moment: Moment) -> list[Recorded[Any]]:
    """Every event of an application, its contract, loan and cases, in the order of the archive."""
    sequences = [row[0] for row in await runtime.store.pool.fetch(SEQUENCES, application_id)]
    recorded = await events_at(runtime, sequences)
    return [each for each in recorded if moment.admits(each)]


async def events_at(runtime: Runtime, sequences: Sequence[int]) -> list[Recorded[Any]]:
    """The archived events at these places."""
    rows = await runtime.store.pool.fetch(EVENTS, sequences)
    stored = [StoredEvent(*row) for row in rows]
    return await runtime.codec.read_recorded(stored, [f"/puhui/{service_of(event.type)}" for event in stored])


async def page_as_of(runtime: Runtime, application_id: str, moment: Moment) -> tuple[Page, list[Recorded[Any]]]:
    """The page replayed from its events, with the events."""
    history = await history_of(runtime, application_id, moment)
    page = Page()
    for recorded in history:
        page.take(recorded.event)
    return page, history
