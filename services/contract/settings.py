"""Settings of the contract service alone (`PUHUI_CONTRACT_...`)."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.service.settings import SettingsError
from services.contract.signatures import KEY_BYTES, sealing_key_from

PREFIX: Final = "PUHUI_CONTRACT_"


class ContractSettings(BaseSettings):
    """Where the key is that seals the local signature service's private keys."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=None, extra="ignore", frozen=True)

    sealing_key: SecretStr | None = Field(default=None, description="32 bytes in base64; takes precedence.")
    sealing_key_file: Path = Field(
        default=Path("var/keys/contract-sealing.key"), description="A file made at first use, for development."
    )

    def key(self) -> bytes:
        """The sealing key; raises `SettingsError`."""
        if self.sealing_key is None:
            return sealing_key_from(self.sealing_key_file)
        try:
            key = base64.b64decode(self.sealing_key.get_secret_value(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise SettingsError(f"{PREFIX}SEALING_KEY is not {KEY_BYTES} bytes in base64")
        return key
