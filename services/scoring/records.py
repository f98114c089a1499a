"""What the service keeps beside its events and read models: written in the transactions of its reactions and tasks."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, LargeBinary, MetaData, String, Table

from libs.contracts.application import ApplicantRegistered
from libs.events.codec import Codec, Recorded
from libs.events.projection import Put, Remove
from libs.events.sealing import is_placeholder
from libs.service.runtime import Runtime

METADATA: Final = MetaData()

PARTY: Final = Table(
    "party",
    METADATA,
    Column("applicant_id", String(80), primary_key=True),
    Column("type", String(200), nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""Applicants as the application service told of them, for sources that ask for name and number: the event as it was
published, personal values sealed."""

SOURCE_DOCUMENT: Final = Table(
    "source_document",
    METADATA,
    Column("application_id", String(80), primary_key=True),
    Column("item", String(64), primary_key=True),
    Column("applicant_id", String(80), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""What sources answered, byte for byte, sealed under the applicant's key; the event has the hash of what is inside. While a
loan runs, the refresh stands in the place of the application."""

FIND_PARTY: Final = "select type, data from party where applicant_id = $1"
FIND_DOCUMENT: Final = """
    select applicant_id, media_type, content from source_document where application_id = $1 and item = $2"""


def known(recorded: Recorded[ApplicantRegistered]) -> Put:
    """The row of an applicant who became known: the event's own bytes."""
    stored = recorded.stored
    return Put(PARTY, {"applicant_id": recorded.event.applicant_id, "type": stored.type, "data": stored.data})


def erased(applicant_id: str) -> Remove:
    """Nothing of an applicant whose data were erased is kept; documents are sealed under a key that is no more."""
    return Remove(PARTY, {"applicant_id": applicant_id})


async def party(runtime: Runtime, applicant_id: str) -> ApplicantRegistered | None:
    """The applicant by name and number; None when he is not known here, or his data may be used no more."""
    row = await runtime.store.pool.fetchrow(FIND_PARTY, applicant_id)
    if row is None:
        return None
    codec: Codec = runtime.codec
    registered: ApplicantRegistered = codec.decode(row["type"], row["data"], await codec.keys_of([row["data"]]))
    return None if is_placeholder(registered.identity_number) else registered


def bound(application_id: str, item: str) -> bytes:
    """What a sealed document is bound to, so that none can be put in another's place."""
    return f"source document\n{application_id}\n{item}".encode()
