"""Settings of the audit service alone (`PUHUI_AUDIT_...`)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX: Final = "PUHUI_AUDIT_"


class AuditSettings(BaseSettings):
    """Where the logs are, how often their heads are signed, and who keeps them besides."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=None, extra="ignore", frozen=True)

    log_origin: str = Field(
        default="puhui.local",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9./-]{0,60}$",
        description="The logs' names begin with it: a host name of the lender's, with a path if need be.",
    )
    log_dir: Path | None = Field(default=None, description="Where the logs are; default: `log` in the data directory.")
    log_key_file: Path | None = Field(
        default=None, description="The key that signs heads, 32 bytes in base64; made at first use, for development."
    )
    log_interval_s: float = Field(
        default=10.0, ge=0.1, le=86_400, description="How often heads are signed and anchored."
    )
    anchor_dir: Path | None = Field(
        default=None, description="A directory that keeps what it is given: heads and leaf hashes are appended there."
    )
    witness_url: str | None = Field(default=None, description="A witness that co-signs heads (`puhui serve witness`).")
