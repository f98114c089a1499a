"""The demonstration from its first application to its last loan's end, with progress."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from standalone.demo.books import Statement
from standalone.demo.colenders import CoLenders
from standalone.demo.intake import Borrower, Intake
from standalone.demo.life import Life
from standalone.demo.people import people
from standalone.demo.reconciling import OPEN_DAYS, Reconciling
from standalone.demo.report import Played, report
from standalone.http import KEEPERS, Platform
from standalone.platform import Layout
from standalone.services import SERVICES

COHORTS: Final = 2
COHORT_DAYS: Final = 7
PAYOUT_DAYS: Final = 4
"""Days after a cohort's signatures until the bank's last delays and returns are over."""
MONTHS_MAX: Final = 100
COLLECTING: Final = frozenset({"ledger", "collections"})
"""Between these two a case is opened before a collector looks for it."""


class BegunBefore(Exception):
    """The demonstration was interrupted after its first day: its first steps belong to a day that is over."""


class Tally:
    """Counts what happens, and shows it."""

    def __init__(self, progress: Progress) -> None:
        self.counts: Counter[str] = Counter()
        self._progress = progress
        self._line = progress.add_task("Starting", total=None)
        self._began = time.monotonic()

    def stage(self, text: str, total: int | None = None) -> None:
        self._progress.update(self._line, description=text, total=total, completed=0)
        if not self._progress.console.is_terminal:  # where nothing can be redrawn, a line a stage
            self._progress.console.print(f"{time.monotonic() - self._began:7.1f} s  {text}")

    def advance(self, text: str | None = None) -> None:
        self._progress.update(self._line, advance=1)
        if text:
            self._progress.update(self._line, description=text)

    def step(self, what: str, count: int) -> None:
        self.counts[what] += count
        if what == "applications":
            self.advance()


async def play(url: str, layout: Layout, *, first_date: date, loans: int, seed: int) -> dict[str, Any]:
    """Play it all against a platform that runs; the report. What was played of the first day is passed over, since
    each request has its key; raises `BegunBefore` when that day is over."""
    platform = Platform.at(url, layout.identity, seed=str(seed))
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    began = time.monotonic()
    try:
        if (date_of := await today(platform)) > first_date:
            raise BegunBefore(f"it begins on {first_date}, and the business date is {date_of}")
        with Progress(*columns, console=Console(stderr=True), refresh_per_second=4) as progress:
            tally = Tally(progress)
            colenders = CoLenders(platform, tally.step, layout.colenders)
            try:
                life, borrowers = await _originate(platform, tally, colenders, loans)
                statement = Statement(layout, life.paid_in)
                reconciling = Reconciling(platform, tally.step, colenders, statement)
                await _repay(platform, tally, life, reconciling)
                await _close(platform, tally, reconciling)
                tally.stage("Building every read model again, and comparing")
                await colenders.all_told()
                await platform.settle()
                seconds = time.monotonic() - began
                played = Played(borrowers, life, colenders, reconciling, tally.counts, seconds)
                return await report(platform, layout, played, seed=seed)
            finally:
                await colenders.close()
    finally:
        await platform.close()


async def today(platform: Platform) -> date:
    return date.fromisoformat((await platform.get("operator", "/ledger/business-date"))["business_date"])


async def advance(platform: Platform, until: date) -> None:
    """Close every day up to a date and let all services hear of it."""
    await close_days(platform, until)
    await platform.settle(but=KEEPERS)


async def close_days(platform: Platform, until: date) -> None:
    """Close every day up to a date."""
    await platform.post(
        "operator", "/ledger/day-ends", {"until": (until - timedelta(days=1)).isoformat()}, key=f"day/{until}"
    )


async def _originate(
    platform: Platform, tally: Tally, colenders: CoLenders, loans: int
) -> tuple[Life, Sequence[Borrower]]:
    life = Life(platform, tally.step)
    intake = Intake(platform, tally.step)
    await platform.settle()
    await intake.prepare()
    borrowers = [Borrower(person) for person in people(loans)]
    date_of = await today(platform)
    await colenders.begin(date_of)
    for cohort in range(COHORTS):
        mine = borrowers[cohort::COHORTS]
        tally.stage(f"Cohort {cohort + 1} of {COHORTS} applies on {date_of}", total=len(mine))
        await intake.apply(mine, date_of)
        await platform.settle(but=KEEPERS)
        await intake.withdraw(mine)
        await platform.settle(but=KEEPERS)
        tally.stage(f"Cohort {cohort + 1}: officers and co-lenders decide, borrowers sign, the bank pays")
        await intake.decide_referred(mine)
        await colenders.all_decided()
        await intake.sign(mine)
        await colenders.all_paid()
        date_of += timedelta(days=COHORT_DAYS)
        await advance(platform, date_of)
    date_of += timedelta(days=PAYOUT_DAYS)
    await advance(platform, date_of)
    await life.begin(borrowers)
    return life, borrowers


async def _repay(platform: Platform, tally: Tally, life: Life, reconciling: Reconciling) -> None:
    date_of = await today(platform)
    dates = sorted({due for loan in life.loans for due in loan.dues})
    tally.stage("Repayments", total=len(dates))
    for _ in range(MONTHS_MAX * COHORTS * 2):
        coming = life.next_date(date_of)
        if coming is None:
            return
        date_of = coming
        await close_days(platform, date_of)
        await platform.settle(but=set(SERVICES) - COLLECTING)  # collectors ask for cases; the others may be behind
        await reconciling.morning(date_of)
        await life.pay(date_of)
        running = sum(not loan.done for loan in life.loans)
        tally.advance(f"Repayments · {date_of} · {running} loans run")


async def _close(platform: Platform, tally: Tally, reconciling: Reconciling) -> None:
    """The last days: what moved last is settled, and nothing that was found stays open."""
    tally.stage("The last files are reconciled")
    date_of = await today(platform) + timedelta(days=OPEN_DAYS)
    await advance(platform, date_of)
    await reconciling.last_morning(date_of)
