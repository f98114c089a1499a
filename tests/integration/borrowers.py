"""People who borrow: who they are, what they do step by step, and what becomes of their payouts at the bank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256
from itertools import count
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

from data.german_credit import applicants
from libs.events.ids import derive_id
from libs.service.actor import Actor
from libs.service.commands import Call
from services.bank.faults import Outcome, outcome_of
from services.ledger.domain.payouts import payment_id_of
from standalone.bank_process import bank_faults
from standalone.demo.people import Person
from tests.integration.running import BANK_SEED
from tests.integration.town import Town

GOOD, BAD = 716, 213
"""Applications of the data with the best and the worst answers: grade A and grade E by the card."""
ANSWERS: Final = {source.number: source for source in applicants() if source.number in (GOOD, BAD)}
READING_SECONDS: Final = 45


def yuan(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def fen(amount: Mapping[str, str]) -> int:
    return int(amount["amount"].replace(".", ""))


def of_fen(amount: int) -> dict[str, str]:
    return yuan(f"{amount // 100}.{amount % 100:02d}")


def person(name: str, *, answers: int = GOOD) -> Person:
    """Somebody of that name, with an identity that follows from it: grade A, 12,000 yuan in 12 instalments."""
    number = int.from_bytes(sha256(name.encode()).digest()[:5], "big")
    return Person(replace(ANSWERS[answers], number=number), "consumer-standard", 12, 1, "EQUAL_INSTALMENT", "UNSECURED")


class Borrower:
    """One person with one application.

    `bank` is what the bank is to do with the payments of the loan, in their order. It follows from the payment's id,
    the id from the application's, that from the key of the request: so a key is looked for that leads there.
    `again`: who of that name is the same person as.
    """

    def __init__(
        self,
        town: Town,
        name: str,
        *,
        answers: int = GOOD,
        bank: tuple[Outcome, ...] = (Outcome.CONFIRMED,),
        again: Borrower | None = None,
        **asked: Any,
    ) -> None:
        self.town, self.name = town, name
        self.registered: str = again.registered if again else name
        self.person = again.person if again else person(name, answers=answers)
        self.asked = {"amount": yuan("12000.00"), "monthly_income": yuan("20000.00"), "source": "integration", **asked}
        self._start = next(
            key for n in count() if outcomes(town.client.key_of(key := f"{name}/start/{n}"), len(bank)) == bank
        )
        self.application_id = application_id_of(town.client.key_of(self._start))
        self.contract_id = str(derive_id(UUID(self.application_id), "contract"))
        self.loan_id = str(derive_id(UUID(self.contract_id), "loan"))
        self.applicant_id = ""

    @property
    def _application(self) -> str:
        return f"/application/applications/{self.application_id}"

    @property
    def _loan(self) -> str:
        return f"/ledger/loans/{self.loan_id}"

    async def applies(self) -> None:
        """From registration to submission."""
        await self.drafts()
        await self.submits()

    async def drafts(self) -> None:
        post = self.town.client.post
        registered = await post(
            "customer", "/application/applicants", self.person.registration(), key=f"{self.registered}/register"
        )
        self.applicant_id = registered["applicant_id"]
        body = {**self.person.application(self.applicant_id), **self.asked}
        started = await post("customer", "/application/applications", body, key=self._start)
        assert started["application_id"] == self.application_id, "identifiers follow from keys"
        documents, consents = await self.town.papers(body["product"], body["guarantee"]["kind"])
        for document in documents:
            paper = self.person.document(document, self.town.today)
            await post("customer", f"{self._application}/documents", paper, key=f"{self.name}/{document}")
        for consent in consents:
            given = {"purpose": consent["purpose"], "text_version": consent["version"]}
            await post("customer", f"{self._application}/consents", given, key=f"{self.name}/{consent['purpose']}")

    async def submits(self) -> None:
        await self.town.client.post("customer", f"{self._application}/submit", key=f"{self.name}/submit")

    async def withdraws(self) -> None:
        body = {"reason": "Changed my mind"}
        await self.town.client.post("customer", f"{self._application}/withdraw", body, key=f"{self.name}/withdraw")

    async def signs(self) -> None:
        """Reads the contract as its borrower, confirms the cost disclosure, and signs."""
        path, post = f"/contract/contracts/{self.contract_id}", self.town.client.post
        document = (await self.contract())["document_sha256"]
        seen = {"document_sha256": document, "reading_seconds": READING_SECONDS, "disclosure_confirmed": True}
        signature = {"document_sha256": document, "account": self.person.account()}
        who = self.applicant_id
        await post("customer", f"{path}/view", seen, key=f"{self.name}/view", on_behalf_of=who)
        await post("customer", f"{path}/sign", signature, key=f"{self.name}/sign", on_behalf_of=who)

    async def borrows(self) -> None:
        """From registration to the bank's answer; with the default bank the money is there."""
        await self.applies()
        await self.town.settled()
        await self.signs()
        await self.town.settled()

    async def repays(
        self, amount: Mapping[str, str], *, key: str, value_date: date | None = None, **changes: Any
    ) -> Any:
        body = self.repayment(amount, key=key, value_date=value_date) | changes
        return await self.town.client.post(
            "finance-officer", f"{self._loan}/repayments", body, key=f"{self.name}/repay/{key}"
        )

    def repayment(self, amount: Mapping[str, str], *, key: str, value_date: date | None = None) -> dict[str, Any]:
        return {
            "amount": dict(amount),
            "value_date": (value_date or self.town.today).isoformat(),
            "purpose": "INSTALMENT",
            "channel": "bank-transfer",
            "bank_reference": f"R-{self.name}-{key}",
        }

    async def application(self) -> Any:
        return await self.town.client.get("customer", self._application)

    async def decision(self) -> Any:
        return await self.town.client.get("credit-officer", f"/approval/decisions/{self.application_id}")

    async def contract(self) -> Any:
        return await self.town.client.get("customer", f"/contract/contracts/{self.contract_id}")

    async def loan(self) -> Any:
        return await self.town.client.get("finance-officer", self._loan)

    async def instalments(self) -> list[dict[str, Any]]:
        plan = await self.town.client.get("finance-officer", f"{self._loan}/plan")
        return [row for row in plan["instalments"] if row["number"] > 0]

    async def due_dates(self) -> list[date]:
        return [date.fromisoformat(row["due"]) for row in await self.instalments()]

    async def repayments(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.town.client.get("finance-officer", f"{self._loan}/repayments"))[
            "items"
        ]
        return items

    async def cases(self, **query: str) -> list[dict[str, Any]]:
        page = await self.town.client.get("collector", "/collections/cases", loan_id=self.loan_id, **query)
        items: list[dict[str, Any]] = page["items"]
        return items

    async def page(self) -> Any:
        """The audit's page."""
        return await self.town.client.get("auditor", f"/audit/loans/{self.application_id}")

    async def story(self) -> list[str]:
        """The types of all that happened, without service and version, in the order in which the audit heard of it."""
        return [event["type"].split(".")[2] for event in (await self.page())["events"]]


def application_id_of(key: str) -> str:
    """The identifier that the application service gives to what is started under a key."""
    runtime: Any = SimpleNamespace(name="application")
    nothing: Any = None
    return Call(nothing, runtime, Actor("customer", frozenset()), "customer", key, nothing).new_id("application")


def outcomes(key: str, payments: int) -> tuple[Outcome, ...]:
    """What the bank does with the first payments of the loan whose application is started under a key."""
    contract_id = derive_id(UUID(application_id_of(key)), "contract")
    loan_id = str(derive_id(contract_id, "loan"))
    faults = bank_faults()
    return tuple(outcome_of(BANK_SEED, faults, payment_id_of(loan_id, n + 1)) for n in range(payments))
