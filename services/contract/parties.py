"""The borrowers as contracts name them: what the application service told of them. Personal data."""

from __future__ import annotations

from typing import Final

from libs.contracts.application import ApplicantRegistered
from libs.events.codec import Codec, Recorded
from libs.events.errors import NotYet
from libs.events.projection import Put, Remove
from libs.events.store import Session
from services.contract.document.parties import Borrower
from services.contract.records import PARTY

BLIND: Final = b"contract document"
FIND: Final = "select type, data from party where applicant_id = $1"


def known(recorded: Recorded[ApplicantRegistered]) -> Put:
    """The row of a borrower who became known: the event's own bytes, sealed as they are."""
    stored = recorded.stored
    return Put(PARTY, {"applicant_id": recorded.event.applicant_id, "type": stored.type, "data": stored.data})


def erased(applicant_id: str) -> Remove:
    """Nothing of a borrower whose data were erased is kept."""
    return Remove(PARTY, {"applicant_id": applicant_id})


async def borrower(session: Session, codec: Codec, applicant_id: str) -> Borrower:
    """The borrower; raises `NotYet` when the application service's word of him has not arrived, and `sealing.Shut`
    when his data are restricted or erased."""
    row = await session.connection.fetchrow(FIND, applicant_id)
    if row is None:
        raise NotYet("the applicant of an approved application is not known yet")
    key = await codec.opening_key(applicant_id)
    known: ApplicantRegistered = codec.decode(row["type"], row["data"], {applicant_id: key})
    return Borrower(
        applicant_id=applicant_id,
        kind=known.kind,
        name=known.name,
        identity_number=known.identity_number,
        mobile=known.mobile,
        legal_representative=known.legal_representative,
        blind=key.blinded(BLIND).hex(),
    )
