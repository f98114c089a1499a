"""Makes an evidence bundle of one loan out of the archive and the logs (`libs.evidence.bundle` says what is in one)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from libs.events.envelope import leaf_bytes
from libs.evidence.bundle import LOGS
from libs.evidence.log import Log
from libs.evidence.verify import Event, expected_streams, sealed_places
from libs.service.runtime import Runtime
from services.audit.bundle import Held, make_bundle, numbered, sealed_for
from services.audit.logs import Logs

EVENTS: Final = """
    select l.service, l.sequence, s.stream_id, e.version, e.event_id, e.type, e.data, e.metadata
    from es.stream s join es.event e using (stream_no)
    join log_leaf l on l.stream_id = s.stream_id and l.version = e.version
    where s.stream_id = any($1) order by l.service, l.sequence"""


class NotProvable(Exception):
    """No evidence can be given now, for a reason that a person can do something about."""


async def evidence_of(runtime: Runtime, logs: Logs, application_id: str) -> bytes:
    """The bundle of an application and what became of it, up to this moment. Raises `NotProvable`."""
    async with logs.lock:
        await logs.step()
        opened: dict[str, Log] = {}
        for name in LOGS:
            state = logs.logs[name]
            if state.log is None or state.log.head is None:
                raise NotProvable(state.halted or f"The log of {name} is kept by another process of this service.")
            opened[name] = state.log
        try:
            held = await _held(runtime, opened, application_id)
        except ValueError:
            raise NotProvable(f"No contract follows from the identifier {application_id}.") from None
        states = await _sealing(runtime, held)
        return await asyncio.to_thread(
            make_bundle, application_id, held, opened, logs.issuer, logs.keys, runtime.clock.now(), states
        )


async def _held(runtime: Runtime, logs: Mapping[str, Log], application_id: str) -> list[Held]:
    """Every event of the streams that the loan can have, up to the heads, in the order of a bundle."""
    held: list[Held] = []
    asked: set[str] = set()
    # Which streams there can be is told by the events of others: the debtor by the application, cases by the loan.
    while missing := set(expected_streams(application_id, [each.event for each in held])) - asked:
        asked |= missing
        held = numbered([*held, *await _read(runtime, logs, sorted(missing))])
    return held


async def _read(runtime: Runtime, logs: Mapping[str, Log], streams: Sequence[str]) -> list[Held]:
    held = []
    for service, sequence, stream_id, version, event_id, type_name, data, metadata in await runtime.store.pool.fetch(
        EVENTS, streams
    ):
        head = logs[service].head
        if head is not None and sequence <= head.size:
            line = leaf_bytes(stream_id, version, event_id, type_name, data, metadata)
            event = Event(0, service, sequence - 1, stream_id, version, type_name, orjson.loads(data))
            held.append(Held(event, line))
    return held


async def _sealing(runtime: Runtime, held: Sequence[Held]) -> Mapping[str, str]:
    """Of each person whose values are sealed: whether they are restricted or erased by now."""
    subjects = {sealed_for(each.event.data, pointer) for each in held for pointer in sealed_places(each.event.data)}
    keyring = getattr(runtime.codec, "keyring", None)
    if not subjects or keyring is None:
        return {}
    try:
        keys = await keyring.to_open(subjects)
    except LookupError:  # of another key store: what is sealed stays so
        return {}
    return {subject: key.instead.strip("[]") for subject, key in keys.items() if key.is_shut}
