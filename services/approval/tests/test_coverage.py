"""What a table leaves open, what in it can never decide, and that both are found wherever they are planted."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import zen
from hypothesis import given
from hypothesis import strategies as st

from services.approval.tables import DecisionTable, Facts, TableFault, load_tables, propose
from services.approval.tables.cells import layout_of
from services.approval.tables.coverage import coverage_of
from services.approval.tables.lint import faults_of
from services.approval.tests.test_tables import DOCUMENT, cell, content

TABLE = DecisionTable(DOCUMENT)


def without(rule: str) -> Callable[[dict[str, Any]], None]:
    def plant(document: dict[str, Any]) -> None:
        rows = content(document)["rules"]
        rows[:] = [row for row in rows if row["_id"] != rule]

    return plant


def moved_up(rule: str) -> Callable[[dict[str, Any]], None]:
    def plant(document: dict[str, Any]) -> None:
        rows = content(document)["rules"]
        rows.insert(1, rows.pop(next(number for number, row in enumerate(rows) if row["_id"] == rule)))

    return plant


@pytest.mark.parametrize(
    ("plant", "fault"),
    [
        (without("grade-c-refer"), "no row fits grade C, scored true, dti_bps 0, amount_minor 3000001"),
        (without("grade-b-approve"), "no row fits grade B"),
        (cell(11, "in_amount_minor", "> 3000001"), "no row fits grade C, scored true, dti_bps 0, amount_minor 3000001"),
        (cell(6, "in_dti_bps", "> 7500"), "row 7 (debt-over-55-refer) can never be reached"),
        (cell(11, "in_amount_minor", "<= 2000000"), "row 12 (grade-c-refer) can never be reached"),
        (cell(1, "in_grade", "'D', 'E'"), "row 5 (grade-d-refer) can never be reached"),
        (moved_up("grade-a-approve"), "approves applications that row 4 (debt-over-70-decline) declines"),
    ],
)
def test_a_gap_a_dead_row_and_an_approval_above_a_refusal_are_found(
    plant: Callable[[dict[str, Any]], None], fault: str
) -> None:
    document = copy.deepcopy(DOCUMENT)
    plant(document)
    assert any(fault in found for found in faults_of(document)), faults_of(document)
    with pytest.raises(TableFault):
        propose(document, "standard")


def test_every_row_of_the_published_table_decides_something_and_nothing_is_left_open() -> None:
    coverage = coverage_of(TABLE.content)
    assert (coverage.gaps, coverage.gap_cells) == ([], 0)
    assert min(coverage.decided.values()) > 0
    assert sum(coverage.decided.values()) == coverage.cells == 1440


def test_a_table_too_large_to_be_looked_at_is_refused() -> None:
    document = copy.deepcopy(DOCUMENT)
    rows = content(document)["rules"]
    last = rows.pop()
    limits = [{"in_dti_bps": f"> {9000 - n}", "in_amount_minor": f"> {20_000_000 - n}"} for n in range(60)]
    rows += [last | limit | {"out_rule": f"'extra-{n}'"} for n, limit in enumerate(limits)]
    rows.append(last)
    assert any("use fewer different limits" in fault for fault in faults_of(document))


ENGINE = zen.ZenEngine().create_decision(json.dumps(DOCUMENT["decision"]))
numbers = st.integers(0, 10**12)
facts = st.builds(
    Facts,
    grade=st.sampled_from(["", "A", "B", "C", "D", "E", "F", "Z9"]),
    scored=st.booleans(),
    dti_bps=st.sampled_from([0, 5499, 5500, 5501, 7000, 7001]) | numbers,
    amount_minor=st.sampled_from([2_999_999, 3_000_000, 3_000_001, 5_000_000, 5_000_001, 10_000_000, 10_000_001])
    | numbers,
    coverage_bps=st.sampled_from([0, 9999, 10_000, 11_999, 12_000]) | numbers,
    guarantee=st.sampled_from(["UNSECURED", "SURETY", "MORTGAGE", "PLEDGE", "UNHEARD_OF"]),
    term_months=st.integers(1, 360),
)


@given(facts, st.none() | st.integers(0, 1000))
def test_what_is_looked_up_is_what_the_engine_says(asked: Facts, score: int | None) -> None:
    said = ENGINE.evaluate(asdict(asked))["result"] or {}
    verdict = TABLE.decide(asked, score)
    assert verdict.basis.rules == (said.get("rule", "no-row-matched"),)
    if said:
        assert (verdict.outcome, verdict.queue) == (said["outcome"], said["queue"] or "standard")
        assert [reason.code for reason in verdict.reasons] == said["reasons"]
        assert [reason.code for reason in verdict.conditions] == said["conditions"]
        assert (verdict.four_eyes, verdict.rate_adjust_bps) == (said["four_eyes"], said["rate_adjust_bps"])


def test_in_every_cell_the_engine_takes_the_row_that_is_looked_up() -> None:
    layout = layout_of(TABLE.content)
    for cell_, fitting in zip(layout.cells(), layout.fitting(), strict=True):
        asked = {
            name: value == "true" if name == "scored" else value
            for name, value in zip(layout.columns, cell_, strict=True)
        }
        said = ENGINE.evaluate(asked)["result"]["rule"]
        assert said == TABLE.content["rules"][(fitting & -fitting).bit_length() - 1]["_id"], layout.told(cell_)
        assert TABLE.decide(Facts(**{"term_months": 12, **asked}), 600).basis.rules == (said,)


def test_a_step_beside_the_table_that_changes_its_answer_is_refused() -> None:
    document = copy.deepcopy(DOCUMENT)
    step = {"expressions": [{"id": "1", "key": "outcome", "value": "'APPROVE'"}], "passThrough": True}
    document["decision"]["nodes"].append({"id": "step", "type": "expressionNode", "name": "Step", "content": step})
    ways = (("input", "table"), ("table", "step"), ("step", "output"))
    document["decision"]["edges"] = [
        {"id": f"{source}-{target}", "type": "edge", "sourceId": source, "targetId": target} for source, target in ways
    ]
    with pytest.raises(TableFault, match="the engine says"):
        propose(document, "standard")


def test_a_table_without_a_text_for_no_row_is_refused() -> None:
    document = copy.deepcopy(DOCUMENT)
    del document["reasons"]["no-row-matched"]
    assert faults_of(document) == ["reason 'no-row-matched' has no text"]


def test_a_table_read_from_a_file_is_looked_at_too(tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    without("grade-b-approve")(document)
    (tmp_path / "gap.json").write_text(json.dumps(document))
    with pytest.raises(TableFault, match=r"gap\.json: no row fits grade B"):
        load_tables(tmp_path)
