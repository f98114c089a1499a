"""Vintages, roll rates and collection: figures that can be worked out by hand, from the events of a small portfolio."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import examples as ex
from libs.contracts import ledger
from libs.service.testing import Served
from services.audit.curves_picture import picture
from services.audit.domain.curves import STAGES, Curves, Late, mean_rates, months_between, rolls, vintages
from services.audit.tests.standings import NOTHING, standing, tell

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
MAY = "2026-05-31"


async def pays_out(book: Served, number: int, on: str, amount: str) -> None:
    position = standing(on, amount, 0, "CURRENT")
    await tell(
        book, number, on, ledger.LoanDisbursed, value_date=on, amount=ex.cny(amount), position=position
    )  # fmt: skip


def behind(on: str, principal: str, days: int, bucket: str, overdue: str) -> dict[str, Any]:
    return standing(on, principal, days, bucket) | {"overdue": {**NOTHING, "principal": ex.cny(overdue)}}


async def falls_behind(book: Served, number: int, on: str, *position: Any) -> None:
    await tell(
        book, number, on, ledger.DelinquencyChanged, position=behind(on, *position), changed_on=on
    )  # fmt: skip


async def pays(book: Served, number: int, on: str, amount: str, position: dict[str, Any], **more: Any) -> None:
    told = {"value_date": on, "received_on": on, "amount": ex.cny(amount), "position": position, **more}
    await tell(book, number, on, ledger.RepaymentReceived, **told)


@pytest.fixture
async def known(book: Served) -> Served:
    """Six loans: one late and mended, one settled, one that goes bad, one taken back, one paid out in two parts, and one
    given up before it is late."""
    await pays_out(book, 1, "2026-01-15", "10000.00")
    await pays_out(book, 2, "2026-01-20", "10000.00")
    await pays_out(book, 3, "2026-02-10", "6000.00")
    await pays_out(book, 4, "2026-02-11", "9000.00")
    await pays_out(book, 5, "2026-05-04", "3000.00")
    part = standing("2026-05-20", "5000.00", 0, "CURRENT")
    await tell(
        book, 5, "2026-05-20", ledger.TrancheDisbursed,
        value_date="2026-05-20", amount=ex.cny("2000.00"), position=part,
    )  # fmt: skip
    await falls_behind(book, 1, "2026-02-20", "10000.00", 5, "M1", "1000.00")
    back = {"value_date": "2026-03-05", "returned_on": "2026-03-05", "amount": ex.cny("9000.00")}
    await tell(book, 4, "2026-03-05", ledger.DisbursementReturned, **back)
    await falls_behind(book, 1, "2026-03-18", "10000.00", 31, "M2", "2000.00")
    await tell(book, 2, "2026-03-20", ledger.LoanSettled, settled_on="2026-03-20")
    await falls_behind(book, 3, "2026-04-01", "6000.00", 31, "M2", "500.00")
    await pays(book, 1, "2026-04-10", "2500.00", standing("2026-04-10", "7500.00", 0, "CURRENT"))
    late = behind("2026-05-10", "6000.00", 70, "M3", "300.00")
    await pays(book, 3, "2026-05-10", "300.00", late, repayment_id="repayment-3")
    reversed_ = {"repayment_id": "repayment-3", "amount": ex.cny("100.00"), "reversed_on": "2026-05-12"}
    await tell(book, 3, "2026-05-12", ledger.RepaymentReversed, position=late | {"as_of": "2026-05-12"}, **reversed_)
    await pays(book, 3, "2026-05-13", "400.00", late | {"as_of": "2026-05-13"}, set_off_by="loan-x")
    await falls_behind(book, 3, "2026-05-20", "6000.00", 91, "M4", "700.00")
    await pays_out(book, 6, "2026-05-05", "1000.00")
    for number, on, amount in ((3, "2026-05-25", "6000.00"), (6, "2026-05-28", "1000.00")):
        given_up = {**NOTHING, "principal": ex.cny(amount)}
        await tell(book, number, on, ledger.LoanWrittenOff, written_off=given_up, written_off_on=on)
    await book.settle()
    return book


async def shown(book: Served, on: str = MAY, months: int = 12) -> dict[str, Any]:
    answer = await (await book.client("risk_manager")).get(f"/audit/curves?on={on}&months={months}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_vintage_is_as_bad_as_its_loans_have_ever_been(known: Served) -> None:
    found = (await shown(known))["vintages"]
    assert [(each["month"], each["loans"], each["amount"]["amount"]) for each in found] == [
        ("2026-01", 2, "20000.00"),
        ("2026-02", 1, "6000.00"),
        ("2026-05", 2, "6000.00"),
    ], "what was taken back was never paid out, and both parts of one count"
    assert [each["over_30"] for each in found] == [
        *(["0", "0", "0.5", "0.5", "0.5"], ["0", "0", "1", "1"], ["0.166667"])
    ]
    assert [each["over_90"] for each in found] == [["0"] * 5, ["0", "0", "0", "1"], ["0.166667"]]
    almost = (await shown(known, "2026-05-22"))["vintages"]
    assert [each["over_90"][-1] for each in almost] == ["0", "1", "0"], "over 90 days, and nothing given up yet"
    before = (await shown(known, "2026-03-31"))["vintages"]
    assert [each["over_30"] for each in before] == [["0", "0", "0.5"], ["0", "0"]]
    assert [each["month"] for each in (await shown(known, months=3))["vintages"]] == ["2026-02", "2026-05"]


async def test_every_loan_of_a_month_is_somewhere_at_the_end_of_the_next(known: Served) -> None:
    found = (await shown(known, months=3))["roll_rates"]
    moved = [(each["on"][5:], each["before"], each["after"], each["loans"], each["share"]) for each in found]
    assert moved == [
        *(("05-31", "CURRENT", "CURRENT", 1, "1"), ("05-31", "M2", "WRITTEN_OFF", 1, "1")),
        *(("04-30", "CURRENT", "M2", 1, "1"), ("04-30", "M2", "CURRENT", 1, "1")),
        ("03-31", "CURRENT", "CURRENT", 1, "0.24"),
        ("03-31", "CURRENT", "SETTLED", 1, "0.4"),
        ("03-31", "CURRENT", "CANCELLED", 1, "0.36"),
        ("03-31", "M1", "M2", 1, "1"),
        ("02-28", "CURRENT", "CURRENT", 1, "0.5"),
        ("02-28", "CURRENT", "M1", 1, "0.5"),
    ]
    assert found[4]["principal"] == {"amount": "6000.00", "currency": "CNY"}


async def test_what_comes_in_counts_up_to_what_was_past_due(known: Served) -> None:
    found = (await shown(known, months=3))["collection"]
    months = [(each["on"], each["arrears"]["amount"], each["collected"]["amount"], each["share"]) for each in found]
    assert months == [
        ("2026-05-31", "500.00", "200.00", "0.4"),
        ("2026-04-30", "2000.00", "2000.00", "1"),
        ("2026-03-31", "1000.00", "0.00", "0"),
        ("2026-02-28", "0.00", "0.00", None),
    ], "300 less 100 that was reversed, and no set-off; 2,500 of which 2,000 was due; nothing; nothing to collect"


async def test_the_same_as_files_and_as_a_picture(known: Served) -> None:
    client = await known.client("auditor")
    files = {}
    for table in ("vintages", "roll-rates", "collection"):
        answer = await client.get(f"/audit/curves.csv?on={MAY}&months=3&table={table}")
        assert answer.headers["content-disposition"] == f'attachment; filename="{table}-{MAY}.csv"'
        files[table] = list(csv.DictReader(answer.text.splitlines()))
    assert [row["over_30_fen"] for row in files["vintages"]] == ["0", "0", "600000", "600000", "100000"]
    assert (files["roll-rates"][5]["after"], files["roll-rates"][5]["share"]) == ("SETTLED", "0.400000")
    assert [row["collected_fen"] for row in files["collection"]] == ["20000", "200000", "0", "0"]
    drawn = await client.get(f"/audit/curves.svg?on={MAY}")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    tags = [element.tag.rpartition("}")[2] for element in ET.fromstring(drawn.text).iter()]
    assert tags.count("polyline") == 6, "three vintages, each twice"


async def test_an_empty_book_has_no_curves(book: Served) -> None:
    found = await shown(book, months=2)
    assert (found["vintages"], found["roll_rates"]) == ([], [])
    assert [each["share"] for each in found["collection"]] == [None, None, None]
    assert "No loan was there" in (await (await book.client("auditor")).get(f"/audit/curves.svg?on={MAY}")).text


@pytest.mark.parametrize(
    "query",
    ["", "?on=2026-02-30", "?on=2199-01-01", f"?on={MAY}&months=0", f"?on={MAY}&months=61", "?on=0001-06-01&months=12"],
)
async def test_what_cannot_be_asked_for(book: Served, query: str) -> None:
    client = await book.client("risk_manager")
    for path in ("/audit/curves", "/audit/curves.svg"):
        answer = await client.get(path + query)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert (await client.get(f"/audit/curves.csv?on={MAY}&table=luck")).status_code == 422
    assert (await (await book.client("collector")).get(f"/audit/curves?on={MAY}")).status_code == 403


AGES = st.none() | st.integers(0, 12)
COUNTED = st.builds(Late, st.sampled_from([JANUARY, FEBRUARY]), AGES, AGES, st.integers(1, 9), st.integers(1, 10**9))
MOVED = st.tuples(
    st.sampled_from([JANUARY, FEBRUARY]), st.sampled_from(STAGES[:8]), st.sampled_from(STAGES),
    st.integers(1, 9), st.integers(0, 10**9),
)  # fmt: skip


@given(st.lists(COUNTED, max_size=20))
def test_a_vintage_never_gets_better_and_ends_with_all_that_went_bad(counted: list[Late]) -> None:
    for vintage in vintages(counted, date(2027, 2, 28)):
        own = [late for late in counted if late.month == vintage.month]
        assert vintage.amount == sum(late.amount for late in own)
        for over, ages in (
            (vintage.over_30, [late.after_30 for late in own]),
            (vintage.over_90, [late.after_90 for late in own]),
        ):
            assert list(over) == sorted(over)
            assert len(over) == months_between(vintage.month, date(2027, 2, 28)) + 1
            bad = sum(late.amount for late, age in zip(own, ages, strict=True) if age is not None)
            assert over[-1] == bad <= vintage.amount


@given(st.lists(MOVED, max_size=30, unique_by=lambda one: one[:3]))
def test_where_a_bucket_went_is_all_of_it(moved: list[tuple[date, str, str, int, int]]) -> None:
    found = rolls(moved)
    for place in {(roll.on, roll.before) for roll in found}:
        assert sum(roll.share for roll in found if (roll.on, roll.before) == place) == 1
    rates = mean_rates(found)
    for before in {before for before, _ in rates}:
        assert sum((share for (of, _), share in rates.items() if of == before), Fraction(0)) == 1
    ET.fromstring(picture(Curves(vintages([], JANUARY), found, []), JANUARY))
