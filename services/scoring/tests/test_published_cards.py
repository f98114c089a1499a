"""Cards that have been published: what they say of the data they were built on, and that they never change."""

import csv
from hashlib import sha256
from pathlib import Path

import pytest

from data.german_credit import applicants, data_sha256
from services.scoring.domain.card import BinKind, Card, assess
from services.scoring.library import HERE, library

GOLDEN = Path(__file__).parent / "golden"

PUBLISHED_SHA256 = dict(
    line.split("  ", 1)[::-1] for line in (HERE / "cards" / "SHA256SUMS").read_text("ascii").splitlines()
)
"""As `sha256sum --check` reads it: a card on record may be followed by a new version, never changed."""


def test_every_card_is_on_record_unchanged() -> None:
    found = {path.name: sha256(path.read_bytes()).hexdigest() for path in (HERE / "cards").glob("*.json")}
    assert found == PUBLISHED_SHA256


def test_the_hash_that_events_carry_is_the_hash_of_the_file() -> None:
    for card in library().cards:
        assert card.sha256 == PUBLISHED_SHA256[f"{card.name}.json"]


@pytest.mark.parametrize("card", library().cards, ids=[each.name for each in library().cards])
def test_scores_equal_the_builders_on_every_application(card: Card) -> None:
    with (GOLDEN / f"{card.name}.csv").open(newline="", encoding="ascii") as file:
        golden = [
            (int(row["application"]), int(row["score"]), row["probability_of_default"]) for row in csv.DictReader(file)
        ]
    assessments = [(each.number, assess(card, each.answers)) for each in applicants()]
    assert [(number, one.score, str(one.probability_of_default)) for number, one in assessments] == golden
    assert len(golden) == 1_000


def test_the_card_names_the_data_it_was_built_on() -> None:
    build = library().cards[0].document["build"]
    assert isinstance(build, dict)
    assert build["data_sha256"] == data_sha256()


def test_every_application_answers_every_question_of_the_card() -> None:
    for each in applicants():
        for contribution in assess(library().cards[0], each.answers).contributions:
            assert contribution.bin.kind is BinKind.REGULAR


def test_worse_grades_default_more_often() -> None:
    outcomes: dict[str, list[bool]] = {}
    for each in applicants():
        outcomes.setdefault(assess(library().cards[0], each.answers).grade, []).append(each.defaulted)
    rates = [sum(outcomes[grade]) / len(outcomes[grade]) for grade in sorted(outcomes)]
    assert sorted(outcomes) == ["A", "B", "C", "D", "E"]
    assert rates == sorted(rates)


def test_every_reason_is_told_in_both_languages() -> None:
    for card in library().cards:
        for indicator in card.indicators:
            for bin in (*indicator.bins, indicator.missing, indicator.unusable):
                assert not bin.reason.text.zh_cn.isascii()
                assert bin.reason.text.en.isascii()
