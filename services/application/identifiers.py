"""Applicant identifiers: a keyed hash of the identity number, so that one number registers once and is not revealed.

An unkeyed hash would not do: there are so few possible numbers that all of them can be tried.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from hashlib import sha256
from typing import Final
from uuid import UUID

import structlog
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Boolean, Column, LargeBinary, MetaData, Table

from libs.contracts.values import ApplicantKind
from libs.events.postgres import PostgresStore
from libs.service.settings import SettingsError
from services.application.domain.identity import normalised

log = structlog.get_logger(__name__)

METADATA: Final = MetaData()
APPLICANT_KEY: Final = Table(
    "applicant_key",
    METADATA,
    Column("only_row", Boolean, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("development_key", LargeBinary, nullable=True),
)
"""Which key the identifiers come from; the key itself only where none is configured."""

KEY_BYTES: Final = 32
REMEMBER: Final = """
    insert into applicant_key (only_row, fingerprint, development_key) values (true, $1, $2)
    on conflict do nothing"""
REMEMBERED: Final = "select fingerprint, development_key from applicant_key"


class IdentifierSettings(BaseSettings):
    """The setting that only this service has, from the environment."""

    model_config = SettingsConfigDict(env_prefix="PUHUI_", env_file=None, extra="ignore", frozen=True)

    applicant_key: SecretStr | None = Field(
        default=None, min_length=KEY_BYTES, description="Key of the hash that applicant ids are derived from."
    )


class Identifiers:
    """Derives applicant identifiers with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def applicant_id(self, kind: ApplicantKind, identity_number: str, erasures: int = 0) -> str:
        """The identifier for a number: a UUID of version 8 (RFC 9562), the same each time. Somebody who was erased and
        comes again is somebody new: `erasures` says how often that has happened."""
        again = f"/{erasures}" if erasures else ""
        digest = hmac.digest(self._key, f"{kind}/{normalised(identity_number)}{again}".encode(), sha256)
        value = int.from_bytes(digest[:16], "big")
        value = value & ~(0xF << 76) | 0x8 << 76
        value = value & ~(0x3 << 62) | 0x2 << 62
        return str(UUID(int=value))

    def digest(self, member: str, text: str) -> bytes:
        """What a person is found by in the index: tells nothing to whoever has not the key."""
        return hmac.digest(self._key, f"index/{member}/{searchable(text)}".encode(), sha256)


def searchable(text: str) -> str:
    """A text as it is searched for: width, case and spaces make no difference."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


async def open_identifiers(store: PostgresStore, configured: SecretStr | None) -> Identifiers:
    """With the configured key, else with one for development that is made once and kept in the database.

    Raises `SettingsError` when applicants were registered under another key: they would all be strangers.
    """
    given = configured.get_secret_value().encode() if configured is not None else None
    made = None if given is not None else secrets.token_bytes(KEY_BYTES)
    first = given or made
    assert first is not None, "one of the two is there"
    await store.pool.execute(REMEMBER, fingerprint(first), made)
    remembered = await store.pool.fetchrow(REMEMBERED)
    assert remembered is not None, "just written"
    key = given or remembered["development_key"]
    if key is None or fingerprint(key) != remembered["fingerprint"]:
        raise SettingsError(
            "PUHUI_APPLICANT_KEY is not the key under which applicants were registered here: set it to that one."
        )
    if given is None:
        log.warning("applicant ids come from a development key in the database; set PUHUI_APPLICANT_KEY")
    return Identifiers(key)


def fingerprint(key: bytes) -> bytes:
    """Tells keys apart without telling them."""
    return hmac.digest(key, b"puhui applicant key fingerprint", sha256)
