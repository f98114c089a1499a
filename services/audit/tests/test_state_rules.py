"""What is said of a page twice is the same: by the rules that verifiers share, and by the audit's own read models."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Any

import pytest
from hypothesis import given

from libs.contracts import approval, ledger
from libs.contracts import examples as ex
from libs.contracts.base import EVENT_TYPES, DomainEvent
from libs.evidence import replay
from services.audit.domain.page import Subject, effects
from services.audit.tests.given import example, page_of
from services.audit.tests.test_domain_page import LIFE, interleavings


def plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value


def by_page(event: DomainEvent) -> list[Any]:
    return [
        (effect.subject.value, effect.key, {k: plain(v) for k, v in effect.values.items()}, dict(effect.amounts))
        for effect in effects(event)
    ]


def by_rules(event: DomainEvent) -> list[Any]:
    return list(replay.effects(event.type_name, event.payload()))


@pytest.mark.parametrize("event", [pytest.param(event, id=event.__name__) for event in EVENT_TYPES.values()])
def test_rules_and_read_models_say_the_same_of_every_event(event: type[DomainEvent]) -> None:
    assert by_rules(example(event)) == by_page(example(event))


def test_they_say_the_same_of_amounts_below_one_and_negative_ones() -> None:
    claim = {name: ex.cny(f"{amount}") for name, amount in zip(
        ("principal", "interest", "fee", "penalty"), ("0.07", "-12.30", "0.00", "1000000.01"), strict=True
    )}  # fmt: skip
    for event in (
        example(ledger.LoanWrittenOff, written_off=claim),
        example(ledger.DisbursementReturned, credit_difference=ex.cny("-0.05")),
        example(approval.ApplicationApproved, decided_by=["officer-1", "manager-2"]),
    ):
        assert by_rules(event) == by_page(event)


@given(interleavings())
def test_a_life_replayed_by_the_rules_is_the_page(heard: list[DomainEvent]) -> None:
    state = replay.State(ex.APPLICATION, ex.LOAN, frozenset({ex.CASE}))
    for event in heard:
        state.take(event.type_name, event.payload())
    page = page_of(*LIFE)
    assert state.to_json() == {
        "application": {name: plain(value) for name, value in page.application.items()},
        "loan": {name: plain(value) for name, value in page.loan.items()},
        "cases": {key: {n: plain(v) for n, v in case.items()} for key, case in page.cases.items()},
    }


def test_what_is_said_of_another_loan_is_left_aside() -> None:
    state = replay.State("another", "another")
    for event in LIFE:
        state.take(event.type_name, event.payload())
    assert state.to_json() == {"application": None, "loan": None, "cases": {}}


def test_the_rules_know_no_row_that_the_read_models_do_not() -> None:
    assert set(replay.KEYS) == {subject.value for subject in Subject}


@pytest.mark.parametrize("data", [None, [], {}, {"loan_id": 7}, {"loan_id": "x", "amount": {"amount": "1e3"}}])
def test_data_of_another_form_are_told(data: Any) -> None:
    with pytest.raises(replay.CannotReplay):
        list(replay.effects(ledger.RecoveryReceived.type_name, data))
