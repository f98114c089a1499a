"""The partner's own book of its share, made of the events that it was told, and laid beside a settlement.

Pure: no database, no network. Whole fen throughout.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import sha256
from typing import Final

from partners.kit import Event
from partners.kit.models import Settlement

ACCOUNTS: Final = ("disbursed", "principal", "interest", "fee", "penalty", "waived", "written_off", "recovered", "cost")
CHANGES_HANDS: Final = ("transferred", "transferred_interest")
COLUMNS: Final = (*ACCOUNTS, *CHANGES_HANDS, "funded")
FUNDED: Final = "puhui.partners.funds-used.v1"
"""In a settlement's file: what of a payout was paid by the partner before."""

TRANSFERRED: Final = "puhui.partners.shares-transferred.v1"
BETWEEN_LENDERS: Final = (
    TRANSFERRED,
    *(f"puhui.partners.cost-{each}.v1" for each in ("shared", "reversed", "repaid", "repayment-reversed")),
)
"""What lenders owe one another: in settlements, and in no daily file, since no borrower moved it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one event moved for the partner. `reference` is the event's `id`."""

    reference: str
    loan_id: str
    type: str
    effective_on: str
    amounts: tuple[int, ...]
    """By `COLUMNS`."""

    @property
    def key(self) -> tuple[str, str, str, tuple[int, ...]]:
        """What it has in common with its line in a settlement's file."""
        return self.loan_id, self.type, self.effective_on, self.amounts

    def of(self, column: str) -> int:
        return self.amounts[COLUMNS.index(column)]

    @property
    def cash(self) -> int:
        """What came in less what went out."""
        received = self.income + self.of("principal") + self.of("recovered")
        return received - self.of("disbursed") - self.of("cost") - self.of("transferred")

    @property
    def income(self) -> int:
        """What bears a servicing fee: interest that was sold as interest that was paid."""
        paid = self.of("interest") + self.of("fee") + self.of("penalty") - self.of("waived")
        return paid - self.of("transferred_interest")

    @property
    def outstanding(self) -> int:
        """What principal owed changes by."""
        return self.of("disbursed") - self.of("principal") + self.of("transferred")


def entry_of(event: Event) -> Entry | None:
    """The entry that follows from an event; None when it moved nothing of the partner's."""
    part = event.part
    if part is None:
        return None
    changed_hands = (getattr(part, name).minor for name in CHANGES_HANDS)
    amounts = (*(getattr(part.amounts, name).minor for name in ACCOUNTS), *changed_hands, 0)
    return Entry(event.id, event.subject, event.type, part.effective_on.isoformat(), amounts)


def funded_entry(loan_id: str, on: str, reserved_fen: int) -> Entry:
    """At payout: what the partner had paid before is not paid again."""
    amounts = (*(0 for _ in (*ACCOUNTS, *CHANGES_HANDS)), reserved_fen)
    return Entry(f"funded/{loan_id}", loan_id, FUNDED, on, amounts)


def lines_of(file: bytes) -> list[Entry]:
    """The lines of a settlement's file; their references are their places in the platform's sequence."""
    rows = csv.DictReader(io.StringIO(file.decode()))
    return [
        Entry(
            row["sequence"],
            row["loan_id"],
            row["type"],
            row["effective_on"],
            tuple(fen(row.get(name, "0")) for name in COLUMNS),
        )
        for row in rows
    ]


def fixed_fees_of(file: bytes) -> int:
    """What its lines say of fixed fees, for loans, months and the settlement: what the partner pays."""
    return sum(fen(row.get("fixed_fee", "0")) for row in csv.DictReader(io.StringIO(file.decode())))


def fen(amount: str) -> int:
    return int(Decimal(amount).scaleb(2).to_integral_exact())


def yuan(minor: int) -> str:
    return str(Decimal(minor).scaleb(-2))


@dataclass(slots=True)
class Checked:
    """A settlement beside the book: what of the book it settles, and every difference. None: equal to the fen."""

    settled: list[Entry] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    net: int = 0
    """By the book: what the partner is to be paid; negative where it is to pay."""

    def expect(self, what: str, ours: int | str, theirs: int | str) -> None:
        if ours != theirs:
            self.differences.append(f"{what}: {ours} by our book, {theirs} by the settlement")


@dataclass(frozen=True, slots=True)
class Fees:
    """The income so far on which servicing fees stand, by rate, and the rate of each loan."""

    bases: Mapping[Decimal, int]
    rates: Mapping[str, Decimal]

    def of(self, entries: Iterable[Entry]) -> int:
        """What the fee on the running total, rounded half even, changes by: so nothing is lost by rounding over time."""
        more: Counter[Decimal] = Counter()
        for entry in entries:
            more[self.rates.get(entry.loan_id, Decimal(0))] += entry.income
        return sum(
            rounded(rate * (self.bases.get(rate, 0) + base)) - rounded(rate * self.bases.get(rate, 0))
            for rate, base in more.items()
        )


def rounded(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def check(settlement: Settlement, file: bytes, open_entries: Sequence[Entry], fees: Fees) -> Checked:
    """Every line of the file against the book, every total against both, and the net amount worked out anew.

    What of our book is in no line is not a difference: it moved after the settlement was made, and is in the next.
    """
    checked, lines = Checked(), lines_of(file)
    checked.expect("hash of the file", sha256(file).hexdigest(), settlement.file_sha256)
    checked.expect("movements", len(lines), settlement.movements)
    waiting: dict[tuple[str, str, str, tuple[int, ...]], list[Entry]] = {}
    for entry in open_entries:
        waiting.setdefault(entry.key, []).append(entry)
    for line in lines:
        if found := waiting.get(line.key):
            checked.settled.append(found.pop())
        elif any(line.amounts):
            checked.differences.append(f"line {line.reference} ({line.type} of {line.loan_id}) is not in our book")
    totals = {name: sum(entry.of(name) for entry in checked.settled) for name in COLUMNS}
    for name in ACCOUNTS:
        checked.expect(name, yuan(totals[name]), str(getattr(settlement.amounts, name).amount))
    checked.expect("funded", yuan(totals["funded"]), str(settlement.funded.amount))
    for name in CHANGES_HANDS:
        checked.expect(name, yuan(totals[name]), str(getattr(settlement, name).amount))
    fee = fees.of(checked.settled)
    checked.expect("servicing fee", yuan(fee), str(settlement.servicing_fee.amount))
    fixed = fixed_fees_of(file)
    checked.expect("fixed fees", yuan(fixed), str(settlement.fixed_fee.amount))
    cash = sum(entry.cash for entry in checked.settled)
    agreed = settlement.first_loss.minor - settlement.price_margin.minor
    if agreed:
        checked.differences.append(
            f"{yuan(agreed)} of losses and prices are taken from the settlement: this book does not work them out"
        )
    checked.net = cash + totals["funded"] - fee - fixed + agreed
    checked.expect("net amount", yuan(checked.net), str(settlement.net.amount))
    return checked
