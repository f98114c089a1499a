"""Rules over what sources tell anew, at their bounds and for all values; the document in which they are written."""

from __future__ import annotations

import copy
import json
from datetime import date
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.collections.domain.rules import PolicyError
from services.collections.domain.watch_policy import WatchPolicy
from services.collections.domain.watch_rules import FactRule, Link, News
from services.collections.library import HERE, library

DOCUMENT: dict[str, Any] = json.loads((HERE / "policy" / "early-warning-v2.json").read_text("utf-8"))
POLICY = WatchPolicy.from_json(DOCUMENT)
FACTS = {rule.code: rule for rule in POLICY.facts}
NUMBERS = st.integers(0, 10**9)


@pytest.mark.parametrize(
    ("code", "before", "after", "met"),
    [
        ("bureau-score-fell", 700, 651, False),
        ("bureau-score-fell", 700, 650, True),
        ("bureau-score-fell", 650, 700, False),
        ("bureau-score-fell", None, 300, False),
        ("overdue-elsewhere", 0, 0, False),
        ("overdue-elsewhere", 0, 1, True),
        ("overdue-elsewhere", None, 1, True),
        ("overdue-elsewhere", 1, 500, False),
        ("more-debt-elsewhere", 250_000, 299_999, False),
        ("more-debt-elsewhere", 250_000, 300_000, True),
        ("more-debt-elsewhere", 250_001, 300_001, False),
        ("more-debt-elsewhere", 500_000, 599_999, False),
        ("more-debt-elsewhere", 0, 50_000, True),
        ("more-debt-elsewhere", None, 50_000, False),
        ("registration-lost", "active", "revoked", True),
        ("registration-lost", "active", "cancelled", True),
        ("registration-lost", "revoked", "cancelled", False),
        ("registration-lost", None, "revoked", True),
        ("abnormal-operation", "no", "yes", True),
        ("abnormal-operation", "yes", "no", False),
        ("representative-changed", 2, 2, False),
        ("representative-changed", 2, 3, True),
        ("representative-changed", None, 3, False),
        ("enforcement-listed", "no", "yes", True),
        ("enforcement-listed", "no", None, False),
    ],
)
def test_a_rule_is_met_at_its_bound(code: str, before: Any, after: Any, met: bool) -> None:
    assert FACTS[code].met(before, after) is met


@given(NUMBERS | st.none() | st.sampled_from(["active", "revoked", "yes", "no"]))
def test_what_stays_as_it_was_warns_of_nothing(value: Any) -> None:
    assert [rule.code for rule in POLICY.facts if rule.met(value, value)] == []


@given(NUMBERS, NUMBERS, NUMBERS)
def test_what_gets_worse_still_warns_still(before: int, after: int, more: int) -> None:
    """A score that falls further, and a debt or a sum overdue that grows further, is no better news."""
    if FACTS["bureau-score-fell"].met(before, after):
        assert FACTS["bureau-score-fell"].met(before, after - more)
    for code in ("overdue-elsewhere", "more-debt-elsewhere", "representative-changed"):
        if FACTS[code].met(before, after):
            assert FACTS[code].met(before, after + more)


def test_every_rule_looks_at_a_fact_that_scoring_tells_of() -> None:
    kinds = import_module("services.scoring.library").library().kinds  # who tells; a service knows no other
    for rule in POLICY.facts:
        fact = kinds[rule.item].facts[rule.fact]
        assert rule.codes <= set(fact.codes), rule.code
        assert bool(rule.codes) == bool(fact.codes), rule.code


def test_each_news_of_each_link_warns() -> None:
    assert sorted((rule.link, rule.news) for rule in POLICY.linked) == sorted(
        (link, news) for link in Link for news in News
    )


def test_the_older_version_looks_at_behaviour_alone_and_holds_for_its_days() -> None:
    older, newer = library().watch_policy(date(2025, 12, 31)), library().watch_policy(date(2026, 1, 1))
    assert (older.version, newer.version) == (1, 2)
    assert (older.facts, older.linked, older.guarantee_days) == ((), (), None)
    assert older.signals == newer.signals[:-1], "what is demanded by no date is never late"


@pytest.mark.parametrize(
    "change",
    [
        {"above": 1, "fell_by": 1},
        {"fell_by": None},
        {"fell_by": 0},
        {"fell_by": None, "rose_bps": -1},
        {"code": "past-due-31"},
        {"until": "dawn"},
        {"severity": "DIRE"},
    ],
)
def test_a_rule_that_looks_at_nothing_or_at_two_things_is_refused(change: dict[str, Any]) -> None:
    document = copy.deepcopy(DOCUMENT)
    document["rules"]["facts"]["value"][0].update(change)
    with pytest.raises(PolicyError):
        WatchPolicy.from_json(document)


def test_a_rule_over_an_unknown_link_is_refused() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["rules"]["linked"]["value"][0].update(link="NEIGHBOUR")
    with pytest.raises(PolicyError):
        WatchPolicy.from_json(document)


def test_rules_are_named_in_both_languages() -> None:
    rules: list[Any] = [*POLICY.facts, *POLICY.linked]
    assert all(rule.text.zh and rule.text.en and not rule.until_cured for rule in rules)
    assert all(isinstance(rule, FactRule) for rule in POLICY.facts)
