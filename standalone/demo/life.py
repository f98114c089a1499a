"""From payout to settlement: how borrowers pay, month by month, as the record of each loan says.

Good loans are paid when due, by a file of what the bank collects, with a few surprises: an early payoff, a payment
sent twice, one returned by the bank, one late. Loans that went bad fall behind; some cure, some settle late, some are
written off, of which some are recovered.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from libs.lending.money import Money
from standalone.demo.files import Line
from standalone.demo.intake import Borrower, in_parallel
from standalone.demo.people import draw
from standalone.http import Platform

WRITE_OFF_DAYS: Final = 181
PROMISED: Final = timedelta(days=10)
PROMISE_DAYS: Final = 14
RECOVERY_MONTHS: Final = (3, 6)
CHANNEL: Final = "bank-transfer"
COLUMNS: Final = ("loan_id", "amount", "currency", "value_date", "bank_reference", "channel", "purpose")


class Behaviour(StrEnum):
    ON_TIME = "ON_TIME"
    EARLY = "EARLY"
    TWICE = "TWICE"
    RETURNED = "RETURNED"
    LATE_ONCE = "LATE_ONCE"
    CURES = "CURES"
    SETTLES_LATE = "SETTLES_LATE"
    DEFAULTS = "DEFAULTS"


GOOD: Final = ((60, Behaviour.EARLY), (40, Behaviour.TWICE), (20, Behaviour.RETURNED), (60, Behaviour.LATE_ONCE))
BAD: Final = ((450, Behaviour.CURES), (200, Behaviour.SETTLES_LATE), (350, Behaviour.DEFAULTS))
"""Shares per mille; what is left of good loans is paid on time."""
UNTIL_THE_TURN: Final = (Behaviour.EARLY, Behaviour.SETTLES_LATE, Behaviour.DEFAULTS)
"""Paid on time until it shows."""


@dataclass(slots=True)
class Loan:
    """A loan as its borrower sees it."""

    borrower: Borrower
    loan_id: str
    dues: list[date]
    totals: list[dict[str, str]]
    behaviour: Behaviour
    turn: int
    """The instalment, from 0, at which the surprise comes."""
    done: bool = False
    returned: dict[str, Any] | None = None
    """The payment that comes back from the bank."""
    written_off_on: date | None = None
    promised: date | None = None
    """The day on which a promise will be kept."""
    recoveries: int = 0
    calls: list[date] = field(default_factory=list)

    def number_due(self, today: date) -> int | None:
        return self.dues.index(today) if today in self.dues else None


def behaviour_of(borrower: Borrower, instalments: int) -> tuple[Behaviour, int]:
    """How a borrower pays, and the instalment at which that shows."""
    number = borrower.person.number
    share = draw(number, "behaviour", 1000)
    turn = draw(number, "turn", max(instalments * 2 // 3, 1))
    for size, behaviour in BAD if borrower.person.source.defaulted else GOOD:
        share -= size
        if share < 0:
            return behaviour, turn
    return Behaviour.ON_TIME, turn


class Life:
    """All loans of the demonstration, walked through the calendar."""

    def __init__(self, platform: Platform, step: Callable[[str, int], None]) -> None:
        self._platform, self._step = platform, step
        self.loans: list[Loan] = []
        self.paid_in: dict[str, Line] = {}
        """What the bank's statement says of borrowers' payments, by its own names."""

    async def begin(self, borrowers: Sequence[Borrower]) -> None:
        """Learn which of them have their money, and their plans."""
        known = {loan.borrower.application_id for loan in self.loans}
        mine = {b.application_id: b for b in borrowers if b.application_id not in known}
        active = await self._platform.pages("finance-officer", "/ledger/loans", state="ACTIVE")

        async def one(row: dict[str, Any]) -> None:
            if row["application_id"] in mine:
                await self._begin(mine[row["application_id"]], row["loan_id"])

        await in_parallel(active, one)
        self.loans.sort(key=lambda loan: loan.borrower.person.number)

    async def _begin(self, borrower: Borrower, loan_id: str) -> None:
        plan = await self._platform.get("finance-officer", f"/ledger/loans/{loan_id}/plan")
        rows = [row for row in plan["instalments"] if row["number"] > 0]
        behaviour, turn = behaviour_of(borrower, len(rows))
        dues, totals = [date.fromisoformat(row["due"]) for row in rows], [row["total"] for row in rows]
        borrower.loan_id = loan_id
        self.loans.append(Loan(borrower, loan_id, dues, totals, behaviour, turn))

    def next_date(self, after: date) -> date | None:
        """The next date on which anybody has something to do; None when all loans have ended."""
        dates = [due for loan in self.loans if not loan.done for due in self._dates(loan, after)]
        return min(dates, default=None)

    @staticmethod
    def _dates(loan: Loan, after: date) -> list[date]:
        coming = [due for due in (*loan.dues, loan.promised or after) if due > after]
        if coming:
            return [min(coming)]
        month = after + timedelta(days=31)
        return [month.replace(day=min(loan.dues[0].day, 28))]

    async def pay(self, today: date) -> None:
        """Everybody whose date it is does what he does."""
        acting = [loan for loan in self.loans if not loan.done and self._acts(loan, today)]
        themselves = [loan for loan in acting if not self._is_collected(loan, today)]
        await self._collect([loan for loan in acting if self._is_collected(loan, today)], today)
        await in_parallel(themselves, lambda loan: self._act(loan, today))

    @staticmethod
    def _is_collected(loan: Loan, today: date) -> bool:
        """Whether the bank collects the instalment: from those of whom nothing else is to be heard that day."""
        number = loan.number_due(today)
        if number is None:
            return False
        return loan.behaviour is Behaviour.ON_TIME or (loan.behaviour in UNTIL_THE_TURN and number < loan.turn)

    async def _collect(self, loans: Sequence[Loan], today: date) -> None:
        """The bank's file of what it collected that day, entered as an officer does."""
        lines = [self._repayment(loan, loan.totals[loan.dues.index(today)], today, "collected") for loan in loans]
        if not lines:
            return
        file = io.StringIO()
        rows = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        rows.writeheader()
        rows.writerows(
            {"loan_id": loan.loan_id, **line, **line["amount"]} for loan, line in zip(loans, lines, strict=True)
        )
        path, content = "/ledger/repayment-files", file.getvalue().encode()
        answer = await self._platform.upload("finance-officer", path, content, "text/csv", key=f"collected/{today}")
        if "act_id" in answer:  # a second person must agree, who sends what he has seen
            key = f"collected/{today}/agreed"
            answer = await self._platform.upload("finance-manager", path, content, "text/csv", key=key)
            self._step("acts agreed to by a second person", 1)
        if answer["entered"] != len(lines):
            raise ValueError(f"not all of the file of {today} was entered: {answer['lines']}")
        for line in lines:
            self._comes_in(line, today)
        self._step("repayments", len(lines))
        self._step("repayments collected by file", len(lines))
        for loan in loans:
            loan.done = loan.number_due(today) == len(loan.dues) - 1

    @staticmethod
    def _acts(loan: Loan, today: date) -> bool:
        after_the_last = today > loan.dues[-1] and today.day == min(loan.dues[0].day, 28)
        return loan.number_due(today) is not None or after_the_last or loan.promised == today

    async def _act(self, loan: Loan, today: date) -> None:
        if loan.promised == today:
            loan.promised = None
            await self._pay_what_is_due(loan, today, f"promise-{today}")
            self._step("promises kept", 1)
            return
        number = loan.number_due(today)
        at = number if number is not None else len(loan.dues) + (today - loan.dues[-1]).days // 28
        await ACTIONS[loan.behaviour](self, loan, at, today)
        if loan.behaviour is not Behaviour.DEFAULTS and number == len(loan.dues) - 1 and not loan.done:
            loan.done = loan.behaviour in (Behaviour.ON_TIME, Behaviour.TWICE, Behaviour.EARLY)

    async def on_time(self, loan: Loan, at: int, today: date) -> None:
        """The instalment as planned."""
        if at < len(loan.totals):
            await self._repay(loan, loan.totals[at], today, key=f"{at}")

    async def early(self, loan: Loan, at: int, today: date) -> None:
        if at == loan.turn:
            await self._pay_off(loan, today)
        elif at < loan.turn:
            await self.on_time(loan, at, today)

    async def twice(self, loan: Loan, at: int, today: date) -> None:
        await self.on_time(loan, at, today)
        if at == loan.turn:
            await self.on_time(loan, at, today)
            self._step("repayments sent twice", 1)

    async def returned(self, loan: Loan, at: int, today: date) -> None:
        """The payment at the turn comes back from the bank by the next one."""
        if loan.returned:
            body = {"reason": "returned-by-bank"}
            path = f"/ledger/loans/{loan.loan_id}/repayments/{loan.returned['repayment_id']}/reversal"
            asked = await self._platform.post("finance-officer", path, body, key=f"{loan.loan_id}/reversal")
            await self._agree(asked, f"{loan.loan_id}/reversal")
            self._comes_back(loan.returned, today)
            loan.returned, loan.behaviour = None, Behaviour.LATE_ONCE
            self._step("repayments reversed", 1)
            await self._pay_what_is_due(loan, today, f"due-{at}")
            return
        answer = await self._repay(loan, loan.totals[at], today, key=f"{at}")
        last = at == len(loan.dues) - 1
        if at >= loan.turn and not last:
            loan.returned = answer["repayment"]
        loan.done = last

    async def late_once(self, loan: Loan, at: int, today: date) -> None:
        if at != loan.turn:
            await self._pay_what_is_due(loan, today, f"due-{at}")

    async def cures(self, loan: Loan, at: int, today: date) -> None:
        """Nothing for two instalments, then all of it: on the promised day, or by those who break the promise on the
        next due date."""
        if at in (loan.turn, loan.turn + 1):
            day = await self._collector_calls(loan, today, promise=at == loan.turn + 1)
            keeps = draw(loan.borrower.person.number, "keeps", 2) == 0
            loan.promised = day if keeps else None
            return
        await self._pay_what_is_due(loan, today, f"due-{at}")

    async def settles_late(self, loan: Loan, at: int, today: date) -> None:
        if at < loan.turn:
            await self.on_time(loan, at, today)
        elif at >= loan.turn + 4:
            await self._pay_off(loan, today)
        else:
            await self._collector_calls(loan, today, promise=at == loan.turn + 2)

    async def defaults(self, loan: Loan, at: int, today: date) -> None:
        if at < loan.turn:
            await self.on_time(loan, at, today)
        elif loan.written_off_on is None:
            await self._fall_behind(loan, today)
        else:
            await self._recover(loan, today)

    async def _fall_behind(self, loan: Loan, today: date) -> None:
        first_unpaid = loan.dues[loan.turn]
        if (today - first_unpaid).days < WRITE_OFF_DAYS:
            await self._collector_calls(loan, today, promise=(today - first_unpaid).days in range(50, 80))
            return
        path = f"/ledger/loans/{loan.loan_id}/write-off"
        reason = {"reason": "No means; enforcement without result"}
        await self._platform.post("collection-manager", path, reason, key=f"{loan.loan_id}/write-off")
        await self._platform.post("finance-manager", f"{path}/approval", key=f"{loan.loan_id}/write-off/approval")
        loan.written_off_on = today
        self._step("loans written off", 1)
        loan.done = draw(loan.borrower.person.number, "recovers", 100) >= 40

    async def _recover(self, loan: Loan, today: date) -> None:
        assert loan.written_off_on is not None, "only what was written off is recovered"
        months = (today - loan.written_off_on).days // 28
        if loan.recoveries < len(RECOVERY_MONTHS) and months >= RECOVERY_MONTHS[loan.recoveries]:
            amount = {"amount": f"{500 * (1 + draw(loan.borrower.person.number, 'recovery', 4))}.00", "currency": "CNY"}
            await self._repay(loan, amount, today, key=f"recovery-{loan.recoveries}")
            loan.recoveries += 1
            self._step("recoveries", 1)
        loan.done = loan.recoveries == len(RECOVERY_MONTHS)

    async def _pay_what_is_due(self, loan: Loan, today: date, key: str) -> None:
        shown = await self._platform.get("finance-officer", f"/ledger/loans/{loan.loan_id}")
        if shown["state"] == "SETTLED":
            loan.done = True
            return
        due = _sum(shown["position"]["due"])
        if due["amount"] != "0.00":
            answer = await self._repay(loan, due, today, key=key)
            loan.done = answer["loan"]["state"] == "SETTLED"

    async def _pay_off(self, loan: Loan, today: date) -> None:
        path = f"/ledger/loans/{loan.loan_id}"
        quote = await self._platform.get("finance-officer", f"{path}/payoff", on=today.isoformat())
        await self._repay(loan, quote["total"], today, key="payoff", purpose="PAYOFF")
        self._step("payoffs", 1)
        loan.done = True

    async def _repay(
        self, loan: Loan, amount: dict[str, str], today: date, *, key: str, purpose: str = "INSTALMENT"
    ) -> Any:
        body = self._repayment(loan, amount, today, key, purpose)
        self._comes_in(body, today)
        self._step("repayments", 1)
        path, key = f"/ledger/loans/{loan.loan_id}", f"{loan.loan_id}/{key}"
        answer = await self._platform.post("finance-officer", f"{path}/repayments", body, key=key)
        if not await self._agree(answer, key):
            return answer
        entered = (await self._platform.get("finance-officer", f"{path}/repayments"))["items"]
        [repayment] = [one for one in entered if one["bank_reference"] == body["bank_reference"]]
        return {"repayment": repayment, "loan": await self._platform.get("finance-officer", path)}

    async def _agree(self, asked: Mapping[str, Any], key: str) -> bool:
        """A second person agrees, where one must; whether that was so."""
        if "act_id" not in asked:
            return False
        await self._platform.post("finance-manager", f"/ledger/acts/{asked['act_id']}/approve", key=f"{key}/agreed")
        self._step("acts agreed to by a second person", 1)
        return True

    @staticmethod
    def _repayment(
        loan: Loan, amount: dict[str, str], today: date, key: str, purpose: str = "INSTALMENT"
    ) -> dict[str, Any]:
        return {
            "amount": amount,
            "value_date": today.isoformat(),
            "purpose": purpose,
            "channel": CHANNEL,
            "bank_reference": f"R{today:%Y%m%d}-{loan.borrower.person.number:04d}-{key}",
        }

    def _comes_in(self, repayment: dict[str, Any], today: date) -> None:
        """On the bank's statement once, however often it is entered here."""
        reference = f"RECEIVED/{repayment['bank_reference']}"
        self.paid_in[reference] = Line(reference, reference, today, Money.of(repayment["amount"]["amount"]).minor)

    def _comes_back(self, repayment: dict[str, Any], today: date) -> None:
        name, minor = f"REVERSED/{repayment['bank_reference']}", Money.of(repayment["amount"]["amount"]).minor
        self.paid_in[name] = Line(name, f"REVERSED/{repayment['repayment_id']}", today, -minor)

    def _promised_day(self, today: date) -> date:
        """Within the time that collectors accept, and if possible a day on which something is done anyway."""
        days = {due for loan in self.loans for due in loan.dues}
        return min((day for day in days if 0 < (day - today).days <= PROMISE_DAYS), default=today + PROMISED)

    async def _collector_calls(self, loan: Loan, today: date, *, promise: bool) -> date | None:
        """The collector of the case calls; now and then the borrower promises to pay, on the day that is given back."""
        cases = await self._platform.get("collector", "/collections/cases", loan_id=loan.loan_id, state="OPEN")
        if not cases["items"]:
            return None
        path = f"/collections/cases/{cases['items'][0]['case_id']}"
        contact = {
            "channel": "TELEPHONE",
            "result": "REACHED",
            "at_local": f"{today.isoformat()}T10:30:00",
            "number": "mobile-1",
            "note": "Reminded of the arrears",
        }
        await self._platform.post("collector", f"{path}/contacts", contact, key=f"{loan.loan_id}/call/{today}")
        self._step("collector's calls", 1)
        if not promise:
            return None
        day = self._promised_day(today)
        body = {"amount": cases["items"][0]["overdue"], "due": day.isoformat()}
        await self._platform.post("collector", f"{path}/promises", body, key=f"{loan.loan_id}/promise/{today}")
        return day


Action = Callable[[Life, Loan, int, date], Awaitable[None]]
ACTIONS: Final[dict[Behaviour, Action]] = {
    Behaviour.ON_TIME: Life.on_time,
    Behaviour.EARLY: Life.early,
    Behaviour.TWICE: Life.twice,
    Behaviour.RETURNED: Life.returned,
    Behaviour.LATE_ONCE: Life.late_once,
    Behaviour.CURES: Life.cures,
    Behaviour.SETTLES_LATE: Life.settles_late,
    Behaviour.DEFAULTS: Life.defaults,
}


def _sum(components: dict[str, Any]) -> dict[str, str]:
    fen = sum(int(part["amount"].replace(".", "")) for part in components.values())
    return {"amount": f"{fen // 100}.{fen % 100:02d}", "currency": "CNY"}
