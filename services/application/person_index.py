"""By what a person is found: keyed hashes of what identifies him, written when he is registered, gone when he is erased.

Beside the events, not from them: after an erasure nothing could be made from the events again.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, Table, Text

from libs.contracts.application import ApplicantRegistered
from libs.contracts.audit import PersonErased
from libs.events.codec import Recorded
from libs.events.projection import Put, Remove
from libs.events.sealing import is_placeholder
from libs.events.subscribers import Reaction
from libs.service.runtime import Runtime
from services.application.identifiers import METADATA, Identifiers

MEMBERS: Final = ("name", "identity_number", "mobile", "legal_representative")
FOUND_MAX: Final = 50

PERSON_INDEX: Final = Table(
    "person_index",
    METADATA,
    Column("applicant_id", Text, primary_key=True),
    Column("member", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Index("person_index_by_digest", "digest"),
)
FIND: Final = """
    select applicant_id from person_index where digest = any($1)
    group by applicant_id having count(*) = $2 order by applicant_id limit $3"""


class PersonIndex:
    """The index of a running service. `identifiers` is given when the service starts."""

    identifiers: Identifiers

    async def add(self, recorded: Recorded[ApplicantRegistered], reaction: Reaction) -> None:
        """A person became known."""
        event = recorded.event
        texts = {member: getattr(event, member) for member in MEMBERS}
        rows = [
            {"applicant_id": event.applicant_id, "member": member, "digest": self.identifiers.digest(member, text)}
            for member, text in texts.items()
            if text and not is_placeholder(text)
        ]
        await reaction.apply(*(Put(PERSON_INDEX, row) for row in rows))

    async def remove(self, recorded: Recorded[PersonErased], reaction: Reaction) -> None:
        """A person was erased."""
        await reaction.commands.codec.heed_erasure()
        keys = [{"applicant_id": recorded.event.applicant_id, "member": member} for member in MEMBERS]
        await reaction.apply(*(Remove(PERSON_INDEX, key) for key in keys))

    async def find(self, runtime: Runtime, wanted: dict[str, str]) -> list[str]:
        """Applicants of whom all of these are true, at most `FOUND_MAX`."""
        digests = [self.identifiers.digest(member, text) for member, text in wanted.items()]
        rows = await runtime.store.pool.fetch(FIND, digests, len(digests), FOUND_MAX)
        return [row["applicant_id"] for row in rows]


person_index: Final = PersonIndex()
