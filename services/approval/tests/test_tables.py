"""Decision tables: what lint finds, and that every combination of facts has one outcome with a reason."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.approval import Outcome
from services.approval.domain.capacity import (
    NO_INCOME_BPS,
    coverage_bps,
    debt_to_income_bps,
    monthly_burden_minor,
)
from services.approval.library import library
from services.approval.tables import DecisionTable, Facts, TableFault, in_force, load_tables
from services.approval.tables.lint import faults_of
from services.approval.tests.requests import TODAY, request

TABLES = Path(__file__).parent.parent / "tables"
DOCUMENT: dict[str, Any] = json.loads((TABLES / "standard-v1.json").read_text("utf-8"))
TABLE = in_force(library().tables, TODAY)


def content(document: dict[str, Any]) -> dict[str, Any]:
    """The table inside a document."""
    found: dict[str, Any] = next(
        node["content"] for node in document["decision"]["nodes"] if node["type"] == "decisionTableNode"
    )
    return found


def cell(row: int, column: str, value: str) -> Callable[[dict[str, Any]], None]:
    def plant(document: dict[str, Any]) -> None:
        content(document)["rules"][row][column] = value

    return plant


def remove(member: str) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.pop(member)


def _same_conditions(document: dict[str, Any]) -> None:
    rows = content(document)["rules"]
    rows.insert(3, rows[2] | {"out_rule": "'twin'"})


def _no_condition(document: dict[str, Any]) -> None:
    for column in content(document)["inputs"]:
        content(document)["rules"][0][column["id"]] = ""


def _two_tables(document: dict[str, Any]) -> None:
    document["decision"]["nodes"] += [node for node in document["decision"]["nodes"] if "content" in node]


PLANTED: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    *((remove(member), f"member {member} is missing") for member in DOCUMENT if member != "notes"),
    (lambda d: d.update(format="puhui.decision-table/9"), "format"),
    (_two_tables, "exactly one table"),
    (lambda d: content(d).update(hitPolicy="collect"), "hit policy"),
    (lambda d: content(d)["inputs"][0].update(field="gender"), "column gender"),
    (lambda d: content(d)["outputs"].pop(), "a table answers with"),
    (cell(1, "in_grade", "grade == 'E'"), "row 2, grade"),
    (cell(1, "in_grade", "'E' or true"), "row 2, grade"),
    (cell(0, "in_scored", "no"), "row 1, scored"),
    (cell(2, "in_dti_bps", "> 70.5"), "row 3, dti_bps"),
    (cell(2, "in_dti_bps", "> amount_minor"), "row 3, dti_bps"),
    (cell(3, "in_amount_minor", "> -1"), "row 4, amount_minor"),
    (cell(3, "in_coverage_bps", "< 1e4"), "row 4, coverage_bps"),
    (cell(7, "in_guarantee", "'HOPE'"), "row 8, guarantee"),
    (cell(1, "out_outcome", "'MAYBE'"), "row 2, outcome"),
    (cell(1, "out_outcome", ""), "row 2, outcome"),
    (cell(1, "out_rule", "'Grade E'"), "row 2, rule"),
    (cell(1, "out_rule", "'not-scored-refer'"), "is taken"),
    (cell(1, "out_reasons", "[]"), "row 2, reasons"),
    (cell(1, "out_reasons", "['because']"), "'because' has no text"),
    (cell(1, "out_conditions", "['salary-account']"), "'salary-account' has no text"),
    (cell(1, "out_conditions", "none"), "row 2, conditions"),
    (cell(1, "out_queue", "standard"), "row 2, queue"),
    (cell(1, "out_four_eyes", "maybe"), "row 2, four_eyes"),
    (cell(1, "out_rate_adjust_bps", "0.5"), "row 2, rate_adjust_bps"),
    (cell(1, "out_rate_adjust_bps", "99999"), "row 2, rate_adjust_bps"),
    (_same_conditions, "same conditions"),
    (_no_condition, "no condition"),
]


@pytest.mark.parametrize(("plant", "fault"), PLANTED)
def test_lint_finds_a_planted_fault(plant: Callable[[dict[str, Any]], Any], fault: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    plant(document)
    assert any(fault in found for found in faults_of(document)), faults_of(document)
    with pytest.raises(TableFault):
        DecisionTable(document)


def test_the_published_table_has_no_fault() -> None:
    assert faults_of(DOCUMENT) == []


def test_a_faulty_file_is_named(tmp_path: Path) -> None:
    broken = copy.deepcopy(DOCUMENT)
    del broken["source"]
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    with pytest.raises(TableFault, match=r"broken\.json: member source is missing"):
        load_tables(tmp_path)


def test_the_latest_table_in_force_decides() -> None:
    later = DecisionTable(DOCUMENT | {"version": 2, "effective_from": "2026-06-01"})
    assert in_force([TABLE, later], date(2026, 5, 31)) is TABLE
    assert in_force([TABLE, later], date(2026, 6, 1)) is later
    with pytest.raises(LookupError):
        in_force([TABLE], date(2019, 12, 31))


GRADES = ["", "A", "B", "C", "D", "E", "F", "Z9"]
EDGES = [0, 1, 2_999_999, 3_000_000, 3_000_001, 5_000_000, 5_000_001, 10_000_000, 10_000_001, 10**12]
facts = st.builds(
    Facts,
    grade=st.sampled_from(GRADES),
    scored=st.booleans(),
    dti_bps=st.sampled_from([0, 5499, 5500, 5501, 7000, 7001, NO_INCOME_BPS]) | st.integers(0, NO_INCOME_BPS),
    amount_minor=st.sampled_from(EDGES) | st.integers(0, 10**12),
    coverage_bps=st.sampled_from([0, 9999, 10_000, 11_999, 12_000]) | st.integers(0, NO_INCOME_BPS),
    guarantee=st.sampled_from(["UNSECURED", "SURETY", "MORTGAGE", "PLEDGE", "UNHEARD_OF"]),
    term_months=st.integers(1, 360),
)


@given(facts, st.none() | st.integers(0, 1000))
def test_every_combination_of_facts_gets_one_outcome_with_a_reason(asked: Facts, score: int | None) -> None:
    verdict = TABLE.decide(asked, score)
    assert verdict.outcome in Outcome
    assert len(verdict.basis.rules) == 1
    assert verdict.reasons
    assert all(reason.text.zh and reason.text.en for reason in verdict.reasons)
    assert (verdict.outcome is Outcome.REFER) or verdict.queue == "standard"
    assert verdict == TABLE.decide(asked, score)
    if not asked.scored or asked.grade not in "ABCDE":
        assert verdict.outcome is not Outcome.APPROVE


def row(**changes: Any) -> tuple[str, str]:
    """The row and outcome for somebody of grade A with little debt, changed so."""
    known: dict[str, Any] = {
        "grade": "A",
        "scored": True,
        "dti_bps": 3000,
        "amount_minor": 1_000_000,
        "coverage_bps": 0,
        "guarantee": "UNSECURED",
        "term_months": 12,
    }
    verdict = TABLE.decide(Facts(**(known | changes)), 600)
    return verdict.basis.rules[0], verdict.outcome.value


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("grade-a-approve", "APPROVE")),
        ({"scored": False, "grade": ""}, ("not-scored-refer", "REFER")),
        ({"grade": "E"}, ("grade-e-decline", "DECLINE")),
        ({"dti_bps": 7000}, ("debt-over-55-refer", "REFER")),
        ({"dti_bps": 7001}, ("debt-over-70-decline", "DECLINE")),
        ({"dti_bps": 5500}, ("grade-a-approve", "APPROVE")),
        ({"dti_bps": 5501}, ("debt-over-55-refer", "REFER")),
        ({"grade": "D", "amount_minor": 5_000_001}, ("grade-d-large-decline", "DECLINE")),
        ({"grade": "D", "amount_minor": 5_000_001, "coverage_bps": 10_000}, ("grade-d-refer", "REFER")),
        ({"grade": "D", "amount_minor": 5_000_000}, ("grade-d-refer", "REFER")),
        ({"amount_minor": 10_000_000}, ("grade-a-approve", "APPROVE")),
        ({"amount_minor": 10_000_001}, ("large-refer", "REFER")),
        ({"guarantee": "MORTGAGE", "coverage_bps": 11_999}, ("mortgage-refer", "REFER")),
        ({"guarantee": "MORTGAGE", "coverage_bps": 12_000}, ("grade-a-approve", "APPROVE")),
        ({"grade": "B"}, ("grade-b-approve", "APPROVE")),
        ({"grade": "C", "amount_minor": 3_000_000}, ("grade-c-small-approve", "APPROVE")),
        ({"grade": "C", "amount_minor": 3_000_001}, ("grade-c-refer", "REFER")),
        ({"grade": "Z9"}, ("no-row-matched", "REFER")),
    ],
)
def test_a_row_of_the_standard_table_decides_at_its_edges(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert row(**changes) == expected


def test_debt_to_income_is_rounded_against_the_applicant() -> None:
    asked = request("12000.00", monthly_income={"amount": "9000.00", "currency": "CNY"})
    burden = monthly_burden_minor(asked, TODAY)
    exact = Decimal(burden + asked.monthly_debt_service.minor) / asked.monthly_income.minor * 10_000
    assert 0 <= debt_to_income_bps(asked, TODAY) - exact < 1
    poor = request(monthly_income={"amount": "0.00", "currency": "CNY"})
    assert debt_to_income_bps(poor, TODAY) == NO_INCOME_BPS
    tiny = request(monthly_income={"amount": "0.01", "currency": "CNY"})
    assert debt_to_income_bps(tiny, TODAY) == NO_INCOME_BPS


@pytest.mark.parametrize(
    ("value", "bps"), [(None, 0), ("0.00", 0), ("11999.99", 9_999), ("12000.00", 10_000), ("99999999999.00", 1_000_000)]
)
def test_coverage_is_rounded_against_the_applicant(value: str | None, bps: int) -> None:
    worth = None if value is None else {"amount": value, "currency": "CNY"}
    assert coverage_bps(request(guarantee={"kind": "MORTGAGE", "value": worth})) == bps
