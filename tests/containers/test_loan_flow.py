"""Loans live their whole lives in the compose stack, over HTTP, while services are killed and come back."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from libs.events.operations import Side
from standalone.demo.intake import Borrower, Intake, in_parallel
from standalone.demo.life import Life, Loan
from standalone.demo.people import people
from standalone.demo.play import PAYOUT_DAYS, advance, today
from standalone.http import Platform
from standalone.services import SERVICES
from tests.containers.stack import SECRET, Stack

pytestmark = pytest.mark.containers

PEOPLE = 16
ON_THE_WAY = ("application", "scoring", "approval", "contract", "ledger")
"""The services that every loan passes through."""


@dataclass(frozen=True)
class Story:
    """What was found when all loans had ended."""

    borrowers: Sequence[Borrower]
    loans: Sequence[Loan]
    sides: Sequence[Side]
    statistics: dict[str, Any]
    pages: dict[str, Any]
    trial_balance: dict[str, Any]
    bank: dict[str, Any]
    read_models: dict[str, Any]


class Play:
    """The front end of the stack, and the hand that kills its containers."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        users = json.loads(stack.compose("exec", "--no-TTY", "identity", "cat", "users.json"))
        secrets = {name: user["client_secret"] for name, user in users.items()}
        self._addresses = {name: stack.address(name) for name in SERVICES}
        self.platform = Platform(stack.address("identity"), secrets, seed="containers", services=self._addresses)
        self.intake = Intake(self.platform, lambda _what, _count: None)
        self.life = Life(self.platform, lambda _what, _count: None)

    async def kill(self, service: str) -> None:
        await asyncio.to_thread(self.stack.kill, service)

    async def start(self, service: str) -> None:
        await asyncio.to_thread(self.stack.start, service)
        self._addresses[service] = await asyncio.to_thread(self.stack.address, service)

    async def play(self) -> Story:
        try:
            await self.platform.settle()
            await self.intake.prepare()
            borrowers = [Borrower(person) for person in people(PEOPLE)]
            await self._apply(borrowers)
            await self._sign(borrowers)
            await self._repay()
            return await self._found(borrowers)
        finally:
            await self.platform.close()

    async def _apply(self, borrowers: Sequence[Borrower]) -> None:
        """Half of them apply while approval is down."""
        date_of, half = await today(self.platform), len(borrowers) // 2
        await self.intake.apply(borrowers[:half], date_of)
        await self.kill("approval")
        await self.intake.apply(borrowers[half:], date_of)
        await self.start("approval")
        await self.platform.settle()
        await self.intake.decide_referred(borrowers)
        await self.platform.settle()

    async def _sign(self, borrowers: Sequence[Borrower]) -> None:
        """The ledger is killed while it pays the first of them, and is down while the rest sign."""
        half = len(borrowers) // 2
        await self.intake.sign(borrowers[:half])
        await self.kill("ledger")
        await self.intake.sign(borrowers[half:])
        await self.start("ledger")
        await self.platform.settle()
        await advance(self.platform, await today(self.platform) + timedelta(days=PAYOUT_DAYS))
        await self.life.begin(borrowers)

    async def _repay(self) -> None:
        """One instalment each, the ledger killed after it and told of it again; then all that is left."""
        date_of = await today(self.platform)
        for loan in self.life.loans:
            loan.turn = min(1, len(loan.dues) - 1)
        while (coming := self.life.next_date(date_of)) is not None:
            date_of = coming
            await advance(self.platform, date_of)
            await self._pay(date_of)
            await self.platform.settle()

    async def _pay(self, date_of: date) -> None:
        paying = [loan for loan in self.life.loans if not loan.done and date_of in loan.dues]
        await in_parallel(paying, lambda loan: self.life.early(loan, loan.dues.index(date_of), date_of))
        if again := [loan for loan in paying if not loan.done]:
            await self.kill("ledger")
            await self.start("ledger")
            await in_parallel(again, lambda loan: self.life.on_time(loan, 0, date_of))

    async def _found(self, borrowers: Sequence[Borrower]) -> Story:
        get, post = self.platform.get, self.platform.post
        answer = httpx.get(f"{self.stack.url('bank')}/totals", headers={"Authorization": f"Bearer {SECRET}"})
        pages = [await get("auditor", f"/audit/loans/{borrower.application_id}") for borrower in borrowers]
        return Story(
            borrowers=borrowers,
            loans=self.life.loans,
            sides=[await self.platform.side(name) for name in SERVICES],
            statistics=await get("auditor", "/audit/statistics"),
            pages={page["application"]["application_id"]: page for page in pages},
            trial_balance=await get("finance-officer", "/ledger/trial-balance"),
            bank=answer.raise_for_status().json(),
            read_models={
                name: await post("operator", f"/{name}/operations/verifications", key=f"verify/{name}")
                for name in SERVICES
            },
        )


@pytest.fixture(scope="module")
def story(stack: Stack) -> Story:
    async def play() -> Story:
        return await Play(stack).play()

    return asyncio.run(play())


def test_everybody_is_decided_and_whoever_signed_has_paid_back(story: Story) -> None:
    assert sum(story.statistics["applications"].values()) == PEOPLE
    decisions = story.statistics["decisions"]
    assert sum(sum(grades.values()) for grades in decisions.values()) == PEOPLE
    assert set(decisions) == {"APPROVED", "DECLINED"}
    assert len(story.loans) == story.statistics["contracts"]["SIGNED"] >= PEOPLE // 4
    assert story.statistics["loans"] == {"SETTLED": len(story.loans)}


def test_an_officer_has_decided_what_was_referred(story: Story) -> None:
    deciders = {
        event["actor"]
        for borrower in story.borrowers
        for event in events_of(story, borrower)
        if event["type"].startswith("puhui.approval.") and event["role"] != "service"
    }
    assert "credit-officer" in deciders


def test_no_event_is_lost_or_doubled_on_its_way_to_the_audit(story: Story) -> None:
    recorded = {side.name: side.progress.last_sequence for side in story.sides if side.name != "audit"}
    assert {name: story.statistics["events"].get(name, 0) for name in recorded} == recorded


def test_nothing_is_parked_and_no_task_was_given_up(story: Story) -> None:
    for side in story.sides:
        assert (side.progress.parked, side.progress.tasks_failed) == (0, 0), side.name


def test_every_read_model_equals_its_replay(story: Story) -> None:
    for name in SERVICES:
        assert story.read_models[name], f"{name} has read models"
        for model in story.read_models[name]:
            assert model["equal"], model


def test_the_books_balance_and_nothing_is_owed_any_more(story: Story) -> None:
    assert story.trial_balance["accounts"]
    assert story.trial_balance["total"] == {"CNY": "0.00"}
    lent = sum(loan.borrower.person.source.amount_minor for loan in story.loans)
    assert story.statistics["sums"]["lent"] == f"{lent // 100}.{lent % 100:02d}"


def test_the_bank_has_paid_every_loan_once(story: Story) -> None:
    assert story.bank["duplicate_disbursements"] == 0
    assert story.bank["payments"] - story.bank["returned"] == len(story.loans)


def test_an_instalment_told_twice_counts_once(story: Story) -> None:
    for loan in story.loans:
        types = [event["type"] for event in events_of(story, loan.borrower)]
        assert types.count("puhui.ledger.repayment-received.v1") == loan.turn + 1


def test_the_page_of_a_loan_tells_its_whole_life(story: Story) -> None:
    for loan in story.loans:
        page = story.pages[loan.borrower.application_id]
        assert page["loan"]["loan_state"] == "SETTLED"
        assert page["application"]["decision"] == "APPROVED"
        assert {event["service"] for event in page["events"]} >= set(ON_THE_WAY)
        versions = defaultdict(list)
        for event in page["events"]:
            versions[event["stream_id"]].append(event["version"])
        for stream, found in versions.items():
            assert found == list(range(1, len(found) + 1)), stream


def events_of(story: Story, borrower: Borrower) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = story.pages[borrower.application_id]["events"]
    return events
