"""What comes by webhook: verified, of a version that is known, as an event."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from pydantic import ValidationError

from partners.kit.models import Amounts, Model
from partners.kit.money import NOTHING, Money
from partners.kit.problems import PuhuiError
from partners.kit.signature import TOLERANCE_S, verify

TEST_TYPE: Final = "puhui.partners.test.v1"


class NotUnderstood(PuhuiError):
    """Signed by the platform, and not an event that this program knows: another version, or not as it is described."""

    advice = "Answer 422: it comes again, and later ones of its loan wait for it. Subscribe to what you know."


class Part(Model):
    """What of an event's money is yours, and from which date it counts."""

    funder: str
    amounts: Amounts
    transferred: Money
    transferred_interest: Money = NOTHING
    effective_on: date


@dataclass(frozen=True, slots=True)
class Event:
    """A CloudEvent of the platform. `sequence` is its place in the ledger; 0 for what is not of the ledger."""

    id: str
    type: str
    subject: str
    time: str
    sequence: int
    data: Mapping[str, Any]
    part: Part | None = None

    @classmethod
    def of(cls, document: Any) -> Event:
        """Read; raises `NotUnderstood`."""
        try:
            data = document["data"]
            return cls(
                id=str(document["id"]),
                type=str(document["type"]),
                subject=str(document["subject"]),
                time=str(document["time"]),
                sequence=int(document["sequence"]),
                data=data,
                part=Part.model_validate(data["your_part"]) if "your_part" in data else None,
            )
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise NotUnderstood(f"no event of the platform: {error}. {NotUnderstood.advice}") from None

    def money(self, name: str) -> Money:
        """An amount of its data."""
        return Money.model_validate(self.data[name])

    def date(self, name: str) -> date:
        """A date of its data."""
        return date.fromisoformat(self.data[name])


@dataclass(frozen=True, slots=True)
class Message:
    """An event with the identifier of its deliveries: the same as often as it is sent."""

    webhook_id: str
    event: Event
    body: bytes = field(repr=False)


@dataclass(slots=True)
class Receiver:
    """Takes what comes to an endpoint. `types`: the versions that this program was written for, as it subscribed.

    `secrets` is asked for at each webhook, so that a rotation needs no restart.
    """

    secrets: Callable[[], Sequence[str]]
    types: Collection[str]
    clock: Callable[[], float] = time.time
    tolerance_s: int = TOLERANCE_S

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message:
        """Raises `SignatureRefused` (answer 401) or `NotUnderstood` (answer 422). `headers` in lower case."""
        webhook_id = verify(self.secrets(), headers, body, self.clock(), self.tolerance_s)
        try:
            event = Event.of(json.loads(body))
        except ValueError:
            raise NotUnderstood(f"the body is no JSON. {NotUnderstood.advice}") from None
        self._refuse_unknown(event)
        return Message(webhook_id, event, body)

    def read_again(self, webhook_id: str, event: Any) -> Message | None:
        """The same from the list of what was told (`ask.events`); None for a type that was not subscribed to."""
        read = Event.of(event)
        if read.type not in self.types:
            return None
        return Message(webhook_id, read, json.dumps(event, ensure_ascii=False).encode())

    def _refuse_unknown(self, event: Event) -> None:
        if event.type != TEST_TYPE and event.type not in self.types:
            raise NotUnderstood(f"{event.type} is not among the types of this program. {NotUnderstood.advice}")
