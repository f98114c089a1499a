"""Electronic signatures: what a signature service does, and one that does it here with Ed25519.

A signature covers the document's hash, the party, the signatory and the time together, so that a later change of any
of them is detected (电子签名法 13 (4)). The local service holds the keys of all parties: good enough to develop and to
demonstrate with; the exclusive control of article 13 (2) takes a certified service behind the same protocol.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.contracts.contract import Party, Signature

ALGORITHM: Final = "Ed25519"
SCHEME: Final = "puhui-contract-signature/1"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
FIND: Final = "select public_key, sealed_private_key from signing_key where signatory = $1"
MAKE: Final = """
    insert into signing_key (signatory, public_key, sealed_private_key) values ($1, $2, $3)
    on conflict (signatory) do nothing"""


class SignatureService(Protocol):
    """Signs documents for parties and says whether a signature is theirs."""

    async def sign(self, party: Party, signatory: str, document_sha256: str, *, key: str) -> Signature:
        """The party's signature over the document. The same `key` again asks for the same act, not for another."""
        ...

    async def verify(self, signature: Signature, document_sha256: str) -> bool:
        """Whether the signature is this signatory's, over this document, and unchanged."""
        ...


def statement(document_sha256: str, party: Party, signatory: str, signed_at: str) -> bytes:
    """The bytes that are signed: one line each, none of which can contain a line break."""
    return f"{SCHEME}\n{document_sha256}\n{party.value}\n{signatory}\n{signed_at}\n".encode()


class LocalSignatures:
    """Ed25519 keys made at a signatory's first use, kept in the database sealed with AES-256-GCM."""

    def __init__(self, pool: Any, sealing_key: bytes, now: Callable[[], str]) -> None:
        self._pool, self._seal, self._now = pool, AESGCM(sealing_key), now

    async def sign(self, party: Party, signatory: str, document_sha256: str, *, key: str) -> Signature:  # noqa: ARG002
        """`key` is not needed here: a signature that nobody was given binds nobody."""
        private = await self._private_key(signatory)
        signed_at = self._now()
        return Signature(
            party=party,
            signatory=signatory,
            algorithm=ALGORITHM,
            public_key=encoded(private.public_key().public_bytes_raw()),
            signature=encoded(private.sign(statement(document_sha256, party, signatory, signed_at))),
            signed_at=signed_at,
        )

    async def verify(self, signature: Signature, document_sha256: str) -> bool:
        row = await self._pool.fetchrow(FIND, signature.signatory)
        if row is None or signature.algorithm != ALGORITHM or decoded(signature.public_key) != row["public_key"]:
            return False
        content = statement(document_sha256, signature.party, signature.signatory, signature.signed_at)
        try:
            Ed25519PublicKey.from_public_bytes(row["public_key"]).verify(decoded(signature.signature), content)
        except InvalidSignature:
            return False
        return True

    async def _private_key(self, signatory: str) -> Ed25519PrivateKey:
        row = await self._pool.fetchrow(FIND, signatory)
        if row is None:
            fresh = Ed25519PrivateKey.generate()
            nonce = os.urandom(NONCE_BYTES)
            sealed = nonce + self._seal.encrypt(nonce, fresh.private_bytes_raw(), signatory.encode())
            await self._pool.execute(MAKE, signatory, fresh.public_key().public_bytes_raw(), sealed)
            row = await self._pool.fetchrow(FIND, signatory)  # another process may have been first
        sealed = row["sealed_private_key"]
        opened = self._seal.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], signatory.encode())
        return Ed25519PrivateKey.from_private_bytes(opened)


def encoded(raw: bytes) -> str:
    """Base64 for addresses, without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sealing_key_from(path: Path) -> bytes:
    """The key in a file, made at first use and readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} does not hold a key of {KEY_BYTES} bytes")
    return key


def _make_key(path: Path) -> None:
    """Appears whole or not at all, so that of two processes starting at once both read the same key."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(os.urandom(KEY_BYTES))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
