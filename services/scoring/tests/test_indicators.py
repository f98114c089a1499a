"""Indicators are data; attributes that may not be used are refused by any name."""

import json

import pytest

from services.scoring.domain.document import InvalidDocument
from services.scoring.domain.indicators import (
    Category,
    Kind,
    ProhibitedAttributeUsed,
    Standing,
    read_catalogue,
    read_prohibited,
    refuse_prohibited,
)
from services.scoring.library import HERE, library
from services.scoring.tests.documents import Document, to_bytes

CATALOGUE = HERE / "catalogue" / "indicators.json"
PROHIBITED = HERE / "catalogue" / "prohibited.json"


def _catalogue() -> Document:
    found: Document = json.loads(CATALOGUE.read_bytes())
    return found


def test_the_catalogue_covers_every_category_and_both_kinds() -> None:
    indicators = library().catalogue.indicators.values()
    assert {each.category for each in indicators} == set(Category)
    assert {each.kind for each in indicators} == set(Kind)
    assert all(each.unit for each in indicators if each.kind is Kind.QUANTITATIVE)


def test_no_indicator_of_the_catalogue_is_prohibited() -> None:
    for each in library().catalogue.indicators.values():
        refuse_prohibited(each.id, each.source_item, library().prohibited)


@pytest.mark.parametrize(
    ("indicator", "source"),
    [
        ("sex", "application.form"),
        ("applicant_age_band", "application.form"),
        ("ageInYears", "application.form"),
        ("years_lived", "applicant.date_of_birth"),
        ("Foreign-Worker", "application.form"),
        ("status", "bureau.marital_status"),
    ],
)
def test_a_prohibited_attribute_is_refused_by_any_of_its_names(indicator: str, source: str) -> None:
    with pytest.raises(ProhibitedAttributeUsed) as caught:
        refuse_prohibited(indicator, source, library().prohibited)
    assert caught.value.indicator_id == indicator


@pytest.mark.parametrize("indicator", ["average_balance", "sextile", "storage_value", "mortgage"])
def test_a_word_that_merely_contains_such_a_name_is_not_refused(indicator: str) -> None:
    refuse_prohibited(indicator, "application.form", library().prohibited)


@pytest.mark.parametrize(
    ("answer", "standing"),
    [
        (1, Standing.ANSWERED),
        (120, Standing.ANSWERED),
        (0, Standing.UNUSABLE),
        (121, Standing.UNUSABLE),
        ("12", Standing.UNUSABLE),
        (True, Standing.UNUSABLE),
        (None, Standing.MISSING),
        ("", Standing.MISSING),
    ],
)
def test_standing_of_a_number(answer: int | str | None, standing: Standing) -> None:
    assert library().catalogue.indicators["requested-term-months"].standing(answer) is standing


@pytest.mark.parametrize(
    ("answer", "standing"),
    [("overdrawn", Standing.ANSWERED), ("rich", Standing.UNUSABLE), (1, Standing.UNUSABLE), (None, Standing.MISSING)],
)
def test_standing_of_a_code(answer: int | str | None, standing: Standing) -> None:
    assert library().catalogue.indicators["current-account-status"].standing(answer) is standing


def test_a_faulty_catalogue_is_refused() -> None:
    twice, narrow, dull, strange = _catalogue(), _catalogue(), _catalogue(), _catalogue()
    twice["indicators"].append(twice["indicators"][0])
    narrow["indicators"][0]["min"] = narrow["indicators"][0]["max"] + 1
    dull["indicators"][2]["codes"] = {"only": {"zh-CN": "一", "en": "one"}}
    strange["indicators"][0]["category"] = "astrology"
    for document, reason in ((twice, "twice"), (narrow, "min is above max"), (dull, "two codes"), (strange, "one of")):
        with pytest.raises(InvalidDocument, match=reason):
            read_catalogue(to_bytes(document))


def test_a_faulty_list_of_prohibited_attributes_is_refused() -> None:
    for member, value, reason in (
        ("aliases", "sex", "list of texts"),
        ("standing", "maybe", "'prohibited' or 'proxy'"),
    ):
        document = json.loads(PROHIBITED.read_bytes())
        document["attributes"][0][member] = value
        with pytest.raises(InvalidDocument, match=reason):
            read_prohibited(to_bytes(document))
