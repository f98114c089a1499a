"""Given a card and answers, the score that follows."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.domain.card import (
    MOST_REASONS,
    BinKind,
    assess,
    check_card,
    effective_card,
    probability_table,
)
from services.scoring.domain.indicators import ProhibitedAttributeUsed, Standing
from services.scoring.library import library
from services.scoring.tests.documents import card, card_document

PUBLISHED = library().cards[0]
CATALOGUE = library().catalogue

any_answer = st.none() | st.integers() | st.text() | st.booleans()
any_answers = st.fixed_dictionaries(
    {},
    optional={
        each.id: any_answer | st.sampled_from(sorted(each.codes)) if each.codes else any_answer
        for each in CATALOGUE.indicators.values()
    },
)


def test_points_of_the_bins_add_up_to_the_score() -> None:
    assessment = assess(card(), {"term_months": 12, "history": "clean"})
    assert assessment.score == 100 + 40 + 90
    assert [contribution.bin.label for contribution in assessment.contributions] == ["middle", "clean"]
    assert assessment.grade == "B"


@pytest.mark.parametrize(
    ("months", "label"), [(1, "short"), (11, "short"), (12, "middle"), (23, "middle"), (24, "long"), (120, "long")]
)
def test_a_bin_takes_its_lower_bound_and_leaves_its_upper(months: int, label: str) -> None:
    assert card().indicators[0].bin_of(months).label == label


@pytest.mark.parametrize("answer", [0, 121, -1, "12", True, 10**30])
def test_a_number_out_of_range_or_of_another_kind_is_unusable(answer: int | str) -> None:
    assert card().indicators[0].bin_of(answer).kind is BinKind.UNUSABLE


@pytest.mark.parametrize("answer", ["unheard of", 1, True, " clean"])
def test_an_unknown_code_is_unusable(answer: int | str) -> None:
    assert card().indicators[1].bin_of(answer).kind is BinKind.UNUSABLE


@pytest.mark.parametrize("answers", [{}, {"term_months": None, "history": None}, {"term_months": "", "history": ""}])
def test_no_answer_falls_in_the_missing_bin_and_is_told(answers: dict[str, str | None]) -> None:
    assessment = assess(card(), answers)
    assert {contribution.bin.kind for contribution in assessment.contributions} == {BinKind.MISSING}
    assert [reason.code for reason in assessment.reasons] == ["term-months-missing", "history-missing"]
    assert assessment.reasons[0].text == ("中文：term missing", "term missing")


def test_reasons_are_the_losses_against_the_reference_the_largest_first() -> None:
    document = card_document()
    document["indicators"][1]["reference_points"] = 60
    assessment = assess(card(**document), {"term_months": 24, "history": "delays"})
    assert [(each.code, each.text.en) for each in assessment.reasons] == [
        ("history", "history low"),
        ("term-months", "term low"),
    ]


def test_equal_losses_are_told_in_the_order_of_the_card() -> None:
    assessment = assess(card(), {"history": "delays", "term_months": 24})
    assert [each.code for each in assessment.reasons] == ["term-months", "history"]


def test_what_cost_nothing_is_no_reason() -> None:
    assert assess(card(), {"term_months": 12, "history": "clean"}).reasons == ()


def test_never_more_than_four_reasons() -> None:
    assert len([each for each in PUBLISHED.indicators if each.missing.loss]) > MOST_REASONS
    assert len(assess(PUBLISHED, {}).reasons) == MOST_REASONS


def test_answers_that_the_card_does_not_ask_for_change_nothing() -> None:
    asked = {"term_months": 12, "history": "clean"}
    assert assess(card(), {**asked, "favourite_colour": "blue"}) == assess(card(), asked)


def test_the_probability_is_the_logistic_of_the_score() -> None:
    # intercept -4, slope 0.02: a score of 200 is even odds.
    table = probability_table(Decimal(-4), Decimal("0.02"), 200, 300)
    assert table[0] == Decimal("0.500000")
    assert table[100] == Decimal("0.119203")  # 1 / (1 + e^2)


def test_no_probability_is_a_certainty() -> None:
    table = probability_table(Decimal(0), Decimal(1), -100, 100)
    assert (table[0], table[-1]) == (Decimal("0.999999"), Decimal("0.000001"))


@given(any_answers)
def test_any_answers_whatever_give_a_score_a_grade_and_a_probability(answers: dict[str, int | str | None]) -> None:
    assessment = assess(PUBLISHED, answers)
    assert Decimal(0) < assessment.probability_of_default < Decimal(1)
    assert assessment.grade in [each.grade for each in PUBLISHED.grades]
    assert len(assessment.reasons) <= MOST_REASONS
    assert len(assessment.contributions) == len(PUBLISHED.indicators)


@given(any_answers, st.sampled_from([each.id for each in PUBLISHED.indicators]))
def test_leaving_an_answer_out_never_raises_the_score(answers: dict[str, int | str | None], silent: str) -> None:
    told = assess(PUBLISHED, answers)
    untold = assess(PUBLISHED, {**answers, silent: None})
    assert untold.score <= told.score
    assert untold.probability_of_default >= told.probability_of_default


@given(any_answers)
def test_card_and_catalogue_agree_on_what_can_be_used(answers: dict[str, int | str | None]) -> None:
    kinds = {Standing.ANSWERED: BinKind.REGULAR, Standing.MISSING: BinKind.MISSING, Standing.UNUSABLE: BinKind.UNUSABLE}
    for contribution in assess(PUBLISHED, answers).contributions:
        declared = CATALOGUE.indicators[contribution.bin.indicator_id]
        assert contribution.bin.kind is kinds[declared.standing(contribution.answer)]


def test_a_card_is_effective_from_its_first_day_to_its_last() -> None:
    dated = card(effective_to="2026-06-30")
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    assert [dated.is_effective(day) for day in days] == [False, True, True, False]


def test_the_latest_card_that_has_begun_is_the_one_to_score_with() -> None:
    first, second = card(), card(version=2, effective_from="2026-03-01")
    correction = card(version=3, effective_from="2026-03-01")
    assert effective_card([first, second], date(2026, 2, 28), "PERSON") is first
    assert effective_card([second, first], date(2026, 3, 1), "PERSON") is second
    assert effective_card([correction, second, first], date(2026, 3, 1), "PERSON") is correction
    assert effective_card([first, second], date(2025, 12, 31), "PERSON") is None
    assert effective_card([], date(2026, 1, 1), "PERSON") is None


def test_a_card_made_for_others_is_not_used() -> None:
    personal, business = card(), card(card_id="business", applies_to=["ENTERPRISE"])
    on = date(2026, 1, 1)
    assert effective_card([personal, business], on, "ENTERPRISE") is business
    assert effective_card([personal, business], on, "PERSON") is personal
    assert effective_card([personal], on, "ENTERPRISE") is None


def test_a_card_may_only_use_declared_indicators_as_declared() -> None:
    with pytest.raises(ValueError, match="term_months, which is not in the indicator catalogue"):
        check_card(card(), CATALOGUE, ())

    document = card_document()
    document["indicators"][0]["id"] = "loan-purpose"
    with pytest.raises(ValueError, match="treats loan-purpose as quantitative"):
        check_card(card(**document), CATALOGUE, ())

    document = card_document()
    document["indicators"] = document["indicators"][1:]
    document["indicators"][0]["id"] = "credit-history"
    with pytest.raises(ValueError, match="unknown codes of credit-history: clean, delays, new"):
        check_card(card(**document), CATALOGUE, ())


def test_a_card_with_a_prohibited_indicator_is_refused() -> None:
    attribute = next(each for each in library().prohibited if each.id == "age")
    planted = attribute.__class__("loan-purpose", (), "prohibited", "planted", "planted")
    with pytest.raises(ProhibitedAttributeUsed, match="loan-purpose uses loan-purpose: planted"):
        check_card(PUBLISHED, CATALOGUE, (planted,))
