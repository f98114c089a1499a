"""Sources outside, as this service sees them: an adapter over HTTP, with the answers told apart that matter.

A source that is not configured, breaks, is late, or says what cannot be read has not answered; that is never taken for
a good answer. What it says is kept byte for byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.contracts.application import ApplicantRegistered
from libs.contracts.types import Text

BYTES_MAX: Final = 1_000_000
"""A report is some kilobytes; anything near this is none."""


class NotAnswered(Exception):
    """The source gave no answer that can be used; it may later."""


class SourceSettings(BaseSettings):
    """Where the sources are, what they know this service by, and how long an answer is waited for."""

    model_config = SettingsConfigDict(env_prefix="PUHUI_SCORING_", extra="ignore", frozen=True)

    bureau_url: str | None = None
    bureau_token: SecretStr = SecretStr("")
    registry_url: str | None = None
    registry_token: SecretStr = SecretStr("")
    source_timeout_s: float = Field(default=2.0, gt=0, le=30)


class _Answer(BaseModel):
    """The form of a source's answer; facts are looked at by the kind of item."""

    model_config = ConfigDict(extra="ignore")

    reference: Text
    as_of: date
    name: Text
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What a source says of an applicant. `same_person`: whether it knows the number under his name."""

    reference: str
    as_of: date
    same_person: bool
    facts: Mapping[str, object]
    content: bytes
    media_type: str


class Source:
    """One source. Every call ends within the time-out."""

    def __init__(
        self,
        name: str,
        url: str,
        token: SecretStr,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name, self._timeout_s = name, timeout_s
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token.get_secret_value()}"},
            timeout=timeout_s,
            transport=transport,
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def ask(self, who: ApplicantRegistered, application_id: str, purpose: str, on: date) -> Report | None:
        """The source's report; None when it knows of nobody with this number. Raises `NotAnswered`.

        `application_id` is the authority to ask, under which the source finds the same question again.
        """
        body = {
            "identity_number": who.identity_number,
            "name": who.name,
            "purpose": purpose,
            "authority": application_id,
            "on": on.isoformat(),
        }
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.post("/reports", json=body)
        except httpx.ConnectError as error:
            raise NotAnswered(f"{self.name} cannot be reached") from error
        except (TimeoutError, httpx.TransportError) as error:
            raise NotAnswered(f"no answer from {self.name} in {self._timeout_s:g} s") from error
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if not response.is_success:
            raise NotAnswered(f"{self.name} answered {response.status_code}")
        return self._read(response, who)

    def _read(self, response: httpx.Response, who: ApplicantRegistered) -> Report:
        content = response.content
        try:
            if len(content) > BYTES_MAX:
                raise ValueError(f"more than {BYTES_MAX} bytes")
            answer = _Answer.model_validate(orjson.loads(content))
        except (ValueError, ValidationError) as error:
            raise NotAnswered(f"{self.name} sent what cannot be read ({type(error).__name__})") from error
        media_type = response.headers.get("content-type", "application/octet-stream").partition(";")[0]
        return Report(answer.reference, answer.as_of, answer.name == who.name, answer.facts, content, media_type)


def sources_of(
    settings: SourceSettings, transports: Mapping[str, httpx.AsyncBaseTransport] | None = None
) -> dict[str, Source]:
    """The sources that are configured, by name."""
    urls = {
        "bureau": (settings.bureau_url, settings.bureau_token),
        "registry": (settings.registry_url, settings.registry_token),
    }
    return {
        name: Source(name, url, token, settings.source_timeout_s, (transports or {}).get(name))
        for name, (url, token) in urls.items()
        if url is not None
    }
