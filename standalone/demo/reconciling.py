"""How the demonstration reconciles: files with planted breaks go in, what is found is worked on until it is over, and
what was planted is laid beside what was found.

On the first morning of a half-year on which anything happens each side sends the file of the day before, and on the
next such morning another one, right, with the lines that were left out. A year's lines of the bank can be more than a
file may hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from libs.contracts.partners import BreakKind
from standalone.demo.books import Statement
from standalone.demo.colenders import CoLenders
from standalone.demo.files import NONE, Break, Faults, File, Line, LoanLine, file_of
from standalone.demo.intake import in_parallel
from standalone.http import Platform
from standalone.services import SERVICES

BANK: Final = "bank:main"
JULY: Final = 7
BANK_FAULTS: Final[Faults] = {BreakKind.AMOUNT: 1, BreakKind.MISSING_THERE: 2, BreakKind.TIMING: 2}
"""Besides what the simulated bank tells twice."""
WAITED_FOR: Final = frozenset(SERVICES) - {"ledger", "partners"}
OPEN_DAYS: Final = 3
"""For so long a break is looked into, at least, before a person resolves it."""
ANSWERS: Final = {
    BreakKind.AMOUNT: "Rounded up; corrected in our books.",
    BreakKind.TIMING: "Booked here on the day after.",
    BreakKind.MISSING_THERE: "Left out; the next file brings it.",
    BreakKind.MISSING_HERE: "The same line twice; the second is none.",
    BreakKind.STATUS: "Corrected; the next file says so.",
}
ENDS: Final = {
    BreakKind.AMOUNT: ("CORRECTED_THERE", "Their amount was wrong by a fen."),
    BreakKind.TIMING: ("ACCEPTED", "The same money, booked there a day later."),
    BreakKind.MISSING_HERE: ("CORRECTED_THERE", "They told of it twice."),
}
"""What no later file closes, and how a person ends it."""


@dataclass(slots=True)
class Side:
    """A counterparty: who sends its files, where to, what it plants, and what it has on record."""

    counterparty: str
    user: str
    path: str
    faults: Faults
    gather: Callable[[date], Awaitable[tuple[list[Line], list[LoanLine] | None]]]
    left_out: Sequence[Line] = ()
    planted: set[Break] = field(default_factory=set)
    came: Counter[str] = field(default_factory=Counter)
    """Files, their lines, and how many of these found their other half."""


class Reconciling:
    """Of every co-lender and of the bank, from the first morning on which anything was due."""

    def __init__(
        self, platform: Platform, step: Callable[[str, int], None], colenders: CoLenders, statement: Statement
    ) -> None:
        self._platform, self._step = platform, step

        async def of_bank(on: date) -> tuple[list[Line], None]:
            return await statement.lines(on), None

        self._sides = {
            manner.code: Side(
                manner.code,
                manner.code,
                f"/partners/partners/{manner.code}/files",
                manner.faults,
                partial(colenders.day_of, manner.code),
            )
            for manner in colenders.manners
        }
        self._sides[BANK] = Side(BANK, "finance-officer", "/partners/bank/statements", BANK_FAULTS, of_bank)
        self._half_year: tuple[int, bool] | None = None
        self._is_to_correct = False
        self._open: dict[str, Mapping[str, Any]] = {}
        self._found_on: dict[str, date] = {}

    async def morning(self, today: date) -> None:
        """Before anything happens on a day, and after the one before was closed."""
        half_year = today.year, today.month >= JULY
        if self._is_to_correct:
            await self._send_files(today, right=True)
            self._is_to_correct = False
        elif half_year != self._half_year:
            await self._send_files(today, right=False)
            self._half_year, self._is_to_correct = half_year, True
        await self._resolve(today)

    async def last_morning(self, today: date) -> None:
        """Once nothing happens any more, and all that is open was looked into long enough."""
        await self._send_files(today, right=True)
        await self._resolve(today)

    async def _send_files(self, today: date, *, right: bool) -> None:
        await self._platform.settle(but=WAITED_FOR)
        on = today - timedelta(days=1)

        async def send(side: Side) -> None:
            lines, loans = await side.gather(on)
            file = file_of(side.counterparty, on, [*side.left_out, *lines], loans, NONE if right else side.faults)
            await self._send(side, file)

        await in_parallel(self._sides.values(), send)
        await self._platform.settle(but=WAITED_FOR)
        rows = await self._platform.pages("finance-manager", "/partners/breaks", state="OPEN")
        self._open = {row["break_id"]: row for row in rows}
        new = [row for row in rows if row["break_id"] not in self._found_on]
        self._found_on |= {row["break_id"]: today for row in new}
        await self._by_counterparty(new, self._take_up)

    async def _send(self, side: Side, file: File) -> None:
        key = f"{side.counterparty}/file/{file.file_date}"
        shown = await self._platform.post(side.user, side.path, file.body(), key=key)
        side.left_out = file.left_out
        side.planted |= file.planted
        side.came.update(files=1, lines=shown["theirs"], matched=shown["matched"])

    async def _take_up(self, row: Mapping[str, Any]) -> None:
        """Given to an officer, and answered by whoever sent the file; what the bank says the officer writes down."""
        path, answer = f"/partners/breaks/{row['break_id']}", ANSWERS[BreakKind(row["kind"])]
        await self._platform.post("finance-manager", f"{path}/assign", {"assignee": "finance-officer"})
        await self._platform.post(self._sides[row["counterparty"]].user, f"{path}/answer", {"answer": answer})
        self._step("breaks taken up", 1)

    async def _resolve(self, today: date) -> None:
        old = [
            row
            for break_id, row in self._open.items()
            if BreakKind(row["kind"]) in ENDS and (today - self._found_on[break_id]).days >= OPEN_DAYS
        ]
        await self._by_counterparty(old, self._end)
        for row in old:
            del self._open[row["break_id"]]

    async def _end(self, row: Mapping[str, Any]) -> None:
        outcome, reason = ENDS[BreakKind(row["kind"])]
        body = {"outcome": outcome, "reason": reason}
        await self._platform.post("finance-officer", f"/partners/breaks/{row['break_id']}/resolve", body)

    async def _by_counterparty(
        self, rows: Sequence[Mapping[str, Any]], do: Callable[[Mapping[str, Any]], Awaitable[None]]
    ) -> None:
        """Those of one counterparty one after another, since they are on one stream."""

        async def of(counterparty: str) -> None:
            for row in rows:
                if row["counterparty"] == counterparty:
                    await do(row)

        await in_parallel(self._sides, of)

    async def report(self) -> dict[str, Any]:
        """By counterparty what was planted, found and resolved; and whether each that was planted was found, and no
        other."""
        rows = await self._platform.pages("auditor", "/partners/breaks")
        found = {
            Break(row["counterparty"], BreakKind(row["kind"]), row["reference"], date.fromisoformat(row["file_date"]))
            for row in rows
        }
        return {
            "by_counterparty": {
                name: _figures(side, [row for row in rows if row["counterparty"] == name])
                for name, side in self._sides.items()
            },
            "planted_equal_found": found == {each for side in self._sides.values() for each in side.planted},
            "open": sum(row["outcome"] is None for row in rows),
        }


def _figures(side: Side, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    over = [row for row in rows if row["outcome"] is not None]
    return {
        **{name: side.came[name] for name in ("files", "lines", "matched")},
        "planted": dict(sorted(Counter(each.kind.value for each in side.planted).items())),
        "found": dict(sorted(Counter(row["kind"] for row in rows).items())),
        "resolved": dict(sorted(Counter(row["outcome"] for row in over).items())),
        "open": len(rows) - len(over),
        "oldest_days": max((row["age_days"] for row in rows), default=0),
    }
