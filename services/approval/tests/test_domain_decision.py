"""Given, when, then: how an application is decided, by the table or by people."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationDeclined,
    ApplicationReferred,
    ApprovalLapsed,
    CaseClaimed,
    CaseReleased,
    DecisionRecommended,
    Offer,
    OfferAccepted,
    Outcome,
)
from libs.contracts.problems import Rejected
from libs.contracts.values import Reason
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.approval.domain.commands import (
    AcceptOffer,
    ClaimCase,
    DecideCase,
    LapseApproval,
    OfferTerms,
    RecommendDecision,
    ReleaseCase,
)
from services.approval.domain.decision import OFFER_EXPIRED
from services.approval.domain.policy import Authority, in_force
from services.approval.domain.state import Status
from services.approval.handlers import DECISION
from services.approval.tests.requests import (
    AS_ASKED,
    AUTHORITY,
    BASIS,
    REASON,
    TODAY,
    application_id,
    consider,
    request,
)

ID = application_id()
EXPIRES = TODAY + timedelta(days=14)
OTHER = Reason.model_validate({"code": "officer-decision", "text": {"zh": "人工", "en": "By a person"}})


def given(*past: Any) -> Scenario[Any]:
    return Scenario(DECISION).given(*past)


def offer(**changes: Any) -> Offer:
    known: dict[str, Any] = {
        "amount": Money.of("12000.00"),
        "instalments": 12,
        "method": "EQUAL_INSTALMENT",
        "annual_rate": Decimal("0.18"),
        "expires_on": EXPIRES,
    }
    return Offer(**(known | changes))


def referred(amount: str = "12000.00", *, four_eyes: bool = False) -> ApplicationReferred:
    return ApplicationReferred(
        application_id=ID,
        request=request(amount),
        basis=BASIS,
        reasons=(REASON,),
        queue="standard",
        four_eyes=four_eyes,
        referred_on=TODAY,
    )


def approved(by: tuple[str, ...] = (), note: str = "", reasons: tuple[Reason, ...] = (REASON,), **changes: Any) -> Any:
    return ApplicationApproved(
        application_id=ID,
        request=request(),
        offer=offer(**changes),
        basis=BASIS,
        reasons=reasons,
        decided_by=by,
        note=note,
        approved_on=TODAY,
    )


def declined(by: tuple[str, ...] = (), note: str = "", reasons: tuple[Reason, ...] = (REASON,)) -> ApplicationDeclined:
    return ApplicationDeclined(
        application_id=ID,
        request=request(),
        basis=BASIS,
        reasons=reasons,
        decided_by=by,
        note=note,
        declined_on=TODAY,
    )


def claimed(officer: str = "ann") -> CaseClaimed:
    return CaseClaimed(application_id=ID, officer=officer, claimed_on=TODAY)


def recommended(officer: str = "ann", outcome: Outcome = Outcome.DECLINE) -> DecisionRecommended:
    return DecisionRecommended(
        application_id=ID,
        officer=officer,
        outcome=outcome,
        note="Looked at",
        offer=offer() if outcome is Outcome.APPROVE else None,
        recommended_on=TODAY,
    )


def recommend(officer: str = "ann", outcome: Outcome = Outcome.DECLINE, terms: OfferTerms = AS_ASKED) -> Any:
    return RecommendDecision(
        officer=officer, outcome=outcome, note="Looked at", terms=terms, authority=AUTHORITY, today=TODAY
    )


def decide(
    officer: str = "ann",
    outcome: Outcome = Outcome.APPROVE,
    limit: str = "50000.00",
    terms: OfferTerms = AS_ASKED,
    reasons: tuple[Reason, ...] = (),
) -> DecideCase:
    return DecideCase(
        officer=officer,
        limit=Money.of(limit),
        outcome=outcome,
        note="Looked at",
        reasons=reasons,
        terms=terms,
        authority=AUTHORITY,
        today=TODAY,
    )


def lapse(reason: str = "withdrawn", today: date = TODAY) -> LapseApproval:
    return LapseApproval(application_id=ID, reason=reason, today=today)


def lapsed(reason: str = "withdrawn", today: date = TODAY) -> ApprovalLapsed:
    return ApprovalLapsed(application_id=ID, reason=reason, lapsed_on=today)


ACCEPT = AcceptOffer(application_id=ID, contract_id=ex.CONTRACT, today=TODAY)
ACCEPTED = OfferAccepted(application_id=ID, contract_id=ex.CONTRACT, accepted_on=TODAY)


def refusal(error: Exception) -> tuple[int, str | None]:
    assert isinstance(error, Rejected)
    return error.status, error.field


def test_the_table_approves_declines_or_refers() -> None:
    given().when(consider(Outcome.APPROVE)).then(approved())
    given().when(consider(Outcome.DECLINE)).then(declined())
    given().when(consider(Outcome.REFER)).then(referred())


@pytest.mark.parametrize(("bps", "rate"), [(-300, "0.15"), (0, "0.18"), (200, "0.20")])
def test_the_table_adjusts_the_rate_of_the_offer(bps: int, rate: str) -> None:
    given().when(consider(Outcome.APPROVE, rate_adjust_bps=bps)).then(approved(annual_rate=Decimal(rate)))


@pytest.mark.parametrize("past", [[referred()], [approved()], [declined()], [lapsed()], [approved(), ACCEPTED]])
def test_an_application_is_considered_once_and_never_after_its_withdrawal(past: list[Any]) -> None:
    given(*past).when(consider(Outcome.APPROVE)).then()


@pytest.mark.parametrize(
    ("amount", "table_says", "four_eyes"),
    [("99999.99", False, False), ("100000.00", False, True), ("100000.01", False, True), ("1.00", True, True)],
)
def test_four_eyes_are_needed_where_table_or_authority_says_so(amount: str, table_says: bool, four_eyes: bool) -> None:
    command = consider(Outcome.REFER, request(amount), four_eyes=table_says)
    given().when(command).then(referred(amount, four_eyes=four_eyes))


def test_one_officer_at_a_time_claims_a_case() -> None:
    claim = ClaimCase(officer="ann", today=TODAY)
    given(referred()).when(claim).then(claimed())
    given(referred(), claimed()).when(claim).then()
    given(referred(), claimed("bob")).when(claim).refused("case-claimed")


def test_a_claimed_case_goes_back_to_its_queue() -> None:
    release = ReleaseCase(officer="ann", reason="On leave", today=TODAY)
    released = CaseReleased(application_id=ID, officer="ann", reason="On leave", released_on=TODAY)
    assert given(referred(), claimed()).when(release).then(released).officer == ""
    given(referred()).when(release).refused("case-not-claimed")
    given(referred(), claimed("bob")).when(release).refused("case-not-claimed")
    given(referred(), claimed(), released).when(ClaimCase(officer="bob", today=TODAY)).then(claimed("bob"))


OFFICERS_COMMANDS = [
    ClaimCase(officer="ann", today=TODAY),
    ReleaseCase(officer="ann", reason="x", today=TODAY),
    recommend(),
    decide(),
]


@pytest.mark.parametrize("command", OFFICERS_COMMANDS)
def test_people_work_on_referred_applications_only(command: Any) -> None:
    assert refusal(given().when(command).refused("decision-not-found"))[0] == 404
    given(lapsed()).when(command).refused("decision-not-found")
    for past in ([approved()], [declined()], [referred(), lapsed()], [approved(), ACCEPTED]):
        assert refusal(given(*past).when(command).refused("case-not-open"))[0] == 409


@pytest.mark.parametrize(
    "command",
    [
        ClaimCase(officer=ex.APPLICANT, today=TODAY),
        recommend(ex.APPLICANT),
        decide(ex.APPLICANT),
    ],
)
def test_nobody_works_on_an_application_of_his_own(command: Any) -> None:
    assert refusal(given(referred(), claimed(ex.APPLICANT)).when(command).refused("own-application")) == (403, None)


@pytest.mark.parametrize("command", [recommend(), decide()])
def test_who_decides_holds_the_case(command: Any) -> None:
    given(referred()).when(command).refused("case-not-claimed")
    given(referred(), claimed("bob")).when(command).refused("case-not-claimed")


def test_a_recommendation_hands_the_case_on() -> None:
    state = given(referred(), claimed()).when(recommend()).then(recommended())
    assert (state.officer, state.recommendation) == ("", recommended())
    approve = recommend(outcome=Outcome.APPROVE)
    given(referred(), claimed()).when(approve).then(recommended(outcome=Outcome.APPROVE))


@pytest.mark.parametrize("command", [recommend(outcome=Outcome.REFER), decide(outcome=Outcome.REFER)])
def test_a_person_says_yes_or_no(command: Any) -> None:
    refused = given(referred(), claimed()).when(command).refused("outcome-not-final")
    assert refusal(refused) == (422, "/outcome")


def test_a_person_declines_with_reasons() -> None:
    no = decide(outcome=Outcome.DECLINE)
    given(referred(), claimed()).when(no).then(declined(("ann",), "Looked at"))
    why = decide(outcome=Outcome.DECLINE, reasons=(OTHER,))
    given(referred(), claimed()).when(why).then(declined(("ann",), "Looked at", (OTHER,)))


def test_a_person_approves_with_a_counter_offer() -> None:
    less = OfferTerms(amount=Money.of("8000.00"), instalments=24, annual_rate_adjust_bps=100)
    given(referred(), claimed()).when(decide(terms=less, reasons=(OTHER,))).then(
        approved(
            ("ann",),
            "Looked at",
            (OTHER,),
            amount=Money.of("8000.00"),
            instalments=24,
            annual_rate=Decimal("0.19"),
        )
    )


@pytest.mark.parametrize(
    ("terms", "code", "field"),
    [
        (OfferTerms(amount=Money.of("12000.01")), "offer-above-request", "/offer/amount"),
        (OfferTerms(amount=Money.of("-0.01")), "offer-above-request", "/offer/amount"),
        (OfferTerms(amount=Money.of("0.00")), "offer-above-request", "/offer/amount"),
        (OfferTerms(instalments=0), "offer-instalments", "/offer/instalments"),
        (OfferTerms(instalments=361), "offer-instalments", "/offer/instalments"),
        (OfferTerms(instalments=-1), "offer-instalments", "/offer/instalments"),
        (OfferTerms(amount=Money.of("1.00", "USD")), "offer-currency", "/offer/amount"),
        (OfferTerms(annual_rate_adjust_bps=-1801), "offer-rate", "/offer/annual_rate_adjust_bps"),
    ],
)
@pytest.mark.parametrize("ask", [decide, recommend])
def test_an_offer_stays_within_what_was_asked_for(ask: Any, terms: OfferTerms, code: str, field: str) -> None:
    command = ask(outcome=Outcome.APPROVE, terms=terms)
    assert refusal(given(referred(), claimed()).when(command).refused(code)) == (422, field)


@pytest.mark.parametrize(("instalments", "allowed"), [(2, False), (3, True), (8, True), (9, False)])
@pytest.mark.parametrize("ask", [decide, recommend])
def test_an_offer_is_one_that_the_product_has(ask: Any, instalments: int, allowed: bool) -> None:
    """From 3 to 12 quarters, and no longer than 24 months."""
    quarterly = ex.PRODUCT | {"instalments_min": 3, "instalments_max": 12, "term_months_max": 24}
    case = referred().model_copy(update={"request": request(product=quarterly, period_months=3, instalments=6)})
    attempt = given(case, claimed()).when(ask(outcome=Outcome.APPROVE, terms=OfferTerms(instalments=instalments)))
    if allowed:
        assert attempt.error is None
    else:
        assert refusal(attempt.refused("offer-instalments")) == (422, "/offer/instalments")


ROLES = {"loan_officer": "0", "credit_officer": "50000", "senior_credit_officer": "200000", "risk_manager": "500000"}
AMOUNTS = ["0.01", "50000.00", "50000.01", "100000.00", "200000.00", "200000.01", "500000.00", "500000.01"]


@pytest.mark.parametrize(("role", "amount"), [*product(ROLES, AMOUNTS)])
@pytest.mark.parametrize("outcome", [Outcome.APPROVE, Outcome.DECLINE])
def test_authority_ends_at_the_limit_of_the_role(role: str, amount: str, outcome: Outcome) -> None:
    limit = AUTHORITY.limit([role])
    assert limit == Money.of(ROLES[role])
    four_eyes = Money.of(amount) >= AUTHORITY.four_eyes_from
    past: list[Any] = [referred(amount, four_eyes=four_eyes)]
    past += [claimed("bob"), recommended("bob"), claimed()] if four_eyes else [claimed()]
    attempt = given(*past).when(decide(limit=limit.amount, outcome=outcome))
    if outcome is Outcome.APPROVE and Money.of(amount) > limit:
        assert refusal(attempt.refused("authority-exceeded")) == (403, "/offer/amount")
    else:
        assert attempt.error is None
        assert len(attempt.events) == 1
        people = ("bob", "ann") if four_eyes else ("ann",)
        assert attempt.events[0].decided_by == people


def test_several_roles_have_the_largest_of_their_limits() -> None:
    assert AUTHORITY.limit(["credit_officer", "risk_manager"]) == Money.of("500000.00")
    assert AUTHORITY.limit([]) == Money(0)


def test_a_smaller_offer_may_be_within_the_authority() -> None:
    less = OfferTerms(amount=Money.of("50000.00"))
    past = [referred("60000.00"), claimed()]
    given(*past).when(decide()).refused("authority-exceeded")
    assert given(*past).when(decide(terms=less)).error is None


@pytest.mark.parametrize("by_other", [None, "ann", "bob"])
@pytest.mark.parametrize("outcome", [Outcome.APPROVE, Outcome.DECLINE])
def test_four_eyes_are_two_persons(by_other: str | None, outcome: Outcome) -> None:
    past: list[Any] = [referred(four_eyes=True)]
    if by_other:
        past += [claimed(by_other), recommended(by_other)]
    attempt = given(*past, claimed()).when(decide(outcome=outcome))
    if by_other == "bob":
        assert attempt.events[0].decided_by == ("bob", "ann")
    else:
        attempt.refused("second-person-needed")


def test_without_four_eyes_the_own_recommendation_is_no_second_person() -> None:
    past = [referred(), claimed(), recommended(), claimed()]
    assert given(*past).when(decide()).events[0].decided_by == ("ann",)


def test_a_withdrawal_ends_a_decision_at_any_time_before_the_signature() -> None:
    given().when(lapse()).then(lapsed())
    for past in ([referred()], [approved()], [referred(), claimed()]):
        assert given(*past).when(lapse()).then(lapsed()).status is Status.LAPSED
    for past in ([declined()], [lapsed()], [approved(), ACCEPTED]):
        given(*past).when(lapse()).then()


def test_an_offer_stands_to_the_end_of_its_last_day() -> None:
    given(approved()).when(lapse(OFFER_EXPIRED, EXPIRES)).then()
    after = EXPIRES + timedelta(days=1)
    given(approved()).when(lapse(OFFER_EXPIRED, after)).then(lapsed(OFFER_EXPIRED, after))
    for past in ([], [referred()], [declined()], [approved(), ACCEPTED]):
        given(*past).when(lapse(OFFER_EXPIRED, after)).then()


def test_a_signature_uses_the_offer_up_and_prevails_over_a_lapse() -> None:
    assert given(approved()).when(ACCEPT).then(ACCEPTED).status is Status.ACCEPTED
    assert given(approved(), lapsed()).when(ACCEPT).then(ACCEPTED).status is Status.ACCEPTED
    given(approved(), ACCEPTED).when(ACCEPT).then()


def test_the_latest_matrix_in_force_counts() -> None:
    document = {
        "version": 2,
        "effective_from": "2026-06-01",
        "source": "Resolution",
        "decide_max": {"credit_officer": "1.00"},
        "four_eyes_from": "1.00",
        "offer_days": 7,
    }
    later = Authority.from_json(document)
    assert in_force([AUTHORITY, later], date(2026, 5, 31)) is AUTHORITY
    assert in_force([AUTHORITY, later], date(2026, 6, 1)) is later
    with pytest.raises(LookupError):
        in_force([AUTHORITY], date(2019, 12, 31))
