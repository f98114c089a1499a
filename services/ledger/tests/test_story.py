from __future__ import annotations

from services.ledger.tests.story import PAGE, RETURNED, lived, told


def test_the_page_says_what_the_rules_make_of_it() -> None:
    assert PAGE.read_text("utf-8") == told(), "run `python -m services.ledger.tests.story`"


def test_the_return_leaves_the_loan_45_days_past_due() -> None:
    story = lived()
    reversed_ = next(event for event in story.loan_events if type(event).__name__ == "RepaymentReversed")
    assert (reversed_.reversed_on, reversed_.position.days_past_due) == (RETURNED, 45)  # type: ignore[attr-defined]
