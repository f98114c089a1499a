"""One loan's story with a payment that the bank returned after 45 days, told from what the ledger's rules make of it:
`python -m services.ledger.tests.story` writes docs/returned-payment.md, and a test holds it to the code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import DayClosed, RepaymentPurpose
from libs.events.canonical import canonical
from libs.lending.money import Money
from services.ledger.domain import commands as c
from services.ledger.domain.as_of import known_on, loan_as_of
from services.ledger.domain.day import BusinessDay, CloseDay
from services.ledger.domain.loan import NO_LOAN
from services.ledger.domain.posting import entry_of
from services.ledger.handlers import BUSINESS_DAY, LOAN
from services.ledger.library import library
from services.ledger.portfolio import Portfolio
from services.ledger.tests.making import DAY, applicant_id, loan_id, signed

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "returned-payment.md"
FEBRUARY, MARCH = date(2026, 2, 5), date(2026, 3, 5)
RETURNED: Final = FEBRUARY + timedelta(days=45)
LOAN_ID: Final = loan_id(1)


class Story:
    """A loan and the day-ends around it, in memory: the deciders, posting rules and columns that the service runs."""

    def __init__(self) -> None:
        self.today, self.loan, self.version = DAY, NO_LOAN, 0
        self.portfolio = Portfolio(day=BusinessDay(DAY))
        self.happened: list[tuple[date, DomainEvent]] = []

    def do(self, command: type[c.LoanCommand], **values: Any) -> None:
        asked = command(today=self.today, policy=library().policy(self.today), **values)
        for event in LOAN.decide(asked, self.loan):
            self.version += 1
            self.loan = LOAN.evolve(self.loan, event)
            self.happened.append((self.today, event))
            self.portfolio.hear(LOAN_ID, self.version, event.type_name, canonical(event.payload()))

    def repay(self, name: str) -> None:
        self.do(
            c.ReceiveRepayment,
            repayment_id=name,
            amount=Money.of("1100.16"),
            value_date=self.today,
            purpose=RepaymentPurpose.INSTALMENT,
            channel="bank-transfer",
            bank_reference=name.upper(),
        )

    def close_until(self, day: date) -> None:
        while self.today < day:
            policy, portfolio = library().policy(self.today), self.portfolio
            portfolio.refresh(dict.fromkeys(portfolio.touched, (self.loan, self.version)), self.today, policy)
            rows = portfolio.ending(self.today)
            asked = portfolio.cross(rows, portfolio.columns.plans, self.today)
            portfolio.refresh(dict.fromkeys(asked, (self.loan, self.version)), self.today, policy)
            closing = portfolio.close(self.today, policy)
            command = CloseDay(
                day=self.today,
                accruals=closing.lines,
                loans=closing.detail.loans,
                detail_sha256=closing.detail.sha256,
                known_until=0,
            )
            events = BUSINESS_DAY.decide(command, portfolio.day)
            portfolio.day = BUSINESS_DAY.replay(events, portfolio.day)
            self.happened.append((self.today, events[0]))
            self.today += timedelta(days=1)
            self.do(c.ObserveDay)

    @property
    def loan_events(self) -> list[DomainEvent]:
        return [event for _, event in self.happened if not isinstance(event, DayClosed)]


def lived() -> Story:
    story = Story()
    story.do(c.BookLoan, loan_id=LOAN_ID, payment_id="payment-1", signed=signed(1), applicant_id=applicant_id(1))
    story.do(c.ConfirmDisbursement, payment_id="payment-1", bank_reference="B-1", value_date=DAY)
    story.close_until(FEBRUARY)
    story.repay("r-february")
    story.close_until(MARCH)
    story.repay("r-march")
    story.close_until(RETURNED)
    story.do(c.ReverseRepayment, repayment_id="r-february", reason="returned-by-bank")
    story.close_until(RETURNED + timedelta(days=1))
    return story


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def journal(story: Story) -> Iterator[tuple[str, ...]]:
    """Entries of the loan's events, and of the day-ends around the return."""
    chart = library().chart
    for day, event in story.happened:
        entry = entry_of(event)
        if entry is None or (isinstance(event, DayClosed) and day < RETURNED - timedelta(days=1)):
            continue
        for line in entry.lines:
            account = chart.accounts[line.role]
            amount = Money(abs(line.amount)).amount
            sides = (amount, "") if line.amount > 0 else ("", amount)
            yield (day.isoformat(), entry.text, f"{account.code} {account.en}", *sides)


def positions(story: Story) -> Iterator[tuple[str, ...]]:
    policy = library().policy(story.today)
    for effective in (FEBRUARY, MARCH, RETURNED - timedelta(days=1), RETURNED):
        for known in (RETURNED - timedelta(days=1), RETURNED):
            if known < effective:
                continue
            found = loan_as_of(story.loan_events, effective, known, policy).position
            assert found is not None, "the money was out by then"
            owed, overdue = found.outstanding, found.overdue
            yield (
                effective.isoformat(),
                known.isoformat(),
                owed.principal.amount,
                owed.interest.amount,
                owed.penalty.amount,
                overdue.total.amount,
                str(found.days_past_due),
                found.bucket.value,
            )


def told() -> str:
    story = lived()
    policy = library().policy(story.today)
    march_before = loan_as_of(story.loan_events, MARCH, RETURNED - timedelta(days=1), policy)
    march_after = loan_as_of(story.loan_events, MARCH, RETURNED, policy)
    assert march_before.account is not None
    assert march_after.account is not None
    balance: dict[str, int] = {}
    for _, event in story.happened:
        entry = entry_of(event)
        for line in entry.lines if entry else ():
            balance[line.role] = balance.get(line.role, 0) + line.amount
    assert sum(balance.values()) == 0, "the books balance"
    facts = [
        (day.isoformat(), type(event).__name__, known_on(event).isoformat())
        for day, event in story.happened
        if not isinstance(event, DayClosed)
    ]
    before, after = march_before.account.paid, march_after.account.paid
    return f"""# A payment returned after 45 days

A loan of 12,000.00 at 18 % over 12 months, paid out on {DAY}. February and March are paid on their days. On {
        RETURNED
    }, 45 days after it came in, the bank takes February's payment back. Nothing that was recorded is changed: the return is one more fact, and everything from {
        FEBRUARY
    } on is worked out again. This page is made by the ledger's own rules (`python -m services.ledger.tests.story`), and a test holds it to them.

## What was recorded

{table(("business date", "event", "known on"), facts)}
## Both histories

Where the loan stood on a date, by what was known on another: `GET /ledger/loans/{{id}}/as-of?effective=…&known=…`, or `puhui loan ID --effective … --known …`.

{
        table(
            (
                "effective",
                "known",
                "principal",
                "interest owed",
                "overdue interest",
                "overdue in all",
                "days past due",
                "bucket",
            ),
            list(positions(story)),
        )
    }
March's payment had paid March. With February's gone it pays what was oldest then (Civil Code 560, 561): overdue interest first, then the interest of both months, then principal. What was allocated by {
        MARCH
    } in all:

{
        table(
            ("known", "principal", "interest", "overdue interest"),
            [
                (when, Money(paid.principal).amount, Money(paid.interest).amount, Money(paid.penalty).amount)
                for when, paid in (("before the return", before), ("after it", after))
            ],
        )
    }
## The adjusting entries

Everything is booked on the day on which it became known, in the open period; February and the first days of March stay as they were closed. The return books the money and the difference in what had been allocated; the day's close then books what the corrected history had earned in overdue interest since February, and the allowance for the worse tier.

{table(("booked on", "entry", "account", "debit", "credit"), list(journal(story)))}
All entries together sum to {Money(sum(balance.values())).amount}.
"""


if __name__ == "__main__":
    PAGE.write_text(told(), "utf-8")
