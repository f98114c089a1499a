"""The task that sends a morning's reminders and records them, many loans at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from libs.contracts.collections import ReminderSent
from libs.events.envelope import Actor, Metadata, StoredEvent
from libs.events.ids import derive_id
from libs.events.store import Session
from libs.events.tasks import Finish, Job, Tasks
from libs.lending.money import Money
from libs.service.runtime import Runtime
from services.collections.library import library
from services.collections.messages import Message, MessageGateway

REMIND: Final = "remind"
ACTOR: Final = Actor("service:collections", "service")
VERSIONS: Final = "select stream_id, version from es.stream where stream_id = any($1)"


class Reminding:
    """Sends through the gateway, then records. `runtime` is given when the service starts."""

    runtime: Runtime

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.tasks.on(REMIND)(self.send)

    async def send(self, job: Job) -> Finish | None:
        """Done again after a failure, it gives the gateway the same messages under the same identifiers."""
        gateway: MessageGateway = self.runtime.extras["messages"]
        reminders = [_reminder(values, job.payload["sent_on"]) for values in job.payload["reminders"]]
        await gateway.send([_message(job.task_id, reminder) for reminder in reminders])

        async def finish(session: Session) -> None:
            await session.copy(await self._events(session, job, reminders))

        return finish

    async def _events(self, session: Session, job: Job, reminders: Sequence[ReminderSent]) -> list[StoredEvent]:
        """The events of a batch, each next on its loan's stream; a lost race is the transaction's to repeat."""
        runtime = self.runtime
        streams = sorted({_stream_id(reminder) for reminder in reminders})
        versions = dict(await session.connection.fetch(VERSIONS, streams))
        metadata = Metadata(
            recorded_at=runtime.clock.now(job.payload["after"]),
            actor=ACTOR,
            correlation_id=job.payload["correlation_id"],
            causation_id=job.payload["causation_id"],
            effective_date=job.payload["sent_on"],
        ).to_bytes()
        events = []
        encoded = await runtime.codec.write(reminders)
        for reminder, (type_name, data) in zip(reminders, encoded, strict=True):
            stream_id = _stream_id(reminder)
            versions[stream_id] = versions.get(stream_id, 0) + 1
            event_id = derive_id(job.task_id, f"sent/{_name(reminder)}")
            events.append(StoredEvent(stream_id, versions[stream_id], event_id, type_name, data, metadata))
        return events


def _stream_id(reminder: ReminderSent) -> str:
    return f"reminder-{reminder.loan_id}"


def _name(reminder: ReminderSent) -> str:
    return f"{reminder.loan_id}/{reminder.due}/{reminder.days_before}"


def _reminder(values: dict[str, Any], sent_on: str) -> ReminderSent:
    return ReminderSent(
        loan_id=values["loan_id"],
        applicant_id=values["applicant_id"],
        due=date.fromisoformat(values["due"]),
        amount=Money(values["amount_minor"], values["currency"]),
        days_before=values["days_before"],
        sent_on=date.fromisoformat(sent_on),
    )


def _message(task_id: UUID, reminder: ReminderSent) -> Message:
    template = library().template("reminder", reminder.sent_on)
    amount = reminder.amount
    texts = template.fill(due=reminder.due.isoformat(), amount=amount.amount, currency=amount.currency)
    message_id = derive_id(task_id, f"message/{_name(reminder)}")
    return Message(message_id, reminder.applicant_id, template.label, texts, reminder.sent_on)
