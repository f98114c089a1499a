"""Signatures of Standard Webhooks 1.0, both ways: what the platform sends, and what is sent to it.

HMAC-SHA256 over identifier, time and body, in three headers; held to the published vector and to the reference library.
What is sent may instead be signed with an Ed25519 key of your own, which stays where it is.
Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

from partners.kit.problems import PuhuiError

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
PREFIX: Final = "whsec_"
TOLERANCE_S: Final = 300
"""How far clocks may be apart; what is older may be a replay of what somebody recorded."""
SIGNATURES_MAX: Final = 16
TIMESTAMP_DIGITS_MAX: Final = 12
SignBytes: TypeAlias = Callable[[bytes], bytes]
"""An Ed25519 signature of these bytes (64 bytes), by whatever holds your private key: a library, a token, an HSM."""


class SignatureRefused(PuhuiError):
    """Not proven to be the platform's."""

    advice = "Answer 401 and keep nothing of it. If everything is refused: fetch the secrets again, check the clock."


def key_of(secret: str) -> bytes:
    """The key in `whsec_...`; raises `ValueError`."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        key = b""
    if not secret.startswith(PREFIX) or not key:
        raise ValueError(f"a secret is {PREFIX} followed by base64")
    return key


def signature(secret: str, webhook_id: str, timestamp_s: int, body: bytes) -> str:
    """`v1,` and base64 of the code over `id.timestamp.body`."""
    content = b"%b.%d.%b" % (webhook_id.encode(), timestamp_s, body)
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), content, sha256)).decode()


def sign(secret: str, webhook_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of what is sent to the platform."""
    return {
        ID: webhook_id,
        TIMESTAMP: str(timestamp_s),
        SIGNATURE: signature(secret, webhook_id, timestamp_s, body),
    }


def signed_text(sign_bytes: SignBytes, text: str) -> str:
    """`v1a,` and base64 of a signature of this text in UTF-8."""
    return "v1a," + base64.b64encode(sign_bytes(text.encode())).decode()


def sign_with_key(sign_bytes: SignBytes, webhook_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of what is sent to the platform, signed with a key of your own."""
    content = b"%b.%d.%b" % (webhook_id.encode(), timestamp_s, body)
    code = base64.b64encode(sign_bytes(content)).decode()
    return {ID: webhook_id, TIMESTAMP: str(timestamp_s), SIGNATURE: f"v1a,{code}"}


def verify(
    secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now_s: float, tolerance_s: int = TOLERANCE_S
) -> str:
    """The `webhook-id` of what any of the secrets has signed lately; raises `SignatureRefused`.

    `headers` are looked up in lower case. Codes are compared in constant time.
    """
    webhook_id, timestamp, given = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not webhook_id or not given:
        raise SignatureRefused(f"{ID} or {SIGNATURE} is missing")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= TIMESTAMP_DIGITS_MAX):
        raise SignatureRefused(f"{TIMESTAMP} is no whole number of seconds")
    if abs(now_s - int(timestamp)) > tolerance_s:
        raise SignatureRefused(f"{TIMESTAMP} is more than {tolerance_s} seconds from now")
    found = False
    for secret in secrets:
        expected = signature(secret, webhook_id, int(timestamp), body).encode()
        for candidate in given.split(" ")[:SIGNATURES_MAX]:
            found |= hmac.compare_digest(expected, candidate.encode())
    if not found:
        raise SignatureRefused("no signature is one of this body under a secret in force")
    return webhook_id
