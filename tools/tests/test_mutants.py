"""Planted errors are noticed; the full set runs with `python -m tools.mutants`."""

import pytest

from tools.mutants import LENDING, MUTANTS, ROOT, Mutant, failing_test, planted

AREAS = ("rounding", "day count", "allocation order")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.told)
def test_what_is_to_be_replaced_is_there_once(mutant: Mutant) -> None:
    text = (ROOT / LENDING / f"{mutant.module}.py").read_text("utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.module} no longer holds {mutant.old!r} once: plant the error anew"


def test_every_area_that_must_be_shown_has_planted_errors() -> None:
    assert {mutant.area for mutant in MUTANTS} >= set(AREAS)


@pytest.mark.parametrize("area", AREAS)
def test_a_planted_error_fails_a_test(area: str) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.area == area)
    with planted(mutant) as root:
        assert failing_test(root, mutant.tests[:1])


def test_without_a_planted_error_the_same_tests_pass() -> None:
    """Otherwise a failure would say nothing."""
    with planted(None) as root:
        assert failing_test(root, ("rounding", "daycount", "allocation")) is None
