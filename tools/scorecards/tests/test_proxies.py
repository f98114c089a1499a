"""A planted proxy is found, chance is not taken for one, and the published report is what the data say."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.domain.document import InvalidDocument
from services.scoring.library import HERE
from tools.scorecards import proxies
from tools.scorecards.proxies import RESULT, association, attributes, impact, read_limits

RAW = (HERE / "catalogue" / "proxies.json").read_bytes()


@pytest.mark.parametrize("attribute", [*proxies.COLUMNS])
def test_an_indicator_that_copies_an_attribute_is_refused_and_a_shuffled_one_is_not_reported(attribute: str) -> None:
    limits, values = read_limits(RAW), attributes()[attribute]
    assert association(values, [f"bin {each}" for each in values]) == pytest.approx(1)
    drawn = Random(7)
    mostly = [each if drawn.random() < 0.8 else drawn.choice(values) for each in values]
    assert association(mostly, values) >= limits.association_refused
    for seed in range(20):
        shuffled = values.copy()
        Random(seed).shuffle(shuffled)
        assert association(shuffled, values) < limits.association_reported, f"seed {seed}"


labels = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), max_size=60)


@given(labels)
def test_association_is_a_share_and_the_same_both_ways(pairs: list[tuple[str, str]]) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    assert 0 <= association(one, other) <= 1
    assert association(one, other) == pytest.approx(association(other, one), abs=1e-6)


def test_groups_are_set_beside_the_best_and_small_ones_left_out() -> None:
    groups = ["a"] * 10 + ["b"] * 10 + ["c"]
    passed = [True] * 8 + [False] * 2 + [True] * 4 + [False] * 6 + [True]
    assert impact(groups, passed, 2) == {"a": (10, 0.8, 1.0), "b": (10, 0.4, 0.5)}


def test_the_published_report_is_what_the_data_say(capsys: pytest.CaptureFixture[str]) -> None:
    published = RESULT.read_text(encoding="utf-8")
    try:
        assert proxies.main() == 0, "the published card uses an indicator that is refused as a proxy"
        assert capsys.readouterr().out == published, "make it again: python -m tools.scorecards.proxies"
    finally:
        RESULT.write_text(published, encoding="utf-8")


def test_faulty_limits_are_refused() -> None:
    document = json.loads(RAW) | {"association_refused": "0.10"}
    with pytest.raises(InvalidDocument, match="/association_refused"):
        read_limits(json.dumps(document).encode())
