"""What may not be used never reaches the builder."""

import json
from pathlib import Path

import pytest

from services.scoring.domain.indicators import ProhibitedAttributeUsed
from tools.scorecards.specification import HERE, read_specification

PUBLISHED = HERE / "german_credit_v1.json"


def _with_indicator(folder: Path, indicator_id: str) -> Path:
    document = json.loads(PUBLISHED.read_bytes())
    document["indicators"][indicator_id] = {"zh-CN": "原因", "en": "reason"}
    path = folder / "card.json"
    path.write_text(json.dumps(document), "utf-8")
    return path


@pytest.mark.parametrize("attribute", ["sex", "personal_status_and_sex", "foreign_worker", "age_in_years"])
def test_a_prohibited_attribute_cannot_be_specified(tmp_path: Path, attribute: str) -> None:
    with pytest.raises(ProhibitedAttributeUsed):
        read_specification(_with_indicator(tmp_path, attribute))


def test_an_undeclared_indicator_cannot_be_specified(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="star_sign is not in the indicator catalogue"):
        read_specification(_with_indicator(tmp_path, "star_sign"))


def test_every_indicator_of_the_catalogue_is_used_or_left_out_with_a_reason() -> None:
    specification = read_specification(PUBLISHED)
    assert {*specification.indicators, *specification.left_out} == set(specification.catalogue.indicators)
