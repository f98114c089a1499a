"""Call scripts: what is said at which stage, and what no script may say."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from libs.contracts.collections import Stage
from libs.service.testing import Served
from services.collections.library import HERE, library
from services.collections.scripts import CallScript, Listener, ScriptError, for_stage
from services.collections.tests.loans import TheLoan
from services.collections.tests.test_api import behind

EARLY: dict[str, Any] = json.loads((HERE / "scripts" / "early-v1.json").read_text("utf-8"))
OTHERS: dict[str, Any] = json.loads((HERE / "scripts" / "third-party-v1.json").read_text("utf-8"))


@pytest.mark.parametrize("stage", [Stage.EARLY, Stage.MIDDLE, Stage.LATE])
def test_at_each_stage_before_a_court_there_is_one_for_the_debtor_and_one_for_others(stage: Stage) -> None:
    found = for_stage(library().scripts, stage, date(2026, 3, 3))
    assert [script.listener for script in found] == [Listener.DEBTOR, Listener.THIRD_PARTY]


def test_once_a_court_has_the_word_nobody_calls_the_debtor_to_collect() -> None:
    assert [script.code for script in for_stage(library().scripts, Stage.LEGAL, date(2026, 3, 3))] == ["third-party"]


def test_the_latest_version_in_force_is_read() -> None:
    first, later = (
        CallScript.from_json(EARLY | {"version": version, "effective_from": on})
        for version, on in ((1, "2020-01-01"), (2, "2026-06-01"))
    )
    assert for_stage([later, first], Stage.EARLY, date(2026, 5, 31)) == [first]
    assert for_stage([later, first], Stage.EARLY, date(2026, 6, 1)) == [later]
    assert for_stage([later, first], Stage.EARLY, date(2019, 12, 31)) == []


@pytest.mark.parametrize(
    ("document", "change", "fault"),
    [
        (EARLY, {"format": "x/1"}, "format"),
        (EARLY, {"steps": []}, "a script has"),
        (EARLY, {"never": []}, "a script has"),
        (EARLY, {"stages": ["SOON"]}, "form"),
        (EARLY, {"steps": [{"zh": "您好"}]}, "form"),
        (EARLY, {"steps": [{"zh": "{name}", "en": "{name}"}]}, "not \\['name'\\]"),
        (OTHERS, {"steps": [{"zh": "他的贷款", "en": "He"}]}, "not told of the debt: 贷"),
        (OTHERS, {"steps": [{"zh": "您好", "en": "He is OVERDUE"}]}, "not told of the debt: overdue"),
        (OTHERS, {"steps": [{"zh": "您好", "en": "Call {days}"}]}, "nothing of the case"),
    ],
)
def test_a_script_that_must_not_be_read_is_refused(
    document: dict[str, Any], change: dict[str, Any], fault: str
) -> None:
    CallScript.from_json(document)
    with pytest.raises(ScriptError, match=fault):
        CallScript.from_json(document | change)


async def test_a_collector_reads_the_scripts_of_his_case(running: Served, loan: TheLoan) -> None:
    path = await behind(running, loan)
    collector = await running.client("collector")
    debtor, others = (await collector.get(f"{path}/scripts")).json()
    assert (debtor["script"], debtor["channels"], others["listener"]) == ("early v1", ["TELEPHONE"], "THIRD_PARTY")
    assert "CNY 1100.00 of your loan is past due (days: 1)" in debtor["steps"][1]["en"]
    assert "CNY 1100.00 已逾期 1 天" in debtor["steps"][1]["zh"]
    assert "1100" not in json.dumps(others)
    assert (await collector.get("/collections/cases/none/scripts")).status_code == 404
    assert (await (await running.client("loan_officer")).get(f"{path}/scripts")).status_code == 403
