"""Defaults against those expected, separation with its interval, and what is too young to be judged."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.german_credit import applicants
from libs.contracts.application import ApplicationSubmitted
from libs.contracts.ledger import DelinquencyChanged, DisbursementReturned, LoanDisbursed, LoanWrittenOff
from libs.service.testing import Served
from services.scoring.domain.card import assess
from services.scoring.domain.document import InvalidDocument
from services.scoring.domain.performance import Loan, gini, ks, line_of, read_performance_policy
from services.scoring.domain.watching import Colour
from services.scoring.library import HERE, library
from services.scoring.tests.requests import request

CARD = library().cards[0]
RAW = (HERE / "policy" / "performance-v1.json").read_bytes()
POLICY = read_performance_policy(RAW)
SAID = [(assess(CARD, each.answers), each.defaulted) for each in applicants()]


def loan(score: int, defaulted: bool, probability: str = "0.3") -> Loan:
    return Loan("2026-01", "B", score, Decimal(probability), defaulted)


def assessed(seed: int | None = None, worse: Decimal = Decimal(1)) -> list[Loan]:
    """The public applications as the card scores them: with their recorded outcomes, or with outcomes drawn from the
    card's own probabilities, so many times as high."""
    drawn = Random(seed)
    loans = []
    for said, recorded in SAID:
        probability = said.probability_of_default
        defaulted = recorded if seed is None else drawn.random() < probability * worse
        loans.append(Loan("2026-01", said.grade, said.score, probability, defaulted))
    return loans


def test_the_published_card_separates_the_public_data_as_its_report_says() -> None:
    loans = assessed()
    found = gini(loans, POLICY)
    assert found is not None
    # 667 applications at a Gini of 0.6570 and 333 at 0.5485 (the card's own metrics): together in between.
    assert 0.5485 < found.value < 0.6570
    assert found.low < found.value < found.high
    assert 0.08 < found.high - found.low < 0.16
    distance = ks(loans, POLICY)
    assert distance is not None
    assert 0.43 < distance.value < 0.54


def test_an_interval_misses_about_as_often_as_it_says() -> None:
    """A hundred samples of three hundred: the true figure is that of a very large sample."""
    population = [loan for seed in range(20) for loan in assessed(seed)]
    truth = gini(population, POLICY)
    assert truth is not None
    missed = 0
    for seed in range(100):
        found = gini(Random(seed).sample(population, 300), POLICY)
        assert found is not None
        missed += not found.low <= truth.value <= found.high
    assert missed <= 12, f"{missed} of 100 intervals at 5 % missed"


def test_a_card_that_keeps_its_promise_is_green_and_one_that_does_not_is_red() -> None:
    """What was expected came: amber or red in few of a hundred seeds. Half as many again: red in every one."""
    kept = [line_of(assessed(seed), POLICY).colour for seed in range(100)]
    assert kept.count(Colour.RED) <= 2
    assert kept.count(Colour.AMBER) <= 12
    broken = [line_of(assessed(seed, worse=Decimal("1.5")), POLICY).colour for seed in range(20)]
    assert broken == [Colour.RED] * 20


def test_actual_and_expected_by_hand() -> None:
    line = line_of([loan(1, True), loan(2, True), loan(3, False)], POLICY)
    assert (line.loans, line.actual, line.expected) == (3, 2, Decimal("0.9"))
    assert line.z == pytest.approx(1.1 / 0.63**0.5)
    assert line.colour is Colour.GREEN
    nobody = line_of([], POLICY)
    assert (nobody.loans, nobody.z, nobody.colour) == (0, 0, Colour.GREEN)


def test_separation_by_hand() -> None:
    perfect = [loan(1, True), loan(2, True), loan(3, False), loan(4, False)]
    found = gini(perfect, POLICY)
    assert found is not None
    assert (found.value, found.high) == (1, 1)
    tied = gini([loan(5, True), loan(5, True), loan(5, False), loan(5, False)], POLICY)
    assert tied is not None
    assert tied.value == 0
    apart = ks(perfect, POLICY)
    assert apart is not None
    assert apart.value == pytest.approx(1)
    assert gini(perfect[1:], POLICY) is None
    assert ks([loan(1, False)], POLICY) is None


@given(st.lists(st.tuples(st.integers(300, 320), st.booleans()), max_size=40))
def test_figures_are_where_they_can_be(drawn: list[tuple[int, bool]]) -> None:
    loans = [loan(score, defaulted) for score, defaulted in drawn]
    for found, lowest in ((gini(loans, POLICY), -1), (ks(loans, POLICY), 0)):
        if found is not None:
            assert lowest - 1e-9 <= found.low <= found.value + 1e-9
            assert found.value - 1e-9 <= found.high <= 1 + 1e-9
    if (found := gini(loans, POLICY)) is not None:
        pairs = [(b, g) for b, is_bad in drawn if is_bad for g, is_worse in drawn if not is_worse]
        area = sum(1.0 if g > b else 0.5 if g == b else 0.0 for b, g in pairs) / len(pairs)
        assert found.value == pytest.approx(2 * area - 1)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"z_red": "1"}, "/z_red"),
        ({"error": "1"}, "/error"),
        ({"window_months": 0}, "/window_months"),
        ({"z_amber": 2.5}, "is a float"),
        ({"alpha": 1}, "unknown member"),
    ],
)
def test_a_faulty_policy_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidDocument, match=fault):
        read_performance_policy(json.dumps(json.loads(RAW) | changes).encode())


def _example(event: Any, number: int, **changes: Any) -> Any:
    ids = {"loan_id": f"loan-{number}", "application_id": f"application-{number}"}
    fields = set(event.model_fields)
    return event.model_validate(event.example | {n: v for n, v in ids.items() if n in fields} | changes)


def _behind(number: int, days: int, on: date) -> DelinquencyChanged:
    position = DelinquencyChanged.example["position"] | {"days_past_due": days, "bucket": "M4"}
    late: DelinquencyChanged = _example(DelinquencyChanged, number, position=position, changed_on=on)
    return late


async def test_what_became_of_loans_is_laid_beside_what_was_expected(scoring: Served) -> None:
    scored_on, paid_on = date(2026, 2, 1), date(2026, 2, 10)
    some = list(islice(applicants(), 8))
    for each in some:
        submitted = ApplicationSubmitted(
            application_id=f"application-{each.number}",
            request=request(each),
            consents=(),
            documents=(),
            submitted_on=scored_on,
        )
        await scoring.publish(f"application-application-{each.number}", submitted)
        await scoring.publish(f"loan-loan-{each.number}", _example(LoanDisbursed, each.number, value_date=paid_on))
    in_time, late = paid_on + timedelta(days=200), date(2027, 2, 11)
    await scoring.publish("loan-loan-1", _behind(1, 91, in_time))
    await scoring.publish("loan-loan-2", _behind(2, 90, in_time))  # not more than 90 days
    await scoring.publish("loan-loan-3", _behind(3, 91, late))  # after its window
    await scoring.publish("loan-loan-4", _example(LoanWrittenOff, 4, written_off_on=in_time))
    await scoring.publish("loan-loan-5", _example(DisbursementReturned, 5))
    await scoring.publish("loan-loan-6", _behind(6, 91, in_time))
    await scoring.publish("loan-loan-6", _behind(6, 0, late))  # cured, and yet it had defaulted
    await scoring.settle()
    client = await scoring.client("auditor")
    path = f"/scoring/cards/{CARD.name}/performance"

    early = (await client.get(f"{path}?on=2027-02-09")).json()
    assert (early["young"], early["total"]["loans"], early["gini"]) == (7, 0, None)
    found = (await client.get(f"{path}?on=2027-02-10")).json()
    assert (found["young"], found["total"]["loans"], found["total"]["actual"]) == (0, 7, 3)
    kept = [each for each in some if each.number != 5]
    expected = sum((assess(CARD, each.answers).probability_of_default for each in kept), Decimal(0))
    assert Decimal(found["total"]["expected"]) == expected.quantize(Decimal("0.0001"))
    assert [(each["name"], each["loans"]) for each in found["vintages"]] == [("2026-02", 7)]
    assert sum(each["loans"] for each in found["grades"]) == 7
    assert Decimal(found["gini"]["low"]) <= Decimal(found["gini"]["value"]) <= Decimal(found["gini"]["high"])
    assert (await client.get("/scoring/cards/no-such-v1/performance")).status_code == 404
    assert await scoring.parked() == []
