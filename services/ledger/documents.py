"""What a borrower or an officer reads of a loan on paper: statement, plan, receipt, settlement certificate (R7.9)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, Literal

from libs.contracts.problems import refuse_unless
from libs.lending.annual_cost import percent
from libs.lending.money import Money
from libs.typesetting.sheet import Grid, Pairs, Words, sheet_pdf
from services.ledger.api.shapes import plan_shown
from services.ledger.domain.loan import Loan, Receipt, Status
from services.ledger.domain.position import outstanding
from services.ledger.statement_lines import StatementLine, statement_lines

Language = Literal["zh-CN", "en"]
PLAN_WIDTHS: Final = (12, 24, 24, 22, 20, 22, 25, 25)
STATEMENT_WIDTHS: Final = (24, 34, 56, 30, 30)


@cache
def _texts() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "words.json").read_text("utf-8"))
    return found


class Speaker:
    """The words of one language."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def __getitem__(self, name: str) -> str:
        return _texts()[name][self._language]


def statement_pdf(loan: Loan, today: date, language: Language) -> bytes:
    """Everything that was charged and paid, and what is owed."""
    say = Speaker(language)
    rows = [_statement_row(line) for line in statement_lines(loan, today)]
    owed = Money(outstanding(loan.account, today).total if loan.account else 0, loan.currency)
    head = [say[name] for name in ("date", "what", "reference", "charged", "paid")]
    pairs = [*_about(loan, say), (say["as_of"], today.isoformat()), (say["owed"], str(owed))]
    return _sheet(say, "statement", [Pairs(pairs), Grid(head, rows, 3, STATEMENT_WIDTHS)], today)


def _statement_row(line: StatementLine) -> Sequence[str]:
    reference = line.reference if len(line.reference) <= 34 else f"{line.reference[:33]}…"
    amounts = (amount.amount if amount else "" for amount in (line.charged, line.paid))
    return (line.on.isoformat(), line.what, reference, *amounts)


def plan_pdf(loan: Loan, today: date, language: Language) -> bytes:
    """Every instalment with what is open of it."""
    say = Speaker(language)
    rows = [
        (
            str(row.number),
            row.due.isoformat(),
            *(amount.amount for amount in (row.principal, row.interest, row.fee, row.penalty, row.total, row.open)),
        )
        for row in plan_shown(loan.books, today)
    ]
    names = ("number", "due", "part_principal", "interest", "fee", "penalty", "total", "open")
    parts = [Pairs([*_about(loan, say), (say["as_of"], today.isoformat())])]
    return _sheet(say, "plan", [*parts, Grid([say[name] for name in names], rows, 2, PLAN_WIDTHS)], today)


def receipt_pdf(loan: Loan, receipt: Receipt, language: Language) -> bytes:
    """One repayment, and where it went as things were known then."""
    say, parts = Speaker(language), receipt.allocated
    refuse_unless(
        receipt.reversed_on is None, "repayment-reversed", f"It was reversed on {receipt.reversed_on}: no receipt."
    )
    amounts = (
        ("part_principal", parts.principal),
        ("interest", parts.interest),
        ("fee", parts.fee),
        ("penalty", parts.penalty),
        ("credit", receipt.credit),
    )
    pairs = [
        *_about(loan, say),
        (say["repayment"], receipt.repayment_id),
        (say["value_date"], receipt.value_date.isoformat()),
        (say["received"], receipt.received_on.isoformat()),
        (say["bank_reference"], receipt.bank_reference or "—"),
        (say["amount"], str(receipt.amount)),
        *((say[name], Money(amount, loan.currency).amount) for name, amount in amounts if amount),
    ]
    return _sheet(say, "receipt", [Pairs(pairs)], receipt.received_on)


def certificate_pdf(loan: Loan, language: Language) -> bytes:
    """That nothing is owed any more. Raises `Rejected` (409) while something is."""
    refuse_unless(
        loan.status is Status.SETTLED, "loan-not-settled", "Only a settled loan is certified; see what is owed."
    )
    assert loan.closed_on is not None, "a settled loan was closed on a day"
    say = Speaker(language)
    settled = loan.closed_on.isoformat()
    about = Pairs([*_about(loan, say), (say["settled"], settled)])
    return _sheet(say, "certificate", [about, Words(say["certified"].format(settled=settled))], loan.closed_on)


def _about(loan: Loan, say: Speaker) -> list[tuple[str, str]]:
    booked = loan.agreed
    agreement = booked.agreement
    pairs = [
        (say["loan"], booked.loan_id),
        (say["contract"], booked.contract_id),
        (say["product"], agreement.request.product.code),
        (say["principal"], str(agreement.terms.principal)),
        (say["rate"], f"{percent(agreement.terms.annual_rate, 2)} %"),
    ]
    if loan.disbursed is not None and loan.account is not None:
        pairs.append((say["disbursed"], loan.disbursed.value_date.isoformat()))
        pairs.append((say["matures"], loan.account.plan.maturity.isoformat()))
    return pairs


def _sheet(say: Speaker, title: str, parts: Sequence[Pairs | Grid | Words], made_on: date) -> bytes:
    return sheet_pdf(say[title], parts, author="Puhui", footer=say["footer"], label=say["page"], made_on=made_on)
