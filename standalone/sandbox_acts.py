"""What a partner's developer can make happen in the sandbox: each act is done as a borrower, an officer or time does it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from data.german_credit import applicants
from standalone.demo.people import Person
from standalone.demo.play import advance, today
from standalone.http import Platform

PARTNER: Final = "harbour-bank"
"""The partner of the sandbox, and the user who speaks for its system."""
NAME: Final = {"zh": "港湾银行股份有限公司", "en": "Harbour Bank Co., Ltd."}
AGREEMENT: Final = "harbour-consumer"
TERMS: Final[dict[str, Any]] = {
    "regime": "cn-small-loan-company",
    "rules": [{"share_ppm": 700_000}],
    "caps": {"open_max": None, "month_max": None, "borrower_max": None},
    "priority": 10,
    "data": ["product", "amount", "instalments", "annual_rate", "region", "grade", "score", "contract"],
    "answer_within_s": 600,
    "funds_within_s": 86_400,
    "servicing_fee_rate": "0.05",
    "settlement_days": 1,
    "notice_days": 30,
    "buy_back": {"buyer": "own", "days_past_due_min": 30, "with_interest": True},
    "costs": [{"kind": "LEGAL"}, {"kind": "COLLECTION", "partner_ppm": 500_000}],
}
CONTACTS: Final = ("BUSINESS", "SETTLEMENT", "COMPLAINTS")
"""What an agreement needs contact persons for."""
CONTACT: Final = {"name": "李四", "telephone": "+86 571 8800 0000"}
PREFUNDED: Final = {"amount": "10000000.00", "currency": "CNY"}
APPROVED_AT_ONCE: Final = 716
"""An application of the data with the best answers."""
ASKED: Final[dict[str, Any]] = {
    "amount": {"amount": "12000.00", "currency": "CNY"},
    "monthly_income": {"amount": "20000.00", "currency": "CNY"},
    "source": "sandbox",
}
READING_SECONDS: Final = 45
WRITE_OFF_DAYS: Final = 181
BUY_BACK_DAYS: Final = 30
COURT_FEE: Final = {"amount": "100.00", "currency": "CNY"}
NUMBERS: Final = 10**9


class NothingToDo(Exception):
    """There is no loan to which this could happen; the message says what to do first."""


@cache
def _source() -> Any:
    return next(each for each in applicants() if each.number == APPROVED_AT_ONCE)


def person(number: int) -> Person:
    """Somebody of grade A who asks for 12,000 yuan in 12 instalments; the identity follows from the number."""
    source = replace(_source(), number=number)
    return Person(source, "consumer-standard", 12, 1, "EQUAL_INSTALMENT", "UNSECURED")


class Acts:
    """On a platform that runs. Who applied is remembered in a file, for the acts that follow."""

    def __init__(self, platform: Platform, people: Path) -> None:
        self._platform, self._file = platform, people

    async def prepare(self, funds: str) -> None:
        """The partner is licensed and registered, its agreement approved by another than who proposed it, and where
        the agreement says so its money is there. The same again changes nothing."""
        post, on = self._platform.post, (await today(self._platform)).isoformat()
        if (await self._platform.get("operator", "/partners/agreements"))["items"]:
            return
        registered = {"partner": PARTNER, "legal_name": NAME, "licence": "B0000H233010001", "subject": PARTNER}
        await post("finance-manager", "/partners/partners", registered, key="register")
        for role in CONTACTS:
            contact = {"role": role, "email": f"{role.lower()}@harbour-bank.example", "valid_from": on} | CONTACT
            await post("finance-officer", f"/partners/partners/{PARTNER}/contacts", contact, key=f"contact/{role}")
        agreement = {
            "agreement": AGREEMENT,
            "partner": PARTNER,
            "effective_from": on,
            "terms": TERMS | {"funds": funds},
        }
        await post("finance-officer", "/partners/agreements", agreement, key="agreement")
        await post("finance-manager", f"/partners/agreements/{AGREEMENT}/approve", {"version": 1}, key="approve")
        if funds == "PREFUNDED":
            await self._transfer(PREFUNDED, "prefunded")
        await self._platform.settle()

    async def offer(self, instalments: int = 12) -> str:
        """Somebody applies whose loan fits the agreement, and agrees that the partner is told: the application's id."""
        number = secrets.randbelow(NUMBERS)
        who, post, get = person(number), self._platform.post, self._platform.get
        applicant = await post("customer", "/application/applicants", who.registration(), key=f"{number}/register")
        applicant_id = applicant["applicant_id"]
        product = (await get("customer", f"/application/products/{who.product}"))["product"]
        texts = (await get("customer", "/application/consents"))["items"]
        needed = [
            rule["type"] for rule in product["documents"] if "PERSON" in rule["applies_to"] and not rule["only_with"]
        ]
        on = await today(self._platform)
        papers = {
            "documents": [who.document(document, on) for document in needed],
            "consents": [{"purpose": text["purpose"], "text_version": text["version"]} for text in texts],
        }
        body = who.application(applicant_id) | ASKED | papers | {"instalments": instalments}
        started = await post("customer", "/application/applications", body, key=f"{number}/start")
        application_id: str = started["application_id"]
        await post("customer", f"/application/applications/{application_id}/submit", key=f"{number}/submit")
        self._remember(application_id, {"number": number, "applicant_id": applicant_id})
        await self._platform.settle()
        return application_id

    async def sign(self) -> list[str]:
        """Every borrower whose contract is offered signs, and the bank pays: the applications' ids."""
        offered = await self._platform.pages("contract-officer", "/contract/contracts", status="OFFERED")
        people = self._people()
        signed = [row for row in offered if row["application_id"] in people]
        for row in signed:
            await self._sign(row["contract_id"], people[row["application_id"]])
        await self._platform.settle()
        return [row["application_id"] for row in signed]

    async def _sign(self, contract_id: str, known: Mapping[str, Any]) -> None:
        path, who, post = f"/contract/contracts/{contract_id}", known["applicant_id"], self._platform.post
        document = (await self._platform.get("customer", path))["document_sha256"]
        seen = {"document_sha256": document, "reading_seconds": READING_SECONDS, "disclosure_confirmed": True}
        await post("customer", f"{path}/view", seen, on_behalf_of=who)
        signature = {"document_sha256": document, "account": person(known["number"]).account()}
        await post("customer", f"{path}/sign", signature, on_behalf_of=who)

    async def pay_in(self) -> list[str]:
        """The partner's bank pays everything that is called for: the loans' ids."""
        funds = await self._platform.get("finance-officer", f"/partners/partners/{PARTNER}/funds")
        for call in funds["called"]:
            await self._transfer(call["amount"], call["loan_id"])
        await self._platform.settle()
        return [call["loan_id"] for call in funds["called"]]

    async def _transfer(self, amount: Mapping[str, str], reference: str) -> None:
        on = (await today(self._platform)).isoformat()
        body = {"amount": dict(amount), "bank_reference": f"T-{reference}", "value_date": on}
        path = f"/partners/partners/{PARTNER}/funds"
        await self._platform.post("finance-officer", path, body, key=f"transfer/{reference}")

    async def pay(self, loan_id: str = "") -> str:
        """The next due date of a loan comes, and its borrower pays what is due."""
        loan_id = loan_id or await self._loan()
        due = await self._next_due(loan_id)
        if due > await today(self._platform):
            await advance(self._platform, due)
        shown = await self._platform.get("finance-officer", f"/ledger/loans/{loan_id}")
        fen = sum(int(part["amount"].replace(".", "")) for part in shown["position"]["due"].values())
        path = f"/ledger/loans/{loan_id}/repayments"
        before = len((await self._platform.get("finance-officer", path))["items"])
        on = (await today(self._platform)).isoformat()
        body = {
            "amount": {"amount": f"{fen // 100}.{fen % 100:02d}", "currency": "CNY"},
            "value_date": on,
            "purpose": "INSTALMENT",
            "channel": "bank-transfer",
            "bank_reference": f"R-{loan_id}-{before + 1}",
        }
        await self._platform.post("finance-officer", path, body)
        await self._platform.settle()
        return loan_id

    async def bounce(self, loan_id: str = "") -> str:
        """The bank takes the last payment of a loan back."""
        loan_id = loan_id or await self._loan()
        path = f"/ledger/loans/{loan_id}/repayments"
        rows = (await self._platform.get("finance-officer", path))["items"]
        standing = [row for row in rows if row["reversed_on"] is None]
        if not standing:
            raise NothingToDo(f"no payment of {loan_id} can bounce: `pay` first")
        reason = {"reason": "returned-by-bank"}
        await self._platform.post("service", f"{path}/{standing[-1]['repayment_id']}/reversal", reason)
        await self._platform.settle()
        return loan_id

    async def write_off(self, loan_id: str = "") -> str:
        """Half a year without a payment, and two people write the loan off."""
        loan_id = loan_id or await self._loan()
        day = await self._next_due(loan_id) + timedelta(days=WRITE_OFF_DAYS)
        if day > await today(self._platform):
            await advance(self._platform, day)
        path = f"/ledger/loans/{loan_id}/write-off"
        await self._platform.post("collection-manager", path, {"reason": "No means; enforcement without result"})
        await self._platform.post("finance-manager", f"{path}/approval")
        await self._platform.settle()
        return loan_id

    async def cost(self, loan_id: str = "") -> str:
        """A court asks for its fee for a loan: the lenders bear it by their shares."""
        loan_id, on = loan_id or await self._loan(), (await today(self._platform)).isoformat()
        body = {"kind": "LEGAL", "amount": COURT_FEE, "incurred_on": on, "reference": "Court fee of the sandbox"}
        await self._platform.post("finance-officer", f"/partners/loans/{loan_id}/costs", body)
        await self._platform.settle()
        return loan_id

    async def buy_back(self, loan_id: str = "") -> str:
        """A month without a payment, and two people buy the partner's part from it, as the agreement allows."""
        loan_id = loan_id or await self._loan()
        day = await self._next_due(loan_id) + timedelta(days=BUY_BACK_DAYS)
        if day > await today(self._platform):
            await advance(self._platform, day)
        path, on = f"/partners/loans/{loan_id}/buy-back", (await today(self._platform)).isoformat()
        proposed = await self._platform.post("finance-officer", path, {"effective_from": on})
        await self._platform.settle()  # the ledger says how late the loan is
        read = {"proposal_id": proposed["proposal_id"]}
        await self._platform.post("finance-manager", f"{path}/approve", read)
        await self._platform.settle()
        return loan_id

    async def next_day(self) -> date:
        """The business day is closed and the next one opened: what moved is settled."""
        day = await today(self._platform) + timedelta(days=1)
        await advance(self._platform, day)
        await self._platform.settle()
        return day

    async def _loan(self) -> str:
        """The loan that the partner has had the longest and that still runs."""
        loans = await self._platform.pages("auditor", f"/partners/partners/{PARTNER}/loans", status="ACTIVE")
        if not loans:
            raise NothingToDo("the partner has no loan that runs: `offer`, let it accept, and `sign` first")
        loan_id: str = min(loans, key=lambda row: (row["since"], row["loan_id"]))["loan_id"]
        return loan_id

    async def _next_due(self, loan_id: str) -> date:
        """The first instalment of which something is owed."""
        plan = await self._platform.get("finance-officer", f"/ledger/loans/{loan_id}/plan")
        owed = [row for row in plan["instalments"] if row["number"] > 0 and row["open"]["amount"] != "0.00"]
        return min(date.fromisoformat(row["due"]) for row in owed)

    def _people(self) -> dict[str, Any]:
        return dict(json.loads(self._file.read_text())) if self._file.exists() else {}

    def _remember(self, application_id: str, known: Mapping[str, Any]) -> None:
        self._file.write_text(json.dumps(self._people() | {application_id: dict(known)}))
