"""A violation is found once, answered by somebody else, and closed with what was learned."""

from __future__ import annotations

from datetime import date

import pytest

from libs.contracts.audit import ViolationAnswered, ViolationAssigned, ViolationClosed, ViolationFound
from libs.events.testing import Scenario
from services.audit.control import VIOLATION
from services.audit.domain.controls import ControlPolicy
from services.audit.domain.violation import AnswerViolation, AssignViolation, CloseViolation, ReportViolation
from services.audit.library import library
from services.audit.tests.given import example

TODAY = date(2026, 3, 2)
FOUND = example(ViolationFound)
ASSIGNED = example(ViolationAssigned)
ANSWERED = example(ViolationAnswered, answered_on="2026-03-02")
CLOSED = example(ViolationClosed, closed_on="2026-03-02")
ASSIGN = AssignViolation(to=ASSIGNED.assigned_to, due=ASSIGNED.due, today=TODAY)
ANSWER = AnswerViolation(answer=ANSWERED.answer, by=ANSWERED.answered_by, today=TODAY)
CLOSE = CloseViolation(consequence=CLOSED.consequence, lesson=CLOSED.lesson, by=CLOSED.closed_by, today=TODAY)
CASES = Scenario(VIOLATION)


def test_from_finding_to_lesson() -> None:
    CASES.given().when(ReportViolation(found=FOUND)).then(FOUND)
    CASES.given(FOUND, ASSIGNED).when(ReportViolation(found=FOUND)).then()
    CASES.given(FOUND).when(ASSIGN).then(ASSIGNED)
    CASES.given(FOUND, ASSIGNED).when(ANSWER).then(ANSWERED)
    CASES.given(FOUND, ASSIGNED, ANSWERED).when(CLOSE).then(CLOSED)


def test_what_is_refused() -> None:
    CASES.given().when(ASSIGN).refused("violation-unknown")
    himself = AssignViolation(to=FOUND.person, due=ASSIGNED.due, today=TODAY)
    CASES.given(FOUND).when(himself).refused("answers-for-himself")
    late = AssignViolation(to="x", due=date(2026, 3, 1), today=TODAY)
    CASES.given(FOUND).when(late).refused("due-past")
    CASES.given(FOUND).when(ANSWER).refused("not-assigned")
    CASES.given(FOUND, ASSIGNED).when(AnswerViolation(answer="a", by="other", today=TODAY)).refused("not-assigned")
    CASES.given(FOUND, ASSIGNED).when(CLOSE).refused("not-answered")
    own = CloseViolation(consequence="c", lesson="l", by=FOUND.person, today=TODAY)
    CASES.given(FOUND, ASSIGNED, ANSWERED).when(own).refused("own-violation")
    CASES.given(FOUND, ASSIGNED, ANSWERED, CLOSED).when(CLOSE).refused("violation-closed")


@pytest.mark.parametrize(
    ("role", "amount", "wrong"),
    [("credit_officer", "50000.00", False), ("credit_officer", "50000.01", True), ("collector", "1.00", True)],
)
def test_authority_ends_where_the_policy_says(role: str, amount: str, wrong: bool) -> None:
    [control] = [each for each in library().controls_on(TODAY).controls if each.code == "decided-beyond-authority"]
    payload = {"offer": {"amount": {"amount": amount, "currency": "CNY"}}}
    assert bool(control.beyond(role, payload)) is wrong


@pytest.mark.parametrize(("people", "wrong"), [([], False), (["a"], True), (["a", "a"], True), (["a", "b"], False)])
def test_large_loans_take_two_persons(people: list[str], wrong: bool) -> None:
    [control] = [each for each in library().controls_on(TODAY).controls if each.code == "one-pair-of-eyes"]
    payload = {"offer": {"amount": {"amount": "100000.00", "currency": "CNY"}}, "decided_by": people}
    assert bool(control.one_pair_of_eyes(payload)) is wrong
    small = payload | {"offer": {"amount": {"amount": "99999.99", "currency": "CNY"}}}
    assert control.one_pair_of_eyes(small) == ""


def test_a_test_that_lacks_what_its_kind_needs_is_refused() -> None:
    entry = {"code": "x", "kind": "OFFICES", "severity": "LOW", "text": {}, "source": "", "standing": "M"}
    document = {"version": 1, "effective_from": "2020-01-01", "outsiders": [], "controls": [entry]}
    with pytest.raises(ValueError, match="offices is missing"):
        ControlPolicy.from_json(document)
