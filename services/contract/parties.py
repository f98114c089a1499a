"""The borrowers as contracts name them: what the application service told of them. Personal data."""

from __future__ import annotations

from typing import Final

from libs.contracts.application import ApplicantRegistered
from libs.contracts.values import ApplicantKind
from libs.events.errors import NotYet
from libs.events.projection import Put
from libs.events.store import Session
from services.contract.document.parties import Borrower
from services.contract.records import PARTY

FIND: Final = "select * from party where applicant_id = $1"


def known(event: ApplicantRegistered) -> Put:
    """The row of a borrower who became known."""
    return Put(
        PARTY,
        {
            "applicant_id": event.applicant_id,
            "kind": event.kind.value,
            "name": event.name,
            "identity_number": event.identity_number,
            "mobile": event.mobile,
            "legal_representative": event.legal_representative,
        },
    )


async def borrower(session: Session, applicant_id: str) -> Borrower:
    """The borrower; raises `NotYet` when the application service's word of him has not arrived."""
    row = await session.connection.fetchrow(FIND, applicant_id)
    if row is None:
        raise NotYet("the applicant of an approved application is not known yet")
    return Borrower(**dict(row) | {"kind": ApplicantKind(row["kind"])})
