"""Drift that is planted is found within its month, and what is not there is not found."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.german_credit import applicants
from libs.service.testing import Served
from services.scoring.domain.card import assess
from services.scoring.domain.document import InvalidDocument
from services.scoring.domain.watching import (
    Colour,
    DriftDetector,
    expected_index,
    read_watch_policy,
    stability_index,
)
from services.scoring.library import HERE, library
from services.scoring.tests.test_api import _get, _submit, _submitted
from services.scoring.watch import GRADES, reference_of, watch

CARD = library().cards[0]
POLICY = library().watch_policy(date(2026, 2, 1))
EVERYONE = [
    {GRADES: found.grade} | {each.bin.indicator_id: each.bin.label for each in found.contributions}
    for found in (assess(CARD, each.answers) for each in applicants())
]
A_MONDAY = date(2026, 2, 2)


def weeks_of(seed: int, weeks: int, drift_from: int | None = None, per_week: int = 50) -> dict[Any, Counter[str]]:
    """Applications drawn from the public data; from `drift_from` on those without an account apply three times as
    often."""
    chance = random.Random(seed)
    found: dict[Any, Counter[str]] = {}
    for week in range(weeks):
        drifted = drift_from is not None and week >= drift_from
        weights = [3 if drifted and each["current-account-status"] == "no-account" else 1 for each in EVERYONE]
        for each in chance.choices(EVERYONE, weights, k=per_week):
            for line, label in each.items():
                found.setdefault((line, A_MONDAY + week * timedelta(days=7)), Counter())[label] += 1
    return found


def alarms(counts: dict[Any, Counter[str]], weeks: int) -> dict[str, int]:
    """The first week in which each line's alarm rang."""
    days = [A_MONDAY + week * timedelta(days=7) for week in range(weeks)]
    found: dict[str, int] = {}
    for each in watch(CARD, counts, POLICY, days):
        if each.alarm:
            found.setdefault(each.line, days.index(each.week_from))
    return found


@pytest.mark.parametrize("seed", range(10))
def test_drift_is_found_within_its_month_and_not_before(seed: int) -> None:
    rang = alarms(weeks_of(seed, 17, drift_from=13), 17)
    assert 13 <= rang["current-account-status"] <= 16, f"seed {seed}: {rang}"
    assert min(rang.values()) >= 13, f"seed {seed} rang before there was drift: {rang}"


def test_a_hundred_seeds_without_drift_ring_no_alarm() -> None:
    rang = {seed: found for seed in range(100) if (found := alarms(weeks_of(seed, 9, per_week=40), 9))}
    assert rang == {}


counts = st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 500), min_size=2)


@given(counts, counts)
def test_the_index_is_never_negative_and_nothing_for_equal_shares(
    reference: dict[str, int], found: dict[str, int]
) -> None:
    assert stability_index(reference, found) >= 0
    assert stability_index(reference, reference) == pytest.approx(0)


def test_the_index_is_what_it_is_by_hand() -> None:
    """Half and half before, three quarters now."""
    index = stability_index({"A": 9999, "B": 9999}, {"A": 14999, "B": 4999})
    assert round(index, 3) == 0.275  # 0.25 ln 1.5 - 0.25 ln 0.5 = 0.2747
    assert expected_index({"A": 100, "B": 100}, {"A": 50, "B": 50}) == pytest.approx(1 / 200 + 1 / 100)


def test_nobody_is_no_drift() -> None:
    detector = DriftDetector({"A": 10, "B": 5}, run_length_weeks=100, alternative_weight=20)
    assert detector.week({})[0] is False
    assert stability_index({"A": 10, "B": 5}, {}) == 0


def test_a_huge_change_rings_and_overflows_nothing() -> None:
    detector = DriftDetector({"A": 10_000, "B": 1}, run_length_weeks=100, alternative_weight=20)
    assert detector.week({"B": 1_000_000})[0] is True


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"psi_red": "0.05"}, "/psi_red"),
        ({"psi_amber": 0.1}, "is a float"),
        ({"alarm_run_length_weeks": 0}, "at least 1"),
        ({"alpha": 1}, "unknown member"),
    ],
)
def test_a_faulty_policy_is_refused(changes: dict[str, Any], fault: str) -> None:
    document = json.loads((HERE / "policy" / "watch-v1.json").read_bytes()) | changes
    with pytest.raises(InvalidDocument, match=fault):
        read_watch_policy(json.dumps(document).encode())


def test_the_bands_have_their_colours() -> None:
    assert [POLICY.colour(index) for index in (0.0, 0.0999, 0.1, 0.2499, 0.25)] == [
        Colour.GREEN,
        Colour.GREEN,
        Colour.AMBER,
        Colour.AMBER,
        Colour.RED,
    ]


async def test_a_card_is_watched_over_its_weeks(scoring: Served) -> None:
    everyone = list(islice(applicants(), 70))
    usual = [_submitted(each, A_MONDAY) for each in everyone[:30]]
    poor = [
        _submitted(each, A_MONDAY + timedelta(days=7), answers={**each.answers, "current-account-status": "no-account"})
        for each in everyone[30:]
    ]
    await _submit(scoring, *usual, *poor)
    answer = await _get(scoring, f"/cards/{CARD.name}/watch?scored_from=2026-02-04&scored_to=2026-02-10")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    lines = {(each["line"], each["week_from"]): each for each in body["weeks"]}
    assert len(lines) == 2 * len(reference_of(CARD))
    before, after = (lines["current-account-status", week] for week in ("2026-02-02", "2026-02-09"))
    assert (before["applications"], before["alarm"]) == (30, False)
    assert (after["applications"], after["alarm"], after["colour"]) == (40, True, "RED")
    assert Decimal(after["index"]) > Decimal("0.25")
    assert "current-account-status" in body["alarms"]


@pytest.mark.parametrize(
    ("path", "status", "type_"),
    [
        ("/cards/no-such-v1/watch?scored_from=2026-02-01&scored_to=2026-02-02", 404, "card-unknown"),
        (f"/cards/{CARD.name}/watch?scored_from=2026-02-09&scored_to=2026-02-01", 422, "period-not-usable"),
        (f"/cards/{CARD.name}/watch?scored_from=2020-01-01&scored_to=2026-02-01", 422, "period-not-usable"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_watched_is_refused(empty_scoring: Served, path: str, status: int, type_: str) -> None:
    answer = await _get(empty_scoring, path)
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1].rsplit(":", 1)[-1]) == (status, type_)
