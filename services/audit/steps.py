"""A loan replayed step by step: the state before an event, the event, the state after it, and the difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from libs.contracts.catalogue import service_of
from libs.events.clock import parse_us
from libs.events.envelope import StoredEvent
from libs.evidence.replay import State
from libs.service.runtime import Runtime
from services.audit.history import Moment, since_epoch_us
from services.audit.search import sequences_of, stored_at


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is stored, with its data: sealed values stay sealed, so erasure does not hinder a replay."""

    stored: StoredEvent
    data: Any

    @property
    def service(self) -> str:
        return service_of(self.stored.type)


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a replay, from 1. `difference` is by path, (before, after); None where there was nothing."""

    number: int
    told: Told
    before: dict[str, Any]
    after: dict[str, Any]
    difference: dict[str, tuple[Any, Any]]


async def told_of(runtime: Runtime, identifier: str, moment: Moment) -> list[Told]:
    """Every event of a loan that was known then and counts then, in the order of recording. Raises `Problem` 404."""
    stored = await stored_at(runtime, await sequences_of(runtime, identifier))
    told = [Told(each, orjson.loads(each.data)) for each in stored]
    return _in_time([each for each in told if admits(moment, each)])


def _in_time(told: Sequence[Told]) -> list[Told]:
    """By the time of recording, but never a version before its predecessor."""
    latest: dict[str, str] = {}
    keyed = []
    for each in told:
        stream = each.stored.stream_id
        latest[stream] = max(latest.get(stream, ""), each.stored.circumstances.recorded_at)
        keyed.append((latest[stream], each.stored.sequence, each))
    return [each for _, _, each in sorted(keyed, key=lambda key: key[:2])]


def admits(moment: Moment, told: Told) -> bool:
    """Whether an event was known and counts at a moment, as `Moment.admits` has it of a decoded one."""
    circumstances = told.stored.circumstances
    if moment.known is not None and parse_us(circumstances.recorded_at) > since_epoch_us(moment.known):
        return False
    if moment.effective is None:
        return True
    text = told.data.get("value_date") or circumstances.effective_date
    return not text or date.fromisoformat(text) <= moment.effective


def state_for(told: Sequence[Told]) -> State:
    """An empty state that takes what these events say of their loan."""
    found: dict[str, set[str]] = {"application": set(), "loan": set(), "case": set()}
    for each in told:
        for kind, ids in found.items():
            value = each.data.get(f"{kind}_id")
            if isinstance(value, str) and value:
                ids.add(value)
    first = {kind: next(iter(sorted(ids)), "") for kind, ids in found.items()}
    return State(first["application"], first["loan"], frozenset(found["case"]))


def steps(told: Sequence[Told]) -> Iterator[Step]:
    """The replay, event by event."""
    state = state_for(told)
    before = _flat(state.to_json())
    nested = state.to_json()
    for number, each in enumerate(told, 1):
        state.take(each.stored.type, each.data)
        now = state.to_json()
        after = _flat(now)
        changed = {
            path: (before.get(path), after.get(path))
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
        }
        yield Step(number, each, nested, now, changed)
        before, nested = after, now


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {
            name: member
            for key, inner in value.items()
            for name, member in _flat(inner, f"{path}.{key}" if path else str(key)).items()
        }
    return {} if value is None else {path: value}
