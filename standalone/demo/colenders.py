"""Three lenders that lend with us in the demonstration, each a partner's system as it could be: it is told by webhooks,
verifies them, and answers over the API with a token of its own. One is prompt, one is slow and sometimes says nothing
in time, one fails at first what it is sent and is called on for its money loan by loan. Each keeps a book of what it
was told and sends files of it: those of the prompt one are right, the slow one books some lines a day late, and the
third makes every kind of mistake.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from libs.contracts.partners import BreakKind
from libs.webhooks import Secret, SignatureRefused, Verifier
from standalone.demo.books import Book
from standalone.demo.files import Faults, Line, LoanLine
from standalone.demo.intake import in_parallel
from standalone.http import KEEPERS, Platform, Refused

HOST: Final = "127.0.0.1"
LOOK_S: Final = 0.2
PATIENCE_S: Final = 180.0
SLOWNESS_S: Final = 0.3
OFFERED: Final = "puhui.partners.funding-offered.v1"
CALLED: Final = "puhui.partners.funds-called.v1"
TOO_LATE: Final = (404, 409)
"""What answers to an offer that was withdrawn, lapsed or went to another: the platform says so, and goes on."""
REPAID: Final = "puhui.ledger.repayment-received.v1"


@dataclass(frozen=True, slots=True)
class Manner:
    """How one of them behaves; chances are per mille."""

    code: str
    name: dict[str, str]
    licence: str
    priority: int
    share_ppm: int
    grades: tuple[str, ...]
    funds: str = "PREFUNDED"
    answer_within_s: int = 600
    declines: int = 0
    silent: int = 0
    fails: int = 0
    keeps_back: int = 0
    faults: Faults = field(default_factory=dict)
    """What is wrong in its files."""


MANNERS: Final = (
    Manner(
        code="harbour-bank",
        name={"zh": "港湾银行股份有限公司", "en": "Harbour Bank Co., Ltd."},
        licence="B0000H233010001",
        priority=10,
        share_ppm=700_000,
        grades=("A", "B"),
        declines=150,
    ),
    Manner(
        code="hill-trust",
        name={"zh": "山丘信托有限责任公司", "en": "Hill Trust Co., Ltd."},
        licence="K0000H233010002",
        priority=20,
        share_ppm=500_000,
        grades=("A", "B", "C"),
        answer_within_s=3,
        silent=300,
        faults={BreakKind.TIMING: 100},
    ),
    Manner(
        code="valley-finance",
        name={"zh": "山谷消费金融有限公司", "en": "Valley Consumer Finance Co., Ltd."},
        licence="X0000H233010003",
        priority=30,
        share_ppm=333_333,
        grades=("A", "B", "C", "D"),
        funds="CALLED",
        fails=200,
        keeps_back=200,
        faults=dict.fromkeys(BreakKind, 60),
    ),
)
FUNDS_WITHIN_S: Final = 8
"""Long enough for who pays, also where much else happens; who keeps money back is waited for as long."""
CONTACTS: Final = ("BUSINESS", "SETTLEMENT", "COMPLAINTS")
"""For what each has a contact person, as the lender's policy asks."""
PREFUNDED: Final = {"amount": "20000000.00", "currency": "CNY"}


def happens(per_mille: int, what: str, purpose: str) -> bool:
    """By chance, and the same in every run."""
    return int.from_bytes(sha256(f"{purpose}/{what}".encode()).digest()[:8], "big") % 1000 < per_mille


@dataclass(slots=True)
class CoLender:
    """One partner's system."""

    manner: Manner
    endpoint_id: str = ""
    verifier: Verifier | None = None
    book: Book = field(default_factory=Book)
    place: int = 0
    """Up to which the list of what it was told was read."""
    came: Counter[str] = field(default_factory=Counter)
    failed: set[str] = field(default_factory=set)


class CoLenders:
    """The partners' systems: a server of this process, on loopback, whose port is kept in a file."""

    def __init__(self, platform: Platform, step: Callable[[str, int], None], port: Path) -> None:
        self._platform, self._step, self._kept_port = platform, step, port
        self._lenders = {manner.code: CoLender(manner) for manner in MANNERS}
        self._doing: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._runner: web.AppRunner | None = None
        self._today = ""

    async def begin(self, today: date) -> None:
        """Register them, agree with them, take their money, and let them be told."""
        app = web.Application()
        app.router.add_post("/{partner}", self._told)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port()).start()
        self._kept_port.write_text(f"{self._runner.addresses[0][1]}\n")
        self._today = today.isoformat()
        for lender in self._lenders.values():
            await self._agree(lender.manner)
        await self._platform.settle()
        for lender in self._lenders.values():
            await self._let_be_told(lender)
        await self._platform.settle()

    async def _agree(self, manner: Manner) -> None:
        post, code = self._platform.post, manner.code
        partner = {"partner": code, "legal_name": manner.name, "licence": manner.licence, "subject": code}
        await post("finance-manager", "/partners/partners", partner, key=f"{code}/register")
        terms = {
            "regime": "cn-small-loan-company",
            "rules": [{"grades": list(manner.grades), "share_ppm": manner.share_ppm}],
            "caps": {"open_max": None, "month_max": None, "borrower_max": None},
            "priority": manner.priority,
            "data": ["product", "amount", "instalments", "annual_rate", "region", "grade", "score"],
            "answer_within_s": manner.answer_within_s,
            "funds": manner.funds,
            "funds_within_s": FUNDS_WITHIN_S,
            "servicing_fee_rate": "0.05",
            "settlement_days": 1,
            "notice_days": 30,
        }
        for number, role in enumerate(CONTACTS):
            contact = {
                "role": role,
                "name": f"{manner.name['zh'][:2]}联系人",
                "telephone": f"+86 571 8800 000{number}",
                "email": f"{role.lower()}@{code}.example",
                "valid_from": self._today,
            }
            await post("finance-officer", f"/partners/partners/{code}/contacts", contact, key=f"{code}/{role}")
        agreement = {"agreement": code, "partner": code, "effective_from": self._today, "terms": terms}
        await post("finance-officer", "/partners/agreements", agreement, key=f"{code}/agreement")
        path = f"/partners/agreements/{code}/approve"
        await post("finance-manager", path, {"version": 1}, key=f"{code}/approve")
        if manner.funds == "PREFUNDED":
            await self._pays(code, PREFUNDED, "prefunded")

    async def _pays(self, code: str, amount: dict[str, str], reference: str) -> None:
        """A partner's money arrives, and our officer records what the bank says."""
        body = {"amount": amount, "bank_reference": f"F-{code}-{reference}", "value_date": self._today}
        path = f"/partners/partners/{code}/funds"
        await self._platform.post("finance-officer", path, body, key=f"{code}/funds/{reference}")

    @property
    def manners(self) -> list[Manner]:
        return [lender.manner for lender in self._lenders.values()]

    async def day_of(self, code: str, on: date) -> tuple[list[Line], list[LoanLine]]:
        """What a partner's file of a date holds, by its book, once what did not come by webhook yet is read again."""
        lender = self._lenders[code]
        for told in await self._platform.pages(code, f"/partners/partners/{code}/events", after=lender.place):
            lender.book.take(told["event"])
            lender.place = told["position"]
        return lender.book.lines(on), lender.book.loans(on)

    @property
    def endpoints(self) -> list[str]:
        """Where each of them is told, by the platform's identifiers."""
        return [lender.endpoint_id for lender in self._lenders.values()]

    def _port(self) -> int:
        """Where they were told before: what was sent there while nobody listened is sent again."""
        return int(self._kept_port.read_text()) if self._kept_port.exists() else 0

    async def _let_be_told(self, lender: CoLender) -> None:
        assert self._runner is not None, "the server runs"
        code, port = lender.manner.code, self._runner.addresses[0][1]
        types = [each["type"] for each in await self._platform.get(code, "/partners/event-types")]
        body = {"partner": code, "url": f"http://{HOST}:{port}/{code}", "types": types}
        made = await self._platform.post(code, "/partners/endpoints", body, key=f"{code}/endpoint")
        lender.endpoint_id = made["endpoint_id"]
        secrets = await self._platform.get(code, f"/partners/endpoints/{lender.endpoint_id}/secret")
        lender.verifier = Verifier([Secret.of(text) for text in secrets["secrets"]])

    async def _told(self, request: web.Request) -> web.Response:
        """What a partner's receiver does: verify, fail if that is its manner, answer at once and act afterwards."""
        lender, body = self._lenders[request.match_info["partner"]], await request.read()
        assert lender.verifier is not None, "nobody is told before it has its secret"
        try:
            webhook_id = lender.verifier.verify(request.headers, body, time.time())
        except SignatureRefused:
            return web.Response(status=401)
        event = json.loads(body)
        first = webhook_id not in lender.failed
        if first and event["type"] == REPAID and happens(lender.manner.fails, _payment(event), "fails"):
            lender.failed.add(webhook_id)
            return web.Response(status=500)
        lender.came[event["type"]] += 1
        lender.book.take(event)
        act = {OFFERED: self._decides, CALLED: self._is_called}.get(event["type"])
        if act is not None:
            task = asyncio.create_task(act(lender, event["data"]))
            self._doing.add(task)
            task.add_done_callback(self._done)
        return web.Response(status=204)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._doing.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failures.append(failure)

    async def _decides(self, lender: CoLender, data: Mapping[str, Any]) -> None:
        manner, application_id = lender.manner, data["application_id"]
        if happens(manner.silent, application_id, "silent"):
            self._step("offers left unanswered", 1)
            return
        if manner.silent:
            await asyncio.sleep(SLOWNESS_S)
        declines = happens(manner.declines, application_id, "declines")
        answer = {"answer": "DECLINE", "reason": "Enough of this kind"} if declines else {"answer": "ACCEPT"}
        path = f"/partners/fundings/{application_id}/answer"
        try:
            await self._platform.post(manner.code, path, answer, key=f"{manner.code}/{application_id}")
        except Refused as refused:
            if refused.status not in TOO_LATE:
                raise
        self._step(f"offers {'declined' if declines else 'accepted'}", 1)

    async def _is_called(self, lender: CoLender, data: Mapping[str, Any]) -> None:
        if happens(lender.manner.keeps_back, data["loan_id"], "keeps back"):
            self._step("funds kept back", 1)
            return
        await self._pays(lender.manner.code, data["amount"], data["loan_id"])

    async def all_decided(self) -> None:
        """Until nobody is asked any more."""

        async def nobody_is() -> bool:
            page = await self._platform.get("finance-officer", "/partners/fundings", status="OFFERED")
            return not page["items"]

        await self._until(nobody_is, "an offer is open")

    async def all_paid(self) -> None:
        """Until no partner's money is waited for."""

        async def none_is() -> bool:
            for code in self._lenders:
                if (await self._platform.get("finance-officer", f"/partners/partners/{code}/funds"))["called"]:
                    return False
            return True

        await self._until(none_is, "money is called for")

    async def all_told(self) -> None:
        """Until every webhook was delivered; what failed is asked for again, as an operator does."""
        for code, lender in self._lenders.items():
            path = f"/partners/endpoints/{lender.endpoint_id}/redeliver"
            await self._platform.post("operator", path, {"failed": True}, key=f"{code}/redeliver")

        async def all_are() -> bool:
            for lender in self._lenders.values():
                path = f"/partners/endpoints/{lender.endpoint_id}/deliveries"
                if (await self._platform.get("operator", path, status="PENDING", limit=1))["items"]:
                    return False
            return True

        await self._until(all_are, "a webhook is on its way")

    async def _until(self, condition: Callable[[], Awaitable[bool]], otherwise: str) -> None:
        """Until the platform is settled, nobody is at work and the condition holds; raises `TimeoutError`."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            await self._platform.settle(but=KEEPERS)
            if self._failures:
                raise self._failures[0]
            if not self._doing and await condition():
                return
            await asyncio.sleep(LOOK_S)
        raise TimeoutError(f"after {PATIENCE_S:.0f} s {otherwise}")

    async def report(self) -> dict[str, Any]:
        """Who funded what, whether the parts are the whole and the whole is what the ledger says, and webhooks."""
        books = await self._platform.get("auditor", "/partners/books")
        lenders = {row["funder"]: row for row in books["lenders"]}
        fundings = await self._platform.pages("auditor", "/partners/fundings")
        return {
            "offers": dict(sorted(Counter(f"{row['partner']} {row['status']}" for row in fundings).items())),
            "by_lender": {
                code: {
                    "loans": row["loans"],
                    "funded": row["amounts"]["disbursed"]["amount"],
                    "principal": row["amounts"]["principal"]["amount"],
                    "interest": row["amounts"]["interest"]["amount"],
                    "outstanding": row["outstanding"]["amount"],
                }
                for code, row in sorted(lenders.items())
            },
            "parts_equal_whole": books["equal"],
            "loans_unlike_the_ledger": await self._unlike_the_ledger(books["loans"]),
            "settlements": await self._settlements(),
            "webhooks": {code: await self._webhooks(lender) for code, lender in self._lenders.items()},
        }

    async def _unlike_the_ledger(self, loan_ids: list[str]) -> int:
        """Loans whose principal outstanding is another in the sub-ledger than in the ledger."""
        unlike: list[str] = []

        async def one(loan_id: str) -> None:
            held = await self._platform.get("auditor", f"/partners/loans/{loan_id}/holdings")
            loan = await self._platform.get("finance-officer", f"/ledger/loans/{loan_id}")
            ours = sum(_fen(each["outstanding"]) for each in held["holdings"])
            theirs = _fen(loan["position"]["outstanding"]["principal"]) if loan["position"] else 0
            if ours != theirs:
                unlike.append(loan_id)

        await in_parallel(loan_ids, one)
        return len(unlike)

    async def _settlements(self) -> dict[str, Any]:
        """What was settled with each: how much we paid or were paid in all, and the servicing fee."""
        result: dict[str, Any] = {}
        rows = await self._platform.pages("auditor", "/partners/settlements")
        for code in self._lenders:
            mine = [row for row in rows if row["partner"] == code]
            net = sum(_fen(row["amount"]) * (1 if row["payer"] == "own" else -1) for row in mine)
            result[code] = {
                "settlements": len(mine),
                "movements": sum(row["movements"] for row in mine),
                "net_paid": _yuan(net),
                "servicing_fees": _yuan(sum(_fen(row["servicing_fee"]) for row in mine)),
            }
        return result

    async def _webhooks(self, lender: CoLender) -> dict[str, int]:
        rows = await self._platform.pages("operator", f"/partners/endpoints/{lender.endpoint_id}/deliveries")
        delivered = sum(row["status"] == "DELIVERED" for row in rows)
        return {
            "messages": len(rows),
            "delivered": delivered,
            "attempts": sum(row["attempts"] for row in rows),
            "verified": sum(lender.came.values()),
        }

    async def close(self) -> None:
        for task in self._doing:
            task.cancel()
        await asyncio.gather(*self._doing, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()


def _payment(event: Mapping[str, Any]) -> str:
    """What the bank calls a payment: the same in every run, which no identifier of an event is."""
    return str(event["data"]["bank_reference"])


def _fen(amount: Mapping[str, str]) -> int:
    return int(amount["amount"].replace(".", ""))


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
