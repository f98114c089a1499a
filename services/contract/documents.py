"""The documents of contracts under their hashes: written once, in the transaction of the fact they belong to, and sealed
under the borrower's key."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, NamedTuple

from libs.events.codec import Codec
from libs.events.store import Session

PDF: Final = "application/pdf"
SAVE: Final = """
    insert into document (sha256, contract_id, applicant_id, media_type, begins_with, content)
    values ($1, $2, $3, $4, $5, $6) on conflict (sha256) do nothing"""
LOAD: Final = """
    select d.contract_id, d.applicant_id, d.media_type, d.begins_with, d.content, b.content as beginning
    from document d left join document b on b.sha256 = d.begins_with where d.sha256 = $1"""


class Document(NamedTuple):
    contract_id: str
    media_type: str
    content: bytes


async def save(
    session: Session, codec: Codec, contract_id: str, applicant_id: str, content: bytes, *, beginning: bytes = b""
) -> str:
    """Keep a PDF, sealed under the borrower's key; the hash of its plain content. Of one that begins with the bytes of
    another that is kept, only the rest is stored."""
    assert content.startswith(beginning), "nothing is left out that is not kept elsewhere"
    digest = sha256(content).hexdigest()
    begins_with = sha256(beginning).hexdigest() if beginning else None
    key = await codec.sealing_key(applicant_id)
    sealed = key.seal_bytes(content[len(beginning) :], digest.encode())
    await session.connection.execute(SAVE, digest, contract_id, applicant_id, PDF, begins_with, sealed)
    return digest


async def load(connection: Any, codec: Codec, digest: str) -> Document | None:
    """The document under its hash; raises `sealing.Shut` when the borrower's data are restricted or erased, and
    `cryptography.exceptions.InvalidTag` when what is stored was altered."""
    row = await connection.fetchrow(LOAD, digest)
    if row is None:
        return None
    key = await codec.opening_key(row["applicant_id"])
    content = key.open_bytes(row["content"], digest.encode())
    if row["begins_with"] is not None:
        content = key.open_bytes(row["beginning"], row["begins_with"].encode()) + content
    return Document(row["contract_id"], row["media_type"], content)
