"""Given what is known of a borrower or a guarantor, when sources are asked anew, then these events follow."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.application import ConsentPurpose
from libs.contracts.scoring import (
    FactChange,
    RefreshConsentWithdrawn,
    RefreshMissing,
    RefreshObtained,
    RefreshRequested,
    RefreshRole,
    RequestedItem,
    Without,
)
from libs.events.testing import Scenario
from services.scoring.domain.document import InvalidDocument
from services.scoring.domain.refresh import (
    NO_CONSENT,
    Event,
    Former,
    MissRefresh,
    ObtainRefresh,
    RequestRefresh,
    Tie,
    WithdrawRefreshConsent,
    changes,
)
from services.scoring.domain.refresh_policy import Consented, read_refresh_policy
from services.scoring.handlers import refreshes
from services.scoring.library import HERE, library

ON = date(2026, 8, 1)
DOCUMENT = json.loads((HERE / "policy" / "refresh-v1.json").read_bytes())
LATER = json.loads((HERE / "policy" / "refresh-v2.json").read_bytes())
POLICY = library().refresh_policy(ON)
CREDIT, REGISTRATION = library().kinds["credit-report"], library().kinds["business-registration"]
GIVEN = Consented("2026-01", date(2026, 2, 1))
BORROWER: dict[str, Any] = {"applicant_id": "applicant-1", "refresh_id": "refresh-1", "loan_id": "loan-1"}
BOTH = library().refresh_policy(date(2027, 1, 1))
"""The policy that asks about guarantors too."""
ANSWERS_ON = date(2027, 2, 1)
SURETY = Consented("surety-2027-01", date(2027, 1, 10))


def asking(consents: tuple[Consented, ...] = (GIVEN,), every_days: int = 90, **values: Any) -> RequestRefresh:
    tie = Tie(RefreshRole.BORROWER, "loan-1", every_days, consents)
    asked_of = {name: BORROWER[name] for name in ("applicant_id", "refresh_id")}
    return RequestRefresh(**{**asked_of, "kinds": (CREDIT,), "ties": (tie,), "policy": POLICY, "on": ON, **values})


def own(*consents: Consented, every_days: int = 90) -> Tie:
    return Tie(RefreshRole.BORROWER, "loan-1", every_days, consents)


def answers_for(loan_id: str, *consents: Consented, every_days: int = 90) -> Tie:
    return Tie(RefreshRole.GUARANTOR, loan_id, every_days, consents)


def asking_of(*ties: Tie, **values: Any) -> RequestRefresh:
    return asking(**{"ties": ties, "policy": BOTH, "on": ANSWERS_ON, **values})


def asked_as(role: RefreshRole, loan_id: str, text: str) -> RefreshRequested:
    version = {"policy_version": BOTH.version, "policy_sha256": BOTH.sha256}
    return asked(ANSWERS_ON, text).model_copy(update={**version, "role": role, "loan_id": loan_id})


def asked(on: date = ON, text: str = "2026-01", refresh_id: str = "refresh-1", *kinds: Any) -> RefreshRequested:
    return RefreshRequested(
        **{**BORROWER, "refresh_id": refresh_id},
        items=tuple(
            RequestedItem(item=each.id, source=each.source, consent=each.consent, due_on=on)
            for each in kinds or (CREDIT,)
        ),
        consent_text=text,
        policy_version=POLICY.version,
        policy_sha256=POLICY.sha256,
        requested_on=on,
    )


def missing(why: Without, detail: str, on: date = ON, item: str = "credit-report") -> RefreshMissing:
    return RefreshMissing(**BORROWER, item=item, why=why, detail=detail, noted_on=on)


def answering(facts: dict[str, Any], former: Former | None = None, as_of: date = ON, **more: Any) -> ObtainRefresh:
    told = {"reference": "CR-1", "as_of": as_of, "sha256": "a" * 64, "media_type": "application/json", "size_bytes": 9}
    known = {"refresh_id": "refresh-1", "kind": CREDIT, "facts": CREDIT.taken(facts), "former": former, "on": ON}
    return ObtainRefresh(**{**known, **told, **more})


def obtained(
    facts: dict[str, Any], *changed: tuple[str, Any, Any], former: Former | None = None, **more: Any
) -> RefreshObtained:
    known: dict[str, Any] = {
        **BORROWER,
        "item": "credit-report",
        "source": "bureau",
        "reference": "CR-1",
        "as_of": ON,
        "consent": ConsentPurpose.CREDIT_REPORT,
        "sha256": "a" * 64,
        "media_type": "application/json",
        "size_bytes": 9,
        "facts": CREDIT.taken(facts),
        "former_sha256": former.sha256 if former else None,
        "former_as_of": former.as_of if former else None,
        "changes": tuple(FactChange(fact=fact, before=before, after=after) for fact, before, after in changed),
        "obtained_on": ON,
    }
    return RefreshObtained(**{**known, **more})


APPLIED = Former("b" * 64, date(2026, 2, 1), {"bureau-score": 700, "overdue-now-minor": 0})


def test_a_borrower_who_agreed_is_asked_about() -> None:
    Scenario(refreshes).given().when(asking()).then(asked())


@pytest.mark.parametrize(("days", "again"), [(89, False), (90, True), (91, True)])
def test_he_is_asked_about_again_when_his_interval_is_over(days: int, again: bool) -> None:
    on = ON + timedelta(days=days)
    events: list[Event] = [asked(on, refresh_id="refresh-2")] if again else []
    past = asked(), obtained({"bureau-score": 700}, ("bureau-score", None, 700))
    Scenario(refreshes).given(*past).when(asking(on=on, refresh_id="refresh-2")).then(*events)


@pytest.mark.parametrize(
    "consents",
    [
        (),
        (Consented("2025-07", date(2026, 2, 1)),),
        (Consented("2026-01", ON - timedelta(days=POLICY.consent_days + 1)),),
        (Consented("2026-01", ON + timedelta(days=1)),),
    ],
    ids=["none", "a text that does not name it", "too old", "not given yet"],
)
def test_without_a_consent_nothing_is_asked_that_needs_one(consents: tuple[Consented, ...]) -> None:
    command = asking(consents=consents, kinds=(CREDIT, REGISTRATION))
    state = (
        Scenario(refreshes)
        .when(command)
        .then(asked(ON, "", "refresh-1", CREDIT, REGISTRATION), missing(Without.NO_CONSENT, NO_CONSENT))
    )
    assert [each.item for each in state.open] == ["business-registration"], "public records need none"


def test_a_consent_holds_to_the_end_of_its_last_day() -> None:
    given = Consented("2026-01", ON - timedelta(days=POLICY.consent_days))
    Scenario(refreshes).when(asking(consents=(given,))).then(asked())


def test_a_withdrawn_consent_counts_no_more_until_he_agrees_anew() -> None:
    order = {"applicant_id": "applicant-1", "purpose": ConsentPurpose.CREDIT_REPORT, "on": ON}
    withdrawn = RefreshConsentWithdrawn(
        applicant_id="applicant-1", purpose=ConsentPurpose.CREDIT_REPORT, withdrawn_by="customer", withdrawn_on=ON
    )
    withdraw = WithdrawRefreshConsent(**order, by="customer", policy=POLICY)
    gone = missing(Without.NO_CONSENT, "The borrower withdrew his consent")
    Scenario(refreshes).given(asked()).when(withdraw).then(withdrawn, gone)
    Scenario(refreshes).given(asked(), withdrawn, gone).when(answering({"bureau-score": 1})).then()
    Scenario(refreshes).given(withdrawn).when(withdraw).refused("consent-withdrawn")
    sharing = WithdrawRefreshConsent(**{**order, "purpose": ConsentPurpose.SHARING}, by="customer", policy=POLICY)
    Scenario(refreshes).when(sharing).refused("consent-not-used")
    later = ON + timedelta(days=100)
    lacking = missing(Without.NO_CONSENT, NO_CONSENT, later)
    Scenario(refreshes).given(withdrawn).when(asking(on=later)).then(asked(later, ""), lacking)
    anew = asking(on=later, consents=(GIVEN, Consented("2026-01", ON + timedelta(days=1))))
    Scenario(refreshes).given(withdrawn).when(anew).then(asked(later))


def test_what_changed_is_told_beside_what_was_known() -> None:
    told = {"bureau-score": 640, "overdue-now-minor": 0}
    first = obtained(told, ("bureau-score", 700, 640), former=APPLIED)
    Scenario(refreshes).given(asked()).when(answering(told, APPLIED)).then(first)
    known = Former("a" * 64, ON, {})
    again = asked(), first, asked(ON, refresh_id="refresh-1")
    Scenario(refreshes).given(*again).when(answering(told, APPLIED)).then(obtained(told, former=known))


def test_a_fact_left_out_has_not_changed_and_is_known_still() -> None:
    partial = obtained({"overdue-now-minor": 0}, former=APPLIED)
    Scenario(refreshes).given(asked()).when(answering({"overdue-now-minor": 0}, APPLIED)).then(partial)
    fell = obtained({"bureau-score": 640}, ("bureau-score", 700, 640), former=Former("a" * 64, ON, {}))
    Scenario(refreshes).given(asked(), partial, asked()).when(answering({"bureau-score": 640}, APPLIED)).then(fell)


@pytest.mark.parametrize(("age", "comes"), [(CREDIT.valid_days, True), (CREDIT.valid_days + 1, False)])
def test_an_answer_of_long_ago_is_none(age: int, comes: bool) -> None:
    of = ON - timedelta(days=age)
    event: Event = missing(Without.EXPIRED, f"Of {of}, which is too old")
    if comes:
        event = obtained({"bureau-score": 9}, ("bureau-score", None, 9), as_of=of)
    Scenario(refreshes).given(asked()).when(answering({"bureau-score": 9}, as_of=of)).then(event)


def test_an_answer_older_than_what_is_known_is_none() -> None:
    known, of = Former("b" * 64, ON, {}), ON - timedelta(days=1)
    expired = missing(Without.EXPIRED, f"Of {of}, older than what is known")
    Scenario(refreshes).given(asked()).when(answering({"bureau-score": 9}, known, of)).then(expired)


def test_what_nobody_waits_for_is_not_kept() -> None:
    miss = MissRefresh(refresh_id="refresh-1", item="credit-report", why=Without.NO_HIT, detail="Nobody", on=ON)
    Scenario(refreshes).given(asked()).when(miss).then(missing(Without.NO_HIT, "Nobody"))
    Scenario(refreshes).given(asked(), missing(Without.NO_HIT, "Nobody")).when(miss).then()
    Scenario(refreshes).given(asked(refresh_id="refresh-0")).when(answering({"bureau-score": 9})).then()


def test_what_is_open_at_the_next_refresh_came_too_late() -> None:
    later = ON + timedelta(days=90)
    late = missing(Without.LATE, "Not answered before the next refresh", later)
    command = asking(on=later, refresh_id="refresh-2")
    Scenario(refreshes).given(asked()).when(command).then(late, asked(later, refresh_id="refresh-2"))


ANSWERS = st.dictionaries(st.sampled_from("abcdef"), st.none() | st.integers(0, 3) | st.sampled_from(["yes", "no"]))


@given(ANSWERS, ANSWERS)
def test_changes_lead_from_what_was_known_to_what_is(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = changes(before, after)
    assert all(each.before == before.get(each.fact) and each.before != each.after for each in found)
    told = {fact: value for fact, value in after.items() if value is not None}
    assert {**before, **{each.fact: each.after for each in found}} == {**before, **told}


@pytest.mark.parametrize(
    ("grade", "amount", "watched", "days"),
    [
        ("A", 9_999_999, False, 180),
        ("A", 10_000_000, False, 90),
        ("D", 1, False, 90),
        ("", 1, False, 180),
        ("A", 1, True, 30),
        ("E", 10_000_000, True, 30),
    ],
)
def test_the_shortest_interval_that_fits_counts(grade: str, amount: int, watched: bool, days: int) -> None:
    assert POLICY.every_days(grade, amount, watched) == days


def test_who_fits_no_interval_is_never_asked_about() -> None:
    document = {**DOCUMENT, "intervals": [{"watched": True, "every_days": 30}]}
    policy = read_refresh_policy(json.dumps(document).encode(), library().kinds)
    assert (policy.every_days("E", 1, False), policy.every_days("E", 1, True)) == (None, 30)


def test_a_guarantor_is_asked_about_on_his_own_consent_and_told_of_as_one() -> None:
    asks = asked_as(RefreshRole.GUARANTOR, "loan-2", "surety-2027-01")
    Scenario(refreshes).when(asking_of(answers_for("loan-2", SURETY))).then(asks)
    told: dict[str, Any] = {"overdue-now-minor": 5}
    as_guarantor = {"loan_id": "loan-2", "role": RefreshRole.GUARANTOR, "as_of": ANSWERS_ON, "obtained_on": ANSWERS_ON}
    came = obtained(told, ("overdue-now-minor", None, 5), **as_guarantor)
    Scenario(refreshes).given(asks).when(answering(told, as_of=ANSWERS_ON, on=ANSWERS_ON)).then(came)


@pytest.mark.parametrize(
    "consents",
    [
        (),
        (Consented("2026-01", SURETY.on),),
        (Consented(SURETY.text, ANSWERS_ON + timedelta(days=1)),),
        (Consented(SURETY.text, ANSWERS_ON - timedelta(days=1826)),),
    ],
    ids=["none", "a borrower's text", "not given yet", "too old"],
)
def test_a_guarantor_without_such_a_consent_is_not_asked_about_but_in_public_records(
    consents: tuple[Consented, ...],
) -> None:
    asks = asked_as(RefreshRole.GUARANTOR, "loan-2", "")
    items = asked(ANSWERS_ON, "", "refresh-1", CREDIT, REGISTRATION).items
    lacking = missing(Without.NO_CONSENT, NO_CONSENT, ANSWERS_ON).model_copy(update={"loan_id": "loan-2"})
    command = asking_of(answers_for("loan-2", *consents), kinds=(CREDIT, REGISTRATION))
    state = Scenario(refreshes).when(command).then(asks.model_copy(update={"items": items}), lacking)
    assert [each.item for each in state.open] == ["business-registration"]


def test_a_guarantor_who_withdraws_his_consent_is_asked_about_no_more_until_he_agrees_anew() -> None:
    asks = asked_as(RefreshRole.GUARANTOR, "loan-2", "surety-2027-01")
    order = {"applicant_id": "applicant-1", "purpose": ConsentPurpose.CREDIT_REPORT}
    withdraw = WithdrawRefreshConsent(**order, by="customer", policy=BOTH, on=ANSWERS_ON)
    withdrawn = RefreshConsentWithdrawn(**order, withdrawn_by="customer", withdrawn_on=ANSWERS_ON)
    gone = missing(Without.NO_CONSENT, "The guarantor withdrew his consent", ANSWERS_ON)
    gone = gone.model_copy(update={"loan_id": "loan-2"})
    Scenario(refreshes).given(asks).when(withdraw).then(withdrawn, gone)
    Scenario(refreshes).when(withdraw).then(withdrawn)
    later = ANSWERS_ON + timedelta(days=90)
    again = asked_as(RefreshRole.GUARANTOR, "loan-2", "").model_copy(update={"requested_on": later})
    again = again.model_copy(update={"items": asked(later).items})
    lacking = missing(Without.NO_CONSENT, NO_CONSENT, later).model_copy(update={"loan_id": "loan-2"})
    Scenario(refreshes).given(withdrawn).when(asking_of(answers_for("loan-2", SURETY), on=later)).then(again, lacking)
    anew = again.model_copy(update={"loan_id": "loan-3", "consent_text": "surety-2027-01"})
    agreed = answers_for("loan-3", Consented(SURETY.text, ANSWERS_ON + timedelta(days=1)))
    Scenario(refreshes).given(withdrawn).when(asking_of(answers_for("loan-2", SURETY), agreed, on=later)).then(anew)


LONG_AGO = Consented("2026-01", date(2020, 1, 1))


@pytest.mark.parametrize(
    ("ties", "expected"),
    [
        ((own(GIVEN), answers_for("loan-2", SURETY)), (RefreshRole.BORROWER, "loan-1", "2026-01")),
        ((own(), answers_for("loan-2", SURETY)), (RefreshRole.GUARANTOR, "loan-2", "surety-2027-01")),
        ((own(LONG_AGO), answers_for("loan-2", SURETY)), (RefreshRole.GUARANTOR, "loan-2", "surety-2027-01")),
        ((own(SURETY), answers_for("loan-2", GIVEN)), (RefreshRole.BORROWER, "loan-1", "")),
        ((answers_for("loan-2"), answers_for("loan-3", SURETY)), (RefreshRole.GUARANTOR, "loan-3", "surety-2027-01")),
        ((answers_for("loan-2"), answers_for("loan-3")), (RefreshRole.GUARANTOR, "loan-2", "")),
    ],
)
def test_who_is_both_is_asked_about_as_that_as_which_he_agreed(
    ties: tuple[Tie, ...], expected: tuple[RefreshRole, str, str]
) -> None:
    first, *lacking = Scenario(refreshes).when(asking_of(*ties)).events
    assert (first.role, first.loan_id, first.consent_text) == expected
    assert bool(lacking) == (not expected[2])


TIES = st.lists(
    st.builds(
        lambda role, loan, days, consents: Tie(role, f"loan-{loan}", days, tuple(consents)),
        st.sampled_from(RefreshRole),
        st.integers(1, 4),
        st.integers(1, 400),
        st.lists(st.sampled_from([GIVEN, SURETY, LONG_AGO]), max_size=2),
    ),
    min_size=1,
    max_size=4,
)


@given(TIES, st.lists(st.integers(0, 500), min_size=1, max_size=6))
def test_however_many_ties_he_has_he_is_asked_about_once_in_their_shortest_interval(
    ties: list[Tie], days: list[int]
) -> None:
    state, shortest = refreshes.initial, min(tie.every_days for tie in ties)
    asked_on: list[date] = []
    for day in sorted(days):
        on = ANSWERS_ON + timedelta(days=day)
        for event in refreshes.decide(asking_of(*ties, on=on, refresh_id=f"refresh-{day}"), state):
            state = refreshes.evolve(state, event)
            asked_on += [on] if isinstance(event, RefreshRequested) else []
    expected: list[int] = []
    for day in sorted(days):
        if not expected or day - expected[-1] >= shortest:
            expected.append(day)
    assert asked_on == [ANSWERS_ON + timedelta(days=day) for day in expected]


@pytest.mark.parametrize(
    ("grade", "amount", "watched", "days"),
    [("A", 9_999_999, False, 365), ("A", 10_000_000, False, 180), ("E", 1, False, 180), ("E", 10_000_000, True, 30)],
)
def test_a_guarantor_is_asked_about_by_the_loan_that_he_answers_for(
    grade: str, amount: int, watched: bool, days: int
) -> None:
    assert BOTH.guarantors is not None
    assert BOTH.guarantors.every_days(grade, amount, watched) == days
    assert POLICY.guarantors is None, "the first policy asks about borrowers only"
    assert {name: value for name, value in LATER.items() if name in DOCUMENT} == {
        **DOCUMENT,
        "version": 2,
        "effective_from": "2027-01-01",
    }, "and nothing else changed"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d.update(most_a_day=0), "/guarantors/most_a_day"),
        (lambda d: d.update(most_a_day=1001), "/guarantors/most_a_day"),
        (lambda d: d.pop("most_a_day"), "/guarantors.*most_a_day"),
        (lambda d: d["consent"].update(texts=[]), "/guarantors/consent/texts"),
        (lambda d: d["consent"].update(valid_days=0), "/guarantors/consent/valid_days"),
        (lambda d: d["consent"].update(purpose="CREDIT_REPORT"), "/guarantors/consent.*unknown member"),
        (lambda d: d.update(intervals=[]), "/guarantors/intervals"),
        (lambda d: d["intervals"][0].update(watched=False), "/guarantors/intervals/0/watched"),
        (lambda d: d["intervals"][3].update(every_days=0), "/guarantors/intervals/3/every_days"),
        (lambda d: d["intervals"][3].update(mood="bad"), "/guarantors/intervals/3.*unknown member"),
        (lambda d: d.update(items=[]), "/guarantors.*unknown member"),
        (lambda d: d.update(standing="X"), "/guarantors/standing"),
        (lambda d: d.update(source=" "), "/guarantors/source"),
    ],
)
def test_faulty_terms_for_guarantors_are_refused_by_their_place(
    change: Callable[[dict[str, Any]], object], place: str
) -> None:
    document = json.loads(json.dumps(LATER))
    change(document["guarantors"])
    with pytest.raises(InvalidDocument, match=place):
        read_refresh_policy(json.dumps(document).encode(), library().kinds)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d.update(guarantors=None), "/guarantors"),
        (lambda d: d.update(guarantor={}), "unknown member 'guarantor'"),
        (lambda d: d.update(attempts=0), "/attempts"),
        (lambda d: d.update(most_a_day=0), "/most_a_day"),
        (lambda d: d["consent"].update(purpose="GOSSIP"), "/consent/purpose"),
        (lambda d: d["consent"].update(texts=[]), "/consent/texts"),
        (lambda d: d["consent"].update(valid_days=0), "/consent/valid_days"),
        (lambda d: d["consent"].update(purpose="SHARING"), "/items/0/item"),
        (lambda d: d["items"][0].update(item="interview"), "/items/0/item"),
        (lambda d: d["items"][0].update(item="horoscope"), "/items/0/item"),
        (lambda d: d["intervals"][0].update(watched=False), "/intervals/0/watched"),
        (lambda d: d["intervals"][3].update(every_days=0), "/intervals/3/every_days"),
        (lambda d: d["intervals"][3].update(mood="bad"), "unknown member"),
    ],
)
def test_a_faulty_policy_is_refused_by_its_place(change: Callable[[dict[str, Any]], object], place: str) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    change(document)
    with pytest.raises(InvalidDocument, match=place):
        read_refresh_policy(json.dumps(document).encode(), library().kinds)
