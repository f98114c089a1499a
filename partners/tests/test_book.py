"""The example's book beside a settlement: equal when it is, and every planted difference found; its policy; its inbox."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.example.book import ACCOUNTS, COLUMNS, Checked, Entry, Fees, check, rounded, yuan
from partners.example.policy import Policy, decide
from partners.kit import Event, Inbox, Message, Money, NotUnderstood, Receiver, Taken, sign
from partners.kit.models import Settlement
from partners.kit.webhooks import TEST_TYPE

SECRET = "whsec_" + "QUFB" * 8
RATE = Decimal("0.05")


def settlement(entries: list[Entry], bases: int = 0) -> tuple[Settlement, bytes]:
    """As the platform makes one of these movements."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("sequence", "loan_id", "type", "effective_on", "currency", *COLUMNS))
    for number, entry in enumerate(entries):
        writer.writerow((number, entry.loan_id, entry.type, entry.effective_on, "CNY", *map(yuan, entry.amounts)))
    file = text.getvalue().encode()
    total = {name: sum(entry.of(name) for entry in entries) for name in COLUMNS}
    income = sum(entry.income for entry in entries)
    fee = rounded(RATE * (bases + income)) - rounded(RATE * bases)
    net = sum(entry.cash for entry in entries) + total["funded"] - fee
    money = {name: Money.of_minor(minor) for name, minor in total.items()}
    made = Settlement(
        settlement_id="s-1",
        partner="harbour-bank",
        settled_on=date(2026, 3, 3),
        movements=len(entries),
        amounts={name: money[name] for name in ACCOUNTS},
        transferred=money["transferred"],
        transferred_interest=money["transferred_interest"],
        funded=money["funded"],
        servicing_fee=Money.of_minor(fee),
        price_margin=Money.of("0"),
        first_loss=Money.of("0"),
        payer="own" if net >= 0 else "harbour-bank",
        payee="harbour-bank" if net >= 0 else "own",
        amount=Money.of_minor(abs(net)),
        file_sha256=sha256(file).hexdigest(),
        paid_on=None,
        bank_reference="",
    )
    return made, file


FEN = st.integers(-(10**9), 10**9)
ENTRIES = st.lists(
    st.builds(
        Entry,
        reference=st.uuids().map(str),
        loan_id=st.sampled_from(["l-1", "l-2"]),
        type=st.sampled_from(["puhui.ledger.repayment-received.v1", "puhui.ledger.fee-charged.v1"]),
        effective_on=st.sampled_from(["2026-03-01", "2026-03-02"]),
        amounts=st.lists(FEN, min_size=len(COLUMNS), max_size=len(COLUMNS)).map(tuple),
    ),
    max_size=8,
    unique_by=lambda entry: entry.reference,
)
RATES = {"l-1": RATE, "l-2": RATE}


@given(entries=ENTRIES, later=ENTRIES, bases=FEN)
def test_a_book_of_the_same_movements_is_equal_and_keeps_what_moved_later(
    entries: list[Entry], later: list[Entry], bases: int
) -> None:
    made, file = settlement(entries, bases)
    keys = {entry.key for entry in entries}
    later = [entry for entry in later if entry.key not in keys]
    checked = check(made, file, [*later, *entries], Fees({RATE: bases}, RATES))
    assert checked.differences == []
    assert checked.net == made.net.minor
    assert {entry.reference for entry in checked.settled} == {entry.reference for entry in entries}


ONE = Entry("e-1", "l-1", "t", "2026-03-02", (0, 64411, 12600, *[0] * (len(COLUMNS) - 3)))
MADE, FILE = settlement([ONE])
Change = Callable[[], Checked]


def changed(**members: Any) -> Checked:
    return check(MADE.model_copy(update=members), FILE, [ONE], Fees({}, RATES))


@pytest.mark.parametrize(
    ("difference", "says"),
    [
        pytest.param(lambda: check(MADE, FILE, [], Fees({}, RATES)), "is not in our book", id="a line too much"),
        pytest.param(lambda: changed(fixed_fee=Money.of("1")), "fixed fees", id="a fee that is on no line"),
        pytest.param(
            lambda: check(MADE, FILE, [replace(ONE, amounts=(0, 64410, *ONE.amounts[2:]))], Fees({}, RATES)),
            "is not in our book",
            id="a fen less",
        ),
        pytest.param(
            lambda: check(MADE, FILE, [replace(ONE, effective_on="2026-03-01")], Fees({}, RATES)),
            "is not in our book",
            id="another date",
        ),
        pytest.param(lambda: check(MADE, FILE + b"\n", [ONE], Fees({}, RATES)), "hash of the file", id="another file"),
        pytest.param(lambda: changed(movements=2), "movements: 1", id="a line that is missing"),
        pytest.param(lambda: changed(funded=Money.of("0.01")), "funded: 0.00", id="funds"),
        pytest.param(lambda: changed(transferred=Money.of("1")), "transferred: 0.00", id="a change of shares"),
        pytest.param(
            lambda: changed(transferred_interest=Money.of("1")),
            "transferred_interest: 0.00",
            id="interest that was sold",
        ),
        pytest.param(lambda: changed(servicing_fee=Money.of("6.31")), "servicing fee: 6.30", id="the fee"),
        pytest.param(lambda: changed(amount=Money.of("763.82")), "net amount: 763.81", id="the net amount"),
        pytest.param(lambda: changed(payer="harbour-bank", payee="own"), "net amount", id="who pays whom"),
        pytest.param(
            lambda: changed(first_loss=Money.of("1.00"), amount=Money.of("764.81")),
            "1.00 of losses and prices",
            id="what is not worked out",
        ),
        pytest.param(
            lambda: changed(amounts=MADE.amounts.model_copy(update={"interest": Money.of("1.00")})),
            "interest: 126.00 by our book, 1.00",
            id="a total",
        ),
    ],
)
def test_every_difference_is_found(difference: Change, says: str) -> None:
    found = difference().differences
    assert any(says in each for each in found), found


POLICY = Policy.read()
OFFERED = {"amount": "12000.00", "annual_rate": "0.15", "grade": "A", "instalments": 12}


@pytest.mark.parametrize(
    ("change", "committed", "answer", "says"),
    [
        ({}, "0", "ACCEPT", ""),
        ({"amount": "50000.00", "annual_rate": "0.06", "grade": "C", "instalments": 36}, "4991600.00", "ACCEPT", ""),
        ({"amount": "50000.01"}, "0", "DECLINE", "one borrower"),
        ({"annual_rate": "0.0599"}, "0", "DECLINE", "a year"),
        ({"grade": "D"}, "0", "DECLINE", "Grade D"),
        ({"instalments": 37}, "0", "DECLINE", "36 instalments"),
        ({}, "4991600.01", "DECLINE", "open in all"),
        ({"grade": None}, "0", "ASK", "grade"),
    ],
)
def test_the_policy_decides(change: dict[str, Any], committed: str, answer: str, says: str) -> None:
    decision = decide(POLICY, OFFERED | change, Money.of("8400.00"), Money.of(committed))
    assert decision.answer == answer, decision
    assert says in decision.text


def document(number: int, sequence: int, **members: Any) -> dict[str, Any]:
    event = {"id": f"e-{number}", "type": "t.v1", "subject": "l-1", "time": "", "sequence": str(sequence), "data": {}}
    return event | members


def test_a_message_is_taken_once_and_one_that_comes_late_is_known() -> None:
    connection = sqlite3.connect(":memory:")
    inbox = Inbox(connection)

    def take(number: int, sequence: int, subject: str = "l-1") -> Taken:
        event = Event.of(document(number, sequence, subject=subject))
        return inbox.take(Message(f"msg_{number}", event, b"{}"))

    assert take(1, 10) is Taken.FIRST
    assert take(1, 10) is Taken.AGAIN
    assert take(2, 12) is Taken.FIRST
    assert take(3, 11) is Taken.LATE
    assert take(4, 5, "l-2") is Taken.FIRST, "of another loan"
    assert take(5, 0) is Taken.FIRST, "not of the ledger: no order to keep"
    connection.rollback()
    assert take(1, 10) is Taken.FIRST, "what was rolled back was not taken"


def test_what_is_signed_and_not_understood_is_refused_and_a_test_is_welcome() -> None:
    receiver = Receiver(lambda: [SECRET], {"t.v1"}, clock=lambda: 1000.0)

    def receive(content: Any) -> Message:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return receiver.receive(sign(SECRET, "msg_1", 1000, body), body)

    assert receive(document(1, 7)).event.sequence == 7
    assert receive(document(1, 0, type=TEST_TYPE)).webhook_id == "msg_1"
    for wrong in (b"{", [], {}, document(1, 1, type="t.v2"), document(1, 1, data={"your_part": {}}), b"\xff"):
        with pytest.raises(NotUnderstood):
            receive(wrong)
    assert receiver.read_again("msg_1", document(1, 1, type="t.v2")) is None
