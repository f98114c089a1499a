"""The rules as data: which version counts, and what no version may say."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from libs.contracts.collections import Stage
from services.collections.domain.policy import Policy, QuietHours
from services.collections.domain.rules import PolicyError, in_force
from services.collections.library import library
from services.collections.templates import MessageTemplate, TemplateError
from services.collections.tests.rules import DOCUMENT, POLICY, document


@pytest.mark.parametrize(
    ("days", "stage"),
    [(0, "EARLY"), (1, "EARLY"), (30, "EARLY"), (31, "MIDDLE"), (90, "MIDDLE"), (91, "LATE"), (9999, "LATE")],
)
def test_a_stage_follows_from_days_past_due(days: int, stage: str) -> None:
    assert POLICY.stage(days) is Stage(stage)


@pytest.mark.parametrize(
    ("rule", "value", "fault"),
    [
        ("stages", [], "stages rise"),
        ("stages", [{"stage": "LATE", "from_days": 1}, {"stage": "EARLY", "from_days": 2}], "stages rise"),
        ("stages", [{"stage": "EARLY", "from_days": 5}, {"stage": "LATE", "from_days": 5}], "days of the stages rise"),
        ("stages", [{"stage": "LEGAL", "from_days": 5}], "a person hands"),
        ("stages", [{"stage": "SOON", "from_days": 5}], "SOON"),
        ("teams", {"EARLY": ["a"]}, "every stage"),
        ("teams", {"EARLY": [], "MIDDLE": ["a"], "LATE": ["a"], "LEGAL": ["a"]}, "at least one"),
        ("contact_entry_days", 7, "entered within"),
        ("contact_entry_days", -1, "entered within"),
        ("promise_min_share", "0", "share"),
        ("promise_min_share", "1.01", "share"),
        ("promise_min_share", "much", "form"),
        ("quiet_hours", {"from": "25:00", "to": "08:00", "channels": []}, "form"),
        ("quiet_hours", {"from": "22:00"}, "form"),
        ("reminder_days_before", [3, -1], "before the due date"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(rule: str, value: Any, fault: str) -> None:
    with pytest.raises(PolicyError, match=fault):
        Policy.from_json(document(**{rule: value}))


def test_a_document_of_another_form_is_refused() -> None:
    with pytest.raises(PolicyError, match="format"):
        Policy.from_json(DOCUMENT | {"format": "something/1"})


def test_the_latest_version_in_force_counts() -> None:
    later = Policy.from_json(DOCUMENT | {"version": 2, "effective_from": "2026-06-01"})
    assert in_force([POLICY, later], date(2026, 5, 31)) is POLICY
    assert in_force([POLICY, later], date(2026, 6, 1)) is later
    with pytest.raises(LookupError):
        in_force([POLICY], date(2019, 12, 31))


def test_every_rule_names_its_source_and_standing() -> None:
    for rule in POLICY.rules.values():
        assert rule.source
        assert rule.meaning
        assert rule.standing in {"P", "S", "D", "M"}


@pytest.mark.parametrize(
    ("at", "quiet"), [("12:59", False), ("13:00", True), ("13:59", True), ("14:00", False), ("00:00", False)]
)
def test_quiet_hours_may_lie_within_a_day(at: str, quiet: bool) -> None:
    assert QuietHours(time(13), time(14), frozenset()).cover(time.fromisoformat(at)) is quiet


def test_a_template_says_the_same_in_both_languages() -> None:
    template = library().template("reminder", date(2026, 3, 1))
    texts = template.fill(due="2026-03-02", amount="1100.16", currency="CNY")
    assert "2026-03-02" in texts["zh"]
    assert "CNY 1100.16" in texts["en"]
    with pytest.raises(KeyError):
        template.fill(due="2026-03-02")
    with pytest.raises(LookupError):
        library().template("birthday", date(2026, 3, 1))


@pytest.mark.parametrize(
    "changed",
    [{"format": "x/1"}, {"texts": {"zh": "{due}", "en": "{due} {amount}"}}, {"texts": {"zh": "{who}", "en": "{who}"}}],
)
def test_a_template_with_other_places_is_refused(changed: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "format": "puhui.message-template/1",
        "code": "x",
        "version": 1,
        "effective_from": "2020-01-01",
        "places": ["due", "amount"],
        "texts": {"zh": "{due}{amount}", "en": "{amount}{due}"},
    }
    assert MessageTemplate.from_json(good).label == "x v1"
    with pytest.raises(TemplateError):
        MessageTemplate.from_json(good | changed)
