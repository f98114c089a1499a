"""The harness: turns, ratios, the file's form, and a table that hides no goal that was missed."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from bench.__main__ import arguments
from bench.common.page import page
from bench.common.result import Goal, Result
from bench.common.session import Session, durations, rates
from bench.common.table import table


def result(**changes: Any) -> Result:
    given: dict[str, Any] = {
        "unit": "reads/s",
        "ours": 2000.0,
        "peers": {"peer": 1000.0},
        "ratios": {"peer": 2.0},
        "goals": [Goal("times the peer", 2.0, least=1.5), Goal("p99 in ms", 80.0, most=50.0)],
        "runs": 5,
        "limited_by": "the disk",
    }
    return Result(**{**given, **changes})


async def test_contestants_take_turns_and_the_median_counts() -> None:
    order: list[str] = []
    figures = {"a": iter([1.0, 9.0, 5.0]), "b": iter([2.0, 2.0, 7.0])}

    def contestant(name: str) -> Any:
        async def one() -> float:
            order.append(name)
            return next(figures[name])

        return one

    with Progress(console=Console(file=io.StringIO())) as progress:
        session = Session("x", progress, progress.add_task("x"), runs=3)
        medians = await session.in_turns("measuring", {name: contestant(name) for name in figures})
    assert medians == {"a": 5.0, "b": 2.0}
    assert order == ["a", "b", "b", "a", "a", "b"]


def test_a_ratio_above_one_is_better_whatever_the_unit() -> None:
    assert rates(20.0, {"peer": 10.0}) == {"peer": 2.0}
    assert durations(10.0, {"peer": 20.0}) == {"peer": 2.0}


def test_the_file_has_the_form_that_scripts_rely_on() -> None:
    found = result().to_json("x", full=False)
    assert list(found)[:10] == ["name", "unit", "ours", "peers", "ratios", "goal", "met", "runs", "machine", "date"]
    assert found["goal"] == "times the peer ≥ 1.5; p99 in ms ≤ 50"
    assert found["met"] is False
    assert found["limited_by"] == "the disk"


def test_one_missed_goal_is_a_benchmark_not_met() -> None:
    assert not result().met
    assert result(goals=[Goal("times the peer", 2.0, least=1.5)]).met


def test_the_table_names_what_was_missed_and_what_could_not_be_measured() -> None:
    console = Console(file=io.StringIO(), width=200)
    console.print(table({"x": result(), "y": RuntimeError("no broker")}))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [" reached" in line for line in lines if "times the peer" in line] == [True]
    assert ["not reached" in line for line in lines if "p99" in line] == [True]
    assert any("limited by: the disk" in line for line in lines)
    assert any("no broker" in line and "not measured" in line for line in lines)


def test_the_page_names_every_goal_and_what_holds_back_those_that_were_missed() -> None:
    missed, reached = result(), result(goals=[Goal("times the peer", 2.0, least=1.5)])
    lines = page([missed.to_json("slow", full=False), reached.to_json("quick", full=True)]).splitlines()
    assert "| [slow](slow.json) | times the peer ≥ 1.5 | 2 | reached | 5 | bounded |" in lines
    assert "| | p99 in ms ≤ 50 | 80 | **not reached** | | |" in lines
    assert "| [quick](quick.json) | times the peer ≥ 1.5 | 2 | reached | 5 | full |" in lines
    assert [line for line in lines if line.startswith("- ")] == ["- **slow**: the disk."]


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(["no-such"])
    assert "no such benchmark: no-such" in capsys.readouterr().err
