"""Runs the standing control tests over the archive, and opens a case for each violation they find."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import date
from typing import Any, Final
from uuid import UUID

import orjson

from libs.contracts.audit import ControlsRun, ViolationFound
from libs.events.commands import Cause
from libs.events.decider import Decider
from libs.events.envelope import Actor
from libs.events.ids import derive_id, new_id
from libs.service.runtime import Runtime
from services.audit.domain import sample, violation
from services.audit.domain.controls import Control, ControlPolicy, Kind
from services.audit.domain.sample import Sample
from services.audit.domain.violation import ReportViolation, Violation
from services.audit.library import library

VIOLATION: Final[Decider[violation.Command, Violation, violation.Event]] = Decider(
    "violation", violation.INITIAL, violation.decide, violation.evolve
)
SAMPLE: Final[Decider[sample.Command, Sample, sample.Event]] = Decider(
    "sample", sample.INITIAL, sample.decide, sample.evolve
)
RUNS: Final[Decider[ControlsRun, int, ControlsRun]] = Decider(
    "control", 0, lambda command, _: [command], lambda _, event: event.until_sequence
)
"""What has been run; its state is the place up to which."""
RUNS_STREAM: Final = RUNS.stream_id("runs")
ACTOR: Final = Actor("service:audit", "service")
NAMES: Final = UUID("5d1b6a0e-0c4e-5b26-8b25-2f7d1a0c9e44")

# One person on both sides of something, the later act after a place of the archive. Each pair once, by its last act.
SAME_PERSON: Final = """
    select distinct on (later.sequence) later.actor, own.id, former.event_id as first_event, later.event_id as event
    from trail later
    join trail_subject own on own.sequence = later.sequence and own.kind = $1
    join trail_subject other on other.kind = own.kind and other.id = own.id
    join trail former on former.sequence = other.sequence and former.actor = later.actor and former.type = any($2)
    where later.sequence > $4 and later.sequence <= $5 and later.type = any($3)
        and later.role <> all($6) and former.role <> all($6)
    order by later.sequence, former.sequence"""
TYPES: Final = """
    select t.sequence, t.actor, t.role, t.event_id, t.stream_id, e.data
    from trail t join es.sequence q on q.global_seq = t.sequence
    join es.event e on e.stream_no = q.stream_no and e.version = q.version
    where t.type = any($1) and t.sequence > $2 and t.sequence <= $3 order by t.sequence"""
# From actor to actor by the index, whatever they did: few hold an office, and they do much.
OFFICES: Final = """
    with recursive holder (actor) as (
        (select actor from trail where role = $1 order by actor limit 1)
        union all
        select (select actor from trail where role = $1 and actor > holder.actor order by actor limit 1)
        from holder where holder.actor is not null)
    select holder.actor, one.event_id as first_event, other.event_id as event
    from holder
    cross join lateral (
        select event_id from trail where role = $1 and actor = holder.actor and sequence <= $3
        order by event_id limit 1) one
    cross join lateral (
        select event_id from trail where role = $2 and actor = holder.actor and sequence <= $3
        order by event_id limit 1) other
    order by holder.actor"""


async def run_controls(runtime: Runtime, today: date, run_id: str, after: int | None = None) -> ControlsRun:
    """Every test over what came since the last run (or after a place), with a case for each new violation."""
    policy = library().controls_on(today)
    known, _ = await runtime.commands.state(RUNS, RUNS_STREAM)
    first = known if after is None else after
    last = int(await runtime.store.pool.fetchval("select coalesce(max(sequence), 0) from trail"))
    cause = Cause(
        ACTOR, correlation_id=str(new_id()), effective_date=today.isoformat(), rules={"controls": policy.label}
    )
    counts, new = Counter({control.code: 0 for control in policy.controls}), 0
    for control in policy.controls:
        async for found in _findings(runtime, control, policy, first, last, today):
            counts[control.code] += 1
            stream_id = VIOLATION.stream_id(found.violation_id)
            outcome = await runtime.commands.handle(VIOLATION, stream_id, ReportViolation(found=found), cause)
            new += len(outcome.events)
    return ControlsRun(
        run_id=run_id,
        policy=policy.label,
        after_sequence=first,
        until_sequence=last,
        findings=dict(counts),
        new_violations=new,
        run_on=today,
    )


async def _findings(
    runtime: Runtime, control: Control, policy: ControlPolicy, first: int, last: int, today: date
) -> AsyncIterator[ViolationFound]:
    pool, rule = runtime.store.pool, control.rule

    def found(person: str, subject: str, events: tuple[str, ...], detail: str) -> ViolationFound:
        return ViolationFound(
            violation_id=str(derive_id(NAMES, "/".join((control.code, person, *events)))),
            control=control.code,
            severity=control.severity,
            person=person,
            subject=subject,
            events=events,
            detail=detail,
            source=control.source,
            found_on=today,
        )

    if control.kind is Kind.SAME_PERSON:
        parts = (rule["subject"], rule["first"], rule["second"], first, last, list(policy.outsiders))
        for row in await pool.fetch(SAME_PERSON, *parts):
            events = (row["first_event"], row["event"])
            yield found(row["actor"], f"{rule['subject']} {row['id']}", events, control.text.en)
    elif control.kind is Kind.OFFICES:
        for one, other in rule["offices"]:
            for row in await pool.fetch(OFFICES, one, other, last):
                detail = f"{control.text.en}: {one} and {other}"
                yield found(row["actor"], f"person {row['actor']}", (row["first_event"], row["event"]), detail)
    else:
        for row in await pool.fetch(TYPES, rule["types"], first, last):
            payload = orjson.loads(row["data"])
            detail = _wrong(control, policy, row["role"], payload)
            if detail:
                yield found(row["actor"], row["stream_id"], (row["event_id"],), detail)


def _wrong(control: Control, policy: ControlPolicy, role: str, payload: dict[str, Any]) -> str:
    if role in policy.outsiders:  # decided by the table alone
        return ""
    if control.kind is Kind.BEYOND_AUTHORITY:
        return control.beyond(role, payload)
    return control.one_pair_of_eyes(payload)
