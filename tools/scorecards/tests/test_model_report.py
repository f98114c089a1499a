"""The published model report is what card and data say, and none is made of a card that says something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from services.scoring.library import HERE as SCORING
from tools.scorecards.model_report.__main__ import CONTENTS, RESULTS, main, report_of
from tools.scorecards.model_report.facts import Facts, ReportRefused, card_path, facts_of
from tools.scorecards.model_report.page import html_of
from tools.scorecards.model_report.paper import pdf_of
from tools.scorecards.model_report.performance import paired, roc, wilson

CARD = "german-credit-v1"


@pytest.fixture(scope="module")
def facts() -> Facts:
    return facts_of(card_path(CARD))


@pytest.fixture(scope="module")
def page(facts: Facts) -> str:
    return html_of(report_of(facts)).decode()


def test_made_again_it_is_what_is_published(page: str) -> None:
    published = (RESULTS / f"model-report-{CARD}.html").read_text("utf-8")
    assert page == published, f"run make model-report CARD={CARD}"


class Elements(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_needs_nothing_else_and_can_be_heard(page: str) -> None:
    elements = Elements(page).found
    assert not [each for each in elements if each[0] in ("script", "link", "img", "iframe")]
    assert all(each["href"] and each["href"].startswith("#") for tag, each in elements if tag == "a")
    assert all("scope" in each for tag, each in elements if tag == "th"), "every heading says what it heads"
    pictures = [each for tag, each in elements if tag == "svg"]
    assert len(pictures) == 3
    assert all(each["role"] == "img" and each["aria-label"] for each in pictures)
    tables = [tag for tag, _ in elements if tag in ("table", "caption")]
    assert tables.count("table") == tables.count("caption") > 20
    assert len([tag for tag, _ in elements if tag == "h2"]) == len(CONTENTS)


def test_the_paper_holds_every_table_in_pages(facts: Facts) -> None:
    paper = pdf_of(report_of(facts), facts.card.effective_from)
    assert paper.startswith(b"%PDF-")
    assert paper == pdf_of(report_of(facts), facts.card.effective_from), "the same report gives the same bytes"


def test_the_area_under_the_curve_that_is_drawn_is_the_one_that_is_told(facts: Facts) -> None:
    points = roc(facts.held_out)
    assert (points[0], points[-1]) == ((0, 0), (1, 1))
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    assert area == pytest.approx((facts.parting(facts.held_out)[0].value + 1) / 2)


def test_a_challenger_that_says_the_same_makes_no_difference(facts: Facts) -> None:
    same = {case.number: case.probability for case in facts.held_out}
    twin = Facts(facts.card, facts.specification, facts.cases, same, facts.performance, facts.watch)
    assert paired(twin) == (0, 0)
    low, high = paired(facts)
    assert low < high


def test_the_interval_of_none_in_33(facts: Facts) -> None:
    low, high = wilson(0, 33, facts.performance)
    assert low == 0
    assert high == pytest.approx(3.841459 / (33 + 3.841459)), "z² / (n + z²), with the 95 % point of χ² on one degree"


def counts(document: dict[str, Any]) -> None:
    document["indicators"][0]["bins"][0]["defaults"] += 1


def figures(document: dict[str, Any]) -> None:
    document["metrics"]["held_out"]["gini"] = "0.6485"


def other_data(document: dict[str, Any]) -> None:
    document["build"]["data_sha256"] = "0" * 64


def other_seed(document: dict[str, Any]) -> None:
    document["build"]["seed"] = "another"


def next_version(document: dict[str, Any]) -> None:
    document["version"] = 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (counts, "other counts than the card in current-account-status, no-account"),
        (figures, "figures of the held_out part differ"),
        (other_data, "was built on other data"),
        (other_seed, "judged on another third"),
        (next_version, "german_credit_v2.json"),
    ],
)
def test_no_report_of_a_card_that_says_something_else(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    document = json.loads((SCORING / "cards" / f"{CARD}.json").read_bytes())
    change(document)
    path = tmp_path / "card.json"
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(ReportRefused, match=told):
        facts_of(path)


@pytest.mark.parametrize("content", [None, "", "{}", "[]", "not json"])
def test_what_is_no_card_ends_with_a_message(
    tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "card.json"
    if content is not None:
        path.write_text(content, "utf-8")
    assert main([str(path), "--directory", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err
    assert not (tmp_path / "out").exists()
