"""Sources asked anew about borrowers whose loans run, day by day: whom, how often, on which consent, and what came."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import timedelta
from hashlib import sha256

import pytest

from libs.contracts.audit import PersonErased
from libs.contracts.collections import WatchEntered, WatchLeft
from libs.contracts.ledger import LoanSettled, LoanWrittenOff, RepaymentReversed
from libs.contracts.scoring import RefreshMissing, RefreshObtained, Without
from libs.contracts.values import ApplicantKind
from libs.service.testing import Served, key
from services.scoring.library import library
from services.scoring.tests.outside import EVERY, ON, Behaviour, Outside, loan


async def test_what_got_worse_is_told_beside_what_it_was(outside: Outside) -> None:
    await outside.lends("worse", Behaviour.WORSENS, applicant_kind=ApplicantKind.ENTERPRISE)
    await outside.opens(ON + EVERY - timedelta(days=1))
    assert await outside.came("worse") == [], "his interval is not over"
    await outside.opens(ON + EVERY)
    first, *items = await outside.came("worse")
    assert (first.requested_on, first.consent_text, len(first.items)) == (ON + EVERY, "2026-01", 2)
    assert {each.item: each.changes for each in items} == {"credit-report": (), "business-registration": ()}
    assert {each.former_as_of for each in items} == {ON}, "beside what came with the application"
    await outside.opens(ON + EVERY * 2)
    changes = {
        change.fact: (change.before, change.after)
        for each in (await outside.came("worse"))[4:]
        for change in each.changes
    }
    assert changes["registration-status"] == ("active", "revoked")
    assert changes["overdue-now-minor"][0] == 0 < changes["overdue-now-minor"][1]
    assert changes["bureau-score"][1] < 480 < 620 <= changes["bureau-score"][0]
    assert await outside.scoring.parked() == []
    await _it_is_shown(outside)


async def _it_is_shown(outside: Outside) -> None:
    officer = await outside.scoring.client("credit_officer")
    listed = (await officer.get("/scoring/refreshes?changed=true&item=credit-report")).json()["items"]
    assert [(each["applicant_id"], each["state"]) for each in listed] == [("applicant-worse", "OBTAINED")]
    answer = await officer.get("/scoring/refreshes/applicant-worse")
    item = next(each for each in answer.json()["items"] if each["item"] == "credit-report")
    again = await officer.get("/scoring/refreshes/applicant-worse", headers={"If-None-Match": answer.headers["etag"]})
    assert (item["former_as_of"], again.status_code) == ((ON + EVERY).isoformat(), 304)
    path = f"/scoring/refreshes/applicant-worse/{item['refresh_id']}/credit-report/document"
    document = await officer.get(path)
    assert (document.status_code, sha256(document.content).hexdigest()) == (200, item["sha256"])
    other = await officer.get(path.replace("applicant-worse", "applicant-other"))
    assert (other.status_code, other.json()["type"]) == (404, "urn:puhui:problem:document-unknown")
    assert (await (await outside.scoring.client("auditor")).get(path)).status_code == 403
    assert (await officer.get("/scoring/refreshes/applicant-nobody")).status_code == 404
    policy = (await officer.get("/scoring/refresh-policy")).json()
    assert policy["sha256"] == library().refresh_policy(ON).sha256
    rows = await outside.scoring.runtime.store.pool.fetch("select content from source_document")
    assert [b"bureau-score" in row["content"] for row in rows] == [False] * 6, "sealed"


ENDS = {
    Behaviour.BROKEN_ONCE: None,
    Behaviour.NO_HIT: Without.NO_HIT,
    Behaviour.CONFLICTING: Without.CONFLICTING,
    Behaviour.DOWN: Without.UNAVAILABLE,
    Behaviour.STALE: Without.EXPIRED,
}


async def test_every_way_in_which_a_bureau_behaves_has_its_end(outside: Outside) -> None:
    for behaviour in ENDS:
        await outside.lends(behaviour.value, behaviour)
    await outside.opens(ON + EVERY)
    found = {}
    for behaviour in ENDS:
        asked, end = await outside.came(behaviour.value)
        found[behaviour] = end.why if isinstance(end, RefreshMissing) else None
        if behaviour is Behaviour.DOWN:
            assert outside.asked[asked.refresh_id] == library().refresh_policy(ON).attempts
    assert found == ENDS
    assert await outside.scoring.parked() == []


async def test_without_a_consent_nobody_is_asked_and_that_is_on_record(outside: Outside) -> None:
    await outside.lends("never", Behaviour.CLEAN, consent="")
    await outside.lends("older", Behaviour.CLEAN, consent="2019-01")
    await outside.lends("shy", Behaviour.CLEAN)
    path = "/scoring/refreshes/applicant-shy/consent-withdrawals"
    purpose = {"purpose": "CREDIT_REPORT"}
    stranger = await outside.scoring.client("customer", **{"On-Behalf-Of": "applicant-other"})
    assert (await stranger.post(path, json=purpose, headers=key())).status_code == 403
    officer = await outside.scoring.client("loan_officer")
    unknown = await officer.post(path.replace("shy", "nobody"), json=purpose, headers=key())
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:puhui:problem:applicant-unknown")
    unused = await officer.post(path, json={"purpose": "SHARING"}, headers=key())
    assert (unused.status_code, unused.json()["errors"][0]["pointer"]) == (422, "#/purpose")
    front_end = await outside.scoring.client("customer", **{"On-Behalf-Of": "applicant-shy"})
    withdrawn = await front_end.post(path, json=purpose, headers=key())
    assert (withdrawn.status_code, withdrawn.json()["consent_withdrawn_on"]) == (201, ON.isoformat())
    before = outside.asked.total()
    await outside.opens(ON + EVERY)
    for name in ("never", "older", "shy"):
        asked, end = (await outside.came(name))[-2:]
        assert (asked.consent_text, end.why) == ("", Without.NO_CONSENT)
    assert outside.asked.total() == before


async def test_a_consent_withdrawn_from_the_application_counts_for_its_loan_too(outside: Outside) -> None:
    await outside.lends("late", Behaviour.CLEAN)
    front_end = await outside.scoring.client("customer", **{"On-Behalf-Of": "applicant-late"})
    path = "/scoring/assessments/application-late/consent-withdrawals"
    answer = await front_end.post(path, json={"purpose": "CREDIT_REPORT"}, headers=key())
    assert answer.status_code == 201, answer.text
    await outside.opens(ON + EVERY)
    _, end = await outside.came("late")
    assert end.why is Without.NO_CONSENT


async def test_a_watched_borrower_is_asked_about_sooner(outside: Outside) -> None:
    await outside.lends("watched", Behaviour.CLEAN)
    on = ON + timedelta(days=10)
    entered = WatchEntered.example | {"applicant_id": "applicant-watched", "entered_on": on}
    await outside.scoring.publish("watch-watched", WatchEntered.model_validate(entered))
    for days in range(10, 46, 5):
        await outside.opens(ON + timedelta(days=days))
    assert await outside.asked_on("watched") == [on, on + timedelta(days=30)]
    left = WatchLeft.example | {"applicant_id": "applicant-watched"}
    await outside.scoring.publish("watch-watched", WatchLeft.model_validate(left))
    for days in range(65, 126, 5):
        await outside.opens(on + timedelta(days=days))
    assert await outside.asked_on("watched") == [on, *(on + timedelta(days=each) for each in (30, 120))]


async def test_no_more_are_asked_about_on_a_day_than_the_policy_says_and_each_once(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = changed(library().refresh_policy(ON), most_a_day=2)
    monkeypatch.setattr(type(library()), "refresh_policy", lambda _self, _on: policy)
    names = ["one", "two", "three"]
    for name in names:
        await outside.lends(name, Behaviour.CLEAN)
    for days in range(3):
        await outside.opens(ON + EVERY + timedelta(days=days))
    asked = []
    for name in names:
        asked += await outside.asked_on(name)
    assert sorted(asked) == [ON + EVERY, ON + EVERY, ON + EVERY + timedelta(days=1)]
    assert {len(await outside.came(name)) for name in names} == {2}


async def test_who_owes_nothing_more_is_not_asked_about(outside: Outside) -> None:
    for name in ("settled", "lost", "again", "gone"):
        await outside.lends(name, Behaviour.CLEAN)
    scoring = outside.scoring
    await scoring.publish("loan-settled", loan(LoanSettled, "settled"))
    await scoring.publish("loan-again", loan(LoanSettled, "again"))
    await scoring.publish("loan-lost", loan(LoanWrittenOff, "lost"))
    await scoring.publish(
        "person-gone", PersonErased.model_validate(PersonErased.example | {"applicant_id": "applicant-gone"})
    )
    await scoring.publish("loan-again", loan(RepaymentReversed, "again", reversed_on=ON + EVERY))
    await outside.opens(ON + EVERY)
    assert {name: len(await outside.asked_on(name)) for name in ("settled", "lost", "again", "gone")} == {
        "settled": 0,
        "lost": 0,
        "again": 1,
        "gone": 0,
    }
    assert isinstance((await outside.came("again"))[-1], RefreshObtained)


async def test_only_sources_that_are_connected_are_asked(scoring: Served) -> None:
    alone = Outside(scoring, None)
    await alone.lends("alone", Behaviour.CLEAN)
    await alone.opens(ON + EVERY)
    assert await alone.came("alone") == []
    assert await scoring.parked() == []
