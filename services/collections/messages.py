"""Messages to borrowers: what a gateway must do, and the local one that records them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol
from uuid import UUID

SEND: Final = """
    insert into message (message_id, applicant_id, template, text_zh, text_en, sent_on)
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[])
    on conflict do nothing"""


@dataclass(frozen=True, slots=True)
class Message:
    """A text for an applicant, in both languages; the gateway knows his address and his language."""

    message_id: UUID
    applicant_id: str
    template: str
    texts: Mapping[str, str]
    sent_on: date


class MessageGateway(Protocol):
    """The way to borrowers' telephones."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Send these, each once: a message that comes again with its id is not sent again. Raises when it cannot take
        them; then all are given again."""
        ...


class LocalGateway:
    """Records messages in a table instead of sending them, for development and tests."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def send(self, messages: Sequence[Message]) -> None:
        await self._pool.execute(
            SEND,
            [message.message_id for message in messages],
            [message.applicant_id for message in messages],
            [message.template for message in messages],
            [message.texts["zh"] for message in messages],
            [message.texts["en"] for message in messages],
            [message.sent_on for message in messages],
        )
