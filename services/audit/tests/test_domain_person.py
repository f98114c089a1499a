"""What becomes of a person's data: nothing is erased that a rule or a court keeps, and nothing kept beyond that."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts import examples as ex
from libs.contracts.audit import ErasureDue, ErasureRequested, LegalHoldPlaced, PersonErased, PersonRestricted
from libs.events.testing import Scenario
from services.audit.domain.person import (
    ConfirmErasure,
    EndRestriction,
    LiftRestriction,
    PlaceHold,
    RecordReading,
    ReleaseHold,
    RequestErasure,
    Status,
)
from services.audit.domain.retention import Relationship, RetentionPolicy, Standing, years_after
from services.audit.library import library
from services.audit.persons import PERSON

TODAY, ENDED = date(2027, 3, 1), date(2027, 2, 2)
UNTIL = date(2037, 2, 2)
WHO = ex.APPLICANT
POLICY = library().retention_on(TODAY)
CUSTOMER = Relationship(standing=Standing.CUSTOMER, ended_on=ENDED)
APPLICANT = Relationship(standing=Standing.APPLICANT, ended_on=ENDED)

REQUESTED = ErasureRequested(applicant_id=WHO, ground="consent-withdrawn", requested_on=TODAY)
RESTRICTED = PersonRestricted(
    applicant_id=WHO,
    rule="customer-identity",
    source="反洗钱法 (2024) 34",
    relationship_ended_on=ENDED,
    until=UNTIL,
    readers=("auditor", "privacy_officer"),
    restricted_on=TODAY,
)
HELD = LegalHoldPlaced(applicant_id=WHO, hold_id="hold-1", reason="A dispute", authority="Court", placed_on=TODAY)
DUE = ErasureDue(applicant_id=WHO, rule="customer-identity", source="反洗钱法 (2024) 34", due_on=date(2037, 2, 3))
ERASED = PersonErased(applicant_id=WHO, rule=DUE.rule, source=DUE.source, erased_on=DUE.due_on)
PERSONS = Scenario(PERSON)


def request(relationship: Relationship = CUSTOMER) -> RequestErasure:
    return RequestErasure(
        applicant_id=WHO, ground="consent-withdrawn", relationship=relationship, policy=POLICY, today=TODAY
    )


def end(today: date, relationship: Relationship = CUSTOMER) -> EndRestriction:
    return EndRestriction(applicant_id=WHO, relationship=relationship, policy=POLICY, today=today)


def test_what_the_law_keeps_is_restricted_until_the_law_ends() -> None:
    PERSONS.given().when(request()).then(REQUESTED, RESTRICTED)
    PERSONS.given(REQUESTED, RESTRICTED).when(request()).then()
    PERSONS.given(REQUESTED, RESTRICTED).when(end(UNTIL)).then()
    PERSONS.given(REQUESTED, RESTRICTED).when(end(UNTIL + timedelta(days=1))).then(DUE)
    confirm = ConfirmErasure(applicant_id=WHO, today=DUE.due_on)
    PERSONS.given(REQUESTED, RESTRICTED, DUE).when(confirm).then(ERASED)
    PERSONS.given(REQUESTED, RESTRICTED).when(confirm).then()


def test_of_somebody_who_was_never_a_customer_nothing_is_kept() -> None:
    due = ErasureDue(
        applicant_id=WHO, rule="application-without-contract", source="个人信息保护法 47 (1)", due_on=TODAY
    )
    PERSONS.given().when(request(APPLICANT)).then(REQUESTED, due)


def test_nothing_is_erased_while_something_runs() -> None:
    running = Relationship(standing=Standing.CUSTOMER, running=("the loan of application 1",), ended_on=ENDED)
    PERSONS.given().when(request(running)).refused("relationship-running")


def test_a_legal_hold_keeps_what_no_rule_would() -> None:
    restricted = PERSONS.given(HELD).when(request(APPLICANT)).events[-1]
    assert isinstance(restricted, PersonRestricted)
    assert (restricted.rule, restricted.source) == ("legal-hold", "Court")
    late = UNTIL + timedelta(days=400)
    PERSONS.given(HELD, REQUESTED, RESTRICTED).when(end(late)).then()
    release = ReleaseHold(applicant_id=WHO, hold_id="hold-1", reason="Closed", today=late)
    released = PERSONS.given(HELD, REQUESTED, RESTRICTED).when(release).events
    PERSONS.given(HELD, REQUESTED, RESTRICTED, *released).when(end(late)).then(DUE.model_copy(update={"due_on": late}))
    PERSONS.given(HELD).when(ReleaseHold(applicant_id=WHO, hold_id="x", reason="r", today=late)).refused("hold-unknown")


def test_what_was_heard_after_the_restriction_counts_on_the_day_when_it_ends() -> None:
    after = UNTIL + timedelta(days=1)
    runs = Relationship(standing=Standing.CUSTOMER, running=("the security 1 for application 2",), ended_on=ENDED)
    PERSONS.given(REQUESTED, RESTRICTED).when(end(after, runs)).then()
    later = date(2030, 5, 4)
    ended_later = Relationship(standing=Standing.CUSTOMER, ended_on=later)
    changed = {"relationship_ended_on": later, "until": date(2040, 5, 4), "restricted_on": after}
    kept_on = RESTRICTED.model_copy(update=changed)
    PERSONS.given(REQUESTED, RESTRICTED).when(end(UNTIL, ended_later)).then()
    PERSONS.given(REQUESTED, RESTRICTED).when(end(after, ended_later)).then(kept_on)
    PERSONS.given(REQUESTED, RESTRICTED, kept_on).when(end(date(2040, 5, 4), ended_later)).then()
    due = DUE.model_copy(update={"due_on": date(2040, 5, 5)})
    PERSONS.given(REQUESTED, RESTRICTED, kept_on).when(end(due.due_on, ended_later)).then(due)
    unknown = Relationship(standing=Standing.CUSTOMER)
    PERSONS.given(REQUESTED, RESTRICTED).when(end(after, unknown)).then(DUE)


@pytest.mark.parametrize(("role", "allowed"), [("privacy_officer", True), ("auditor", True), ("operator", False)])
def test_restricted_data_are_read_by_those_alone_whom_the_rule_names(role: str, allowed: bool) -> None:
    reading = RecordReading(
        applicant_id=WHO, report_id="r", shown="report", purpose="A check", reader="x", role=role, today=TODAY
    )
    asked = PERSONS.given(REQUESTED, RESTRICTED).when(reading)
    if allowed:
        assert [event.restricted for event in asked.events] == [True]
    else:
        asked.refused("restricted-to-others")
    assert [event.restricted for event in PERSONS.given().when(reading).events] == [False]


def test_a_restriction_is_lifted_and_after_an_erasure_nothing_is_left_to_do() -> None:
    lift = LiftRestriction(applicant_id=WHO, reason="Came back", today=TODAY)
    [lifted] = PERSONS.given(REQUESTED, RESTRICTED).when(lift).events
    assert PERSON.replay([REQUESTED, RESTRICTED, lifted]).status is Status.IN_USE
    PERSONS.given().when(lift).refused("not-restricted")
    hold = PlaceHold(applicant_id=WHO, hold_id="h", reason="r", authority="a", today=TODAY)
    for command in (lift, hold):
        PERSONS.given(REQUESTED, RESTRICTED, DUE, ERASED).when(command).refused("person-erased")
    PERSONS.given(REQUESTED, RESTRICTED, DUE).when(hold).refused("person-erased")
    PERSONS.given(REQUESTED, RESTRICTED, DUE, ERASED).when(request()).then()


@given(st.dates(date(2020, 1, 1), date(2100, 1, 1)), st.integers(0, 30))
def test_years_are_full_years(day: date, years: int) -> None:
    until = years_after(day, years)
    assert until.year == day.year + years
    assert (until.month, until.day) in ((day.month, day.day), (3, 1))


def test_rules_without_one_for_every_kind_of_person_are_refused() -> None:
    document = {
        "version": 1,
        "effective_from": "2020-01-01",
        "rules": [],
        "restricted_readers": {"roles": [], "source": ""},
    }
    with pytest.raises(ValueError, match="every kind of person"):
        RetentionPolicy.from_json(document)
