"""The documents of contracts under their hashes: written once, in the transaction of the fact they belong to."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, NamedTuple

from libs.events.store import Session

PDF: Final = "application/pdf"
SAVE: Final = """
    insert into document (sha256, contract_id, media_type, begins_with, content) values ($1, $2, $3, $4, $5)
    on conflict (sha256) do nothing"""
LOAD: Final = """
    select d.contract_id, d.media_type, coalesce(b.content, ''::bytea) || d.content as content
    from document d left join document b on b.sha256 = d.begins_with where d.sha256 = $1"""


class Document(NamedTuple):
    contract_id: str
    media_type: str
    content: bytes


async def save(session: Session, contract_id: str, content: bytes, *, beginning: bytes = b"") -> str:
    """Keep a PDF; its hash. Of one that begins with the bytes of another that is kept, only the rest is stored."""
    assert content.startswith(beginning), "nothing is left out that is not kept elsewhere"
    digest = sha256(content).hexdigest()
    begins_with = sha256(beginning).hexdigest() if beginning else None
    await session.connection.execute(SAVE, digest, contract_id, PDF, begins_with, content[len(beginning) :])
    return digest


async def load(connection: Any, digest: str) -> Document | None:
    row = await connection.fetchrow(LOAD, digest)
    return None if row is None else Document(row["contract_id"], row["media_type"], row["content"])
