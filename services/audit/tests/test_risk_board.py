"""The risk board: figures that can be worked out by hand, from the events of a small portfolio."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from libs.contracts import approval, audit, collections, ledger, operations
from libs.contracts import examples as ex
from libs.contracts.base import DomainEvent
from libs.events.commands import Cause
from libs.events.decider import Decider
from libs.events.envelope import Actor
from libs.service.testing import Served
from services.audit.domain.risk_board import BoardPolicy, Colour, Trend, month_ends, trend
from services.audit.library import HERE, library
from services.audit.tests.given import example
from services.audit.tests.standings import NOTHING, loan_id, moves, standing, tell

DOCUMENT: dict[str, Any] = json.loads((HERE / "policy" / "risk-board-v1.json").read_text("utf-8"))
LATER: dict[str, Any] = json.loads((HERE / "policy" / "risk-board-v2.json").read_text("utf-8"))


async def shown(book: Served, on: str) -> dict[str, Any]:
    client = await book.client("risk_manager")
    answer = await client.get(f"/audit/risk-board?on={on}")
    assert answer.status_code == 200, answer.text
    return {each["code"]: each for each in answer.json()["indicators"]}


async def test_a_small_portfolio_by_hand(book: Served) -> None:
    for number in (1, 2, 3, 4):
        position = standing("2026-02-02", "10000.00", 0, "CURRENT")
        await tell(book, number, "2026-02-02", ledger.LoanDisbursed, value_date="2026-02-02", position=position)
    await book.settle()
    for number, on, days, bucket in (
        *((1, "2026-03-20", 18, "M1"), (2, "2026-03-20", 18, "M1"), (3, "2026-03-20", 18, "M1")),
        (1, "2026-04-03", 31, "M2"),
        (2, "2026-04-04", 0, "CURRENT"),
    ):
        await moves(book, number, on, "10000.00", days, bucket)
        await book.settle()
    await tell(book, 1, "2026-04-03", ledger.LoanClassified, tier="SUBSTANDARD", classified_on="2026-04-03")
    given_up = {**NOTHING, "principal": ex.cny("10000.00")}
    await tell(book, 3, "2026-04-10", ledger.LoanWrittenOff, written_off=given_up, written_off_on="2026-04-10")
    link = {**ledger.LoanChanged.example["terms"], "lpr": {"tenor": "1Y", "margin": "0.02"}}
    position = standing("2026-04-12", "10000.00", 0, "CURRENT")
    await tell(
        book, 4, "2026-04-12", ledger.LoanChanged, kind="RATE", terms=link, position=position, changed_on="2026-04-12"
    )
    await book.settle()

    board = await shown(book, "2026-04-15")
    third = "0.333333"
    values = {code: board[code]["value"] for code in ("par30", "par90", "nonperforming", "floating")}
    assert values == {"par30": third, "par90": "0", "nonperforming": third, "floating": third}
    assert board["roll-31"]["value"] == "0.666667", "of three, one went deeper and one was given up"
    assert board["written-off"]["value"] == "0.25"
    assert (board["par30"]["colour"], board["par30"]["trend"]) == ("RED", "RISING")
    assert [each["value"] for each in board["par30"]["earlier"]] == ["0", "0", None]
    assert (board["par90"]["colour"], board["overrides"]["colour"]) == ("GREEN", "GREY")
    before = await shown(book, "2026-03-31")
    assert (before["par30"]["value"], before["written-off"]["value"], before["floating"]["value"]) == (
        "0", "0", "0",
    )  # fmt: skip


async def test_a_payment_dated_back_counts_with_what_is_owed_after_it(book: Served) -> None:
    for number in (1, 2):
        position = standing("2026-02-02", "10000.00", 0, "CURRENT")
        await tell(book, number, "2026-02-02", ledger.LoanDisbursed, value_date="2026-02-02", position=position)
    for paid, known, owed in (("2026-03-10", "2026-03-10", "8000.00"), ("2026-03-05", "2026-03-12", "5000.00")):
        position = standing(known, owed, 0, "CURRENT")
        await tell(book, 1, paid, ledger.RepaymentReceived, value_date=paid, received_on=known, position=position)
    await moves(book, 2, "2026-03-20", "15000.00", 31, "M2")
    await book.settle()
    assert (await shown(book, "2026-03-31"))["par30"]["value"] == "0.75", "15,000 of 15,000 and what 1 owes last, 5,000"


async def closed(book: Served, on: str, **accrued: str) -> None:
    """What a day added to the books, by the parts of a line."""
    line = {"product": "consumer-standard", "grade": "B", "interest": ex.cny("0.00"), "penalty": ex.cny("0.00")}
    line |= {"loans": 1, **{name: ex.cny(amount) for name, amount in accrued.items()}}
    told = example(ledger.DayClosed, business_date=on, accruals=[line])
    await book.publish("businessday-cn", told, effective_date="2027-05-31")  # the day on which many were closed at once


async def test_coverage_and_margin_by_hand(book: Served) -> None:
    await book.publish("businessday-cn", ledger.BusinessDayOpened(business_date=date(2027, 5, 31)))
    await book.settle()
    assert {code: (await shown(book, "2027-03-31"))[code]["value"] for code in ("provision-coverage", "margin")} == {
        "provision-coverage": None,
        "margin": None,
    }, "nothing is lent, and nothing is divided by it"
    for number in (1, 2, 3):
        position = standing("2027-02-02", "10000.00", 0, "CURRENT")
        await tell(book, number, "2027-02-02", ledger.LoanDisbursed, value_date="2027-02-02", position=position)
    await closed(book, "2027-03-31", interest="500.00", provision="300.00")
    await tell(book, 1, "2027-04-03", ledger.LoanClassified, tier="SUBSTANDARD", classified_on="2027-04-03")
    await closed(book, "2027-04-04", interest="600.00", penalty="30.00", suspended="60.00", provision="15900.00")
    position = standing("2027-04-05", "10000.00", 0, "CURRENT")
    waived = {"waived_difference": ex.cny("20.00"), "waived_on": "2027-04-05", "value_date": "2027-04-05"}
    await tell(book, 2, "2027-04-05", ledger.ChargeWaived, position=position, **waived)
    await book.settle()

    board = await shown(book, "2027-04-30")
    assert board["provision-coverage"]["value"] == "1.62", "16,200 set aside for 10,000"
    assert (board["provision-coverage"]["colour"], board["provision-coverage"]["worse"]) == ("GREEN", "FALLING")
    april = Fraction(600 + 30 - 60 - 20, 30_000) * Fraction(365, 30) - Fraction("0.045")
    assert Fraction(board["margin"]["value"]) == round(april, 6)
    assert (board["margin"]["colour"], board["margin"]["trend"]) == ("GREEN", "RISING")
    march = Fraction(500 * 2, 30_000 + 30_000) * Fraction(365, 31) - Fraction("0.045")
    assert [each["value"] and Fraction(each["value"]) for each in board["margin"]["earlier"]] == [
        round(march, 6),
        Fraction("-0.045"),
        None,
    ], "in February nothing was earned yet, in January nothing was lent"

    given_up = {**NOTHING, "principal": ex.cny("10000.00"), "interest": ex.cny("200.00")}
    await tell(book, 3, "2027-05-04", ledger.LoanWrittenOff, written_off=given_up, written_off_on="2027-05-04")
    back = {"amount": ex.cny("1500.00"), "value_date": "2027-04-20", "received_on": "2027-05-06"}
    await tell(book, 3, "2027-05-06", ledger.RecoveryReceived, **back)
    await book.settle()
    assert (await shown(book, "2027-04-30"))["provision-coverage"]["value"] == "1.62", "it is booked in May"
    may = (await shown(book, "2027-05-31"))["provision-coverage"]
    assert (may["value"], may["colour"], may["trend"]) == ("0.75", "RED", "FALLING"), "16,200 - 10,200 + 1,500"
    drawn = await (await book.client("auditor")).get("/audit/risk-board.svg?on=2027-05-31")
    circles = [element for element in ET.fromstring(drawn.text).iter() if element.tag.endswith("circle")]
    assert len(circles) == len(LATER["indicators"]) == 13


async def test_operations_by_hand(book: Served) -> None:
    async def at(on: str, stream: str, event: type[DomainEvent], **changes: Any) -> None:
        await book.publish(stream, example(event, **changes), effective_date=on)

    for number, received in ((1, "2026-04-05"), (2, "2026-04-05"), (3, "2026-04-20")):
        complaint = {"complaint_id": f"complaint-{number}", "received_on": received}
        await at(received, f"conduct-{number}", collections.ComplaintReceived, **complaint)
    answer = {"complaint_id": "complaint-2", "resolved_on": "2026-05-02"}
    await at("2026-05-02", "conduct-2", collections.ComplaintResolved, **answer)
    skipped = example(operations.ParkedEventSkipped)  # every service publishes these of itself
    await book.neighbours["ledger"].publish("operations-ledger", skipped, effective_date="2026-04-06")
    found = [example(audit.ViolationFound, found_on="2026-04-02")]  # the audit's own
    write: Decider[Any, None, Any] = Decider("violation", None, lambda told, _state: told, lambda state, _event: state)
    await book.runtime.commands.handle(write, "violation-1", found, Cause(Actor("officer", "compliance_officer"), "c"))
    overrides = ({}, {}, {"override": "record-corrected"}, {"term_override": "income-lasting"})
    for number, override in enumerate(overrides, 1):
        decided = {"application_id": loan_id(number), "approved_on": "2026-04-10", **override}
        await at("2026-04-10", f"decision-{loan_id(number)}", approval.ApplicationApproved, **decided)
    await book.settle()
    codes = ("violations-open", "complaints-overdue", "parked-skipped", "overrides")
    april, may = await shown(book, "2026-04-30"), await shown(book, "2026-05-31")
    assert [april[code]["value"] for code in codes] == ["1", "2", "1", "0.5"]
    assert [may[code]["value"] for code in codes] == ["1", "2", "0", None]
    assert (april["overrides"]["colour"], may["overrides"]["colour"]) == ("RED", "GREY")
    auditor = await book.client("auditor")
    drawn = await auditor.get("/audit/risk-board.svg?on=2026-04-30")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    root = ET.fromstring(drawn.text)
    circles = [element for element in root.iter() if element.tag.endswith("circle")]
    assert len(circles) == len(DOCUMENT["indicators"])


@pytest.mark.parametrize("query", ["", "?on=2026-02-30", "?on=2199-01-01", "?on=1999-01-01", "?on=2026-01-01&x=1"])
async def test_a_day_that_cannot_be_asked_for(book: Served, query: str) -> None:
    client = await book.client("risk_manager")
    for path in ("/audit/risk-board", "/audit/risk-board.svg"):
        answer = await client.get(path + query)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert (await (await book.client("collector")).get("/audit/risk-board?on=2026-01-01")).status_code == 403


def test_colour_and_trend_at_their_edges() -> None:
    par = next(each for each in library().board_on(date(2026, 1, 1)).indicators if each.code == "par30")
    tiny = Fraction(1, 10**9)
    assert par.colour(par.warning) is Colour.GREEN
    assert par.colour(par.warning + tiny) is par.colour(par.limit) is Colour.AMBER
    assert par.colour(par.limit + tiny) is Colour.RED
    assert par.colour(None) is Colour.GREY
    coverage = next(
        each for each in library().board_on(date(2027, 1, 1)).indicators if each.code == "provision-coverage"
    )
    assert coverage.colour(coverage.warning) is Colour.GREEN
    assert coverage.colour(coverage.warning - tiny) is coverage.colour(coverage.limit) is Colour.AMBER
    assert coverage.colour(coverage.limit - tiny) is Colour.RED
    one, two = Fraction(1), Fraction(2)
    assert trend([two, None, one]) is Trend.RISING
    assert trend([one, one, two]) is Trend.FALLING
    assert trend([one, two, one]) is Trend.STEADY
    assert trend([one, None]) is trend([None, one]) is trend([]) is Trend.UNKNOWN
    assert month_ends(date(2026, 3, 31), 2) == [date(2026, 3, 31), date(2026, 2, 28), date(2026, 1, 31)]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"indicators": [DOCUMENT["indicators"][0]] * 2}, "each once"),
        ({"indicators": [DOCUMENT["indicators"][0] | {"code": "luck"}]}, "each once"),
        ({"indicators": [DOCUMENT["indicators"][0] | {"warning": "0.2"}]}, "before its limit"),
        ({"indicators": [DOCUMENT["indicators"][0] | {"worse": "FALLING"}]}, "before its limit"),
        ({"indicators": [each for each in LATER["indicators"] if each["code"] == "margin"]}, "what funding costs"),
        ({"margin": LATER["margin"] | {"year_days": 0}}, "a year has"),
        ({"months": 0}, "one month"),
        ({"nonperforming": ["POOR"]}, "POOR"),
    ],
)
def test_limits_that_contradict_themselves_are_refused(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        BoardPolicy.from_json({**DOCUMENT, **change})
