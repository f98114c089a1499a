"""The key-encryption keys: they wrap persons' keys, and stand in the environment or a file, never in a database."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class WrappingKeysError(Exception):
    """The key-encryption keys are missing or not of their form, or the one that is needed is not among them."""


class WrappingKeys:
    """One or more keys, 32 bytes in base64, separated by white space: the last one wraps, all of them unwrap.

    To rotate: add a key behind the others, wrap every person's key anew, take the old one away.
    """

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._ciphers: dict[str, AESGCM] = {}
        self.current = ""
        self.reload()

    @classmethod
    def of(cls, text: str) -> Self:
        return cls(lambda: text)

    @classmethod
    def in_file(cls, path: Path) -> Self:
        """The keys of a file, which is read again when one is needed that it did not have."""

        def read() -> str:
            try:
                return path.read_text(encoding="ascii")
            except OSError as error:
                raise WrappingKeysError(f"{path} cannot be read: {error.strerror}") from None

        return cls(read)

    def reload(self) -> None:
        """Read the keys anew; raises `WrappingKeysError`."""
        ciphers: dict[str, AESGCM] = {}
        for number, word in enumerate(self._read().split(), 1):
            try:
                key = base64.b64decode(word, validate=True)
            except binascii.Error:
                key = b""
            if len(key) != KEY_BYTES:
                raise WrappingKeysError(f"key-encryption key {number} is not {KEY_BYTES} bytes in base64")
            ciphers[name_of(key)] = AESGCM(key)
        if not ciphers:
            raise WrappingKeysError("there is no key-encryption key")
        self._ciphers, self.current = ciphers, next(reversed(ciphers))

    def wrap(self, subject: str, secret: bytes) -> tuple[str, bytes]:
        """The name of the wrapping key, and the person's key under it; bound to the person."""
        nonce = os.urandom(NONCE_BYTES)
        return self.current, nonce + self._ciphers[self.current].encrypt(nonce, secret, subject.encode())

    def unwrap(self, subject: str, name: str, wrapped: bytes) -> bytes:
        """The person's key; raises `WrappingKeysError`."""
        if name not in self._ciphers:
            self.reload()
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise WrappingKeysError(f"key-encryption key {name} is not among those that this process was given")
        try:
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], subject.encode())
        except InvalidTag:
            raise WrappingKeysError(f"the key of {subject} was altered, or is another person's") from None


def name_of(key: bytes) -> str:
    """Tells key-encryption keys apart without telling them."""
    return sha256(b"puhui key-encryption key\n" + key).hexdigest()[:16]


def new_key() -> str:
    """A key-encryption key as it is written down."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()
