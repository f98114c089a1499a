"""Who is linked with whom: which loans run, who answers for them, which borrowers count as one risk. As the ledger and
approval tell; read only when somebody falls behind, comes on the watch list, or has an adverse item."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Boolean, Column, Index, Table, Text

from libs.contracts.approval import (
    BorrowerConnected,
    BorrowerDisconnected,
    SecurityConsented,
    SecurityOffered,
    SecurityReinstated,
    SecurityReleased,
)
from libs.contracts.ledger import LoanDisbursed
from libs.contracts.values import GuaranteeKind
from libs.events.projection import Patch, Put, Remove
from libs.events.store import Session
from services.collections.domain.watch_rules import Link
from services.collections.records import RECORDS

borrower_loan = Table(
    "borrower_loan",
    RECORDS,
    Column("loan_id", Text, primary_key=True),
    Column("application_id", Text, nullable=False),
    Column("applicant_id", Text, nullable=False),
    Column("runs", Boolean, nullable=False),
    Index("borrower_loan_application", "application_id"),
    Index("borrower_loan_applicant", "applicant_id"),
)
surety = Table(
    "surety",
    RECORDS,
    Column("application_id", Text, primary_key=True),
    Column("security_id", Text, primary_key=True),
    Column("provider_id", Text, nullable=False),
    Column("agreed", Boolean, nullable=False),
    Index("surety_provider", "provider_id"),
)
"""Guarantors; `agreed`: in writing, without which nobody answers for anything."""
connected_borrower = Table(
    "connected_borrower",
    RECORDS,
    Column("applicant_id", Text, primary_key=True),
    Column("group_id", Text, nullable=False),
    Index("connected_borrower_group", "group_id"),
)

OF_APPLICATION: Final = "select applicant_id, loan_id from borrower_loan where application_id = $1"
RUNS: Final = "update borrower_loan set runs = $2 where loan_id = $1 and runs <> $2"
DISCONNECT: Final = "delete from connected_borrower where applicant_id = $1 and group_id = $2"
IS_KNOWN: Final = "select exists (select from borrower_loan where loan_id = $1)"
OWN_LOAN: Final = "select min(loan_id) from borrower_loan where applicant_id = $1 and runs"
LINKED: Final = """
    select 'GUARANTOR' as link, l.applicant_id, l.loan_id
    from surety s join borrower_loan l using (application_id)
    where s.provider_id = $1 and s.agreed and l.runs and l.applicant_id <> $1
    union
    select 'GUARANTOR', applicant_id, loan_id from borrower_loan where loan_id = $2 and runs and applicant_id <> $1
    union all
    select 'CONNECTED', l.applicant_id, min(l.loan_id)
    from connected_borrower mine join connected_borrower other using (group_id)
    join borrower_loan l on l.applicant_id = other.applicant_id
    where mine.applicant_id = $1 and other.applicant_id <> $1 and l.runs group by l.applicant_id
    order by 1, 2, 3"""


class Linked(NamedTuple):
    """A borrower with whose loan somebody is so linked."""

    link: Link
    applicant_id: str
    loan_id: str


async def linked_with(session: Session, applicant_id: str, answers_for: str = "") -> list[Linked]:
    """The borrowers whom news of this person may concern; each connected one once, by his oldest loan that runs. For the
    loan `answers_for` he is known to answer by the news itself, whether or not approval's word of it came yet."""
    rows = await session.connection.fetch(LINKED, applicant_id, answers_for)
    return [Linked(Link(row["link"]), row["applicant_id"], row["loan_id"]) for row in rows]


async def is_known(session: Session, loan_id: str) -> bool:
    """Whether the ledger's word of a loan has come, running or over."""
    found: bool = await session.connection.fetchval(IS_KNOWN, loan_id)
    return found


async def own_loan(session: Session, applicant_id: str) -> str:
    """The oldest loan of somebody's own that runs, "" where he has none."""
    return await session.connection.fetchval(OWN_LOAN, applicant_id) or ""


def paid_out(event: LoanDisbursed) -> Put:
    named = {name: getattr(event, name) for name in ("loan_id", "application_id", "applicant_id")}
    return Put(borrower_loan, {**named, "runs": True})


async def loan_of(session: Session, application_id: str) -> tuple[str, str]:
    """The borrower and the loan that an application led to, "" where it led to none."""
    row = await session.connection.fetchrow(OF_APPLICATION, application_id)
    return (row["applicant_id"], row["loan_id"]) if row is not None else ("", "")


async def runs(session: Session, loan_id: str, yes: bool) -> None:
    """The loan runs (again), or is over."""
    await session.connection.execute(RUNS, loan_id, yes)


def offered(event: SecurityOffered) -> list[Put]:
    """Only a surety makes a guarantor: who gives a thing answers with that alone."""
    if event.kind is not GuaranteeKind.SURETY:
        return []
    named = {name: getattr(event, name) for name in ("application_id", "security_id", "provider_id")}
    return [Put(surety, {**named, "agreed": False})]


def agreed(event: SecurityConsented) -> Patch:
    return Patch(surety, _key(event), {"agreed": True})


def released(event: SecurityReleased) -> Remove:
    return Remove(surety, _key(event))


def reinstated(event: SecurityReinstated) -> list[Put]:
    """He answers again, as he had agreed to."""
    if event.kind is not GuaranteeKind.SURETY:
        return []
    named = {name: getattr(event, name) for name in ("application_id", "security_id", "provider_id")}
    return [Put(surety, {**named, "agreed": event.consented_on is not None})]


def _key(event: SecurityConsented | SecurityReleased) -> dict[str, str]:
    return {"application_id": event.application_id, "security_id": event.security_id}


def connected(event: BorrowerConnected) -> Put:
    return Put(connected_borrower, {"applicant_id": event.applicant_id, "group_id": event.group_id})


async def disconnected(session: Session, event: BorrowerDisconnected) -> None:
    """Unless he is known to be of another group by now: groups are not told of in one order."""
    await session.connection.execute(DISCONNECT, event.applicant_id, event.group_id)
