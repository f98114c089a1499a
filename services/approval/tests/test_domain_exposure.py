"""Limits on what may be owed: which lines a request counts on, and what they allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from libs.contracts.approval import (
    ApplicationApproved,
    ApplicationReferred,
    ApprovalLapsed,
    BorrowerConnected,
    BorrowerDisconnected,
    CaseClaimed,
    ConnectionKind,
    ExposureLine,
    ExposureReinstated,
    ExposureReleased,
    OfferAccepted,
    Outcome,
)
from libs.contracts.problems import Rejected
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.approval.domain import group
from services.approval.domain.commands import (
    AcceptOffer,
    DecideCase,
    LapseApproval,
    OfferTerms,
    ReinstateExposure,
    ReleaseExposure,
)
from services.approval.domain.exposure import WATCH_LIMIT, ExposurePolicy
from services.approval.handlers import DECISION, GROUP
from services.approval.library import library
from services.approval.tests.requests import AUTHORITY, REASON, TODAY, application_id, consider, request

ID = application_id()
POLICY = library().exposure
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "referral": {"queue": "large", "four_eyes": True, "reason": REASON.model_dump()},
    "net_assets": [
        {"effective_from": "2025-01-01", "amount": "1000000.00"},
        {"effective_from": "2026-04-01", "amount": "2000000.05"},
    ],
    "limits": [
        {
            "code": "one",
            "dimension": "borrower",
            "effective_from": "2025-01-01",
            "share_bps": 1000,
            "source": "x",
            "standing": "S",
        },
        {
            "code": "persons",
            "dimension": "borrower",
            "applicant_kind": "PERSON",
            "effective_from": "2025-01-01",
            "amount": "150000.00",
            "source": "x",
            "standing": "S",
        },
        {
            "code": "related",
            "dimension": "group",
            "effective_from": "2025-01-01",
            "share_bps": 1500,
            "source": "x",
            "standing": "S",
        },
        {
            "code": "here",
            "dimension": "region",
            "of": "330100",
            "effective_from": "2026-06-01",
            "amount": "5.00",
            "source": "x",
            "standing": "S",
        },
    ],
}


def line(limit: str, used: str, name: str = "group:g") -> ExposureLine:
    return ExposureLine(line=name, used=Money.of(used), limit=Money.of(limit), rule="some-limit")


def limits_of(policy: ExposurePolicy, on: str, group_id: str = "", **changes: Any) -> dict[str, tuple[str, str]]:
    asked = request(**changes)
    found = policy.lines(asked, group_id, date.fromisoformat(on))
    return {line.name.partition(":")[0]: (line.limit.amount, line.rule) for line in found}


@for_all(st.integers(1, 30_000_000), st.sampled_from(["2026-02-01", "2026-05-01", "2026-06-01"]))
def test_a_lowered_limit_counts_where_it_is_the_least_and_is_told(minor: int, on: str) -> None:
    policy, day = ExposurePolicy.from_json(DOCUMENT), date.fromisoformat(on)
    lowered = {each.name: each for each in policy.lines(request(), "g", day, Money(minor))}
    own = f"borrower:{request().applicant_id}"
    for each in policy.lines(request(), "g", day):
        less = each.name == own and minor <= each.limit.minor
        expected = (Money(minor), WATCH_LIMIT) if less else (each.limit, each.rule)
        assert (lowered[each.name].limit, lowered[each.name].rule) == expected
    assert len(lowered) == len(policy.lines(request(), "g", day))
    none = policy.lines(request(), "", date(2020, 1, 1), Money(minor))
    assert [(each.name, each.rule) for each in none] == [(own, WATCH_LIMIT)], "also where no other limit holds"


def test_the_least_limit_in_force_holds_on_each_line() -> None:
    policy = ExposurePolicy.from_json(DOCUMENT)
    assert limits_of(policy, "2026-02-01") == {"borrower": ("100000.00", "one")}
    assert limits_of(policy, "2026-02-01", "g")["group"] == ("150000.00", "related")
    assert limits_of(policy, "2026-05-01")["borrower"] == ("150000.00", "persons"), "the net assets have grown"
    assert limits_of(policy, "2026-05-01", applicant_kind="ENTERPRISE")["borrower"] == ("200000.00", "one")
    assert limits_of(policy, "2026-06-01")["region"] == ("5.00", "here")
    assert "region" not in limits_of(policy, "2026-06-01", region="110000")


def test_what_is_approved_counts_on_lines_that_a_later_limit_is_about() -> None:
    counted = ExposurePolicy.from_json(DOCUMENT).counted(request(), "g")
    assert counted == [f"borrower:{request().applicant_id}", "group:g", "region:330100"]


@pytest.mark.parametrize(
    "change", [{"amount": "1.00", "share_bps": 100}, {"amount": None, "share_bps": None}, {"dimension": "mood"}]
)
def test_a_limit_that_cannot_be_meant_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not both|mood"):
        ExposurePolicy.from_json(DOCUMENT | {"limits": [DOCUMENT["limits"][0] | change]})


def test_without_net_assets_no_share_is_worked_out() -> None:
    with pytest.raises(LookupError, match="no net assets"):
        ExposurePolicy.from_json(
            DOCUMENT | {"limits": [DOCUMENT["limits"][0] | {"effective_from": "2020-01-01"}]}
        ).lines(request(), "", date(2024, 1, 1))


def test_the_policy_that_is_shipped_has_the_limits_of_the_regulation() -> None:
    shown = {limit.code: POLICY.amount_of(limit, TODAY).amount for limit in POLICY.in_force(TODAY)}
    assert shown["single-borrower-max"] == "10000000.00"
    assert shown["borrower-and-related-max"] == "15000000.00"
    assert shown["online-consumer-per-person-max"] == "200000.00"


def automatic(*exposures: ExposureLine) -> Any:
    return replace(consider(Outcome.APPROVE), exposures=exposures, referral=POLICY.referral)


def test_what_the_table_approves_is_referred_where_a_limit_does_not_allow_it() -> None:
    """The example asks for 12,000."""
    tight, wide = line("100000.00", "88000.01"), line("100000.00", "0.00", "borrower:b")
    scenario = Scenario(DECISION).when(automatic(wide, tight))
    (event,) = scenario.events
    assert isinstance(event, ApplicationReferred)
    assert (event.reasons[0].code, event.queue, event.four_eyes) == ("exposure-limit", "large", True)
    assert event.exposures == (wide, tight)


def test_what_fits_to_the_fen_is_approved_and_says_how_the_limits_stood() -> None:
    (event,) = Scenario(DECISION).when(automatic(line("100000.00", "88000.00"))).events
    assert isinstance(event, ApplicationApproved)
    assert event.exposures == (line("100000.00", "88000.00"),)


def referred() -> list[Any]:
    claimed = {"application_id": ID, "officer": "ann", "claimed_on": TODAY}
    return [*Scenario(DECISION).when(consider(Outcome.REFER)).events, CaseClaimed.model_validate(claimed)]


def by_ann(amount: str, *exposures: ExposureLine) -> DecideCase:
    return DecideCase(
        officer="ann",
        limit=Money.of("50000.00"),
        outcome=Outcome.APPROVE,
        note="Seen",
        reasons=(),
        terms=OfferTerms(amount=Money.of(amount)),
        authority=AUTHORITY,
        today=TODAY,
        exposures=exposures,
    )


def test_a_person_offers_no_more_than_the_limits_leave() -> None:
    left = line("100000.00", "90000.00")
    error = Scenario(DECISION).given(*referred()).when(by_ann("10000.01", left)).refused("exposure-limit-exceeded")
    assert isinstance(error, Rejected)
    assert "at most 10000.00" in error.detail
    (event,) = Scenario(DECISION).given(*referred()).when(by_ann("10000.00", left)).events
    assert event.exposures == (left,)


def test_where_a_limit_came_down_since_nothing_can_be_offered() -> None:
    below = line("100.00", "90000.00")
    error = Scenario(DECISION).given(*referred()).when(by_ann("0.01", below)).refused("exposure-limit-exceeded")
    assert "at most 0.00" in str(error)


RELEASE = ReleaseExposure(application_id=ID, reason="loan-settled", today=TODAY)
REINSTATE = ReinstateExposure(application_id=ID, reason="repayment-reversed", today=TODAY)
LAPSED = ApprovalLapsed(application_id=ID, reason="offer-expired", lapsed_on=TODAY)
ACCEPTED = OfferAccepted(application_id=ID, contract_id="contract-1", accepted_on=TODAY)
RELEASED = ExposureReleased(application_id=ID, reason="loan-settled", amount=Money.of("12000.00"), released_on=TODAY)
REINSTATED = ExposureReinstated(
    application_id=ID, reason="repayment-reversed", amount=Money.of("12000.00"), reinstated_on=TODAY
)


def test_a_loan_that_is_paid_back_counts_no_more_until_a_repayment_is_reversed() -> None:
    approved = Scenario(DECISION).when(automatic()).events
    Scenario(DECISION).given(*approved, ACCEPTED).when(RELEASE).then(RELEASED)
    Scenario(DECISION).given(*approved, ACCEPTED, RELEASED).when(RELEASE).then()
    Scenario(DECISION).given(*approved, ACCEPTED, RELEASED).when(REINSTATE).then(REINSTATED)
    Scenario(DECISION).given(*approved, ACCEPTED).when(REINSTATE).then()
    Scenario(DECISION).given(*approved, RELEASED).when(
        AcceptOffer(application_id=ID, contract_id="contract-1", today=TODAY)
    ).then(ACCEPTED)


def test_who_never_had_an_offer_releases_nothing() -> None:
    Scenario(DECISION).when(RELEASE).then()
    Scenario(DECISION).when(REINSTATE).then()
    Scenario(DECISION).given(*referred()).when(RELEASE).then()


@for_all(st.lists(st.sampled_from(["lapse", "accept", "release", "reinstate"]), max_size=8))
def test_a_reservation_is_released_and_taken_up_in_turn(acts: list[str]) -> None:
    """Whatever comes in whatever order: what an event releases was reserved, and what one takes up was not."""
    commands: dict[str, Any] = {
        "lapse": LapseApproval(application_id=ID, reason="withdrawn", today=TODAY),
        "accept": AcceptOffer(application_id=ID, contract_id="contract-1", today=TODAY),
        "release": RELEASE,
        "reinstate": REINSTATE,
    }
    past = list(Scenario(DECISION).when(automatic()).events)
    reserved = True
    for act in acts:
        for event in Scenario(DECISION).given(*past).when(commands[act]).events:
            match event:
                case ExposureReleased() | ApprovalLapsed():
                    reserved = False
                case ExposureReinstated():
                    assert not reserved, "taken up twice"
                    reserved = True
                case OfferAccepted():
                    reserved = reserved or not DECISION.replay(past).paid_back
            past.append(event)
        assert DECISION.replay(past).reserved is reserved


def connect(*applicants: str, elsewhere: dict[str, str] | None = None, new: bool = True) -> group.ConnectBorrowers:
    connections = tuple(
        group.Connection(applicant_id=each, kind=ConnectionKind.CONTROL, basis="Register") for each in applicants
    )
    return group.ConnectBorrowers(
        group_id="g", connections=connections, elsewhere=elsewhere or {}, by="ann", today=TODAY, new=new
    )


def connected(applicant: str) -> BorrowerConnected:
    return BorrowerConnected(
        group_id="g",
        applicant_id=applicant,
        kind=ConnectionKind.CONTROL,
        basis="Register",
        connected_by="ann",
        connected_on=TODAY,
    )


def disconnect(applicant: str, by: str) -> group.DisconnectBorrower:
    return group.DisconnectBorrower(group_id="g", applicant_id=applicant, reason="Sold", by=by, today=TODAY)


def test_borrowers_are_connected_once() -> None:
    Scenario(GROUP).when(connect("a", "b")).then(connected("a"), connected("b"))
    Scenario(GROUP).given(connected("a")).when(connect("b", new=False)).then(connected("b"))
    Scenario(GROUP).given(connected("a")).when(connect("a", new=False)).refused("borrower-in-group")
    Scenario(GROUP).when(connect("a", "a")).refused("borrower-in-group")
    Scenario(GROUP).when(connect("a", "b", elsewhere={"b": "h"})).refused("borrower-in-other-group")
    Scenario(GROUP).when(connect("a", new=False)).refused("group-not-found")
    many = [connected(f"m{number}") for number in range(group.MEMBERS_MAX)]
    Scenario(GROUP).given(*many).when(connect("a", new=False)).refused("group-too-large")


def test_somebody_else_takes_a_borrower_out() -> None:
    gone = BorrowerDisconnected(
        group_id="g", applicant_id="a", reason="Sold", disconnected_by="bob", disconnected_on=TODAY
    )
    Scenario(GROUP).given(connected("a")).when(disconnect("a", "ann")).refused("second-person-needed")
    Scenario(GROUP).given(connected("a")).when(disconnect("a", "bob")).then(gone)
    Scenario(GROUP).given(connected("a"), gone).when(disconnect("a", "bob")).refused("borrower-not-in-group")
