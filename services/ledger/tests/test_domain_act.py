"""What one person asks for and another agrees to, and the policy that says when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts.ledger import ActApproved, ActKind, ActLapsed, ActRejected, ActRequested
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.ledger.api.acts import ACTS
from services.ledger.domain.act import ApproveAct, LapseAct, RejectAct, RequestAct, Target
from services.ledger.domain.checks import Check, read_checks
from services.ledger.domain.policy import PolicyError
from services.ledger.handlers import ACT
from services.ledger.library import HERE, library

ASKED_ON = date(2027, 4, 12)
LAST = ASKED_ON + timedelta(days=5)
CHECK = Check(
    above=Money.of("200.00"), agreed_by=("finance_manager",), lapses_after_days=5, exempt=frozenset({"service"})
)
ASKED = {"penalty": ex.cny("828.00"), "value_date": "2027-04-12", "reason": "Flood"}
REQUEST = RequestAct(
    today=ASKED_ON,
    act_id="act-1",
    act=ActKind.WAIVER,
    target=Target(loan_id=ex.LOAN),
    asked=ASKED,
    amount=Money.of("828.00"),
    check=CHECK,
    requested_by="finance-1",
)
REQUESTED = ActRequested(
    act_id="act-1",
    act=ActKind.WAIVER,
    loan_id=ex.LOAN,
    asked=ASKED,
    amount=Money.of("828.00"),
    agreed_by=("finance_manager",),
    open_until=LAST,
    requested_by="finance-1",
    requested_on=ASKED_ON,
)
APPROVE = ApproveAct(today=LAST, approved_by="finance-2", roles=frozenset({"finance_manager"}))
REJECT = RejectAct(today=LAST, reason="Insured", rejected_by="finance-2", roles=frozenset({"finance_manager"}))
LAPSE = LapseAct(today=LAST + timedelta(days=1))
NAMED: dict[str, Any] = {
    "act_id": "act-1",
    "act": ActKind.WAIVER,
    "loan_id": ex.LOAN,
    "requested_by": "finance-1",
}
APPROVED = ActApproved(**NAMED, approved_by="finance-2", approved_on=LAST)
REJECTED = ActRejected(**NAMED, reason="Insured", rejected_by="finance-2", rejected_on=LAST)
LAPSED = ActLapsed(**NAMED, lapsed_on=LAPSE.today)


def test_an_act_is_asked_for_once() -> None:
    Scenario(ACT).when(REQUEST).then(REQUESTED)
    Scenario(ACT).given(REQUESTED).when(REQUEST).then()


def test_another_person_agrees_up_to_the_last_day() -> None:
    state = Scenario(ACT).given(REQUESTED).when(APPROVE).then(APPROVED)
    assert (state.state, state.ended_by, state.ended_on) == ("APPROVED", "finance-2", LAST)
    Scenario(ACT).given(REQUESTED).when(replace(APPROVE, today=LAPSE.today)).refused("act-lapsed")


def test_who_asked_does_not_agree() -> None:
    Scenario(ACT).given(REQUESTED).when(replace(APPROVE, approved_by="finance-1")).refused("four-eyes")


@pytest.mark.parametrize("command", [APPROVE, REJECT])
def test_only_a_role_that_the_policy_names_judges(command: ApproveAct | RejectAct) -> None:
    other = replace(command, roles=frozenset({"collection_manager", "finance_officer"}))
    Scenario(ACT).given(REQUESTED).when(other).refused("act-role")


def test_it_is_turned_down_by_another_or_taken_back() -> None:
    Scenario(ACT).given(REQUESTED).when(REJECT).then(REJECTED)
    taken_back = replace(REJECT, rejected_by="finance-1", roles=frozenset({"finance_officer"}))
    state = (
        Scenario(ACT).given(REQUESTED).when(taken_back).then(REJECTED.model_copy(update={"rejected_by": "finance-1"}))
    )
    assert (state.state, state.ended_by) == ("REJECTED", "finance-1")


def test_it_lapses_after_its_last_day_if_nobody_has_judged() -> None:
    Scenario(ACT).given(REQUESTED).when(replace(LAPSE, today=LAST)).then()
    state = Scenario(ACT).given(REQUESTED).when(LAPSE).then(LAPSED)
    assert (state.state, state.ended_by, state.ended_on) == ("LAPSED", None, LAPSE.today)
    for ended in (APPROVED, REJECTED, LAPSED):
        Scenario(ACT).given(REQUESTED, ended).when(LAPSE).then()
    Scenario(ACT).when(LAPSE).then()


@pytest.mark.parametrize("ended", [APPROVED, REJECTED, LAPSED])
@pytest.mark.parametrize("command", [APPROVE, REJECT])
def test_what_has_ended_is_not_judged_again(
    ended: ActApproved | ActRejected | ActLapsed, command: ApproveAct | RejectAct
) -> None:
    Scenario(ACT).given(REQUESTED, ended).when(command).refused("act-ended")


@pytest.mark.parametrize("command", [APPROVE, REJECT])
def test_nothing_asked_for_is_not_there(command: ApproveAct | RejectAct) -> None:
    Scenario(ACT).when(command).refused("act-not-found")


def test_a_second_person_is_needed_above_the_amount() -> None:
    assert not CHECK.asks(Money.of("200.00"))
    assert CHECK.asks(Money.of("200.01"))
    assert CHECK.asks(None)
    assert CHECK.asks(Money.of("1.00", "USD")), "another currency is not below any amount"
    assert replace(CHECK, above=None).asks(Money.of("0.01"))


def test_every_act_is_in_the_policy_and_who_agrees_could_do_it_alone() -> None:
    checks = library().checks(date(2027, 7, 1))
    assert checks is not None
    assert checks.acts.keys() == {*ACTS, ActKind.REPAYMENT_FILE} == set(ActKind)
    for kind, act in ACTS.items():
        assert {*checks.acts[kind].agreed_by, *checks.acts[kind].exempt} <= {*act.roles}, kind


def test_what_one_person_may_do_alone_is_the_policys_of_the_day() -> None:
    first, second = library().checks(date(2027, 6, 30)), library().checks(date(2027, 7, 1))
    assert first is not None
    assert second is not None
    assert second.acts.keys() - first.acts.keys() == {
        ActKind.REPAYMENT, ActKind.REPAYMENT_FILE, ActKind.SUSPENSE_HOLD, ActKind.SUSPENSE_MATCH,
        ActKind.REFINANCING, ActKind.PAYOUT_AGAIN,
    }  # fmt: skip
    assert {kind: second.acts[kind] for kind in first.acts} == first.acts, (
        "what was checked before is checked as before"
    )


def test_before_the_policy_one_person_is_enough() -> None:
    assert library().checks(date(2026, 12, 31)) is None


@pytest.mark.parametrize("wrong", [{"agreed_by": []}, {"lapses_after_days": 0}, {"above_minor": -1}])
def test_a_policy_that_contradicts_itself_is_not_used(wrong: dict[str, Any]) -> None:
    document = json.loads((HERE / "policy" / "checks-v1.json").read_text())
    document["acts"]["REFUND"] |= wrong
    with pytest.raises(PolicyError):
        read_checks(document)
