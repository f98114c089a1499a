"""What the demonstration plants in files, and what it expects to be found: held to the platform's own matching."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import pytest

from libs.contracts.partners import BreakKind
from services.partners.domain.matching import Item, Standing, match_items, match_loans
from standalone.demo.books import Book
from standalone.demo.files import NONE, Break, Faults, File, Line, LoanLine, file_of

ON: Final = date(2026, 3, 31)
WHO: Final = "valley-finance"
ALL_KINDS: Final[Faults] = dict.fromkeys(BreakKind, 60)
LINES: Final = [Line(f"R-{n}", f"event-{n}", ON - timedelta(days=n % 30), 100 + n) for n in range(300)]
LOANS: Final = [LoanLine(f"loan-{n}", ("ACTIVE", "SETTLED")[n % 2], 1000 * n) for n in range(200)]


def found_of(file: File, ours: Sequence[Line] = LINES, loans: Sequence[LoanLine] = LOANS) -> set[Break]:
    """What the platform finds of a file beside its own record."""
    items = match_items([_item(line) for line in ours], [_item(line) for line in file.lines], {}, {})
    standings = match_loans([_standing(one) for one in loans], [_standing(one) for one in file.loans or loans])
    differences = (*items.differences, *standings)
    return {Break(WHO, each.kind, each.reference, file.file_date) for each in differences}


def _item(line: Line) -> Item:
    return Item(line.reference, line.value_date, line.amount_minor)


def _standing(loan: LoanLine) -> Standing:
    return Standing(loan.loan_id, loan.status, loan.outstanding_minor)


@pytest.mark.parametrize("faults", [NONE, *({kind: 100} for kind in BreakKind), ALL_KINDS])
def test_each_that_is_planted_is_found_and_no_other(faults: Faults) -> None:
    file = file_of(WHO, ON, LINES, LOANS, faults)
    assert {each.kind for each in file.planted} == set(faults)
    assert found_of(file) == file.planted


def test_what_is_left_out_is_what_the_next_file_brings() -> None:
    file = file_of(WHO, ON, LINES, LOANS, {BreakKind.MISSING_THERE: 100})
    assert {each.reference for each in file.planted} == {line.reference for line in file.left_out}
    assert sorted((*file.lines, *file.left_out), key=LINES.index) == LINES


def test_the_same_is_planted_whatever_identifiers_a_run_gives_and_in_whichever_order() -> None:
    again = [Line(line.name, f"other-{line.reference}", line.value_date, line.amount_minor) for line in LINES[::-1]]

    def named(file: File) -> Counter[BreakKind]:
        return Counter(each.kind for each in file.planted)

    def left_out(file: File) -> set[str]:
        return {line.name for line in file.left_out}

    one, other = file_of(WHO, ON, LINES, LOANS, ALL_KINDS), file_of(WHO, ON, again, LOANS[::-1], ALL_KINDS)
    assert (named(one), left_out(one)) == (named(other), left_out(other))


def test_what_is_told_twice_anyway_is_to_be_found_and_nothing_is_planted_there() -> None:
    twice = [*LINES, *LINES[:3]]
    file = file_of(WHO, ON, twice, LOANS, {BreakKind.AMOUNT: 1000})
    assert found_of(file) == file.planted
    assert Counter(each.kind for each in file.planted) == {BreakKind.AMOUNT: 297, BreakKind.MISSING_HERE: 3}


def test_nothing_is_planted_where_no_money_moved() -> None:
    empty = [Line("R", "event", ON, 0)]
    assert not file_of(WHO, ON, empty, None, {BreakKind.MISSING_THERE: 1000}).planted


def test_a_file_names_loans_where_its_side_knows_any() -> None:
    body = file_of(WHO, ON, LINES[:1], LOANS[1:2], NONE).body()
    assert body == {
        "file_date": "2026-03-31",
        "items": [
            {"reference": "event-0", "value_date": "2026-03-31", "amount": {"amount": "1.00", "currency": "CNY"}}
        ],
        "loans": [{"loan_id": "loan-1", "status": "SETTLED", "outstanding": {"amount": "10.00", "currency": "CNY"}}],
    }
    assert "loans" not in file_of("bank:main", ON, LINES[:1], None, NONE).body()


def told(number: int, kind: str, on: date, data: dict[str, Any], **amounts: str) -> dict[str, Any]:
    """An event as a co-lender is told it."""
    names = ("disbursed", "principal", "interest", "fee", "penalty", "waived", "written_off", "recovered", "cost")
    moved = {name: {"amount": amounts.get(name, "0.00"), "currency": "CNY"} for name in names}
    part = {
        "funder": WHO,
        "amounts": moved,
        "transferred": {"amount": "0.00", "currency": "CNY"},
        "effective_on": on.isoformat(),
    }
    return {
        "id": f"event-{number}",
        "type": f"puhui.ledger.{kind}.v1",
        "subject": "loan-1",
        "time": "2026-01-05T00:00:00Z",
        "sequence": str(number),
        "data": {**data, **({"your_part": part} if amounts else {})},
    }


def test_a_book_counts_what_comes_again_once_and_gives_each_line_once() -> None:
    book, paid, due, over = Book(), date(2026, 1, 6), date(2026, 2, 6), date(2026, 2, 7)
    payout = told(1, "loan-disbursed", paid, {"value_date": "2026-01-06"}, disbursed="100.00")
    repaid = told(2, "repayment-received", due, {"bank_reference": "R-1"}, principal="100.00", interest="1.00")
    settled = told(3, "loan-settled", over, {"settled_on": "2026-02-07"})
    for event in (payout, repaid, payout, settled):
        book.take(event)
    assert [(line.name, line.amount_minor) for line in book.lines(paid)] == [
        ("puhui.ledger.loan-disbursed.v1/loan-1/2026-01-06", -100_00)
    ]
    assert [(line.name, line.reference, line.amount_minor) for line in book.lines(due)] == [("R-1", "event-2", 101_00)]
    assert book.lines(over) == []
    assert book.loans(paid) == [LoanLine("loan-1", "ACTIVE", 100_00)]
    assert book.loans(due) == [LoanLine("loan-1", "ACTIVE", 0)], "it is known to be settled from the day after"
    assert book.loans(over) == [LoanLine("loan-1", "SETTLED", 0)]


def test_a_loan_runs_again_after_a_reversal_unless_it_was_written_off() -> None:
    book, day = Book(), date(2026, 1, 6)
    owed = {"position": {"outstanding": {"principal": {"amount": "100.00", "currency": "CNY"}}}}
    book.take(told(1, "loan-disbursed", day, {"value_date": "2026-01-06"}, disbursed="100.00"))
    book.take(told(2, "loan-settled", day, {"settled_on": "2026-02-06"}))
    book.take(told(3, "repayment-reversed", day, {"reversed_on": "2026-03-06", **owed}))
    assert [each.status for each in book.loans(date(2026, 3, 5))] == ["SETTLED"]
    assert [each.status for each in book.loans(date(2026, 3, 6))] == ["ACTIVE"]
    book.take(told(4, "loan-written-off", day, {"written_off_on": "2026-09-06"}))
    book.take(told(5, "repayment-reversed", day, {"reversed_on": "2026-09-07", **owed}))
    assert [each.status for each in book.loans(date(2026, 9, 7))] == ["WRITTEN_OFF"]
