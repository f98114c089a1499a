"""The rules of information as data: what is wrong with them is said, and none that is wrong gets in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from services.scoring.domain.document import InvalidDocument
from services.scoring.domain.indicators import ProhibitedAttributeUsed
from services.scoring.domain.information import read_items, read_policy
from services.scoring.library import HERE, library

ITEMS = json.loads((HERE / "catalogue" / "items.json").read_bytes())
POLICY = json.loads((HERE / "policy" / "information-v1.json").read_bytes())


def changed(document: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> bytes:
    copy = json.loads(json.dumps(document))
    change(copy)
    return json.dumps(copy).encode()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d["needs"][0].update(item="horoscope"), "/needs/0/item"),
        (lambda d: d["needs"][0]["without"].pop("LATE"), "/needs/0/without"),
        (lambda d: d["needs"][0]["without"].update(LATE="APPROVE"), "/needs/0/without/LATE"),
        (lambda d: d["needs"][0]["without"].update(BORED="REFER"), "/needs/0/without"),
        (lambda d: d["needs"][0].update(from_amount_minor=0.5), "is a float"),
        (lambda d: d["needs"][0].update(wait_days=-1), "/needs/0"),
        (lambda d: d["findings"][0].update(fact="shoe-size"), "/findings/0/fact"),
        (lambda d: d["findings"][0].update(advice="APPROVE"), "/findings/0/advice"),
        (lambda d: d["findings"][0].update({"is": ["yes"]}), "/findings/0"),
        (lambda d: d["findings"][0].pop("above"), "/findings/0"),
        (lambda d: d["findings"][4].update({"is": ["asleep"]}), "/findings/4"),
        (lambda d: d.update(attempts=0), "/attempts"),
        (lambda d: d.update(colour="blue"), "unknown member"),
    ],
)
def test_a_faulty_policy_is_refused_by_its_place(change: Callable[[dict[str, Any]], object], place: str) -> None:
    with pytest.raises(InvalidDocument, match=place):
        read_policy(changed(POLICY, change), library().kinds)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d["items"].append(d["items"][0]), "/items/5"),
        (lambda d: d["items"][0].update(consent="WISHFUL"), "/items/0/consent"),
        (lambda d: d["items"][0].update(valid_days=0), "/items/0/valid_days"),
        (lambda d: d["items"][0]["facts"].append("no-such-indicator"), "/items/0/facts/7"),
        (lambda d: d["items"][0].update(brought_by="pigeon"), "/items/0/brought_by"),
    ],
)
def test_a_faulty_kind_of_item_is_refused_by_its_place(change: Callable[[dict[str, Any]], object], place: str) -> None:
    with pytest.raises(InvalidDocument, match=place):
        read_items(changed(ITEMS, change), library().catalogue, library().prohibited)


def test_no_fact_may_be_one_that_no_decision_may_rest_on() -> None:
    def ask_for_age(document: dict[str, Any]) -> None:
        fact = {**document["items"][0]["facts"][2], "id": "age-in-years"}
        document["items"][0]["facts"].append(fact)

    with pytest.raises(ProhibitedAttributeUsed, match="age"):
        read_items(changed(ITEMS, ask_for_age), library().catalogue, library().prohibited)


def test_whatever_is_without_leads_to_a_person_or_a_refusal() -> None:
    """In every policy that there is, for every need and every way of coming to nothing."""
    advice = {
        each.value
        for policy in library().information_policies
        for need in policy.needs
        for each in need.without.values()
    }
    assert advice <= {"REFER", "DECLINE"}
    assert all(need.item in library().kinds for policy in library().information_policies for need in policy.needs)
