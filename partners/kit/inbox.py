"""Taking a webhook once: its identifier and what follows from it in one transaction.

On SQLite here; the two statements are standard SQL, to be taken over into whatever database holds the partner's own
records. It must be that one: an identifier that is written down elsewhere than what follows from it is no proof.
"""

from __future__ import annotations

import sqlite3
from enum import Enum
from typing import Final

from partners.kit.webhooks import Message

SCHEMA: Final = """
create table if not exists inbox (
    webhook_id text primary key,
    type text not null,
    subject text not null,
    sequence integer not null,
    body blob not null
) strict;
create index if not exists inbox_of_subject on inbox (subject, sequence);
"""
KEEP: Final = """
insert into inbox (webhook_id, type, subject, sequence, body) values (?, ?, ?, ?, ?) on conflict do nothing"""
LAST: Final = "select coalesce(max(sequence), 0) from inbox where subject = ? and webhook_id <> ?"


class Taken(Enum):
    """What a message is to who takes it."""

    FIRST = "first"
    """New, and in its order."""
    LATE = "late"
    """New, but a later event of its loan was taken before: what adds up adds up, what replaces a state does not."""
    AGAIN = "again"
    """Taken before: nothing follows."""


class Inbox:
    """The messages that were taken."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.executescript(SCHEMA)

    def take(self, message: Message) -> Taken:
        """To be called in the transaction in which everything that follows is written."""
        event = message.event
        row = (message.webhook_id, event.type, event.subject, event.sequence, message.body)
        if self._connection.execute(KEEP, row).rowcount == 0:
            return Taken.AGAIN
        (last,) = self._connection.execute(LAST, (event.subject, message.webhook_id)).fetchone()
        return Taken.LATE if 0 < event.sequence < last else Taken.FIRST
