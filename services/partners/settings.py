"""Settings of the partners service alone (`PUHUI_PARTNERS_...`)."""

from __future__ import annotations

import base64
import binascii
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.service.settings import SettingsError
from libs.webhooks import Reach

PREFIX: Final = "PUHUI_PARTNERS_"
KEY_BYTES: Final = 32


class PartnersSettings(BaseSettings):
    """The key from which endpoints' secrets are made, and where webhooks may go beside public addresses."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=None, extra="ignore", frozen=True)

    webhook_key: SecretStr | None = Field(default=None, description="32 bytes in base64; takes precedence.")
    webhook_key_file: Path | None = Field(default=None, description="A file made at first use, for development.")
    webhook_networks: tuple[str, ...] = Field(
        default=(), description="Networks admitted although they are not public, as a JSON array of prefixes."
    )

    def key(self, directory: Path) -> bytes:
        """The key; raises `SettingsError`."""
        if self.webhook_key is not None:
            try:
                key = base64.b64decode(self.webhook_key.get_secret_value(), validate=True)
            except binascii.Error:
                key = b""
        else:
            key = _kept(self.webhook_key_file or directory / "webhook.key")
        if len(key) != KEY_BYTES:
            raise SettingsError(f"{PREFIX}WEBHOOK_KEY or {PREFIX}WEBHOOK_KEY_FILE does not hold {KEY_BYTES} bytes")
        return key

    def reach(self) -> Reach:
        """Raises `SettingsError` for what is no network."""
        try:
            return Reach.of(self.webhook_networks)
        except ValueError as error:
            raise SettingsError(f"{PREFIX}WEBHOOK_NETWORKS: {error}") from None


def _kept(path: Path) -> bytes:
    """The key in a file, made whole at first use and readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(os.urandom(KEY_BYTES))
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_bytes()
