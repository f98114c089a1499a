"""Every published case, row by row, through the same code as `puhui cases`."""

import copy
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import libs.lending.tests
from standalone.case_check import blind, missed, same
from standalone.case_rates import run_apr
from standalone.cases import answer, app, run_schedule

DATA = Path(libs.lending.tests.__file__).parent / "data"
SCHEDULES = json.loads((DATA / "schedule_cases.json").read_text(encoding="utf-8"))["cases"]
FURTHER_SCHEDULES = json.loads((DATA / "further_schedules.json").read_text(encoding="utf-8"))["cases"]
RATE_CASES = [
    cases
    for name in ("apr_cases.json", "further_rates.json")
    for cases in json.loads((DATA / name).read_text(encoding="utf-8")).values()
    if isinstance(cases, list)
]
ANNUAL_RATES = json.loads((DATA / "apr_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", [*SCHEDULES, *FURTHER_SCHEDULES], ids=lambda case: case["id"])
def test_a_published_schedule_is_met_row_by_row(case: dict[str, Any]) -> None:
    assert missed(case) == []


CASE = SCHEDULES[0]
FURTHER = json.loads((DATA / "further_cases.json").read_text(encoding="utf-8"))["cases"]
COLUMNS = ("due_date", "paid_date", "balance", "principal", "interest", "outstanding")


def derived(further: dict[str, Any]) -> dict[str, Any]:
    """A case told by its difference from another."""
    base = blind(next(case for case in SCHEDULES if case["id"] == further["base"]))
    events = [dict(event) for event in base["events"]]
    if "repay" in further:
        on, amount = further["repay"]
        events[-2:] = [{"type": "business_date", "date": on}, {"type": "repayment", "date": on, "amount": amount}]
    if "tranche" in further:
        on, amount = further["tranche"]
        events[-1] = {"type": "disburse", "date": on, "amount": amount}
    for event in events:
        if event["type"] == "reschedule":
            kept = {key: event[key] for key in ("type", "rescheduleFromDate", "submittedOnDate")}
            event.clear()
            event.update(kept, **further["reschedule"])
        elif event["type"] == "disburse" and "disburse" in further:
            event["amount"] = further["disburse"]
    events += further.get("more", [])
    return {**base, "params": {**base["params"], **further.get("params", {})}, "events": events}


@pytest.mark.parametrize("further", FURTHER, ids=lambda further: further["id"])
def test_further_published_schedules_are_met(further: dict[str, Any]) -> None:
    printed = run_schedule(derived(further))
    for column in COLUMNS:
        if column in further:
            ours = [row[column] for row in printed["rows"]]
            assert len(ours) == len(further[column])
            assert all(same(column, a, b) for a, b in zip(ours, further[column], strict=True)), (column, ours)


def test_the_published_buckets_are_entered_on_the_published_days() -> None:
    case = next(case for case in SCHEDULES if case["category"] == "delinquency")
    lines = run_schedule(blind(case))["delinquency"]
    for expected in case["expected"]:
        current = [line for line in lines if line["from_date"] <= expected["date"]][-1]
        assert current["code"] == expected["code"]
        assert current["is_npa"] is expected.get("is_npa", False)
        assert current["from_dpd"] <= expected["dpd"] <= current["to_dpd"]


def test_the_published_payoff_amount() -> None:
    case = next(case for case in SCHEDULES if "expected_payoff" in case)
    rows = run_schedule(blind(case))["rows"]
    before = run_schedule(blind(case, -2))["rows"]
    paid = sum(Decimal(row["paid"]) for row in rows) - sum(Decimal(row["paid"]) for row in before)
    assert paid == Decimal(case["expected_payoff"]["amount"])


@pytest.mark.parametrize("regime", ["cn", "us_reg_z_appendix_j", "eu"])
def test_published_annual_rates_are_met_to_six_decimals(regime: str) -> None:
    for case in ANNUAL_RATES[regime]:
        printed = run_apr({key: value for key, value in case.items() if not key.startswith(("expected", "recomputed"))})
        if regime == "cn":
            assert Decimal(printed["simple_annual_percent"]) == Decimal("12.803802")
            assert round(Decimal(printed["simple_annual_percent"]), 2) == Decimal(
                str(case["expected_simple_annual_percent"])
            )
            assert round(Decimal(printed["irr_annual_percent"]), 2) == Decimal(str(case["expected_irr_annual_percent"]))
        else:
            assert Decimal(printed["apr_percent"]) == Decimal(str(case["recomputed_apr_percent"]))


def test_every_class_is_met_in_full() -> None:
    names = ("schedule_cases.json", "further_schedules.json", "apr_cases.json", "further_rates.json")
    result = CliRunner().invoke(app, ["check", *(str(DATA / name) for name in names)])
    assert result.exit_code == 0, result.stdout
    counts = Counter(case["class"] for case in SCHEDULES)
    for name, count in counts.items():
        assert [cell.strip() for cell in row_of(result.stdout, "schedule_cases.json", name)] == [str(count)] * 2


def row_of(table: str, file: str, group: str) -> list[str]:
    rows = [line.strip("│\n").split("│") for line in table.splitlines() if "│" in line]
    return next(row[2:] for row in rows if [cell.strip() for cell in row[:2]] == [file, group])


def test_a_difference_is_told_and_is_a_failure(tmp_path: Path) -> None:
    wrong = {**CASE, "expected_rows": [{**CASE["expected_rows"][0], "interest": "0.01"}], "expected_totals": None}
    file = tmp_path / "cases.json"
    file.write_text(json.dumps([wrong]), encoding="utf-8")
    result = CliRunner().invoke(app, ["check", str(file)])
    assert result.exit_code == 1
    assert f"{CASE['id']}: row 1 interest: 50.00, published 0.01" in result.stdout
    assert "18 rows, published 1" in result.stdout


def test_the_command_prints_one_line_a_case_and_never_stops() -> None:
    runner = CliRunner()
    result = runner.invoke(app, ["schedules", str(DATA / "schedule_cases.json")])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [line["id"] for line in lines] == [case["id"] for case in SCHEDULES]
    result = runner.invoke(app, ["apr", str(DATA / "apr_cases.json")])
    assert [json.loads(line)["apr_percent"] for line in result.stdout.splitlines()][:2] == ["13.582558", "9.685708"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"events": [{"type": "moon_phase"}]}, "moon_phase"),
        ({"params": {**CASE["params"], "period": {"every": 1, "unit": "LUSTRES"}}}, "LUSTRES"),
        ({"params": {**CASE["params"], "day_count": "by feel"}}, "day count"),
        ({"params": {**CASE["params"], "amortization": "SOMEHOW"}}, "SOMEHOW"),
        ({"params": {**CASE["params"], "principal": "much"}}, "number"),
        ({"params": {**CASE["params"], "source_product_code": "X_COMPOUNDING_MONTHLY"}}, "interest on interest"),
        ({"params": {**CASE["params"], "source_product_code": "X_DOWNPAYMENT"}}, "down payment"),
        ({"params": {**CASE["params"], "phase_of_the_moon": "full"}}, "phase_of_the_moon"),
        ({"params": {**CASE["params"], "payment_timing": "BEGIN"}}, "in advance"),
        ({"params": {**CASE["params"], "month_end_due_date_strategy": "NEVER"}}, "NEVER"),
        ({"params": {**CASE["params"], "future_installment_allocation_rule": "ANY"}}, "ANY"),
        ({"params": {**CASE["params"], "days_in_year": "ACTUAL", "days_in_month": "DAYS_30"}}, "actual year"),
        ({"params": {**CASE["params"], "n": "2.5"}}, "whole number"),
        ({"params": [1, 2]}, "params is not an object"),
        ({"conventions": "usual"}, "conventions is not an object"),
        ({"events": [{"date": "2022-11-05"}]}, "gives no type"),
        ({"events": 3}, "TypeError"),
        ({"conventions": {**CASE["conventions"], "currency_decimals": 3}}, "two decimals"),
        ({"conventions": {**CASE["conventions"], "rounding_mode": "RANDOM"}}, "RANDOM"),
        ({"events": [{"type": "disburse", "date": f"2022-11-0{n}", "amount": "2500"} for n in (1, 5)]}, "tranche"),
        ({"events": [{"type": "repayment", "date": "2022-12-01", "amount": "99999"}]}, "more is repaid"),
        ({"events": [{"type": "reschedule", "rescheduleFromDate": "2022-12-01", "mood": "2"}]}, "mood"),
        ({"events": [{"type": "add_charge", "charge": "SNOOZE_FEE", "amount": "5"}]}, "without a date"),
        ({"params": {}}, "gives no principal"),
    ],
)
def test_what_has_no_counterpart_is_said_and_not_guessed(change: dict[str, Any], reason: str) -> None:
    printed = answer({**CASE, **change}, run_schedule)
    assert printed["id"] == CASE["id"]
    assert reason in printed["unsupported"]


JUNK = st.sampled_from(
    [None, "", "x", "-1", "0", 0, -3, 10**30, 1.5, True, [], {}, ["a"], {"a": 1}, "9999-12-31", "1e9"]
)


@given(st.sampled_from([*SCHEDULES, *FURTHER_SCHEDULES]), st.data())
@settings(max_examples=150)
def test_no_case_stops_the_others_whatever_it_holds(case: dict[str, Any], data: st.DataObject) -> None:
    broken = copy.deepcopy(blind(case))
    place: Any = data.draw(st.sampled_from([broken, broken["params"], broken["conventions"], *broken["events"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JUNK)
    printed = answer(broken, run_schedule)
    assert ("unsupported" in printed) != ("rows" in printed)
    json.dumps(printed)


@given(st.sampled_from([case for cases in RATE_CASES for case in cases]), st.data())
@settings(max_examples=100)
def test_no_rate_case_stops_the_others_whatever_it_holds(case: dict[str, Any], data: st.DataObject) -> None:
    broken = copy.deepcopy(blind(case))
    broken[data.draw(st.sampled_from(sorted(broken)))] = data.draw(JUNK)
    assert ("unsupported" in answer(broken, run_apr)) != ("apr_percent" in answer(broken, run_apr))


@pytest.mark.parametrize("text", ["not json", "[]", "3", '{"cases": []}'])
def test_a_file_without_cases_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cases.json"
    file.write_text(text, encoding="utf-8")
    for command in ("schedules", "apr", "check"):
        assert CliRunner().invoke(app, [command, str(file)]).exit_code == 2


def test_a_rate_comes_from_whatever_form_gives_the_flows() -> None:
    equal = {"count": 12, "amount": "8833.3"}
    forms = [
        {"regime": "CN_PBOC", "net_proceeds": "99000", "payments": equal},
        {
            "regime": "CN_PBOC",
            "principal": "100,000",
            "upfront_fee": "1000",
            "payments": [{**equal, "count": 5}, {**equal, "count": 7}],
        },
        {"regime": "EU_CCD", "amount": "99000", "payments": {**equal, "frequency": "monthly"}},
    ]
    assert {answer(form, run_apr)["apr_percent"] for form in forms} == {"13.582558"}


def test_several_advances_are_counted_from_the_first() -> None:
    """Two advances a month apart on which one payment falls due: 1,000 (1 + 2i) and 1,000 (1 + i) make 2,030."""
    case = {
        "regime": "US_REGZ",
        "advances": [{"date": "2026-02-01", "amount": 1000}, {"date": "2026-01-01", "amount": 1000}],
        "payment_frequency": "monthly",
        "payment_streams": [
            {"count": 1, "amount": 15, "from_date": "2026-02-01"},
            {"count": 1, "amount": 2015, "from_date": "2026-03-01"},
        ],
    }
    printed = answer(case, run_apr)
    i = Decimal(printed["apr_percent"]) / 1200
    assert abs(1000 * (1 + i) ** 2 + 1000 * (1 + i) - 15 * (1 + i) - 2015) < Decimal("0.0001")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"payment_frequency": "now and then"}, "now and then"),
        ({"payment_frequency": None, "unit_periods_per_year": None}, "neither a payment frequency"),
        ({"payment_streams": []}, ""),
        ({"amount_financed": "much"}, ""),
        ({"amount_financed": -5}, "money advanced"),
        ({"first_payment_unit_periods_t": None, "advance_date": None}, "neither dates nor"),
    ],
)
def test_a_rate_that_cannot_be_told_says_why(change: dict[str, Any], reason: str) -> None:
    printed = answer({**blind(ANNUAL_RATES["us_reg_z_appendix_j"][0]), **change}, run_apr)
    assert reason in printed["unsupported"]


def test_an_unknown_regime_is_said() -> None:
    assert "regime" in answer({"id": "x", "regime": "MARS"}, run_apr)["unsupported"]
