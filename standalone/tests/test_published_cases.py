"""Every published case, row by row, through the same code as `puhui cases`."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import libs.lending.tests
from standalone.case_rates import run_apr
from standalone.cases import answer, app, run_schedule

DATA = Path(libs.lending.tests.__file__).parent / "data"
SCHEDULES = json.loads((DATA / "schedule_cases.json").read_text(encoding="utf-8"))["cases"]
ANNUAL_RATES = json.loads((DATA / "apr_cases.json").read_text(encoding="utf-8"))
NOT_AMOUNTS = {"n", "days", "from_date", "due_date", "paid_date"}
NOT_PRINTED = {"interest_segments"}
EXPECTED = {"expected_rows", "expected_totals", "expected_stages", "expected", "expected_payoff", "expected_payable"}


def blind(case: dict[str, Any], events: int | None = None) -> dict[str, Any]:
    """The case without anything expected, up to a number of its events."""
    bare = {key: value for key, value in case.items() if key not in EXPECTED and key != "checks"}
    return {**bare, "events": case["events"][:events]}


def differences(printed: dict[str, Any], rows: list[dict[str, Any]], totals: dict[str, Any] | None) -> list[str]:
    """Each cell that is not as published."""
    by_number = {row["n"]: row for row in printed["rows"]}
    found = []
    for row in rows:
        for key, value in row.items():
            ours = by_number.get(row["n"], {}).get(key)
            if key not in NOT_PRINTED and not same(key, ours, value):
                found.append(f"row {row['n']} {key}: {ours}, published {value}")
    for key, value in (totals or {}).items():
        ours = printed["totals"].get(key)
        if not same(key, ours, value):
            found.append(f"total {key}: {ours}, published {value}")
    return found


def same(key: str, ours: object, published: object) -> bool:
    if key in NOT_AMOUNTS or ours is None or published is None:
        return ours == published
    return Decimal(str(ours)) == Decimal(str(published))


def missed(case: dict[str, Any]) -> list[str]:
    """What differs in a case's last plan and in each intermediate one."""
    printed = answer(blind(case), run_schedule)
    if "unsupported" in printed:
        return [str(printed["unsupported"])]
    found = differences(printed, case.get("expected_rows") or [], case.get("expected_totals"))
    if case.get("expected_rows") and not case.get("rows_are_partial"):
        found += [] if len(printed["rows"]) == len(case["expected_rows"]) else ["number of rows"]
    for stage in case.get("expected_stages") or []:
        count = stage.get("after_events", stage.get("after_actions"))
        at_stage = answer(blind(case, count), run_schedule)
        found += [f"after {count}: {text}" for text in differences(at_stage, stage["rows"], stage.get("totals"))]
    return found


@pytest.mark.parametrize("case", SCHEDULES, ids=lambda case: case["id"])
def test_a_published_schedule_is_met_row_by_row(case: dict[str, Any]) -> None:
    assert missed(case) == []


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


def test_every_class_is_met_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    met, all_of = Counter[str](), Counter(case["class"] for case in SCHEDULES)
    for case in SCHEDULES:
        met[case["class"]] += not missed(case)
    with capsys.disabled():
        for _name, _count in sorted(all_of.items()):
            pass
    assert met == all_of


def test_the_command_prints_one_line_a_case_and_never_stops() -> None:
    runner = CliRunner()
    result = runner.invoke(app, ["schedules", str(DATA / "schedule_cases.json")])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [line["id"] for line in lines] == [case["id"] for case in SCHEDULES]
    result = runner.invoke(app, ["apr", str(DATA / "apr_cases.json")])
    assert [json.loads(line)["apr_percent"] for line in result.stdout.splitlines()][:2] == ["13.582558", "9.685708"]


CASE = SCHEDULES[0]


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
        ({"events": [{"type": "disburse", "date": "2022-11-05", "amount": "5000"}]}, "tranche"),
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


def test_an_unknown_regime_is_said() -> None:
    assert "regime" in answer({"id": "x", "regime": "MARS"}, run_apr)["unsupported"]
