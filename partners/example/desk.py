"""The work of the example partner: it takes what it is told, decides, pays, and closes its day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from partners.example.book import BETWEEN_LENDERS, TRANSFERRED, Checked, check, entry_of
from partners.example.policy import Policy, decide
from partners.example.record import Record, Todo
from partners.kit import (
    Client,
    Conflict,
    DailyFile,
    Event,
    Item,
    LoanAtEnd,
    Message,
    Money,
    NotFound,
    PuhuiError,
    Receiver,
    Taken,
)
from partners.kit.delivery_models import FileResult
from partners.kit.models import Settlement

LEDGER: Final = "puhui.ledger."
PARTNERS: Final = "puhui.partners."
STATUSES: Final = {
    f"{LEDGER}loan-disbursed.v1": "ACTIVE",
    f"{LEDGER}disbursement-returned.v1": "RETURNED",
    f"{LEDGER}loan-settled.v1": "SETTLED",
    f"{LEDGER}loan-written-off.v1": "WRITTEN_OFF",
}
ENDED: Final = {
    f"{PARTNERS}funding-lapsed.v1": "LAPSED",
    f"{PARTNERS}funding-withdrawn.v1": "WITHDRAWN",
}
TYPES: Final = frozenset(
    {f"{LEDGER}{name}.v1" for name in (
        "loan-disbursed", "disbursement-returned", "disbursement-redated", "repayment-received", "repayment-reversed",
        "repayment-reinstated", "credit-applied", "loan-changed", "charge-waived", "fee-charged", "loan-written-off",
        "recovery-received", "loan-settled", "delinquency-changed",
    )}
    | {f"{PARTNERS}{name}.v1" for name in (
        "funding-offered", "funding-clarified", "funding-answered", "funding-lapsed", "funding-withdrawn",
        "funds-reserved", "funds-called", "funds-missing", "funds-released", "settlement-made", "shares-transferred",
        "cost-shared", "cost-reversed", "cost-repaid", "cost-repayment-reversed",
    )}
)  # fmt: skip
"""What this program was written for, each with its version: what its endpoint subscribes to."""

Pay = Callable[[str, Money], None]
"""Has the partner's own bank pay what is called for a loan, under the loan's id; safe to repeat."""


@dataclass(slots=True)
class Desk:
    """One partner at work. `pay` is asked for money that the platform calls for."""

    client: Client
    record: Record
    policy: Policy
    receiver: Receiver
    pay: Pay

    def take(self, headers: Mapping[str, str], body: bytes) -> Taken:
        """A webhook: verified, and on the disk with what follows from it when this returns."""
        return self._keep(self.receiver.receive(headers, body))

    def catch_up(self) -> int:
        """Read again what was told since the last time: how much of it had not come by webhook."""
        place, new = int(self.record.setting("place") or 0), 0
        for told in self.client.every(self.client.ask.events(after=place)):
            message = self.receiver.read_again(told.webhook_id, told.event)
            if message is not None:
                new += self._keep(message) is not Taken.AGAIN
            self.record.setting("place", str(told.position))
        return new

    def _keep(self, message: Message) -> Taken:
        with self.record.transaction():
            taken = self.record.inbox.take(message)
            if taken is not Taken.AGAIN:
                self._follow(message.event, late=taken is Taken.LATE)
        return taken

    def _follow(self, event: Event, *, late: bool) -> None:
        record, data = self.record, event.data
        if (entry := entry_of(event)) is not None:
            record.keep(entry)
        if event.type == f"{LEDGER}loan-disbursed.v1":
            record.loan(event.subject, paid_out_on=data["value_date"])
        if (status := _status(event)) and not late:
            record.loan(event.subject, status=status)
        if event.type == TRANSFERRED:
            record.bought(event.subject)
        match event.type.removeprefix(PARTNERS):
            case "funding-offered.v1":
                amount = event.money("amount")
                record.offer(event.subject, data["agreement"], data["version"], amount)
                record.remember(Todo("decide", event.subject, {"data": data["data"], "amount": data["amount"]}))
            case "funding-answered.v1":
                record.offer_became(event.subject, "ACCEPTED" if data["answer"] == "ACCEPT" else "DECLINED")
            case "funds-reserved.v1":
                record.loan(event.subject, reserved=event.money("amount").minor, application_id=data["application_id"])
            case "funds-called.v1":
                record.remember(Todo("pay", event.subject, {"amount": data["amount"]}))
        if event.type in ENDED:
            record.offer_became(event.subject, ENDED[event.type])

    def work(self) -> int:
        """Do what is to be done: how much was. What fails stays, holds up nothing else, and is raised at the end."""
        todos, failures = self.record.todos(), list[PuhuiError]()
        for todo in todos:
            try:
                self._do(todo)
            except PuhuiError as failure:
                failures.append(failure)
            else:
                self.record.done(todo)
        if failures:
            raise failures[0]
        return len(todos)

    def _do(self, todo: Todo) -> None:
        if todo.kind == "pay":
            self.pay(todo.id, Money.model_validate(todo.body["amount"]))
        else:
            self._answer(todo.id, todo.body)

    def _answer(self, application_id: str, offer: Mapping[str, Any]) -> None:
        amount = Money.model_validate(offer["amount"])
        decision = decide(self.policy, offer["data"], amount, self.record.committed())
        ask, reference = self.client.ask, f"decision/{application_id}"
        try:
            if decision.answer == "ACCEPT":
                self.client.send(ask.accept(application_id, reference=reference))
            elif decision.answer == "DECLINE":
                self.client.send(ask.decline(application_id, decision.text, reference=reference))
            else:
                self.client.send(ask.question(application_id, decision.text, reference=reference))
        except (Conflict, NotFound):  # too late, withdrawn, or offered to another by now: nothing is left to decide
            return

    def day_end(self, on: date) -> DayEnd:
        """Close a day: nothing missed, every settlement checked to the fen, and our own file laid beside theirs."""
        missed = self.catch_up()
        checked = [
            (settlement, self._check(settlement))
            for settlement in reversed(list(self.client.every(self.client.ask.settlements())))
            if not self.record.knows(settlement.settlement_id)
        ]
        return DayEnd(on, missed, checked, self._file(on))

    def _check(self, settlement: Settlement) -> Checked:
        file = self.client.send(self.client.ask.settlement_file(settlement.settlement_id))
        terms: dict[tuple[str, int], Decimal] = {
            (each.agreement, each.version): each.terms.servicing_fee_rate
            for each in self.client.every(self.client.ask.agreements())
        }
        fees = self.record.fees(terms)
        checked = check(settlement, file, self.record.open_entries(), fees)
        self.record.settled(settlement.settlement_id, settlement.settled_on.isoformat(), checked, fees)
        return checked

    def _file(self, on: date) -> FileResult:
        entries = self.record.to_file(on.isoformat(), but=BETWEEN_LENDERS)
        items = [
            Item(reference=each.reference, value_date=each.effective_on, amount=Money.of_minor(each.cash))
            for each in entries
        ]
        loans = [
            LoanAtEnd(loan_id=loan_id, status=status, outstanding=Money.of_minor(owed))
            for loan_id, status, owed in self.record.standings(on.isoformat())
        ]
        file = DailyFile(file_date=on, items=items, loans=loans)
        result = self.client.send(self.client.ask.upload(file, reference=f"file/{on}"))
        self.record.filed(entries, on.isoformat())
        return result


@dataclass(frozen=True, slots=True)
class DayEnd:
    """How a day closed. `missed`: events that had not come by webhook."""

    on: date
    missed: int
    settlements: list[tuple[Settlement, Checked]]
    file: FileResult

    @property
    def equal(self) -> bool:
        """Our book is the platform's, to the fen."""
        return self.file.open == 0 and not any(checked.differences for _, checked in self.settlements)


def _status(event: Event) -> str:
    """What a loan is after an event; empty where that does not change it."""
    if event.type == f"{LEDGER}repayment-reversed.v1":
        owed = event.data["position"]["outstanding"].values()
        return "ACTIVE" if any(Money.model_validate(each).minor for each in owed) else ""
    return STATUSES.get(event.type, "")
