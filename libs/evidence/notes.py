"""Signed notes, checkpoints and cosignatures, in the forms of C2SP (signed-note, tlog-checkpoint, tlog-cosignature).

A note is a text and, after an empty line, signature lines. A checkpoint is a note that states the head of a log:
origin, size, root, and here two further lines, the root of the map from stream to last version and the time.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE: Final = 0x01
"""Algorithm: Ed25519 over the text of the note."""
COSIGNATURE: Final = 0x04
"""Algorithm: Ed25519 of a witness over the text and the time at which it was seen."""
HASH_BYTES: Final = 32
_NAME: Final = re.compile(r"[!-*,-~]{1,100}")
_SIGNATURE_LINE: Final = re.compile("— ([!-*,-~]{1,100}) ([A-Za-z0-9+/]+={0,2})")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,14}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")


class NotANote(ValueError):
    """Text that is not of the form of a note, a checkpoint or a key."""


def key_id(name: str, algorithm: int, public_key: bytes) -> bytes:
    """Four bytes by which a signature says which key made it."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public_key).digest()[:4]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name and what it signs."""

    name: str
    algorithm: int
    public_key: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `name+id+key`, the form in which keys are handed out; raises `NotANote`."""
        name, _, rest = text.partition("+")
        given_id, _, encoded = rest.partition("+")
        key = decoded(encoded, 1 + HASH_BYTES)
        if not _NAME.fullmatch(name) or key[0] not in (SIGNATURE, COSIGNATURE):
            raise NotANote(f"{text[:80]!r} is not a key")
        verifier = cls(name, key[0], key[1:])
        if verifier.id.hex() != given_id:
            raise NotANote(f"the key of {name} does not have the id {given_id[:8]!r}")
        return verifier

    @property
    def id(self) -> bytes:
        return key_id(self.name, self.algorithm, self.public_key)

    @property
    def text(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encoded(bytes([self.algorithm]) + self.public_key)}"

    def confirms(self, text: str, signature: bytes) -> bool:
        """Whether the signature is this key's over the text of a note."""
        signed = text.encode()
        if self.algorithm == COSIGNATURE:
            if len(signature) != 8 + 64:
                return False
            signed = cosigned(text, int.from_bytes(signature[:8], "big"))
            signature = signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, signed)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its name and what it signs."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False)
    algorithm: int = SIGNATURE

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self.algorithm, self.private_key.public_key().public_bytes_raw())

    def line(self, text: str, seen_at_s: int = 0) -> str:
        """The signature line over the text of a note; `seen_at_s`, seconds since 1970, for a cosignature."""
        if self.algorithm == COSIGNATURE:
            signature = seen_at_s.to_bytes(8, "big") + self.private_key.sign(cosigned(text, seen_at_s))
        else:
            signature = self.private_key.sign(text.encode())
        return f"— {self.name} {encoded(self.verifier.id + signature)}\n"


def cosigned(text: str, seen_at_s: int) -> bytes:
    """What a witness signs: that it has seen this text at this time."""
    return f"cosignature/v1\ntime {seen_at_s}\n{text}".encode()


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends with a line feed, and the signatures under it: (name, key id, signature)."""

    text: str
    signatures: Sequence[tuple[str, bytes, bytes]]

    @classmethod
    def parse(cls, given: str) -> Self:
        """Raises `NotANote`."""
        text, separator, lines = given.rpartition("\n\n")
        if not separator or not lines.endswith("\n") or "\r" in given:
            raise NotANote("a note is a text, an empty line, and signatures")
        signatures = []
        for line in lines[:-1].split("\n"):
            match = _SIGNATURE_LINE.fullmatch(line)
            if match is None:
                raise NotANote("a line under a note is not a signature")
            signature = decoded(match[2])
            if len(signature) <= 4:
                raise NotANote("a signature is too short")
            signatures.append((match[1], signature[:4], signature[4:]))
        return cls(text + "\n", signatures)

    def confirmed_by(self, verifiers: Iterable[Verifier]) -> list[Verifier]:
        """Those of the keys that signed; a wrong signature under the name of one of them counts for nothing."""
        return [
            verifier
            for verifier in verifiers
            if any(
                (name, id_of) == (verifier.name, verifier.id) and verifier.confirms(self.text, signature)
                for name, id_of, signature in self.signatures
            )
        ]


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a log: its first `size` leaves have this root, its streams these last versions."""

    origin: str
    size: int
    root: bytes
    streams: int
    streams_root: bytes
    signed_at: str

    @property
    def text(self) -> str:
        return (
            f"{self.origin}\n{self.size}\n{encoded(self.root)}\n"
            f"streams {self.streams} {encoded(self.streams_root)}\ntime {self.signed_at}\n"
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the text of a checkpoint; raises `NotANote`."""
        lines = text.split("\n")
        if len(lines) != 6 or lines[5] or not _NAME.fullmatch(lines[0]):
            raise NotANote("a head has five lines, the first of which names its log")
        streams = lines[3].split(" ")
        if len(streams) != 3 or streams[0] != "streams" or not lines[4].startswith("time "):
            raise NotANote("a head tells of its streams in the fourth line and the time in the fifth")
        if not _TIME.fullmatch(lines[4][5:]):
            raise NotANote("the time of a head is not in UTC")
        return cls(
            origin=lines[0],
            size=number(lines[1]),
            root=decoded(lines[2], HASH_BYTES),
            streams=number(streams[1]),
            streams_root=decoded(streams[2], HASH_BYTES),
            signed_at=lines[4][5:],
        )


def number(text: str) -> int:
    """A number as it is written everywhere here: decimal, no sign, no leading zero; raises `NotANote`."""
    if not _NUMBER.fullmatch(text):
        raise NotANote(f"{text[:20]!r} is not a number")
    return int(text)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decoded(text: str, length: int | None = None) -> bytes:
    """Bytes from base64 in its one form; raises `NotANote`, also when it is not so long."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise NotANote("not base64") from None
    if encoded(data) != text or length not in (None, len(data)):
        raise NotANote("not base64 of the length that is needed here")
    return data


def keyring(lines: Iterable[str]) -> Mapping[str, list[Verifier]]:
    """Keys by name, from their lines; raises `NotANote`."""
    ring: dict[str, list[Verifier]] = {}
    for line in lines:
        verifier = Verifier.parse(line)
        ring.setdefault(verifier.name, []).append(verifier)
    return ring
