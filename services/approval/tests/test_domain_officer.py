"""Given, when, then: relations of officers, and authority that is lent."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from libs.contracts.approval import AuthorityDelegated, DelegationEnded, RelationDeclared, RelationEnded
from libs.events.testing import Scenario
from services.approval.domain.officer import DeclareRelation, Delegate, EndDelegation, EndRelation
from services.approval.handlers import OFFICER
from services.approval.tests.requests import TODAY


def of(event: Any, **changes: Any) -> Any:
    return event.model_validate(event.example | changes)


DECLARED, ENDED = of(RelationDeclared, officer="ann"), of(RelationEnded, officer="ann", ended_on=TODAY)
HELD = frozenset({"risk_manager"})


def delegated(first: date = TODAY, last: date = TODAY + timedelta(days=9), **changes: Any) -> AuthorityDelegated:
    dates = {"first_day": first, "last_day": last, "delegated_on": TODAY}
    return of(AuthorityDelegated, **{"officer": "ann", "delegator": "bob"} | dates | changes)


def end_relation(by: str) -> EndRelation:
    return EndRelation(
        officer="ann", applicant_id=DECLARED.applicant_id, reason=ENDED.reason, by=by, today=TODAY
    )  # fmt: skip


def test_a_relation_is_declared_once_and_ended_by_somebody_else() -> None:
    Scenario(OFFICER).when(DeclareRelation(declared=DECLARED)).then(DECLARED)
    Scenario(OFFICER).given(DECLARED).when(DeclareRelation(declared=DECLARED)).refused("relation-declared")
    Scenario(OFFICER).given(DECLARED).when(end_relation("ann")).refused("second-person-needed")
    state = Scenario(OFFICER).given(DECLARED).when(end_relation("risk-manager")).then(ENDED)
    assert state.related == frozenset()
    Scenario(OFFICER).when(end_relation("risk-manager")).refused("relation-not-found")
    assert OFFICER.replay([DECLARED]).related == {DECLARED.applicant_id}


@pytest.mark.parametrize(
    ("first", "last", "allowed"),
    [(0, 0, True), (0, 91, True), (0, 92, False), (-1, 5, False), (5, 4, False), (30, 121, True)],
)
def test_authority_is_lent_from_today_on_and_not_for_long(first: int, last: int, allowed: bool) -> None:
    lent = delegated(TODAY + timedelta(days=first), TODAY + timedelta(days=last))
    scenario = Scenario(OFFICER).when(Delegate(delegated=lent, held=HELD))
    if allowed:
        scenario.then(lent)
    else:
        scenario.refused("delegation-period")


def test_nobody_lends_what_he_has_not_or_to_himself() -> None:
    lent = delegated()
    Scenario(OFFICER).when(Delegate(delegated=lent, held=frozenset({"credit_officer"}))).refused("role-not-held")
    own = delegated(delegator="ann")
    Scenario(OFFICER).when(Delegate(delegated=own, held=HELD)).refused("delegated-to-oneself")


def test_what_is_lent_holds_on_its_days_until_it_is_taken_back() -> None:
    lent = delegated(TODAY + timedelta(days=1), TODAY + timedelta(days=3))
    state = OFFICER.replay([lent])
    assert [bool(state.lent(TODAY + timedelta(days=day))) for day in range(5)] == [False, True, True, True, False]
    back = EndDelegation(officer="ann", delegation_id=lent.delegation_id, by="bob", today=TODAY)
    ended = DelegationEnded(delegation_id=lent.delegation_id, officer="ann", ended_by="bob", ended_on=TODAY)
    assert Scenario(OFFICER).given(lent).when(back).then(ended).delegations == {}
    other = EndDelegation(officer="ann", delegation_id=lent.delegation_id, by="ann", today=TODAY)
    Scenario(OFFICER).given(lent).when(other).refused("delegation-not-found")
