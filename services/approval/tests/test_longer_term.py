"""People who decide are held to the longest term of the grade; who offers a longer one needs a reason and an authority
of its own (R3.4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts.approval import ApplicationApproved, ApplicationReferred, ApprovalPrepared, Outcome
from libs.events.testing import Scenario
from libs.lending.money import Money
from libs.service.testing import Served, key
from services.approval.domain.commands import DecideCase, Lent, OfferTerms, RecommendDecision
from services.approval.handlers import DECISION, consider, facts_of
from services.approval.library import library
from services.approval.tables import DecisionTable
from services.approval.tests.exposures import happens
from services.approval.tests.requests import AUTHORITY, application_id, request, scored
from services.approval.tests.test_api import APPROVE, code, post
from services.approval.tests.test_casework import day_opens
from services.approval.tests.test_domain_casework import claimed, decides, meets, votes
from services.approval.tests.test_tables import DOCUMENT as BEFORE
from services.approval.tests.test_term_by_grade import DOCUMENT, TABLE

DAY = date(2027, 1, 1)
LONGER = library().casework(DAY).longer_term
REASON = "income-lasting"


@pytest.mark.parametrize(
    ("grade", "amount", "months"),
    [
        ("A", "12000.00", None),
        ("B", "12000.00", 36),
        ("B", "150000.00", 36),
        ("C", "30000.00", 24),
        ("C", "30000.01", 24),
        ("D", "12000.00", 36),
        ("E", "12000.00", None),
        ("", "12000.00", None),
    ],
)
def test_the_longest_term_of_a_grade_is_that_of_its_rows_whatever_the_amount(
    grade: str, amount: str, months: int | None
) -> None:
    facts = facts_of(request(amount), score=600 if grade else None, grade=grade, on=DAY)
    assert TABLE.term_limit(facts) == months
    assert TABLE.decide(facts, 600).basis.term_months_max == months
    assert DecisionTable(BEFORE).term_limit(facts) is None


def referred(grade: str = "C", instalments: int = 60, amount: str = "40000.00", **changes: Any) -> ApplicationReferred:
    asked = request(amount, instalments=instalments, monthly_income=ex.cny("30000.00"), **changes)
    command = consider(application_id(), asked, TABLE, score=600, grade=grade, today=DAY)
    (event,) = Scenario(DECISION).when(command).events
    assert isinstance(event, ApplicationReferred), event
    return event


def offers(instalments: int | None, **changes: Any) -> DecideCase:
    terms = OfferTerms(instalments=instalments)
    return replace(decides(terms=terms, longer_term=LONGER), **{"limit": Money.of("200000.00"), **changes})


def given(*past: Any) -> Scenario[Any]:
    return Scenario(DECISION).given(*past)


@pytest.mark.parametrize(
    ("period_months", "asked", "instalments", "allowed"),
    [(1, 60, 24, True), (1, 60, 25, False), (1, 60, None, False), (3, 12, 8, True), (3, 12, 9, False)],
)
def test_an_offer_ends_with_the_longest_term(
    period_months: int, asked: int, instalments: int | None, allowed: bool
) -> None:
    past = (referred(instalments=asked, period_months=period_months), claimed())
    attempt = given(*past).when(offers(instalments))
    if allowed:
        (event,) = attempt.events
        assert (event.offer.instalments, event.term_override) == (instalments, "")
        return
    refused = attempt.refused("term-override-reason-needed")
    assert (refused.status, refused.field) == (422, "/offer/instalments")
    assert "24 months" in refused.detail
    assert REASON in refused.detail


def test_a_longer_term_needs_a_reason_of_the_policy_and_its_own_authority() -> None:
    past = (referred(), claimed())
    wrong = given(*past).when(offers(36, term_override="because")).refused("term-override-reason-needed")
    assert wrong.field == "/term_override"
    given(*past).when(offers(36, term_override=REASON)).refused("authority-exceeded")
    within: Any = {"term_override": REASON, "longer_term_limit": Money.of("40000.00")}
    (event,) = given(*past).when(offers(36, **within)).events
    assert isinstance(event, ApplicationApproved)
    assert (event.offer.instalments, event.term_override, event.override) == (36, REASON, "")
    short = {**within, "longer_term_limit": Money.of("39999.99")}
    given(*past).when(offers(36, **short)).refused("authority-exceeded")
    given(*past).when(offers(36, **within, limit=Money.of("39999.99"))).refused("authority-exceeded")
    given(*past).when(offers(24, **within)).refused("nothing-overridden")
    decline = replace(offers(None, **within), outcome=Outcome.DECLINE)
    refused = given(*past).when(decline).refused("conditions-of-a-decline")
    assert refused.field == "/term_override"


def test_the_roles_of_the_policy_and_who_acts_for_them() -> None:
    assert [LONGER.limit([role]).amount for role in ("credit_officer", "senior_credit_officer", "risk_manager")] == [
        "0.00", "50000.00", "200000.00",
    ]  # fmt: skip
    past = (referred(), claimed())
    zero = Money.of("0.00")
    lender = Lent(delegator="del", limit=Money.of("200000.00"), review_limit=zero)
    given(*past).when(offers(36, term_override=REASON, lent=(lender,))).refused("authority-exceeded")
    lender = replace(lender, longer_term_limit=LONGER.limit(["senior_credit_officer"]))
    (event,) = given(*past).when(offers(36, term_override=REASON, lent=(lender,))).events
    assert event.delegated_by == "del"


def test_before_the_policy_knows_reasons_no_term_is_longer() -> None:
    none = library().casework(date(2026, 2, 1)).longer_term
    past = (referred(), claimed())
    command = offers(36, term_override=REASON, longer_term=none, longer_term_limit=Money.of("40000.00"))
    given(*past).when(command).refused("term-override-reason-needed")
    assert given(*past).when(offers(24, longer_term=none)).error is None


def test_a_shortened_term_binds_also_who_looks_at_it_for_something_else() -> None:
    """Referred for its instalments, which the shorter term makes dearer."""
    asked = request(instalments=60, monthly_income=ex.cny("1000.00"), monthly_debt_service=ex.cny("0.00"))
    (event,) = Scenario(DECISION).when(
        consider(application_id(), asked, TABLE, score=600, grade="C", today=DAY)
    ).events  # fmt: skip
    assert event.basis.rules == ("debt-over-55-refer", "grade-c-shorten")
    given(event, claimed()).when(offers(None)).refused("term-override-reason-needed")


def test_a_condition_and_the_committee_keep_the_override_on_record() -> None:
    within: Any = {"term_override": REASON, "longer_term_limit": Money.of("40000.00")}
    insurance = library().casework(DAY).conditions["insurance"]
    (prepared,) = given(referred(), claimed()).when(offers(36, **within, conditions=(insurance,))).events
    assert isinstance(prepared, ApprovalPrepared)
    assert prepared.term_override == REASON
    approved = given(referred(), claimed(), prepared).when(meets("insurance")).events[-1]
    assert (approved.term_override, approved.offer.instalments) == (REASON, 36)

    for instalments, override in ((24, ""), (36, "committee")):
        recommend = RecommendDecision(
            officer="zoe",
            outcome=Outcome.APPROVE,
            note="Fit",
            terms=OfferTerms(instalments=instalments),
            authority=AUTHORITY,
            today=DAY,
        )
        (recommended,) = given(referred(), claimed("zoe")).when(recommend).events
        past: list[Any] = [referred(), recommended]
        for member in ("ann", "bob", "cat"):
            past += given(*past).when(votes(member)).events
        assert isinstance(past[-1], ApplicationApproved)
        assert past[-1].term_override == override


async def test_over_http_the_term_ends_with_the_grade_unless_somebody_with_authority_says_why(approval: Served) -> None:
    manager, senior = await approval.client("risk_manager"), await approval.client("senior_credit_officer")
    await post(manager, "/approval/tables", {"document": DOCUMENT})
    entry = {"table_id": "standard", "version": 2, "decided_from": "2020-01-01", "decided_to": "2030-01-01"}
    comparison = (await post(manager, "/approval/comparisons", entry)).json()["comparison_id"]
    await post(senior, f"/approval/comparisons/{comparison}/sign-off", {"note": "As decided"})
    released = await post(manager, "/approval/tables/standard/2/release", {"comparison_id": comparison})
    assert released.status_code == 200, released.text
    await day_opens(approval, DAY)
    event = scored(1, instalments=36).model_copy(update={"scored_on": DAY})
    await happens(approval, event)
    path = f"/approval/decisions/{application_id(1)}"
    officer = await approval.client("credit_officer")
    shown = (await officer.get(path)).json()
    assert (shown["status"], shown["basis"]["term_months_max"]) == ("REFERRED", 24)
    codes = (await officer.get("/approval/casework")).json()["term_override_reasons"]
    assert REASON in codes

    await post(officer, f"{path}/claim")
    long = await post(officer, f"{path}/decide", APPROVE)
    assert (long.status_code, code(long)) == (422, "term-override-reason-needed")
    assert long.json()["errors"][0]["pointer"] == "#/offer/instalments"
    why = APPROVE | {"term_override": REASON}
    unknown = await post(officer, f"{path}/decide", APPROVE | {"term_override": "because"})
    assert unknown.json()["errors"][0]["pointer"] == "#/term_override"
    assert code(await post(officer, f"{path}/decide", why)) == "authority-exceeded"
    await post(officer, f"{path}/release", {"reason": "Beyond my authority"})
    await post(senior, f"{path}/claim")
    decided = await senior.post(f"{path}/decide", json=why, headers=key())
    assert (decided.status_code, decided.json()["offer"]["instalments"]) == (200, 36)
    (*_, approved) = await approval.events(f"decision-{application_id(1)}")
    assert (approved.term_override, approved.override) == (REASON, "")
