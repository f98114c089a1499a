"""What each side of the demonstration has on record of itself, to be sent of a date: a co-lender's book of what it was
told, and the bank's statement. Both give every line once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

import aiohttp

from partners.example.book import Entry, entry_of
from partners.kit import Event
from standalone.bank_process import URL_FILE
from standalone.demo.files import Line, LoanLine
from standalone.platform import Layout

LEDGER: Final = "puhui.ledger."
KINDS: Final = {"debited": ("PAID", -1), "returned": ("RETURNED", 1)}
"""Lines of the bank's statement as the platform names them, and which way the money went."""


class Book:
    """A co-lender's: entries and states of loans from events, each of which counts once."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._entries: list[Entry] = []
        self._unsent: list[Line] = []
        self._states: dict[str, list[tuple[date, str]]] = {}

    def take(self, document: Mapping[str, Any]) -> None:
        """An event as it came by webhook, or as it was read again. Those of a loan come in their order."""
        event = Event.of(document)
        if event.id in self._told:
            return
        self._told.add(event.id)
        if (entry := entry_of(event)) is not None:
            self._entries.append(entry)
            name = event.data.get("bank_reference") or f"{entry.type}/{entry.loan_id}/{entry.effective_on}"
            self._unsent.append(Line(name, entry.reference, date.fromisoformat(entry.effective_on), entry.cash))
        if (state := _state(event)) is not None:
            states = self._states.setdefault(event.subject, [])
            if not states or states[-1][1] != "WRITTEN_OFF":
                states.append(state)

    def lines(self, on: date) -> list[Line]:
        """What moved up to a date and was in no file yet."""
        lines = [line for line in self._unsent if line.value_date <= on]
        self._unsent = [line for line in self._unsent if line.value_date > on]
        return lines

    def loans(self, on: date) -> list[LoanLine]:
        """Every loan as it stood at the end of a date."""
        owed = dict[str, int]()
        for entry in self._entries:
            if date.fromisoformat(entry.effective_on) <= on:
                owed[entry.loan_id] = owed.get(entry.loan_id, 0) + entry.outstanding
        return [LoanLine(loan_id, self._state_of(loan_id, on), minor) for loan_id, minor in owed.items()]

    def _state_of(self, loan_id: str, on: date) -> str:
        return [state for since, state in self._states[loan_id] if since <= on][-1]


def _state(event: Event) -> tuple[date, str] | None:
    """What a loan is from which date on; None for an event that does not change it."""
    match event.type.removeprefix(LEDGER):
        case "loan-disbursed.v1":
            return event.date("value_date"), "ACTIVE"
        case "disbursement-returned.v1":
            return event.date("value_date"), "RETURNED"
        case "loan-settled.v1":
            return event.date("settled_on"), "SETTLED"
        case "loan-written-off.v1":
            return event.date("written_off_on"), "WRITTEN_OFF"
        case "repayment-reversed.v1" if any(
            part["amount"] != "0.00" for part in event.data["position"]["outstanding"].values()
        ):
            return event.date("reversed_on"), "ACTIVE"
    return None


class Statement:
    """The bank's: what it paid and what came back from its own record, and what borrowers paid in."""

    def __init__(self, layout: Layout, paid_in: Mapping[str, Line]) -> None:
        self._layout, self._paid_in = layout, paid_in
        self._cursor = 0
        self._sent: set[str] = set()

    async def lines(self, on: date) -> list[Line]:
        """What is dated up to a date, which the ledger has closed, and was in no file yet."""
        paid_in = [line for line in self._paid_in.values() if line.name not in self._sent and line.value_date <= on]
        self._sent |= {line.name for line in paid_in}
        return [*await self._paid_out(on), *paid_in]

    async def _paid_out(self, on: date) -> list[Line]:
        lines, more = list[Line](), True
        while more:
            page = await ask_bank(self._layout, "/bank/statement", after=self._cursor, until=on.isoformat())
            self._cursor, more = page["next"], page["more"]
            lines += _paid_out(page["entries"])
        return lines


def _paid_out(entries: Iterable[Mapping[str, Any]]) -> list[Line]:
    lines = []
    for entry in entries:
        kind, sign = KINDS[entry["kind"]]
        reference, minor = f"{kind}/{entry['payment_id']}", int(entry["amount"]["amount"].replace(".", ""))
        lines.append(Line(reference, reference, date.fromisoformat(entry["booked_on"]), sign * minor))
    return lines


async def ask_bank(layout: Layout, path: str, **query: Any) -> Any:
    """What the bank itself says, which is not asked of the ledger."""
    headers = {"Authorization": f"Bearer {(layout.bank / 'secret').read_text().strip()}"}
    url = (layout.bank / URL_FILE).read_text() + path
    async with aiohttp.ClientSession(headers=headers) as bank, bank.get(url, params=query) as answer:
        answer.raise_for_status()
        return await answer.json()
