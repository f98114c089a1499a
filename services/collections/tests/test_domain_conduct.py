"""How a debtor may be treated: every rule at its edges."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import product
from typing import Any

import pytest

from libs.contracts.collections import (
    ComplaintReceived,
    ComplaintResolved,
    ContactChannel,
    ContactLogged,
    ContactResult,
    Stage,
    ThirdPartyGround,
)
from libs.contracts.problems import Rejected
from libs.events.testing import Scenario
from services.collections.domain.conduct import (
    COMPLAINTS_OPEN_MAX,
    RESULTS,
    CaseFacts,
    LogContact,
    ReceiveComplaint,
    ResolveComplaint,
)
from services.collections.domain.contact_rules import History, Intent, breaches, next_permitted
from services.collections.handlers import CONDUCT
from services.collections.tests.rules import POLICY, TODAY, policy

FACTS = CaseFacts(case_id="case-1", applicant_id="debtor-1", is_open=True, stage=Stage.LATE)
TELEPHONE, MESSAGE, LETTER, VISIT, LEGAL = (
    ContactChannel.TELEPHONE,
    ContactChannel.MESSAGE,
    ContactChannel.LETTER,
    ContactChannel.VISIT,
    ContactChannel.LEGAL,
)
REACHED, MISSED, REFUSED, WRONG, DELIVERED = (
    ContactResult.REACHED,
    ContactResult.NOT_REACHED,
    ContactResult.REFUSED,
    ContactResult.WRONG_PARTY,
    ContactResult.DELIVERED,
)


def at(clock: str, on: date = TODAY) -> datetime:
    return datetime.combine(on, time.fromisoformat(clock.zfill(5)))


def contact(clock: str = "10:00", on: date = TODAY, **changes: Any) -> LogContact:
    """A call at a time, with what differs."""
    intent: dict[str, Any] = {"channel": TELEPHONE, "number": "mobile-1", "at": at(clock, on)}
    intent |= {name: changes.pop(name) for name in Intent.__dataclass_fields__ if name in changes}
    known: dict[str, Any] = {
        "contact_id": "contact-1",
        "case": FACTS,
        "intent": Intent(**intent),
        "result": REACHED,
        "note": "Spoke",
        "collector": "collector-1",
        "policy": POLICY,
        "today": TODAY,
    }
    return LogContact(**(known | changes))


def logged(clock: str = "10:00", on: date = TODAY, **changes: Any) -> ContactLogged:
    """The event of a contact, whether or not the rules admit it."""
    known: dict[str, Any] = {
        "case_id": "case-1",
        "contact_id": "contact-1",
        "channel": TELEPHONE,
        "result": REACHED,
        "at_local": at(clock, on).isoformat(timespec="seconds"),
        "note": "Spoke",
        "collector": "collector-1",
        "contacted_on": on,
        "applicant_id": "debtor-1",
        "number": "mobile-1",
    }
    return ContactLogged(**(known | changes))


def given(*past: Any) -> Scenario[Any]:
    return Scenario(CONDUCT).given(*past)


def extra(error: Exception) -> dict[str, Any]:
    assert isinstance(error, Rejected)
    return error.extra


def test_a_contact_is_logged_as_it_was() -> None:
    given().when(contact()).then(logged())
    given().when(contact(automated=True, recording="rec-1", hours_agreed=True)).then(
        logged(automated=True, recording="rec-1", hours_agreed=True)
    )


def test_quiet_hours_are_from_22_to_8_to_the_minute() -> None:
    for minute in range(24 * 60):
        clock = f"{minute // 60:02}:{minute % 60:02}"
        attempt = given().when(contact(clock))
        if 8 * 60 <= minute < 22 * 60:
            attempt.then(logged(clock))
        else:
            permitted = TODAY if minute < 8 * 60 else TODAY + timedelta(days=1)
            assert extra(attempt.refused("quiet-hours"))["next_permitted"] == f"{permitted}T08:00:00"


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [("21:59:59", False), ("22:00:00", True), ("23:59:59", True), ("00:00:00", True), ("07:59:59", True),
     ("08:00:00", False)],
)  # fmt: skip
def test_quiet_hours_begin_and_end_to_the_second(clock: str, quiet: bool) -> None:
    attempt = given().when(contact(clock))
    if quiet:
        assert extra(attempt.refused("quiet-hours"))["basis"]["source"] == "GB/T 45251-2025"
    else:
        attempt.then(logged(clock))


@pytest.mark.parametrize(
    ("channel", "result", "bound"),
    [(TELEPHONE, REACHED, True), (MESSAGE, DELIVERED, True), (VISIT, REACHED, True), (LETTER, DELIVERED, False)],
)
def test_quiet_hours_bind_what_disturbs(channel: ContactChannel, result: ContactResult, bound: bool) -> None:
    attempt = given().when(contact("23:00", channel=channel, result=result))
    if bound:
        attempt.refused("quiet-hours")
    else:
        attempt.then(logged("23:00", channel=channel, result=result))


def test_an_hour_that_the_debtor_agreed_to_is_not_quiet() -> None:
    given().when(contact("22:30", hours_agreed=True)).then(logged("22:30", hours_agreed=True))


@pytest.mark.parametrize("others", [*product([True, False], repeat=3)])
@pytest.mark.parametrize("result", [REACHED, REFUSED, MISSED])
def test_a_debtor_is_reached_at_most_three_times_a_day_robots_included(
    others: tuple[bool, ...], result: ContactResult
) -> None:
    past = [logged(f"{9 + hour}:00", automated=robot) for hour, robot in enumerate(others)]
    given(*past[:2]).when(contact("15:00", result=result)).then(logged("15:00", result=result))
    refused = given(*past).when(contact("15:00", result=result)).refused("daily-calls-exhausted")
    assert extra(refused)["next_permitted"] == f"{TODAY + timedelta(days=1)}T08:00:00"


def test_calls_of_other_days_and_other_ways_do_not_count() -> None:
    yesterday = [logged(f"{hour}:00", on=TODAY - timedelta(days=1)) for hour in (9, 10, 11)]
    messages = [logged(f"{hour}:00", channel=MESSAGE, result=DELIVERED) for hour in (9, 10, 11)]
    wrong = [logged(f"{hour}:00", result=WRONG) for hour in (9, 10, 11)]
    third = [logged(f"{hour}:00", third_party=True) for hour in (9, 10, 11)]
    for past in (yesterday, messages, wrong, third):
        given(*past).when(contact("15:00")).then(logged("15:00"))


def test_a_message_may_follow_the_third_call() -> None:
    past = [logged(f"{hour}:00") for hour in (9, 10, 11)]
    given(*past).when(contact("15:00", channel=MESSAGE, result=DELIVERED)).then(
        logged("15:00", channel=MESSAGE, result=DELIVERED)
    )


@pytest.mark.parametrize("dialled", range(9))
@pytest.mark.parametrize("result", [REACHED, MISSED])
def test_a_number_is_dialled_at_most_six_times_a_day_without_answer(dialled: int, result: ContactResult) -> None:
    past = [logged(f"{8 + hour}:30", result=MISSED) for hour in range(dialled)]
    attempt = given(*past).when(contact("20:00", result=result))
    if dialled < 6:
        attempt.then(logged("20:00", result=result))
    else:
        refused = extra(attempt.refused("dial-attempts-exhausted"))
        assert refused["next_permitted"] == f"{TODAY + timedelta(days=1)}T08:00:00"
    other = given(*past).when(contact("20:00", number="mobile-2"))
    other.then(logged("20:00", number="mobile-2"))


def test_contacts_entered_late_count_for_their_own_day() -> None:
    yesterday = TODAY - timedelta(days=1)
    past = [logged(f"{hour}:00", on=yesterday) for hour in (9, 10, 11)]
    given(*past).when(contact("12:00", on=yesterday)).refused("daily-calls-exhausted")
    given(logged(), *past).when(contact("12:00", on=yesterday)).refused("daily-calls-exhausted")


def test_a_debtor_who_is_free_at_midnight_is_called_then() -> None:
    quiet = {"from": "01:00", "to": "08:00", "channels": ["TELEPHONE"]}
    past = [logged(f"{hour}:00") for hour in (9, 10, 11)]
    refused = given(*past).when(contact("15:00", policy=policy(quiet_hours=quiet))).refused("daily-calls-exhausted")
    assert extra(refused)["next_permitted"] == f"{TODAY + timedelta(days=1)}T00:00:00"


MISSES = [logged(f"{hour:02}:00", result=MISSED, number=f"mobile-{hour}") for hour in (9, 10, 11)]


@pytest.mark.parametrize("misses", range(4))
@pytest.mark.parametrize("ground", [None, *ThirdPartyGround])
def test_others_are_contacted_only_on_a_ground(misses: int, ground: ThirdPartyGround | None) -> None:
    attempt = given(*MISSES[:misses]).when(contact("12:00", third_party=True, ground=ground, number="brother"))
    if ground is None:
        attempt.refused("third-party-ground")
    elif ground is ThirdPartyGround.UNREACHABLE and misses < 3:
        assert "next_permitted" not in extra(attempt.refused("debtor-reachable"))
    else:
        attempt.then(logged("12:00", third_party=True, ground=ground, number="brother"))


@pytest.mark.parametrize(("result", "reachable"), [(REACHED, True), (REFUSED, True), (WRONG, False), (MISSED, False)])
def test_a_debtor_who_answers_is_reachable_again(result: ContactResult, reachable: bool) -> None:
    third = contact("13:00", third_party=True, ground=ThirdPartyGround.UNREACHABLE, number="brother")
    attempt = given(*MISSES, logged("12:00", result=result)).when(third)
    if reachable:
        attempt.refused("debtor-reachable")
    else:
        attempt.then(logged("13:00", third_party=True, ground=ThirdPartyGround.UNREACHABLE, number="brother"))


def test_a_message_or_a_third_party_says_nothing_of_reaching_the_debtor() -> None:
    past = [
        *MISSES,
        logged("12:00", channel=MESSAGE, result=DELIVERED),
        logged("12:10", third_party=True, number="brother"),
    ]
    assert CONDUCT.replay(past).unreached == 3


def test_a_third_party_who_refuses_is_left_alone_for_ever() -> None:
    long_ago = TODAY - timedelta(days=90)
    refusal = logged("12:00", on=long_ago, third_party=True, ground="DEAD", number="brother", result=REFUSED)
    again = contact("12:00", third_party=True, ground=ThirdPartyGround.DEAD, number="brother")
    refused = given(refusal).when(again).refused("third-party-refused")
    assert "next_permitted" not in extra(refused)
    sister = contact("12:00", third_party=True, ground=ThirdPartyGround.DEAD, number="sister")
    given(refusal).when(sister).then(logged("12:00", third_party=True, ground=ThirdPartyGround.DEAD, number="sister"))


def test_a_debtor_who_refuses_is_no_third_party() -> None:
    given(logged("09:00", result=REFUSED)).when(contact("12:00")).then(logged("12:00"))


def test_the_debt_is_never_disclosed_to_others() -> None:
    third = contact(third_party=True, ground=ThirdPartyGround.DEAD, number="brother", debt_disclosed=True)
    refused = given().when(third).refused("debt-disclosed")
    assert isinstance(refused, Rejected)
    assert (refused.status, refused.field) == (422, "/debt_disclosed")
    given().when(contact(debt_disclosed=True)).then(logged())


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("channel", ContactChannel)
def test_a_channel_belongs_to_its_stages(stage: Stage, channel: ContactChannel) -> None:
    facts = CaseFacts(case_id="case-1", applicant_id="debtor-1", is_open=True, stage=stage)
    result = DELIVERED if DELIVERED in RESULTS[channel] else REACHED
    attempt = given().when(contact(case=facts, channel=channel, result=result))
    if channel in POLICY.channels[stage]:
        attempt.then(logged(channel=channel, result=result))
    else:
        attempt.refused("channel-not-of-stage")


@pytest.mark.parametrize(("channel", "result"), [*product(ContactChannel, ContactResult)])
def test_a_result_belongs_to_its_channel(channel: ContactChannel, result: ContactResult) -> None:
    facts = CaseFacts(case_id="case-1", applicant_id="debtor-1", is_open=True, stage=Stage.LEGAL)
    attempt = given().when(contact(case=facts, channel=channel, result=result))
    if result in RESULTS[channel]:
        attempt.then(logged(channel=channel, result=result))
    else:
        attempt.refused("result-not-of-channel")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"number": ""}, "number-missing", "/number"),
        ({"number": "", "channel": VISIT, "third_party": True, "ground": ThirdPartyGround.DEAD}, "number-missing",
         "/number"),
        ({"ground": ThirdPartyGround.DEAD}, "ground-without-third-party", "/ground"),
        ({"on": TODAY + timedelta(days=1)}, "contact-in-future", "/at_local"),
        ({"on": TODAY - timedelta(days=3)}, "contact-too-old", "/at_local"),
        ({"channel": VISIT, "automated": True}, "channel-not-automated", "/automated"),
    ],
)  # fmt: skip
def test_a_contact_that_makes_no_sense_names_its_member(changes: dict[str, Any], code: str, field: str) -> None:
    refused = given().when(contact(**changes)).refused(code)
    assert isinstance(refused, Rejected)
    assert (refused.status, refused.field) == (422, field)


@pytest.mark.parametrize("days", [0, 1, 2])
def test_a_contact_is_entered_within_two_days(days: int) -> None:
    on = TODAY - timedelta(days=days)
    given().when(contact(on=on)).then(logged(on=on))


def test_a_closed_case_is_no_reason_to_call() -> None:
    closed = CaseFacts(case_id="case-1", applicant_id="debtor-1", is_open=False, stage=Stage.LATE)
    given().when(contact(case=closed)).refused("case-closed")


COMPLAINED = ComplaintReceived(
    case_id="case-1", complaint_id="complaint-1", subject="Calls at work", received_on=TODAY, applicant_id="debtor-1"
)
RESOLVED = ComplaintResolved(
    case_id="case-1", complaint_id="complaint-1", outcome="Apology", resolved_on=TODAY, applicant_id="debtor-1"
)
COMPLAIN = ReceiveComplaint(complaint_id="complaint-1", case=FACTS, subject="Calls at work", today=TODAY)
RESOLVE = ResolveComplaint(complaint_id="complaint-1", case=FACTS, outcome="Apology", today=TODAY)


@pytest.mark.parametrize("channel", [TELEPHONE, MESSAGE, LETTER, VISIT])
def test_a_complaint_stops_every_contact_until_it_is_resolved(channel: ContactChannel) -> None:
    result = DELIVERED if DELIVERED in RESULTS[channel] else REACHED
    attempt = contact(channel=channel, result=result)
    assert "next_permitted" not in extra(given(COMPLAINED).when(attempt).refused("complaint-open"))
    given(COMPLAINED, RESOLVED).when(attempt).then(logged(channel=channel, result=result))


def test_a_complaint_of_another_case_stops_contact_as_well() -> None:
    elsewhere = CaseFacts(case_id="case-2", applicant_id="debtor-1", is_open=True, stage=Stage.EARLY)
    given(COMPLAINED).when(contact(case=elsewhere)).refused("complaint-open")


def test_a_policy_may_let_complaints_pass() -> None:
    given(COMPLAINED).when(contact(policy=policy(complaint_stops_contact=False))).then(logged())


def test_a_complaint_is_received_and_resolved_once() -> None:
    given().when(COMPLAIN).then(COMPLAINED)
    given(COMPLAINED).when(RESOLVE).then(RESOLVED)
    given(COMPLAINED, RESOLVED).when(RESOLVE).refused("complaint-resolved")
    given().when(RESOLVE).refused("complaint-not-found")
    elsewhere = CaseFacts(case_id="case-2", applicant_id="debtor-1", is_open=True, stage=Stage.EARLY)
    other = ResolveComplaint(complaint_id="complaint-1", case=elsewhere, outcome="Apology", today=TODAY)
    given(COMPLAINED).when(other).refused("complaint-not-found")


def test_complaints_end_somewhere() -> None:
    many = [COMPLAINED.model_copy(update={"complaint_id": f"complaint-{n}"}) for n in range(COMPLAINTS_OPEN_MAX)]
    given(*many[1:]).when(COMPLAIN).then(COMPLAINED)
    given(*many).when(COMPLAIN).refused("too-many-complaints")


def test_permission_names_every_rule_and_when_waiting_helps() -> None:
    past = [logged(f"{hour}:00") for hour in (9, 10, 11)]
    history = CONDUCT.replay(past).history
    late = Intent(channel=TELEPHONE, at=at("22:30"), number="mobile-1")
    found = breaches(late, Stage.EARLY, history, POLICY)
    assert [breach.code for breach in found] == ["quiet-hours", "daily-calls-exhausted"]
    assert next_permitted(found) == at("08:00", TODAY + timedelta(days=1))
    assert breaches(Intent(channel=LETTER, at=at("22:30")), Stage.LATE, history, POLICY) == []
    assert next_permitted([]) is None
    stopped = breaches(late, Stage.EARLY, History(complaint_open=True), POLICY)
    assert [breach.code for breach in stopped] == ["complaint-open", "quiet-hours"]
    assert next_permitted(stopped) is None


def test_what_is_permitted_next_is_permitted_then() -> None:
    history = CONDUCT.replay([logged(f"{hour}:00") for hour in (9, 10, 11)]).history
    for minute in range(24 * 60):
        intent = Intent(channel=TELEPHONE, at=at(f"{minute // 60:02}:{minute % 60:02}"), number="mobile-1")
        then = next_permitted(breaches(intent, Stage.EARLY, history, POLICY))
        assert then is not None
        later = Intent(channel=TELEPHONE, at=then, number="mobile-1")
        assert breaches(later, Stage.EARLY, history, POLICY) == []


def test_a_record_keeps_the_contacts_of_the_last_days_only() -> None:
    days = [logged(on=TODAY - timedelta(days=back)) for back in range(30, -1, -1)]
    assert len(CONDUCT.replay(days).attempts) == 7
