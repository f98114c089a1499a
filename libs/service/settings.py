"""One settings object a service, read from the environment (`PUHUI_...`)."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.keys import WrappingKeys, WrappingKeysError
from libs.service.json_body import BODY_BYTES_MAX
from libs.service.keys import JwksFile, JwksUrl, KeySource

PREFIX: Final = "PUHUI_"


class SettingsError(Exception):
    """The environment does not configure the service; the message names each variable and what it needs."""


class ServiceSettings(BaseSettings):
    """Every setting of a service. Secrets come from the environment alone, never from a file or an argument list."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=None, extra="ignore", frozen=True)

    service: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="The service's name, also its path prefix.")
    host: str = Field(default="127.0.0.1", description="Address to listen on; loopback unless told otherwise.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 lets the system pick.")
    database_url: SecretStr = Field(description="PostgreSQL of this service: postgresql://user:password@host/name.")
    pool_min: int = Field(default=1, ge=0, le=200, description="Database connections kept open.")
    pool_max: int = Field(default=10, ge=1, le=200, description="Database connections at most.")
    kafka_bootstrap: str = Field(min_length=1, description="Brokers as host:port, separated by commas.")
    kafka_idempotence: bool = Field(default=True, description="Idempotent producer; off for brokers that lack it.")
    kafka_grouped: bool = Field(
        default=True, description="Share partitions with other processes of the service; off takes all of them at once."
    )
    only_process: bool = Field(
        default=False, description="No other process runs this service, so nothing is done to its store elsewhere."
    )
    kafka_fetch_wait_ms: int = Field(
        default=500, ge=1, le=60_000, description="How long a fetch may wait; short for brokers that do not wake it."
    )
    kafka_replication: int = Field(default=1, ge=1, le=10, description="Replicas of a topic made new.")
    topic_partitions: int = Field(default=12, ge=1, le=1000, description="Partitions of a topic made new.")
    jwks_url: str | None = Field(default=None, description="Where the issuer publishes its keys.")
    jwks_file: Path | None = Field(default=None, description="A file with the issuer's keys, instead of jwks_url.")
    token_issuer: str = Field(min_length=1, description="The `iss` that tokens must have.")
    token_audience: str = Field(default="puhui", min_length=1, description="The `aud` that tokens must have.")
    token_url: str | None = Field(default=None, description="The issuer's token endpoint, for the documentation page.")
    bank_url: str | None = Field(default=None, description="The bank's API, for the service that moves money.")
    bank_secret: SecretStr | None = Field(default=None, description="What the bank knows this service by.")
    keys_url: SecretStr | None = Field(
        default=None, description="PostgreSQL of persons' keys, a database of its own, for services with personal data."
    )
    keys_kek: SecretStr | None = Field(
        default=None, description="Key-encryption keys: 32 bytes in base64 each, separated by spaces, the newest last."
    )
    keys_kek_file: Path | None = Field(default=None, description="A file with the key-encryption keys, instead.")
    data_dir: Path | None = Field(default=None, description="Where the service keeps its own files, such as keys.")
    stuck_after_s: int = Field(
        default=60, ge=2, le=3600, description="A background loop that makes no progress for this long is replaced."
    )
    business_date_start: date | None = Field(default=None, description="First business date of an empty store.")
    body_bytes_max: int = Field(
        default=BODY_BYTES_MAX,
        ge=1024,
        le=64 * 1024 * 1024,
        description="Largest body, instead of what the service is made for.",
    )
    cors_origins: tuple[str, ...] = Field(default=(), description="Browser origins admitted, as a JSON array.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.jwks_url is None) == (self.jwks_file is None):
            raise ValueError(f"set either {PREFIX}JWKS_URL or {PREFIX}JWKS_FILE")
        if self.keys_url is not None and (self.keys_kek is None) == (self.keys_kek_file is None):
            raise ValueError(f"with {PREFIX}KEYS_URL set either {PREFIX}KEYS_KEK or {PREFIX}KEYS_KEK_FILE")
        if self.pool_min > self.pool_max:
            raise ValueError(f"{PREFIX}POOL_MIN must not be over {PREFIX}POOL_MAX")
        return self

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Settings from the environment, `given` taking precedence; raises `SettingsError` naming the variables."""
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsError(_explained(error)) from None  # the cause would show the values, secrets among them

    def key_source(self) -> KeySource:
        """Where tokens' keys come from."""
        if self.jwks_file is not None:
            return JwksFile(self.jwks_file)
        assert self.jwks_url is not None, "checked by _consistent"
        return JwksUrl(self.jwks_url)

    def wrapping_keys(self) -> WrappingKeys:
        """The key-encryption keys; raises `SettingsError`."""
        try:
            if self.keys_kek_file is not None:
                return WrappingKeys.in_file(self.keys_kek_file)
            assert self.keys_kek is not None, "checked by _consistent"
            return WrappingKeys.of(self.keys_kek.get_secret_value())
        except WrappingKeysError as error:
            raise SettingsError(f"{PREFIX}KEYS_KEK or {PREFIX}KEYS_KEK_FILE: {error}.") from None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False


def _explained(error: ValidationError) -> str:
    lines = []
    for found in error.errors(include_input=False, include_url=False):
        if not found["loc"]:
            lines.append(str(found["msg"]).removeprefix("Value error, "))
            continue
        name = str(found["loc"][0])
        about = ServiceSettings.model_fields[name].description if name in ServiceSettings.model_fields else ""
        what = "is not set" if found["type"] == "missing" else found["msg"]
        lines.append(f"{PREFIX}{name.upper()}: {what}. {about or ''}".rstrip())
    return "The service is not configured:\n  " + "\n  ".join(lines)
