"""What is kept of loans that run, for asking anew about their borrowers and who answers for them: written by reactions and
by the day's round.

A guarantor is asked about while three things hold that are heard over different topics, in any order: he agreed, the
security was not released, the loan runs. So nothing is begun or ended for him when one of them is heard; each round looks
which hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import Column, Date, Index, String, Table

from libs.contracts.approval import SecurityConsented, SecurityOffered, SecurityReinstated, SecurityReleased
from libs.contracts.values import GuaranteeKind
from libs.events.projection import Patch, Put, Remove
from libs.events.store import Session
from services.scoring.domain.refresh_policy import Consented, RefreshPolicy
from services.scoring.records import METADATA

LOAN: Final = Table(
    "refresh_loan",
    METADATA,
    Column("loan_id", String(80), primary_key=True),
    Column("application_id", String(80), nullable=False),
    Column("applicant_id", String(80), nullable=False),
    Column("next_on", Date),
    Index("refresh_loan_by_date", "next_on"),
    Index("refresh_loan_by_applicant", "applicant_id"),
    Index("refresh_loan_by_application", "application_id"),
)
"""Loans paid out. `next_on` is when the borrower is asked about next, `date.max` for never; null where the loan is over."""
CONSENT: Final = Table(
    "refresh_consent",
    METADATA,
    Column("application_id", String(80), primary_key=True),
    Column("text_version", String(500), nullable=False),
    Column("given_on", Date, nullable=False),
)
"""With which application an applicant agreed that the bureau is asked about him, and in which words."""
SURETY: Final = Table(
    "refresh_surety",
    METADATA,
    Column("application_id", String(80), primary_key=True),
    Column("security_id", String(80), primary_key=True),
    Column("provider_id", String(80), nullable=False),
    Column("text_version", String(500), nullable=False),
    Column("signed_on", Date),
    Column("next_on", Date),
    Index("refresh_surety_by_date", "next_on"),
    Index("refresh_surety_by_provider", "provider_id"),
)
"""Who answers for the loan of an application. `text_version` and `signed_on` are his consent to be asked about, "" without
one. `next_on` is when he is asked about next if the loan runs then; null until he agreed to answer."""
WATCHED: Final = Table("refresh_watched", METADATA, Column("applicant_id", String(80), primary_key=True))
"""Borrowers on the watch list, as collections tells."""

ANY_DUE: Final = """
    select exists (select from refresh_loan where next_on <= $1)
        or $2 and exists (select from refresh_surety s join refresh_loan l using (application_id)
            where s.next_on <= $1 and l.next_on is not null)"""
DUE: Final = """
    with due as (
        (select applicant_id from refresh_loan where next_on <= $1
            group by applicant_id order by min(next_on), applicant_id limit $2)
        union
        (select s.provider_id from refresh_surety s join refresh_loan l using (application_id)
            where s.next_on <= $1 and l.next_on is not null
            group by s.provider_id order by min(s.next_on), s.provider_id limit $3))
    select d.applicant_id,
        array(select loan_id from refresh_loan l
            where l.applicant_id = d.applicant_id and next_on is not null order by loan_id) as loans,
        array(select application_id from refresh_loan l
            where l.applicant_id = d.applicant_id and next_on is not null order by loan_id) as applications,
        exists (select from refresh_watched w where w.applicant_id = d.applicant_id) as watched
    from due d order by d.applicant_id"""
ANSWERS: Final = """
    select s.provider_id, l.loan_id, s.application_id, s.text_version, s.signed_on,
        exists (select from refresh_watched w where w.applicant_id in (s.provider_id, l.applicant_id)) as watched
    from refresh_surety s join refresh_loan l using (application_id)
    where s.provider_id = any($1) and s.next_on is not null and l.next_on is not null
    order by l.loan_id, s.security_id"""
CONSENTS: Final = "select application_id, text_version, given_on from refresh_consent where application_id = any($1)"
NEXT: Final = "update refresh_loan set next_on = $2 where applicant_id = $1 and next_on is not null"
NEXT_SURETY: Final = """
    update refresh_surety s set next_on = $2 from refresh_loan l
    where s.provider_id = $1 and s.next_on is not null and l.application_id = s.application_id and l.next_on is not null"""
SOONER: Final = "update refresh_loan set next_on = least(next_on, $2) where applicant_id = $1 and next_on is not null"
SOONER_SURETY: Final = """
    update refresh_surety set next_on = least(next_on, $2) where next_on is not null
        and (provider_id = $1 or application_id in (select application_id from refresh_loan where applicant_id = $1))"""
OVER: Final = "update refresh_loan set next_on = null where loan_id = $1"
OWED_AGAIN: Final = "update refresh_loan set next_on = $2 where loan_id = $1 and next_on is null"
IS_WATCHED: Final = "select exists (select from refresh_watched where applicant_id = $1)"
ALL_OVER: Final = "update refresh_loan set next_on = null where applicant_id = $1"
ANSWERS_NO_MORE: Final = "delete from refresh_surety where provider_id = $1"


class Answers(NamedTuple):
    """A loan that runs and that somebody answers for, its application, and in which words he agreed to be asked about.
    `watched`: he is, or its borrower."""

    loan_id: str
    application_id: str
    consents: tuple[Consented, ...]
    watched: bool


class Due(NamedTuple):
    """Somebody who is to be asked about, his own loans that run with their applications, and those he answers for."""

    applicant_id: str
    loans: tuple[str, ...]
    applications: tuple[str, ...]
    watched: bool
    answers: tuple[Answers, ...]


async def any_due(session: Session, on: date, policy: RefreshPolicy) -> bool:
    found: bool = await session.connection.fetchval(ANY_DUE, on, policy.guarantors is not None)
    return found


async def due(session: Session, on: date, policy: RefreshPolicy) -> list[Due]:
    """Those who wait longest, at most so many in either role; where nobody is asked about as guarantor, only borrowers."""
    most = policy.guarantors.most_a_day if policy.guarantors else 0
    rows = await session.connection.fetch(DUE, on, policy.most_a_day, most)
    answers: dict[str, list[Answers]] = {row["applicant_id"]: [] for row in rows}
    for each in await session.connection.fetch(ANSWERS, list(answers)) if policy.guarantors else ():
        given = (Consented(each["text_version"], each["signed_on"]),) if each["text_version"] else ()
        loan = Answers(each["loan_id"], each["application_id"], given, each["watched"])
        answers[each["provider_id"]].append(loan)
    return [
        Due(who, tuple(row["loans"]), tuple(row["applications"]), row["watched"], tuple(answers[who]))
        for row in rows
        for who in [row["applicant_id"]]
    ]


async def consents(session: Session, applications: Sequence[str]) -> dict[str, Consented]:
    """By application; those in which none was given are not in it."""
    rows = await session.connection.fetch(CONSENTS, applications)
    return {row["application_id"]: Consented(row["text_version"], row["given_on"]) for row in rows}


async def next_on(session: Session, due: Due, on: date) -> None:
    """When he is asked about next, in every role in which he was looked at."""
    await session.connection.execute(NEXT, due.applicant_id, on)
    if due.answers:
        await session.connection.execute(NEXT_SURETY, due.applicant_id, on)


async def sooner(session: Session, applicant_id: str, on: date) -> None:
    """He and who answers for him may be asked about from a date on, if their intervals say so."""
    await session.connection.execute(SOONER, applicant_id, on)
    await session.connection.execute(SOONER_SURETY, applicant_id, on)


async def over(session: Session, loan_id: str) -> None:
    await session.connection.execute(OVER, loan_id)


async def owed_again(session: Session, loan_id: str, on: date) -> None:
    await session.connection.execute(OWED_AGAIN, loan_id, on)


async def all_over(session: Session, applicant_id: str) -> None:
    """Nobody is asked about him any more, in neither role."""
    await session.connection.execute(ALL_OVER, applicant_id)
    await session.connection.execute(ANSWERS_NO_MORE, applicant_id)


async def watched(session: Session, applicant_id: str) -> bool:
    found: bool = await session.connection.fetchval(IS_WATCHED, applicant_id)
    return found


def offered(event: SecurityOffered) -> list[Put]:
    """Only a surety makes a guarantor: who gives a thing answers with that alone."""
    if event.kind is not GuaranteeKind.SURETY:
        return []
    named = {name: getattr(event, name) for name in ("application_id", "security_id", "provider_id")}
    return [Put(SURETY, {**named, "text_version": ""})]


def agreed(event: SecurityConsented) -> Patch:
    """Nobody was asked about him with the application: he is for the first time when the loan runs."""
    consent = {"text_version": event.credit_report_text, "signed_on": event.signed_on}
    return Patch(SURETY, _key(event), {**consent, "next_on": event.recorded_on})


def released(event: SecurityReleased) -> Remove:
    return Remove(SURETY, _key(event))


def reinstated(event: SecurityReinstated) -> list[Put]:
    """He answers again, as he had agreed to."""
    if event.kind is not GuaranteeKind.SURETY:
        return []
    named = {name: getattr(event, name) for name in ("application_id", "security_id", "provider_id")}
    consent = {"text_version": event.credit_report_text, "signed_on": event.consented_on}
    return [Put(SURETY, {**named, **consent, "next_on": event.reinstated_on if event.consented_on else None})]


def _key(event: SecurityConsented | SecurityReleased) -> dict[str, str]:
    return {"application_id": event.application_id, "security_id": event.security_id}
