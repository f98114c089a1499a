"""How long an application takes from step to step, from the trail alone: the process as a map of edges (R1.2, R4.4).

An edge goes from one step of an application to the next that was recorded; its times are those of the events, so that
nothing is measured twice and nothing has to be kept for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from libs.contracts import application, approval, contract, ledger, scoring
from libs.contracts.base import DomainEvent
from libs.service.runtime import Runtime
from services.audit.domain.service_levels import STEPS, ServiceLevels

STEP_OF: Final[Mapping[type[DomainEvent], str]] = {
    application.ApplicationSubmitted: "submitted",
    scoring.ApplicationScored: "scored",
    scoring.ScoringFailed: "not scored",
    approval.ApplicationReferred: "referred",
    approval.CaseClaimed: "claimed",
    approval.CaseReleased: "released",
    approval.DecisionRecommended: "recommended",
    approval.ApplicationApproved: "approved",
    approval.ApplicationDeclined: "declined",
    contract.ContractOffered: "contract offered",
    contract.ContractSigned: "contract signed",
    ledger.LoanBooked: "booked",
    ledger.LoanDisbursed: "paid out",
}
assert set(STEP_OF.values()) == set(STEPS), "every step has its event"
WORKED: Final = frozenset({"claimed"})
"""Steps after which an officer has the case in hand; after any other somebody waits: a queue, a machine, the applicant."""


class GroupBy(StrEnum):
    """By what times are told apart. The officer is who took the later step."""

    PRODUCT = "product"
    CHANNEL = "channel"
    OFFICER = "officer"


STEP: Final = """
    with step as (
        select s.id, t.type, t.actor, t.role, t.recorded_at, a.product, a.channel,
               lag(t.type) over by_time as before, lag(t.recorded_at) over by_time as since
        from trail_subject s join trail t using (sequence) join application_page a on a.application_id = s.id
        where s.kind = 'application' and t.type = any($1) and a.submitted_on between $2 and $3
          and ($4::text is null or a.product = $4) and ($5::text is null or a.channel = $5)
        window by_time as (partition by s.id order by t.recorded_at, t.sequence)),"""
EDGES: Final = f"""{STEP}
    edge as (
        select before, type, (extract(epoch from recorded_at - since) * 1000)::bigint as took_ms, level.ms as within_ms,
               case $7 when 'product' then product when 'channel' then channel
                       when 'officer' then case role when 'service' then '' else actor end else '' end as "group"
        from step left join unnest($8::text[], $9::bigint[]) as level (step, ms) on level.step = before
        where before is not null and ($6::text is null or actor = $6))
    select "group", before, type, count(*) as applications,
           percentile_disc(0.5) within group (order by took_ms) as median_ms,
           percentile_disc(0.9) within group (order by took_ms) as p90_ms,
           max(took_ms) as longest_ms, sum(took_ms)::bigint as total_ms, min(within_ms) as within_ms,
           count(*) filter (where took_ms > within_ms) as breaches
    from edge group by 1, 2, 3 order by total_ms desc, 1, 2, 3"""
DECIDED: Final = f"""{STEP}
    begun as (select id, min(recorded_at) as at from step where type = $6 group by 1),
    ended as (select id, min(recorded_at) as at from step where type = any($7) group by 1),
    whole as (select a.automatic, (extract(epoch from ended.at - begun.at) * 1000)::bigint as took_ms,
                     case $8 when 'product' then a.product when 'channel' then a.channel
                             when 'officer' then a.decided_by else '' end as "group"
              from begun join ended using (id) join application_page a on a.application_id = id
              where a.automatic is not null)
    select "group", automatic, count(*) as applications,
           percentile_disc(0.5) within group (order by took_ms) as median_ms,
           percentile_disc(0.9) within group (order by took_ms) as p90_ms, max(took_ms) as longest_ms,
           count(*) filter (where took_ms > case when automatic then $9::bigint else $10::bigint end) as breaches
    from whole group by 1, 2 order by 1, 2 desc"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which applications: those submitted within the dates. `officer` narrows the edges to what one person finished."""

    first: date
    last: date
    product: str | None = None
    channel: str | None = None
    officer: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """From one step to the next; times in milliseconds. `total_ms` is over all applications: the bottleneck's is most."""

    group: str
    before: str
    after: str
    applications: int
    median_ms: int
    p90_ms: int
    longest_ms: int
    total_ms: int
    within_ms: int | None
    breaches: int

    @property
    def worked(self) -> bool:
        return self.before in WORKED


@dataclass(frozen=True, slots=True)
class Cycle:
    """From submission to the decision, with or without a person."""

    group: str
    automatic: bool
    applications: int
    median_ms: int
    p90_ms: int
    longest_ms: int
    within_ms: int
    breaches: int


@dataclass(frozen=True, slots=True)
class Stages:
    """The edges, the one on which most time is spent first; and the time to a decision."""

    edges: Sequence[Edge]
    cycles: Sequence[Cycle]

    @property
    def decided(self) -> int:
        return sum(cycle.applications for cycle in self.cycles)

    @property
    def straight_through(self) -> int:
        return sum(cycle.applications for cycle in self.cycles if cycle.automatic)


async def stages(runtime: Runtime, asked: Asked, levels: ServiceLevels, by: GroupBy | None = None) -> Stages:
    """One snapshot of the read models; `by` tells times apart."""
    names = {event.type_name: step for event, step in STEP_OF.items()}
    among: tuple[Any, ...] = (list(names), asked.first, asked.last, asked.product, asked.channel)
    group_by = by.value if by else ""
    within = {name: levels.stage_ms[step] for name, step in names.items() if step in levels.stage_ms}
    decisions = [approval.ApplicationApproved.type_name, approval.ApplicationDeclined.type_name]
    async with runtime.store.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        edges = await connection.fetch(
            EDGES, *among, asked.officer, group_by, list(within), list(within.values())
        )  # fmt: skip
        submitted, limits = application.ApplicationSubmitted.type_name, (levels.automatic_ms, levels.by_people_ms)
        cycles = await connection.fetch(DECIDED, *among, submitted, decisions, group_by, *limits)
    return Stages(
        [Edge(group, names[before], names[after], *figures) for group, before, after, *figures in edges],
        [_cycle(row, levels) for row in cycles],
    )


def _cycle(row: Any, levels: ServiceLevels) -> Cycle:
    return Cycle(**dict(row), within_ms=levels.automatic_ms if row["automatic"] else levels.by_people_ms)
