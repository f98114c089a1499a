"""From registration to signature: what applicants, officers and borrowers do, each over HTTP with a token of theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, TypeVar

from standalone.demo.people import Person, draw
from standalone.http import Platform, Refused

T = TypeVar("T")

AT_ONCE: Final = 24
WITHDRAWN_PER_MILLE: Final = 15
UNSIGNED_PER_MILLE: Final = 20
SHARED_PER_MILLE: Final = 120
"""Applicants who agree that a co-lender is told of them."""
READING_SECONDS: Final = 45
OFFICER_LIMIT_MINOR: Final = 50_000_00
SENIOR_LIMIT_MINOR: Final = 200_000_00


@dataclass(slots=True)
class Borrower:
    """An applicant on the way to a loan."""

    person: Person
    applicant_id: str = ""
    application_id: str = ""
    contract_id: str = ""
    loan_id: str = ""
    withdrawn: bool = False
    decision: dict[str, Any] = field(default_factory=dict)


async def in_parallel(things: Iterable[T], do: Callable[[T], Awaitable[None]], at_once: int = AT_ONCE) -> None:
    """Do something with each, several at once; the first failure ends it."""
    slots = asyncio.Semaphore(at_once)

    async def one(thing: T) -> None:
        async with slots:
            await do(thing)

    async with asyncio.TaskGroup() as group:
        for thing in things:
            group.create_task(one(thing))


class Intake:
    """Applications of one cohort, on the business date of that cohort."""

    def __init__(self, platform: Platform, step: Callable[[str, int], None]) -> None:
        self._platform, self._step = platform, step
        self._documents: dict[str, list[dict[str, Any]]] = {}
        self._consents: list[dict[str, Any]] = []

    async def prepare(self) -> None:
        """Learn what the products ask for, as a front end does."""
        get = self._platform.get
        for summary in (await get("customer", "/application/products"))["items"]:
            product = await get("customer", f"/application/products/{summary['code']}")
            self._documents[summary["code"]] = product["product"]["documents"]
        self._consents = (await get("customer", "/application/consents"))["items"]

    async def apply(self, borrowers: Iterable[Borrower], today: date) -> None:
        """Register, fill in, attach, consent, submit."""

        async def one(borrower: Borrower) -> None:
            await self._apply(borrower, today)
            self._step("applications", 1)

        await in_parallel(borrowers, one)

    async def _apply(self, borrower: Borrower, today: date) -> None:
        person, post = borrower.person, self._platform.post
        key = f"person-{person.number}"
        registered = await post("customer", "/application/applicants", person.registration(), key=f"{key}/register")
        borrower.applicant_id = registered["applicant_id"]
        papers = {
            "documents": [person.document(document, today) for document in self._needed(person)],
            "consents": [
                {"purpose": text["purpose"], "text_version": text["version"]}
                for text in self._consents
                if text["purpose"] != "SHARING" or draw(person.number, "sharing", 1000) < SHARED_PER_MILLE
            ],
        }
        application = person.application(borrower.applicant_id) | papers
        started = await post("customer", "/application/applications", application, key=f"{key}/start")
        borrower.application_id = started["application_id"]
        path = f"/application/applications/{borrower.application_id}"
        await post("customer", f"{path}/submit", key=f"{key}/submit")

    async def withdraw(self, borrowers: Iterable[Borrower]) -> None:
        """A few change their minds: once all that needs no person has happened, so that it is the same each time."""

        async def one(borrower: Borrower) -> None:
            path = f"/application/applications/{borrower.application_id}"
            shown = await self._platform.get("loan-officer", path)
            if shown["status"] == "DECLINED":
                return
            borrower.withdrawn = True
            key = f"person-{borrower.person.number}/withdraw"
            await self._platform.post("customer", f"{path}/withdraw", {"reason": "Changed my mind"}, key=key)

        await in_parallel([each for each in borrowers if _changes_mind(each.person)], one)

    def _needed(self, person: Person) -> list[str]:
        return [
            rule["type"]
            for rule in self._documents[person.product]
            if "PERSON" in rule["applies_to"] and (not rule["only_with"] or person.guarantee in rule["only_with"])
        ]

    async def decide_referred(self, borrowers: Iterable[Borrower]) -> None:
        """Officers work through the queue: the record of the loan then decides, so that demo and data agree."""
        by_application = {borrower.application_id: borrower for borrower in borrowers}
        referred = await self._platform.pages("credit-officer", "/approval/decisions", status="REFERRED")

        async def one(row: dict[str, Any]) -> None:
            if row["application_id"] in by_application:
                await self._decide(by_application[row["application_id"]], row)
                self._step("decided by officers", 1)

        await in_parallel(referred, one, at_once=4)

    async def _decide(self, borrower: Borrower, row: dict[str, Any]) -> None:
        path, key = f"/approval/decisions/{row['application_id']}", f"case-{borrower.person.number}"
        post = self._platform.post
        approve = _officer_says_yes(borrower.person)
        outcome = {"outcome": "APPROVE" if approve else "DECLINE", "note": "Interviewed; papers checked"}
        amount_minor = borrower.person.source.amount_minor
        await post("credit-officer", f"{path}/claim", key=f"{key}/claim")
        if not row["four_eyes"] and (not approve or amount_minor <= OFFICER_LIMIT_MINOR):
            await post("credit-officer", f"{path}/decide", outcome, key=f"{key}/decide")
            return
        await post("credit-officer", f"{path}/recommend", outcome, key=f"{key}/recommend")
        senior = "senior-credit-officer" if amount_minor <= SENIOR_LIMIT_MINOR else "risk-manager"
        await post(senior, f"{path}/claim", key=f"{key}/senior-claim")
        await post(senior, f"{path}/decide", outcome, key=f"{key}/senior-decide")

    async def sign(self, borrowers: Iterable[Borrower]) -> None:
        """Those who were approved read and sign; a few never do."""
        by_application = {borrower.application_id: borrower for borrower in borrowers}
        offered = await self._platform.pages("contract-officer", "/contract/contracts", status="OFFERED")

        async def one(row: dict[str, Any]) -> None:
            borrower = by_application.get(row["application_id"])
            if borrower is not None and draw(borrower.person.number, "unsigned", 1000) >= UNSIGNED_PER_MILLE:
                await self._sign(borrower, row["contract_id"])
                self._step("contracts signed", 1)

        await in_parallel(offered, one)

    async def _sign(self, borrower: Borrower, contract_id: str) -> None:
        path, key = f"/contract/contracts/{contract_id}", f"contract-{borrower.person.number}"
        who = borrower.applicant_id
        contract = await self._platform.get("customer", path)
        seen = {
            "document_sha256": contract["document_sha256"],
            "reading_seconds": READING_SECONDS,
            "disclosure_confirmed": True,
        }
        await self._platform.post("customer", f"{path}/view", seen, key=f"{key}/view", on_behalf_of=who)
        signature = {"document_sha256": contract["document_sha256"], "account": borrower.person.account()}
        try:
            await self._platform.post("customer", f"{path}/sign", signature, key=f"{key}/sign", on_behalf_of=who)
        except Refused as refused:
            if not borrower.withdrawn or refused.status != 409:
                raise
        borrower.contract_id = contract_id


def _changes_mind(person: Person) -> bool:
    return draw(person.number, "withdraw", 1000) < WITHDRAWN_PER_MILLE


def _officer_says_yes(person: Person) -> bool:
    """Officers see more than the score: they are right about two in three that went bad, and nine in ten good ones."""
    lucky = draw(person.number, "officer", 100)
    return lucky < 90 if not person.source.defaulted else lucky < 33
