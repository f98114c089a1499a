"""What is owed and reserved on every line, kept in the transaction of the decision that changes it.

It follows from the service's own events alone (`recount`), but is not a projection: a limit that is looked at after the
decision stops nobody. Who decides locks the lines that the approval would count on, reads them, and adds to them; who
decides on the same line at the same time waits for that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Date, Index, Table, Text

from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    ApprovalLapsed,
    BorrowerConnected,
    BorrowerDisconnected,
    ExposureLine,
    ExposureReinstated,
    ExposureReleased,
    OfferAccepted,
)
from libs.contracts.collections import BorrowerFrozen, BorrowerLimited, BorrowerLimitLifted, BorrowerUnfrozen
from libs.contracts.values import LoanRequest
from libs.events.commands import Outcome
from libs.events.store import Session
from libs.evidence.bundle import contract_of, loan_of
from libs.lending.money import Money
from libs.service.runtime import Runtime
from services.approval.domain.exposure import Dimension, ExposurePolicy, line_name
from services.approval.domain.state import State
from services.approval.views import metadata

exposure = Table(
    "exposure",
    metadata,
    Column("application_id", Text, primary_key=True),
    Column("applicant_id", Text, nullable=False),
    Column("loan_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("lines", ARRAY(Text), nullable=False),
    Index("exposure_applicant", "applicant_id"),
    Index("exposure_loan", "loan_id"),
)
exposure_line = Table(
    "exposure_line",
    metadata,
    Column("line", Text, primary_key=True),
    Column("used_minor", BigInteger, nullable=False),
)
group_member = Table(
    "group_member",
    metadata,
    Column("applicant_id", Text, primary_key=True),
    Column("group_id", Text, nullable=False),
    Index("group_member_group", "group_id"),
)
declined = Table(
    "declined",
    metadata,
    Column("application_id", Text, primary_key=True),
    Column("applicant_id", Text, nullable=False),
    Column("declined_on", Date, nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),
    Index("declined_applicant", "applicant_id", "declined_on"),
)
frozen_borrower = Table(
    "frozen_borrower",
    metadata,
    Column("applicant_id", Text, primary_key=True),
    Column("measure_id", Text, nullable=False),
    Column("frozen_on", Date, nullable=False),
)
"""To whom nothing new is lent by rule: told by collections, so it is not counted anew from this service's events."""
limited_borrower = Table(
    "limited_borrower",
    metadata,
    Column("applicant_id", Text, primary_key=True),
    Column("measure_id", Text, nullable=False),
    Column("limit_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("limited_on", Date, nullable=False),
)
"""Who may owe less than others, by a measure of collections; as `frozen_borrower`."""
exposure_policy = Table("exposure_policy", metadata, Column("sha256", Text, primary_key=True))

# The lines' rows are made when they are not there, locked in one order, and read as they are once they are locked.
LOCK: Final = """
    insert into exposure_line (line, used_minor) select distinct line, 0 from unnest($1::text[]) as line order by line
    on conflict (line) do update set used_minor = exposure_line.used_minor returning line, used_minor"""
LOCK_BORROWER: Final = """
    insert into exposure_line (line, used_minor) values ($1, 0)
    on conflict (line) do update set used_minor = exposure_line.used_minor
    returning used_minor, (select limit_minor from limited_borrower where applicant_id = $2 and currency = $3) as lowered"""
LOCK_WITH_GROUP: Final = """
    insert into exposure_line (line, used_minor)
    select distinct line, 0 from (select unnest($1::text[]) as line union all
                                  select $3 || group_id from group_member where applicant_id = $2) as wanted order by line
    on conflict (line) do update set used_minor = exposure_line.used_minor returning line, used_minor"""
GROUPS_OF: Final = "select applicant_id, group_id from group_member where applicant_id = any($1)"
RESERVE: Final = """
    with made as (insert into exposure (application_id, applicant_id, loan_id, amount_minor, held, lines)
                  values ($1, $2, $3, $4, true, $5) on conflict (application_id) do nothing returning lines)
    update exposure_line l set used_minor = l.used_minor + $4 from made where l.line = any(made.lines)"""
HOLD: Final = """
    with held as (update exposure set held = $2 where application_id = $1 and held <> $2 returning amount_minor, lines)
    update exposure_line l set used_minor = l.used_minor + case when $2 then held.amount_minor else -held.amount_minor end
    from held where l.line = any(held.lines)"""
JOIN_GROUP: Final = """
    with member as (insert into group_member (applicant_id, group_id) values ($1, $2)),
    mine as (update exposure set lines = array_append(lines, $3) where applicant_id = $1 returning amount_minor, held)
    update exposure_line set used_minor = used_minor + coalesce((select sum(amount_minor) from mine where held), 0)
    where line = $3"""
LEAVE_GROUP: Final = """
    with member as (delete from group_member where applicant_id = $1),
    mine as (update exposure set lines = array_remove(lines, $2) where applicant_id = $1 returning amount_minor, held)
    update exposure_line set used_minor = used_minor - coalesce((select sum(amount_minor) from mine where held), 0)
    where line = $2"""
DECLINE: Final = """
    insert into declined (application_id, applicant_id, declined_on, reasons) values ($1, $2, $3, $4)
    on conflict (application_id) do update set declined_on = $3, reasons = $4"""
UNDECLINE: Final = "delete from declined where application_id = $1"
AGAINST: Final = """
    select exists (select from declined
                   where applicant_id = $1 and declined_on between $2 and $3 and reasons && $4::text[]) as declined,
        exists (select from frozen_borrower where applicant_id = $1) as frozen"""
FREEZE: Final = """
    insert into frozen_borrower (applicant_id, measure_id, frozen_on) values ($1, $2, $3)
    on conflict (applicant_id) do update set measure_id = excluded.measure_id, frozen_on = excluded.frozen_on"""
UNFREEZE: Final = "delete from frozen_borrower where applicant_id = $1 and measure_id = $2"
LOWER: Final = """
    insert into limited_borrower (applicant_id, measure_id, limit_minor, currency, limited_on) values ($1, $2, $3, $4, $5)
    on conflict (applicant_id) do update set measure_id = excluded.measure_id, limit_minor = excluded.limit_minor,
        currency = excluded.currency, limited_on = excluded.limited_on"""
LIFT: Final = "delete from limited_borrower where applicant_id = $1 and measure_id = $2"
OF_LOAN: Final = "select application_id from exposure where loan_id = $1"
EVENTS: Final = """
    select stream_no, version, type, data from es.event
    where type = any($1) and (stream_no, version) > ($2, $3) order by stream_no, version limit $4"""
BATCH: Final = 500
FOLLOWED: Final = (
    ApplicationApproved,
    ApplicationDeclined,
    ApprovalLapsed,
    OfferAccepted,
    ExposureReleased,
    ExposureReinstated,
    BorrowerConnected,
    BorrowerDisconnected,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the limits of a request stand, and on which lines it counts once it is approved."""

    lines: tuple[ExposureLine, ...]
    counted: Sequence[str]


async def standing(session: Session, policy: ExposurePolicy, request: LoanRequest, on: date) -> Standing:
    """Lock and read every line that a request belongs to, until the end of the transaction.

    The borrower's own line first: whoever moves a borrower between groups holds it, so that the group is the one that
    he is in for as long as the transaction lasts.
    """
    borrower, groups = line_name(Dimension.BORROWER, request.applicant_id), line_name(Dimension.GROUP, "")
    currency = request.amount.currency
    own = await session.connection.fetchrow(LOCK_BORROWER, borrower, request.applicant_id, currency)
    used, lowered = {borrower: own["used_minor"]}, own["lowered"]
    others = [line for line in policy.counted(request, "") if line != borrower]
    used |= dict(await session.connection.fetch(LOCK_WITH_GROUP, others, request.applicant_id, groups))
    group = next((line.removeprefix(groups) for line in used if line.startswith(groups)), "")
    lowest = None if lowered is None else Money(lowered, currency)
    lines = tuple(
        ExposureLine(line=line.name, used=Money(used[line.name], currency), limit=line.limit, rule=line.rule)
        for line in policy.lines(request, group, on, lowest)
    )
    return Standing(lines, list(used))


async def follow(session: Session, outcome: Outcome[State], counted: Sequence[str] = ()) -> None:
    """Write what follows from a decision that this transaction has appended; `counted` are the lines of an approval, as
    `standing` has locked them."""
    connection = session.connection
    for event in outcome.events:
        match event:
            case ApplicationApproved():
                request, amount = event.request, event.offer.amount.minor
                loan_id = loan_id_of(event.application_id)
                await connection.execute(
                    RESERVE, event.application_id, request.applicant_id, loan_id, amount, list(counted)
                )
                if event.override:
                    await connection.execute(UNDECLINE, event.application_id)
            case ApplicationDeclined():
                await connection.execute(DECLINE, *_decline(event))
            case ApprovalLapsed() | OfferAccepted() | ExposureReleased() | ExposureReinstated():
                await connection.execute(HOLD, event.application_id, outcome.state.reserved)


def _decline(event: ApplicationDeclined) -> tuple[str, str, date, list[str]]:
    codes = [reason.code for reason in event.reasons]
    return event.application_id, event.request.applicant_id, event.declined_on, codes


async def against(
    session: Session, applicant_id: str, first: date, last: date, codes: Collection[str]
) -> tuple[bool, bool]:
    """What speaks against an applicant, asked at once: whether he was declined within these dates for one of these
    reasons, and that stands; whether he is frozen."""
    row = await session.connection.fetchrow(AGAINST, applicant_id, first, last, list(codes))
    return row["declined"], row["frozen"]


async def freeze(session: Session, event: BorrowerFrozen) -> None:
    await session.connection.execute(FREEZE, event.applicant_id, event.measure_id, event.frozen_on)


async def unfreeze(session: Session, event: BorrowerUnfrozen) -> None:
    await session.connection.execute(UNFREEZE, event.applicant_id, event.measure_id)


async def lower(session: Session, event: BorrowerLimited) -> None:
    limit = event.limit
    await session.connection.execute(
        LOWER, event.applicant_id, event.measure_id, limit.minor, limit.currency, event.limited_on
    )


async def lift(session: Session, event: BorrowerLimitLifted) -> None:
    await session.connection.execute(LIFT, event.applicant_id, event.measure_id)


async def groups_of(session: Session, applicant_ids: Sequence[str]) -> Mapping[str, str]:
    """The groups of borrowers who are in one; their own lines are locked, so that none joins another meanwhile."""
    await session.connection.fetch(LOCK, [line_name(Dimension.BORROWER, each) for each in applicant_ids])
    return dict(await session.connection.fetch(GROUPS_OF, list(applicant_ids)))


async def follow_group(session: Session, events: Sequence[Any]) -> None:
    """What borrowers owe counts on their group's line from now on, or no more."""
    for event in events:
        line = line_name(Dimension.GROUP, event.group_id)
        await session.connection.fetch(LOCK, [line])
        if isinstance(event, BorrowerConnected):
            await session.connection.execute(JOIN_GROUP, event.applicant_id, event.group_id, line)
        else:
            await session.connection.execute(LEAVE_GROUP, event.applicant_id, line)


async def application_of_loan(session: Session, loan_id: str) -> str | None:
    """The application of a loan that counts or has counted towards limits."""
    found: str | None = await session.connection.fetchval(OF_LOAN, loan_id)
    return found


def loan_id_of(application_id: str) -> str:
    """The identifier of the loan that an application becomes; empty for an identifier from which none follows."""
    with suppress(ValueError):
        return loan_of(contract_of(application_id))
    return ""


@dataclass(slots=True)
class Reservation:
    """One application's amount while events are counted."""

    request: LoanRequest
    amount_minor: int
    held: bool = True
    paid_back: bool = False

    def take(self, event: Any) -> None:
        match event:
            case ApprovalLapsed():
                self.held = False
            case OfferAccepted():
                self.held = not self.paid_back
            case ExposureReleased():
                self.held, self.paid_back = False, True
            case ExposureReinstated():
                self.held, self.paid_back = True, False


@dataclass(slots=True)
class Counted:
    """What the events say: rows of `exposure`, the sum of every line, who is in which group, who stands declined."""

    rows: list[tuple[Any, ...]]
    sums: dict[str, int]
    groups: dict[str, str]
    declined: list[tuple[Any, ...]]


async def count(runtime: Runtime, connection: Any, policy: ExposurePolicy) -> Counted:
    """All that is kept beside the events, from the service's own events alone."""
    reservations: dict[str, Reservation] = {}
    groups: dict[str, str] = {}
    declines: dict[str, ApplicationDeclined] = {}
    types, place = [event.type_name for event in FOLLOWED], (0, 0)
    while rows := await connection.fetch(EVENTS, types, *place, BATCH):
        for row in rows:
            _count(runtime.codec.decode(row["type"], row["data"]), reservations, groups, declines)
        place = (rows[-1]["stream_no"], rows[-1]["version"])
    counted = Counted([], {}, groups, [_decline(event) for event in declines.values()])
    for application_id, one in reservations.items():
        applicant = one.request.applicant_id
        lines = policy.counted(one.request, groups.get(applicant, ""))
        loan_id = loan_id_of(application_id)
        counted.rows.append((application_id, applicant, loan_id, one.amount_minor, one.held, lines))
        for line in lines:
            counted.sums[line] = counted.sums.get(line, 0) + (one.amount_minor if one.held else 0)
    return counted


def _count(
    event: Any,
    reservations: dict[str, Reservation],
    groups: dict[str, str],
    declines: dict[str, ApplicationDeclined],
) -> None:
    match event:
        case ApplicationApproved():
            reservations[event.application_id] = Reservation(event.request, event.offer.amount.minor)
            declines.pop(event.application_id, None)
        case ApplicationDeclined():
            declines[event.application_id] = event
        case BorrowerConnected():
            groups[event.applicant_id] = event.group_id
        case BorrowerDisconnected():
            if groups.get(event.applicant_id) == event.group_id:
                del groups[event.applicant_id]
        case _ if event.application_id in reservations:
            reservations[event.application_id].take(event)


async def recount_when_needed(runtime: Runtime, policy: ExposurePolicy) -> None:
    """Count anew from the events where the lines were counted under another policy, or never were: a limit may be about
    lines now that none was about before."""
    digest = sha256(repr(policy).encode()).hexdigest()
    tables = (exposure, exposure_line, group_member, declined)
    names = ", ".join(table.name for table in (*tables, exposure_policy))
    async with runtime.store.transaction() as session:
        connection = session.connection
        await connection.execute(f"lock table {names} in exclusive mode")
        if await connection.fetchval("select sha256 from exposure_policy") == digest:
            return
        counted = await count(runtime, connection, policy)
        await connection.execute(f"truncate {names}")
        await connection.execute("insert into exposure_policy (sha256) values ($1)", digest)
        records = (counted.rows, counted.sums.items(), counted.groups.items(), counted.declined)
        for table, rows in zip(tables, records, strict=True):
            columns = [column.name for column in table.columns]
            await connection.copy_records_to_table(table.name, records=list(rows), columns=columns)
