"""The tables of a contract: parties, cost disclosure, repayment plan, signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final

from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Table, TableStyle

from libs.contracts.contract import ContractAccepted, CostItem, Party, Signature
from libs.contracts.values import ApplicantKind
from libs.lending.money import Money, total
from libs.typesetting.pages import WIDTH
from libs.typesetting.typography import (
    BOLD,
    COMMON,
    INK,
    QUIET,
    RULE,
    SHADE,
    Block,
    Styles,
    broken,
    lines,
    marked,
    usual,
)
from services.contract.document.template import SIGNATURES, Text
from services.contract.document.values import Contents, cost, figures, rate, yuan

SHARE_PARTS: Final = 1_000_000
"""A share is so many of these."""
GRID: Final = [
    ("FONT", (0, 0), (-1, -1), COMMON, 8),
    ("GRID", (0, 0), (-1, -1), 0.4, RULE),
    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
    ("TOPPADDING", (0, 0), (-1, -1), 2.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ("LEFTPADDING", (0, 0), (-1, -1), 5),
    ("RIGHTPADDING", (0, 0), (-1, -1), 5),
]
PAIRS: Final = TableStyle([*GRID, ("BACKGROUND", (0, 0), (0, -1), SHADE)])
LABELS: Final = 44 * mm
"""The width of a column of labels."""
ROOM: Final = WIDTH - LABELS - 10
"""What is left beside it, without the padding of a cell."""
Words = Mapping[str, Text]
PLAN: Final = ("number", "due", "principal", "interest", "fee", "total", "balance")
LENDERS: Final = ("lender", "licence", "share", "amount")
COSTS: Final = ("item", "amount", "charged", "payee")
BOLD_WORDS: Final = {
    "parties": ("lender", "borrower"),
    "lenders": LENDERS,
    "disclosure": (*COSTS, "total", "irr", "simple", "contingent"),
    "plan": (*PLAN, "sum"),
    SIGNATURES: ("party",),
}
"""What is set bold of the words of each table."""


def parties(contents: Contents) -> Flowable:
    words, lender, borrower = contents.template.tables["parties"], contents.lender, contents.borrower
    is_person = borrower.kind is ApplicantKind.PERSON
    ours = [
        (words["name"], f"{lender.name.zh}\n{lender.name.en}"),
        (words["credit_code"], lender.credit_code),
        (words["address"], f"{lender.address.zh}\n{lender.address.en}"),
        (words["telephone"], lender.telephone),
    ]
    theirs = [
        (words["person" if is_person else "name"], borrower.name),
        (words["identity_number" if is_person else "credit_code"], borrower.identity_number),
        (words["representative"], borrower.legal_representative),
        (words["telephone"], borrower.mobile),
    ]
    rows = [
        *_party(words["lender"], ours, _usual_lines),
        *_party(words["borrower"], [(label, value) for label, value in theirs if value], _value),
    ]
    heads = [index for index, row in enumerate(rows) if len(row) == 1]
    rows = [row if len(row) == 2 else [row[0], ""] for row in rows]
    spans = [("SPAN", (0, index), (1, index)) for index in heads]
    shades = [("BACKGROUND", (0, index), (1, index), SHADE) for index in heads]
    return Table(rows, colWidths=[LABELS, WIDTH - LABELS], style=TableStyle([*GRID, *spans, *shades]))


def _party(
    head: Text, values: Sequence[tuple[Text, str]], setting: Callable[[str], Flowable]
) -> list[list[Flowable | str]]:
    rows: list[list[Flowable | str]] = [[_both(head, bold=True)]]
    return rows + [[_both(label), setting(value)] for label, value in values]


def lenders(contents: Contents) -> Flowable:
    """Who lends, with which share and which part of the principal. We are named as the party that we are."""
    words = contents.template.tables["lenders"]
    rows: list[list[Flowable | str]] = [[_both(words[name], bold=True) for name in LENDERS]]
    for lender in contents.agreement.lenders:
        name, licence = lender.legal_name or contents.lender.name, lender.licence or contents.lender.credit_code
        share = rate(Decimal(lender.share_ppm) / SHARE_PARTS)
        rows.append([_usual_lines(f"{name.zh}\n{name.en}"), licence, _figure(share), _figure(yuan(lender.amount))])
    widths = [WIDTH - 110 * mm, 48 * mm, 26 * mm, 36 * mm]
    return Table(rows, colWidths=widths, style=TableStyle(GRID))


def disclosure(contents: Contents) -> Flowable:
    """What the loan costs (金规〔2026〕2号): every item, how charged and by whom, the year's cost, what may come."""
    words, shown = contents.template.tables["disclosure"], contents.agreement.disclosure
    rows: list[list[Flowable | str]] = [[_both(words[name], bold=True) for name in COSTS]]
    rows.append([_both(words["principal"]), _figure(yuan(shown.principal)), _both(words["principal_paid"]), "—"])
    rows += [_cost_row(item, words) for item in shown.items]
    rows.append([_both(words["total"], bold=True), _figure(yuan(shown.total_cost)), "", ""])
    rows.append([_both(words["irr"], bold=True), _figure(cost(shown.irr_annual)), "", ""])
    rows.append([_both(words["simple"], bold=True), _figure(cost(shown.simple_annual)), "", ""])
    contingent = len(rows)
    rows.append([_both(words["contingent"], bold=True), "", "", ""])
    lender = _both(words["lender"])
    rows.append([_both(words["overdue"]), _figure(rate(shown.overdue_rate)), _both(words["overdue_charged"]), lender])
    if shown.raised_rate is not None and shown.raised_irr_annual is not None:
        rows.append([_both(words["raised"]), _figure(rate(shown.raised_rate)), _both(words["raised_charged"]), lender])
        rows.append([_both(words["raised_irr"]), _figure(cost(shown.raised_irr_annual)), "", ""])
    if shown.prepayment_fee_rate:
        fee: list[Flowable | str] = [
            _figure(rate(shown.prepayment_fee_rate)),
            _both(words["prepayment_charged"]),
            lender,
        ]
    else:
        fee = [_both(words["none"]), "", ""]
    rows.append([_both(words["prepayment"]), *fee])
    style = [
        *GRID,
        ("BACKGROUND", (0, 0), (-1, 0), SHADE),
        ("BACKGROUND", (0, contingent), (-1, contingent), SHADE),
        ("SPAN", (0, contingent), (-1, contingent)),
        *(("SPAN", (1, row), (-1, row)) for row in range(contingent - 3, contingent)),
    ]
    widths = [64 * mm, 28 * mm, 54 * mm, WIDTH - 146 * mm]
    return Table(rows, colWidths=widths, style=TableStyle(style), repeatRows=1)


def _cost_row(item: CostItem, words: Words) -> list[Flowable | str]:
    payee = _both(words["lender"]) if item.payee == "LENDER" else _usual_lines(item.payee)
    name, charged = Text(item.name.zh, item.name.en), Text(item.charged.zh, item.charged.en)
    return [_both(name), _figure(yuan(item.amount)), _both(charged), payee]


def plan(contents: Contents) -> Flowable:
    """Every instalment. Plain strings: a plan may have hundreds of rows, and its figures need no markup."""
    words, rows = contents.template.tables["plan"], contents.agreement.plan
    table: list[list[Flowable | str]] = [[_both(words[name], bold=True) for name in PLAN]]
    for row in rows:
        amounts = (row.principal, row.interest, row.fee, row.total, row.balance)
        table.append([str(row.number), row.due.isoformat(), *(figures(amount) for amount in amounts)])

    def sum_of(amounts: Sequence[Money]) -> str:
        return figures(total(amounts))

    table.append(
        [
            _both(words["sum"], bold=True),
            "",
            sum_of([row.principal for row in rows]),
            sum_of([row.interest for row in rows]),
            sum_of([row.fee for row in rows]),
            sum_of([row.total for row in rows]),
            "",
        ]
    )
    style = [
        *GRID,
        ("FONT", (0, -1), (-1, -1), BOLD, 8),
        ("TEXTCOLOR", (0, 0), (-1, -1), INK),
        ("ALIGN", (0, 1), (1, -1), "CENTER"),
        ("ALIGN", (2, 1), (-1, -1), "RIGHT"),
        ("BACKGROUND", (0, 0), (-1, 0), SHADE),
        ("SPAN", (0, -1), (1, -1)),
    ]
    widths = [14 * mm, 24 * mm, *[(WIDTH - 38 * mm) / 5] * 5]
    return Table(table, colWidths=widths, style=TableStyle(style), repeatRows=1)


def signatures(
    contents: Contents, document_sha256: str, accepted: ContractAccepted, made: Sequence[Signature]
) -> Sequence[Flowable]:
    """What was signed, where the money goes, and each party's signature with the key that verifies it."""
    words, account = contents.template.tables[SIGNATURES], accepted.account
    summary = [
        [_both(words["document"]), _value(document_sha256, Styles.mono)],
        [_both(words["account"]), _value(f"{account.holder}\n{account.bank} {account.number}")],
    ]
    return [_pairs(summary), *(_pairs(_signature(contents, words, signature)) for signature in made)]


def _signature(contents: Contents, words: Words, signature: Signature) -> list[list[Flowable]]:
    names = contents.template.tables["parties"]
    is_lender = signature.party is Party.LENDER
    party = names["lender" if is_lender else "borrower"]
    who = contents.lender.name.zh if is_lender else contents.borrower.name
    setting = _usual_lines if is_lender else _value
    return [
        [_both(words["party"], bold=True), _both(party, bold=True)],
        [_both(words["signatory"]), setting(f"{who}\n{signature.signatory}")],
        [_both(words["signed_at"]), _value(signature.signed_at)],
        [_both(words["algorithm"]), _usual_lines(signature.algorithm)],
        [_both(words["public_key"]), _value(signature.public_key, Styles.mono)],
        [_both(words["signature"]), _value(signature.signature, Styles.mono)],
    ]


def _pairs(rows: Sequence[Sequence[Flowable]]) -> Flowable:
    return Table(rows, colWidths=[LABELS, WIDTH - LABELS], style=PAIRS, spaceAfter=4 * mm)


@lru_cache(maxsize=512)
def _both(text: Text, *, bold: bool = False) -> Flowable:
    """A cell in both languages, the English one small below. The words are few, and the same in every document."""
    style = Styles.cell_bold if bold else Styles.cell
    english = f'<font name="{COMMON}" size="6.2" color="{QUIET.hexval().replace("0x", "#")}">{marked(text.en)}</font>'
    return Block(f"{marked(text.zh, bold=bold)}<br/>{english}", style)


def _value(text: str, style: ParagraphStyle = Styles.cell) -> Flowable:
    """What stands beside a label."""
    return lines(text, style, ROOM)


@lru_cache(maxsize=128)
def _usual_lines(text: str) -> Flowable:
    """Lines that many documents have, and that say nothing of a borrower."""
    return broken(text, Styles.cell)


def _figure(text: str) -> Flowable:
    return usual(text, Styles.figure)
