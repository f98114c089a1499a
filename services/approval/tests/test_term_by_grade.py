"""A table that limits the term by grade: a counter-offer of what the grade allows, or a refusal (R3.4)."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import zen
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import examples as ex
from libs.contracts.approval import ApplicationApproved, ApplicationDeclined, ApplicationReferred, Outcome
from libs.contracts.values import LoanRequest
from libs.events.testing import Scenario
from libs.service.testing import Served, key
from services.approval.domain.capacity import BASIS_POINTS, debt_to_income_bps
from services.approval.domain.commands import Verdict
from services.approval.handlers import DECISION, consider, facts_of, verdict_on
from services.approval.library import HERE
from services.approval.tables import DecisionTable, TableFault
from services.approval.tables.cells import layout_of
from services.approval.tables.coverage import coverage_of
from services.approval.tables.lint import faults_of
from services.approval.tables.table import propose
from services.approval.tests.requests import TODAY, application_id, request, scored
from services.approval.tests.test_tables import DOCUMENT as BEFORE
from services.approval.tests.test_tables import content

DOCUMENT: dict[str, Any] = json.loads((HERE / "tables" / "proposals" / "standard-v2.json").read_text("utf-8"))
TABLE = DecisionTable(DOCUMENT)
RICH = {"monthly_income": ex.cny("30000.00")}


def told(grade: str, instalments: int, period_months: int = 1, **changes: Any) -> Verdict:
    asked = request(instalments=instalments, period_months=period_months, **{**RICH, **changes})
    return verdict_on(TABLE, asked, score=600, grade=grade, on=TODAY)


@pytest.mark.parametrize(
    ("grade", "instalments", "period", "outcome", "rules", "offered"),
    [
        ("A", 360, 1, "APPROVE", ("grade-a-approve",), None),
        ("B", 36, 1, "APPROVE", ("grade-b-approve",), None),
        ("B", 37, 1, "APPROVE", ("grade-b-approve", "grade-b-shorten"), 36),
        ("C", 24, 1, "APPROVE", ("grade-c-small-approve",), None),
        ("C", 25, 1, "APPROVE", ("grade-c-small-approve", "grade-c-shorten"), 24),
        ("C", 9, 3, "APPROVE", ("grade-c-small-approve", "grade-c-shorten"), 8),
        ("C", 6, 5, "APPROVE", ("grade-c-small-approve", "grade-c-shorten"), 4),
        ("C", 3, 12, "APPROVE", ("grade-c-small-approve", "grade-c-shorten"), 2),
        ("D", 36, 1, "REFER", ("grade-d-refer",), None),
        ("D", 37, 1, "DECLINE", ("grade-d-long-decline",), None),
    ],
)
def test_the_term_of_a_grade_at_its_edges(
    grade: str, instalments: int, period: int, outcome: str, rules: tuple[str, ...], offered: int | None
) -> None:
    verdict = told(grade, instalments, period)
    assert (verdict.outcome, verdict.basis.rules, verdict.instalments) == (Outcome(outcome), rules, offered)


def test_the_offer_is_what_the_grade_allows_with_its_price_and_why() -> None:
    asked = request(instalments=36, **RICH)
    command = consider(application_id(), asked, TABLE, score=600, grade="C", today=TODAY)
    state = (
        Scenario(DECISION)
        .given()
        .when(command)
        .then(
            ApplicationApproved(
                application_id=application_id(),
                request=asked,
                offer={
                    "amount": asked.amount,
                    "instalments": 24,
                    "period_months": 1,
                    "method": asked.method,
                    "annual_rate": asked.product.annual_rate + Decimal("0.02"),
                    "fees": asked.product.fees,
                    "expires_on": date(2026, 2, 15),
                },
                basis=command.verdict.basis,
                reasons=(TABLE.reason("within-policy"), TABLE.reason("term-shortened-for-grade")),
                decided_by=(),
                approved_on=TODAY,
            )
        )
    )
    assert state.offer is not None


@pytest.mark.parametrize(
    ("grade", "instalments", "period", "fewest", "rules", "offered"),
    [
        ("C", 6, 12, 2, ("grade-c-small-approve", "grade-c-shorten"), 2),
        ("C", 6, 12, 3, ("term-below-product", "grade-c-shorten"), None),
        ("B", 6, 12, 4, ("term-below-product", "grade-b-shorten"), None),
        ("C", 2, 12, 2, ("grade-c-small-approve",), None),
    ],
)
def test_what_is_shorter_than_the_product_has_goes_to_a_person(
    grade: str, instalments: int, period: int, fewest: int, rules: tuple[str, ...], offered: int | None
) -> None:
    product = ex.PRODUCT | {"instalments_min": fewest}
    asked = request(instalments=instalments, period_months=period, product=product, **RICH)
    command = consider(application_id(), asked, TABLE, score=600, grade=grade, today=TODAY)
    verdict = command.verdict
    (event,) = Scenario(DECISION).when(command).events
    assert (verdict.basis.rules, verdict.instalments) == (rules, offered)
    if rules[0] != "term-below-product":
        assert isinstance(event, ApplicationApproved)
        return
    assert isinstance(event, ApplicationReferred)
    assert (event.queue, event.reasons) == ("standard", (TABLE.reason("term-below-product"),))
    assert event.basis.term_months_max == {"B": 36, "C": 24}[grade]


@pytest.mark.parametrize(
    "path", sorted((HERE.parent / "application" / "products").glob("*.json")), ids=lambda p: p.stem
)
def test_every_shipped_product_can_be_had_in_the_longest_term_of_every_grade(path: Path) -> None:
    """Otherwise a grade never gets the product without a person, which nobody said."""
    product = json.loads(path.read_text("utf-8"))
    shortest = product["instalments_min"] * min(product["period_months"])
    longest = {
        grade: TABLE.term_limit(facts_of(request(), score=600, grade=grade, on=TODAY)) for grade in "ABCD"
    }  # fmt: skip
    assert {grade for grade, most in longest.items() if most is not None and most < shortest} == set()


def test_the_shorter_term_is_carried_by_the_income_or_goes_to_a_person_or_is_refused() -> None:
    """12,000 over 60 months burden an income by less than over 24."""
    modest = {"monthly_debt_service": ex.cny("0.00")}
    strained = told("C", 60, monthly_income=ex.cny("1000.00"), **modest)
    assert (strained.outcome, strained.basis.rules) == (Outcome.REFER, ("debt-over-55-refer", "grade-c-shorten"))
    poor = request(instalments=60, monthly_income=ex.cny("800.00"), **modest)
    assert debt_to_income_bps(poor, TODAY) <= 5500
    verdict = verdict_on(TABLE, poor, score=600, grade="C", on=TODAY)
    assert (verdict.outcome, verdict.basis.rules) == (Outcome.DECLINE, ("debt-over-70-decline", "grade-c-shorten"))
    assert [reason.code for reason in verdict.reasons] == ["debt-too-high", "term-shortened-for-grade"]
    shorter = poor.model_copy(update={"instalments": 24})
    assert verdict.basis.debt_to_income == Decimal(debt_to_income_bps(shorter, TODAY)) / BASIS_POINTS


requests = st.builds(
    lambda **changes: request(**changes),
    amount=st.sampled_from(["1000.00", "30000.00", "30000.01", "120000.00"]),
    instalments=st.integers(1, 360),
    product=st.integers(1, 6).map(lambda fewest: ex.PRODUCT | {"instalments_min": fewest}),
    period_months=st.integers(1, 12),
    monthly_income=st.sampled_from(["500.00", "1500.00", "30000.00"]).map(ex.cny),
)


@given(requests, st.sampled_from("ABCDE"))
def test_nobody_is_offered_more_than_asked_for_or_than_the_grade_allows(asked: LoanRequest, grade: str) -> None:
    verdict = verdict_on(TABLE, asked, score=600, grade=grade, on=TODAY)
    before = verdict_on(DecisionTable(BEFORE), asked, score=600, grade=grade, on=TODAY)
    months = (verdict.instalments or asked.instalments) * asked.period_months
    longest = {"B": 36, "C": 24}.get(grade, 360 * 12)
    assert verdict.instalments is None or 1 <= verdict.instalments < asked.instalments
    if verdict.outcome is Outcome.APPROVE:
        assert months <= longest
        assert verdict.instalments is None or verdict.instalments >= asked.product.instalments_min
        assert before.outcome is Outcome.APPROVE
    limited = {"grade-d-long-decline", "term-below-product"}
    if verdict.instalments is None and limited.isdisjoint(verdict.basis.rules):
        assert (verdict.outcome, verdict.basis.rules) == (before.outcome, before.basis.rules)


def shortening(**cells: str) -> Callable[[dict[str, Any]], None]:
    def plant(document: dict[str, Any]) -> None:
        row = next(row for row in content(document)["rules"] if row["_id"] == "grade-c-shorten")
        row.update(cells)

    return plant


def _long_approve_first(document: dict[str, Any]) -> None:
    rows = content(document)["rules"]
    row = next(row for row in rows if row["_id"] == "grade-c-shorten")
    rows.remove(row)
    rows.insert(1, row)


@pytest.mark.parametrize(
    ("plant", "fault"),
    [
        (shortening(out_term_months_max="11"), "term_months_max: '11' is not of a form"),
        (shortening(out_term_months_max="24.5"), "term_months_max: '24.5' is not of a form"),
        (shortening(out_term_months_max=""), "term_months_max: '' is not of a form"),
        (shortening(in_term_months="> 2 * 12"), "term_months: '> 2 * 12' is not of a form"),
        (shortening(in_term_months=">= 24"), "an approval of term_months > 24"),
        (shortening(in_term_months=""), "an approval of term_months > 24"),
        (shortening(out_outcome="'REFER'"), "an approval of term_months > 24"),
        (shortening(out_rate_adjust_bps="200"), "without price and conditions"),
        (shortening(out_conditions="['within-policy']"), "without price and conditions"),
        (shortening(in_grade="'D'"), "grade-c-shorten) can never be reached"),
        (_long_approve_first, "approves applications that row 4 (debt-over-70-decline) declines"),
    ],
)
def test_a_planted_fault_of_the_term_is_found(plant: Callable[[dict[str, Any]], None], fault: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    plant(document)
    assert any(fault in found for found in faults_of(document)), faults_of(document)
    with pytest.raises(TableFault):
        DecisionTable(document)


def test_the_text_of_a_term_below_the_product_is_asked_of_new_tables_and_missed_by_none() -> None:
    """What was put on record before decides as it is: a table that could not be read would stop every decision."""
    document = copy.deepcopy(DOCUMENT)
    assert propose(document, "standard").shortens_terms
    del document["reasons"]["term-below-product"]
    with pytest.raises(TableFault, match="'term-below-product'"):
        propose(document, "standard")
    asked = request(instalments=6, period_months=12, product=ex.PRODUCT | {"instalments_min": 3}, **RICH)
    verdict = verdict_on(DecisionTable(document), asked, score=600, grade="C", on=TODAY)
    assert (verdict.outcome, verdict.basis.rules) == (Outcome.REFER, ("no-row-matched", "grade-c-shorten"))


def test_every_term_is_looked_at_and_the_engine_takes_the_same_row_in_every_cell() -> None:
    coverage = coverage_of(TABLE.content)
    assert (coverage.gap_cells, coverage.cells) == (0, 4320)
    assert min(coverage.decided.values()) > 0
    layout = layout_of(TABLE.content)
    engine = zen.ZenEngine().create_decision(json.dumps(DOCUMENT["decision"]))
    terms = set()
    for cell, fitting in zip(layout.cells(), layout.fitting(), strict=True):
        facts = {
            name: value == "true" if name == "scored" else value
            for name, value in zip(layout.columns, cell, strict=True)
        }
        terms.add(facts["term_months"])
        row = TABLE.content["rules"][(fitting & -fitting).bit_length() - 1]
        said = engine.evaluate(facts)["result"]
        assert (said["rule"], said.get("term_months_max")) == (row["_id"], json.loads(row["out_term_months_max"]))
    assert terms == {0, 25, 37}


async def test_once_released_a_long_term_is_countered_and_before_it_is_not(approval: Served) -> None:
    manager, senior = await approval.client("risk_manager"), await approval.client("senior_credit_officer")
    proposed = await manager.post("/approval/tables", json={"document": DOCUMENT}, headers=key())
    assert proposed.status_code == 201, proposed.text
    long = {"grade": "C", "amount": "12000.00", "instalments": 36}
    await approval.publish(f"assessment-{application_id(1)}", scored(1, **long))
    await approval.settle()
    entry = {"table_id": "standard", "version": 2, "decided_from": "2020-01-01", "decided_to": "2030-01-01"}
    compared = (await manager.post("/approval/comparisons", json=entry, headers=key())).json()
    assert (compared["considered"], compared["changed"]) == (1, 0)
    comparison = {"comparison_id": compared["comparison_id"]}
    sign = f"/approval/comparisons/{compared['comparison_id']}/sign-off"
    assert (await senior.post(sign, json={"note": "As decided"}, headers=key())).status_code == 200
    released = await manager.post("/approval/tables/standard/2/release", json=comparison, headers=key())
    assert released.status_code == 200, released.text
    for number, changes in ((2, long), (3, {**long, "grade": "D", "instalments": 48})):
        event = scored(number, **changes).model_copy(update={"scored_on": date(2027, 1, 1)})
        await approval.publish(f"assessment-{application_id(number)}", event)
    await approval.settle()
    before, after, refused = [(await approval.events(f"decision-{application_id(n)}"))[0] for n in (1, 2, 3)]
    assert isinstance(before, ApplicationApproved)
    assert isinstance(after, ApplicationApproved)
    assert isinstance(refused, ApplicationDeclined)
    assert (before.offer.instalments, after.offer.instalments) == (36, 24)
    assert [reason.code for reason in after.reasons] == ["within-policy", "term-shortened-for-grade"]
    cost_most = tuple(reason.code for reason in scored().reasons)
    assert cost_most
    assert tuple(reason.code for reason in refused.reasons) == ("score-too-low-for-term", *cost_most)[:4]
