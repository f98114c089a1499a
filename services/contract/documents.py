"""The documents of contracts under their hashes: written once, in the transaction of the fact they belong to."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, NamedTuple

from libs.events.store import Session

PDF: Final = "application/pdf"
SAVE: Final = """
    insert into document (sha256, contract_id, media_type, content) values ($1, $2, $3, $4)
    on conflict (sha256) do nothing"""
LOAD: Final = "select contract_id, media_type, content from document where sha256 = $1"


class Document(NamedTuple):
    contract_id: str
    media_type: str
    content: bytes


async def save(session: Session, contract_id: str, content: bytes) -> str:
    """Keep a PDF; its hash. The same content is kept once."""
    digest = sha256(content).hexdigest()
    await session.connection.execute(SAVE, digest, contract_id, PDF, content)
    return digest


async def load(connection: Any, digest: str) -> Document | None:
    row = await connection.fetchrow(LOAD, digest)
    return None if row is None else Document(row["contract_id"], row["media_type"], row["content"])
