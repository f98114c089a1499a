"""Posting rules and the chart of accounts."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from libs.contracts.catalogue import events_of
from libs.contracts.ledger import BusinessDayOpened, DayClosed, DisbursementReturned, RepaymentReceived
from libs.events.testing import Scenario
from services.ledger.domain.chart import Role, read_chart
from services.ledger.domain.day import CloseDay
from services.ledger.domain.posting import Line, Unbalanced, entry_of
from services.ledger.handlers import BUSINESS_DAY
from services.ledger.library import HERE

DAY = date(2026, 1, 5)


def test_a_repayment_is_posted_by_what_it_paid() -> None:
    entry = entry_of(RepaymentReceived.model_validate(RepaymentReceived.example))
    assert entry is not None
    assert entry.lines == (
        Line(Role.BANK, 110_016),
        Line(Role.LOANS, -92_016),
        Line(Role.INTEREST_RECEIVABLE, -18_000),
    )


def test_a_rule_that_does_not_balance_is_found() -> None:
    example = RepaymentReceived.model_validate(
        {**RepaymentReceived.example, "credit": {"amount": "0.01", "currency": "CNY"}}
    )
    with pytest.raises(Unbalanced):
        entry_of(example)


@pytest.mark.parametrize("event_type", events_of("ledger"))
def test_every_event_is_posted_balanced_or_not_at_all(event_type: Any) -> None:
    if event_type.__name__ == "LoanDisbursed":
        return  # its example shows the first row of a plan alone
    entry = entry_of(event_type.model_validate(event_type.example))
    assert entry is None or sum(line.amount for line in entry.lines) == 0


def test_a_return_recorded_without_amounts_and_a_day_without_accrual_post_nothing() -> None:
    bare = {name: DisbursementReturned.example[name] for name in ("loan_id", "payment_id", "reason", "value_date")}
    assert entry_of(DisbursementReturned.model_validate(bare)) is None
    assert entry_of(DayClosed(business_date=DAY, accruals=(), loans=0, detail_sha256="0" * 64)) is None


def test_a_chart_has_one_account_for_every_role() -> None:
    document = json.loads((HERE / "chart" / "accounts.json").read_text())
    chart = read_chart(document)
    assert chart.find("1303") is chart.accounts[Role.LOANS]
    assert chart.find("9999") is None
    for accounts in (document["accounts"][1:], [*document["accounts"], document["accounts"][0]]):
        with pytest.raises(ValueError, match="one account for every role"):
            read_chart({**document, "accounts": accounts})


def close(day: date) -> CloseDay:
    return CloseDay(day=day, accruals=(), loans=0, detail_sha256="0" * 64, known_until=7)


def test_only_the_open_day_is_closed_and_the_next_is_opened() -> None:
    first = Scenario(BUSINESS_DAY).given().when(close(DAY))
    assert [type(event) for event in first.events] == [DayClosed, BusinessDayOpened]
    state = first.then(*first.events)
    assert (state.today, state.closed, state.known_until) == (date(2026, 1, 6), DAY, 7)
    Scenario(BUSINESS_DAY).given(*first.events).when(close(DAY)).refused("day-not-open")
    assert BUSINESS_DAY.evolve(state, RepaymentReceived.model_validate(RepaymentReceived.example)) == state
