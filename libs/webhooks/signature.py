"""Signatures of Standard Webhooks 1.0 over identifier, time and body, in three headers: HMAC-SHA256 under a shared secret
(`v1`), and Ed25519 of who keeps its key to itself (`v1a`), which is verified here and not made.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
PREFIX: Final = "whsec_"
PUBLIC_PREFIX: Final = "whpk_"
PUBLIC_BYTES: Final = 32
SECRET_BYTES_MIN: Final = 24
SECRET_BYTES_MAX: Final = 64
TOLERANCE_S: Final = 300
"""How far the sender's clock may be from ours; what is older may be a replay."""
SIGNATURES_MAX: Final = 16
"""As many as are looked at: more have no use, and each costs a comparison."""


class SecretError(ValueError):
    """Not a signing secret; the message says what one looks like."""


class SignatureRefused(Exception):
    """What came is not proven to be the sender's; the message may be shown to the sender."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A symmetric signing secret of 24 to 64 bytes, written `whsec_` and base64."""

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not SECRET_BYTES_MIN <= len(self.key) <= SECRET_BYTES_MAX:
            raise SecretError(f"a secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `whsec_...`; raises `SecretError`."""
        try:
            key = base64.b64decode(text.removeprefix(PREFIX).encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            key = b""
        if not text.startswith(PREFIX) or not key:
            raise SecretError(f"a secret is {PREFIX} followed by base64")
        return cls(key)

    @property
    def text(self) -> str:
        return PREFIX + base64.b64encode(self.key).decode()

    def signature(self, webhook_id: str, timestamp_s: int, body: bytes) -> str:
        """`v1,` and base64 of the code over `id.timestamp.body`."""
        content = content_of(webhook_id, timestamp_s, body)
        return "v1," + base64.b64encode(hmac.digest(self.key, content, sha256)).decode()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key (RFC 8032), written `whpk_` and base64 of its 32 bytes."""

    key: bytes

    @classmethod
    def of(cls, text: str) -> Self:
        """Read `whpk_...`; raises `SecretError`."""
        try:
            key = base64.b64decode(text.removeprefix(PUBLIC_PREFIX).encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            key = b""
        if not text.startswith(PUBLIC_PREFIX) or len(key) != PUBLIC_BYTES:
            raise SecretError(f"a public key is {PUBLIC_PREFIX} followed by base64 of {PUBLIC_BYTES} bytes")
        return cls(key)

    @property
    def text(self) -> str:
        return PUBLIC_PREFIX + base64.b64encode(self.key).decode()

    def signed(self, content: bytes, signature: str) -> bool:
        """Whether `v1a,...` is a signature of this content."""
        try:
            given = base64.b64decode(signature.removeprefix("v1a,").encode("ascii"), validate=True)
            Ed25519PublicKey.from_public_bytes(self.key).verify(given, content)
        except (binascii.Error, UnicodeEncodeError, InvalidSignature):
            return False
        return signature.startswith("v1a,")


def content_of(webhook_id: str, timestamp_s: int, body: bytes) -> bytes:
    """What is signed."""
    return b"%b.%d.%b" % (webhook_id.encode(), timestamp_s, body)


def sign(secrets: Sequence[Secret], webhook_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers; one signature for each secret, so that a receiver may hold the old one or the new one."""
    return {
        ID: webhook_id,
        TIMESTAMP: str(timestamp_s),
        SIGNATURE: " ".join(secret.signature(webhook_id, timestamp_s, body) for secret in secrets),
    }


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks what came against the secrets and public keys that are in force."""

    secrets: Sequence[Secret]
    tolerance_s: int = TOLERANCE_S
    keys: Sequence[PublicKey] = ()

    def verify(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        """The `webhook-id`, under which the receiver takes it once; raises `SignatureRefused`.

        `headers` are looked up in lower case. All secrets are compared, in constant time.
        """
        webhook_id, timestamp, given = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
        if not webhook_id or not timestamp or not given:
            raise SignatureRefused(f"Send the headers {ID}, {TIMESTAMP} and {SIGNATURE}.")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise SignatureRefused(f"{TIMESTAMP} is not a whole number of seconds since 1970.")
        if abs(now_s - int(timestamp)) > self.tolerance_s:
            raise SignatureRefused(f"{TIMESTAMP} is more than {self.tolerance_s} seconds from now; sign it anew.")
        found, candidates = False, given.split(" ")[:SIGNATURES_MAX]
        for secret in self.secrets:
            expected = secret.signature(webhook_id, int(timestamp), body).encode()
            for candidate in candidates:
                found |= hmac.compare_digest(expected, candidate.encode())
        content = content_of(webhook_id, int(timestamp), body)
        if not found and not any(key.signed(content, each) for key in self.keys for each in candidates):
            raise SignatureRefused(f"No signature in {SIGNATURE} is one of this body under a secret or key in force.")
        return webhook_id
