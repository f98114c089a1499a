"""Files that co-lenders and the bank send of a date, what is planted in them, and so what is to be found of them.

Pure. What is planted in a line follows from the line's name alone, so it is the same in every run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

from libs.contracts.partners import BreakKind
from libs.lending.money import Money
from standalone.demo.people import draw, money

Faults: TypeAlias = Mapping[BreakKind, int]
"""How often what is planted, per mille of the lines; `STATUS`: of the loans."""
NONE: Final[Faults] = {}
WRONG_STATUS: Final = {"ACTIVE": "SETTLED"}
"""What a loan is said to be in place of what it is; else that it runs."""


@dataclass(frozen=True, slots=True)
class Line:
    """Money that moved: came in (positive) or went out. `name`: what it is called in every run, which no identifier of
    an event is."""

    name: str
    reference: str
    value_date: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class LoanLine:
    """A loan at the end of a date, and the principal that is owed."""

    loan_id: str
    status: str
    outstanding_minor: int


@dataclass(frozen=True, slots=True)
class Break:
    """A difference that is to be found, as the platform names it."""

    counterparty: str
    kind: BreakKind
    reference: str
    file_date: date


@dataclass(frozen=True, slots=True)
class File:
    """As it is sent. `left_out`: lines that the next one brings."""

    file_date: date
    lines: Sequence[Line]
    loans: Sequence[LoanLine] | None
    planted: frozenset[Break]
    left_out: Sequence[Line]

    def body(self) -> dict[str, Any]:
        """As the platform takes it; a bank's statement names no loans."""
        items = [
            {
                "reference": line.reference,
                "value_date": line.value_date.isoformat(),
                "amount": money(Money(line.amount_minor)),
            }
            for line in self.lines
        ]
        body: dict[str, Any] = {"file_date": self.file_date.isoformat(), "items": items}
        if self.loans is not None:
            body["loans"] = [
                {
                    "loan_id": loan.loan_id,
                    "status": loan.status,
                    "outstanding": money(Money(loan.outstanding_minor)),
                }
                for loan in self.loans
            ]
        return body


def file_of(
    counterparty: str, on: date, lines: Sequence[Line], loans: Sequence[LoanLine] | None, faults: Faults
) -> File:
    """The file of a date with what is planted in it. What the lines themselves tell twice is to be found as well, and
    nothing is planted there, nor where no money moved: that may be left out by anybody."""
    times = Counter(line.reference for line in lines)
    sent, left_out, found = list[Line](), list[Line](), list[tuple[BreakKind, str]]()
    for reference, count in times.items():
        found += [(BreakKind.MISSING_HERE, f"{reference}#{number}") for number in range(2, count + 1)]
    for line in lines:
        kind = _fault(line, faults) if times[line.reference] == 1 and line.amount_minor else None
        match kind:
            case BreakKind.MISSING_THERE:
                left_out.append(line)
            case BreakKind.MISSING_HERE:
                sent += [line, line]
            case BreakKind.AMOUNT:
                sent.append(replace(line, amount_minor=line.amount_minor + 1))
            case BreakKind.TIMING:
                sent.append(replace(line, value_date=line.value_date + timedelta(days=1)))
            case _:
                sent.append(line)
        if kind is not None:
            found.append((kind, f"{line.reference}#2" if kind is BreakKind.MISSING_HERE else line.reference))
    said = None
    if loans is not None:
        wrong = {loan.loan_id for loan in loans if _is_misjudged(loan, on, faults)}
        said = [
            replace(loan, status=WRONG_STATUS.get(loan.status, "ACTIVE")) if loan.loan_id in wrong else loan
            for loan in loans
        ]
        found += [(BreakKind.STATUS, f"loan/{loan_id}") for loan_id in wrong]
    planted = frozenset(Break(counterparty, kind, reference, on) for kind, reference in found)
    return File(on, sent, said, planted, left_out)


def _fault(line: Line, faults: Faults) -> BreakKind | None:
    drawn = draw(line.name, "line of a file", 1000)
    for kind, per_mille in faults.items():
        if kind is not BreakKind.STATUS:
            drawn -= per_mille
            if drawn < 0:
                return kind
    return None


def _is_misjudged(loan: LoanLine, on: date, faults: Faults) -> bool:
    return draw(f"{loan.loan_id}/{on}", "loan of a file", 1000) < faults.get(BreakKind.STATUS, 0)
