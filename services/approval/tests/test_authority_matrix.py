"""Authority and four eyes over every role, every amount that matters, every product, every way to a decision.

What must come out is read off the policy's own documents by other code than what decides.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from libs.contracts import examples as ex
from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    CaseClaimed,
    DecisionRecommended,
    Outcome,
    ReviewRequested,
)
from libs.contracts.problems import Rejected
from libs.contracts.values import LoanRequest
from libs.lending.money import Money
from libs.service.actor import ROLES
from services.approval.domain.commands import DecideCase, Lent
from services.approval.domain.offers import make_offer
from services.approval.handlers import DECISION
from services.approval.library import library
from services.approval.tests.requests import AS_ASKED, AUTHORITY, REASON, TODAY, application_id, consider, request

SERVICES: Final = Path(__file__).parents[2]
MATRIX: Final = json.loads((SERVICES / "approval/policy/authority-v1.json").read_text("utf-8"))
REVIEW: Final = json.loads((SERVICES / "approval/policy/casework-v1.json").read_text("utf-8"))["review"]
PRODUCTS: Final = sorted((SERVICES / "application/products").glob("*.json"))
OVERRIDE: Final = "record-corrected"


def minor(amount: str) -> int:
    return int(amount.replace(".", ""))


AMOUNTS: Final = sorted(
    {
        edge + step
        for amount in (*MATRIX["decide_max"].values(), MATRIX["four_eyes_from"], *REVIEW["decide_max"].values())
        for edge, step in product([minor(amount)], (-1, 0, 1))
    }
    | {1, minor("1000.00"), minor("10000000.00")}
)
"""Around every edge of both matrices, a fen to either side, and far from all of them."""
WHO: Final = ("nobody", "himself", "another", "delegator")
"""Who has recommended the case."""


@dataclass(frozen=True)
class Case:
    roles: tuple[str, ...]
    lent: str
    amount_minor: int
    product: str
    recommended_by: str
    told_four_eyes: bool
    reviewed: bool
    outcome: Outcome

    def must_be(self) -> str:
        """What the documents say: the event, or the code of the refusal."""
        limits = REVIEW["decide_max"] if self.reviewed else MATRIX["decide_max"]
        four_eyes = (
            REVIEW["four_eyes"]
            if self.reviewed
            else self.told_four_eyes or self.amount_minor >= minor(MATRIX["four_eyes_from"])
        )
        if four_eyes and self.recommended_by in ("nobody", "himself"):
            return "second-person-needed"
        if self.outcome is Outcome.DECLINE:
            return "ApplicationDeclined"
        own = max((minor(limits[role]) for role in self.roles if role in limits), default=0)
        lent = minor(limits[self.lent]) if self.lent in limits and self.recommended_by != "delegator" else 0
        return "ApplicationApproved" if self.amount_minor <= max(own, lent) else "authority-exceeded"


def cases(product_code: str) -> Iterator[Case]:
    holders = [(role,) for role in ROLES] + [("credit_officer", "risk_manager"), ("auditor", "credit_officer"), ()]
    lenders = ["", *MATRIX["decide_max"]]
    for roles, lent, amount, who, told, reviewed, outcome in product(
        holders, lenders, AMOUNTS, WHO, (False, True), (False, True), (Outcome.APPROVE, Outcome.DECLINE)
    ):
        if not (reviewed and told):  # the review has its own
            yield Case(roles, lent, amount, product_code, who, told, reviewed, outcome)


def asked(product_file: Path) -> dict[str, Any]:
    shipped = json.loads(product_file.read_text("utf-8"))
    return ex.PRODUCT | {"code": shipped["code"], "kind": shipped["kind"]}


def past(case: Case, wanted: LoanRequest) -> list[Any]:
    own = {"application_id": application_id()}
    people = {"himself": "ann", "another": "bob", "delegator": "del"}
    if case.reviewed:
        events = list(DECISION.decide(consider(Outcome.DECLINE, wanted), DECISION.initial))
        review = {"queue": "review", "four_eyes": REVIEW["four_eyes"], "requested_on": TODAY}
        events.append(ReviewRequested.model_validate(own | review))
    else:
        events = list(DECISION.decide(consider(Outcome.REFER, wanted, four_eyes=case.told_four_eyes), DECISION.initial))
    if case.recommended_by in people:
        note = {"outcome": "DECLINE", "note": "Looked at", "recommended_on": TODAY}
        events.append(DecisionRecommended.model_validate(own | note | {"officer": people[case.recommended_by]}))
    return [*events, CaseClaimed.model_validate(own | {"officer": "ann", "claimed_on": TODAY})]


def decides(case: Case) -> DecideCase:
    review = library().casework(TODAY).review
    lent = Lent(
        delegator="del", limit=AUTHORITY.limit((case.lent,)), review_limit=review.limit((case.lent,))
    )  # fmt: skip
    approves = case.outcome is Outcome.APPROVE
    return DecideCase(
        officer="ann",
        limit=AUTHORITY.limit(case.roles),
        outcome=case.outcome,
        note="Decided",
        reasons=(),
        terms=AS_ASKED,
        authority=AUTHORITY,
        today=TODAY,
        lent=(lent,) if case.lent else (),
        review=review,
        review_limit=review.limit(case.roles),
        override=OVERRIDE if case.reviewed and approves else "",
    )


@pytest.mark.parametrize("product_file", PRODUCTS, ids=lambda path: path.name.partition(".")[0])
def test_every_role_amount_and_way_comes_out_as_the_documents_say(product_file: Path) -> None:
    terms = asked(product_file)
    seen: Counter[str] = Counter()
    states: dict[Any, Any] = {}
    for case in cases(terms["code"]):
        key = (case.amount_minor, case.recommended_by, case.told_four_eyes, case.reviewed)
        if key not in states:
            states[key] = DECISION.replay(past(case, request(Money(case.amount_minor).amount, product=terms)))
        try:
            (event,) = DECISION.decide(decides(case), states[key])
            came_out = type(event).__name__
        except Rejected as refusal:
            came_out = refusal.code
        assert came_out == case.must_be(), case
        seen[came_out] += 1
        if came_out == "ApplicationApproved":
            own = max((minor(limit) for role, limit in _limits(case).items() if role in case.roles), default=0)
            assert event.delegated_by == ("" if case.amount_minor <= own else "del"), case
            assert (event.override == OVERRIDE) is case.reviewed
    assert set(seen) == {"ApplicationApproved", "ApplicationDeclined", "authority-exceeded", "second-person-needed"}
    assert min(seen.values()) > 100, f"no way is tried by accident only: {seen}"


def _limits(case: Case) -> dict[str, str]:
    limits: dict[str, str] = REVIEW["decide_max"] if case.reviewed else MATRIX["decide_max"]
    return limits


def test_at_least_one_approval_by_two_is_by_two_different_persons() -> None:
    case = Case(("risk_manager",), "", minor(MATRIX["four_eyes_from"]), "any", "another", False, False, Outcome.APPROVE)
    wanted = request(MATRIX["four_eyes_from"])
    (event,) = DECISION.decide(decides(case), DECISION.replay(past(case, wanted)))
    assert isinstance(event, ApplicationApproved | ApplicationDeclined)
    assert event.decided_by == ("bob", "ann")
    assert make_offer(wanted, AS_ASKED, (), decides(case)).amount == wanted.amount
    assert event.reasons == (REASON,)
