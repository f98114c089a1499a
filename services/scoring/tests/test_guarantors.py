"""Sources asked anew about who answers for a loan that runs: since when, on whose consent, how often, until when, and in
whatever order it is heard that he agreed and that the loan runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace as changed
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest

from libs.contracts.approval import SecurityReinstated, SecurityReleased
from libs.contracts.audit import PersonErased
from libs.contracts.collections import WatchEntered, WatchLeft
from libs.contracts.ledger import DisbursementReturned, LoanDisbursed, LoanSettled, LoanWrittenOff, RepaymentReversed
from libs.contracts.scoring import RefreshObtained, RefreshRequested, RefreshRole, Without
from libs.contracts.values import ApplicantKind
from libs.lending.money import Money
from libs.service.testing import key
from services.scoring.library import library
from services.scoring.tests.outside import EVERY, FAULTS, ON, SURETY_TEXT, Behaviour, Outside, loan

PAID = date(2027, 1, 4)
"""From this year on guarantors are asked about."""
NEXT = PAID + timedelta(days=1)
HALF_YEAR = timedelta(days=180)
"""How often is asked about who answers for CNY 200,000."""
DAY = timedelta(days=1)


@pytest.fixture
def behaving() -> Any:
    return changed(FAULTS, worse_from=(NEXT + HALF_YEAR).isoformat())


async def test_who_answers_for_a_loan_is_asked_about_while_it_runs_whether_or_not_he_has_one(outside: Outside) -> None:
    await outside.registers("firm", Behaviour.WORSENS, kind=ApplicantKind.ENTERPRISE)
    await outside.lends("owes", Behaviour.CLEAN, on=PAID)
    await outside.answers("firm", "owes", PAID)
    await outside.opens(NEXT)
    asks, *items = await outside.came("firm")
    assert (asks.role, asks.loan_id, asks.consent_text) == (RefreshRole.GUARANTOR, "loan-owes", SURETY_TEXT)
    assert {each.item: each.former_as_of for each in items} == {"credit-report": None, "business-registration": None}
    assert {each.role for each in items} == {RefreshRole.GUARANTOR}
    await outside.opens(NEXT + HALF_YEAR - DAY)
    assert await outside.asked_on("firm") == [NEXT]
    await outside.opens(NEXT + HALF_YEAR)
    assert await outside.asked_on("firm") == [NEXT, NEXT + HALF_YEAR]
    changes = {change.fact for each in (await outside.came("firm"))[4:] for change in each.changes}
    assert {"registration-status", "overdue-now-minor", "bureau-score"} <= changes, "beside what was known of him last"
    assert [each.role for each in await outside.came("owes") if isinstance(each, RefreshRequested)] == [
        RefreshRole.BORROWER
    ], "his borrower is asked about by himself"
    await _it_is_shown(outside)
    assert await outside.scoring.parked() == []


async def _it_is_shown(outside: Outside) -> None:
    officer = await outside.scoring.client("credit_officer")
    listed = (await officer.get("/scoring/refreshes?role=GUARANTOR&item=credit-report")).json()["items"]
    assert [(each["applicant_id"], each["loan_id"], each["role"]) for each in listed] == [
        ("applicant-firm", "loan-owes", "GUARANTOR")
    ] * 2
    borrowers = (await officer.get("/scoring/refreshes?role=BORROWER")).json()["items"]
    assert {each["applicant_id"] for each in borrowers} == {"applicant-owes"}
    shown = (await officer.get("/scoring/refreshes/applicant-firm")).json()
    assert (shown["role"], shown["loan_id"], shown["consent_text"]) == ("GUARANTOR", "loan-owes", SURETY_TEXT)
    assert (await officer.get("/scoring/refreshes?role=FRIEND")).status_code == 422
    item = next(each for each in shown["items"] if each["item"] == "credit-report")
    path = f"/scoring/refreshes/applicant-firm/{item['refresh_id']}/credit-report/document"
    assert (await officer.get(path)).status_code == 200
    assert (await officer.get(path.replace("firm", "owes"))).status_code == 404, "it is not his borrower's"
    policy = (await officer.get("/scoring/refresh-policy?on=2027-01-01")).json()["document"]
    assert (policy["version"], policy["guarantors"]["consent"]["texts"]) == (2, [SURETY_TEXT])


async def test_before_the_policy_says_so_no_guarantor_is_asked_about(outside: Outside) -> None:
    await outside.registers("early", Behaviour.CLEAN)
    await outside.lends("owes", Behaviour.CLEAN, on=date(2026, 12, 30))
    await outside.answers("early", "owes", date(2026, 12, 30))
    for day in (date(2026, 12, 30), date(2026, 12, 31)):
        await outside.opens(day)
        assert await outside.came("early") == []
    await outside.opens(date(2027, 1, 1))
    assert await outside.asked_on("early") == [date(2027, 1, 1)], "nor is he forgotten by it"


async def test_who_was_never_to_be_asked_about_as_borrower_is_not_forgotten_as_guarantor(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = library().refresh_policy(ON), library().refresh_policy(PAID)
    watched = changed(first, intervals=tuple(each for each in first.intervals if each.watched))
    monkeypatch.setattr(type(library()), "refresh_policy", lambda _self, on: watched if on < PAID else second)
    for name in ("owes", "both"):
        await outside.lends(name, Behaviour.CLEAN, on=PAID - 10 * DAY)
    await outside.answers("both", "owes", PAID - 10 * DAY)
    for event in (WatchEntered, WatchLeft):
        told = event.example | {"applicant_id": "applicant-both"}
        await outside.scoring.publish("watch-both", event.model_validate(told))
        await outside.scoring.settle()
    await outside.opens(PAID - DAY)
    assert await outside.came("both") == []
    await outside.opens(PAID)
    assert await outside.asked_on("both") == [PAID]


async def test_a_guarantor_who_did_not_agree_is_not_asked_about_and_that_is_on_record(outside: Outside) -> None:
    texts = {"silent": "", "borrowers-text": "2026-01", "old": SURETY_TEXT, "shy": SURETY_TEXT}
    for name, text in texts.items():
        await outside.registers(name, Behaviour.CLEAN, kind=ApplicantKind.ENTERPRISE)
        await outside.lends(f"owes-{name}", Behaviour.CLEAN, on=PAID)
        signed_on = PAID - timedelta(days=1830 if name == "old" else 0)
        await outside.answers(name, f"owes-{name}", PAID, text, signed_on)
    await outside.offers("owes-borrowers-text", "silent", security_id="security-not-agreed-to")
    path, purpose = "/scoring/refreshes/applicant-shy/consent-withdrawals", {"purpose": "CREDIT_REPORT"}
    stranger = await outside.scoring.client("customer", **{"On-Behalf-Of": "applicant-owes-shy"})
    assert (await stranger.post(path, json=purpose, headers=key())).status_code == 403, "nor does his borrower do it"
    front_end = await outside.scoring.client("customer", **{"On-Behalf-Of": "applicant-shy"})
    await outside.opens(PAID)
    assert await outside.asked_on("shy") == [PAID]
    withdrawn = await front_end.post(path, json=purpose, headers=key())
    assert (withdrawn.status_code, withdrawn.json()["consent_withdrawn_on"]) == (201, PAID.isoformat())
    before = outside.asked.total()
    await outside.opens(PAID + HALF_YEAR)
    for name in texts:
        asks, *came = await outside.last(name)
        assert (asks.role, asks.loan_id, asks.consent_text) == (RefreshRole.GUARANTOR, f"loan-owes-{name}", "")
        found = {each.item: each.why if not isinstance(each, RefreshObtained) else None for each in came}
        assert found == {"credit-report": Without.NO_CONSENT, "business-registration": None}, name
    assert outside.asked.total() == before + len(texts), "but the borrowers, each once"


async def test_who_is_borrower_and_guarantor_of_several_is_asked_about_once_a_day(outside: Outside) -> None:
    for name in ("one", "two"):
        await outside.lends(name, Behaviour.CLEAN, on=PAID)
    await outside.lends("both", Behaviour.CLEAN, on=PAID)
    await outside.answers("both", "one", PAID)
    await outside.answers("both", "two", PAID)
    for days in range(0, 2 * EVERY.days + 1, 15):
        await outside.opens(NEXT + timedelta(days=days))
    asks = [each for each in await outside.came("both") if isinstance(each, RefreshRequested)]
    assert [each.requested_on for each in asks] == [NEXT, NEXT + EVERY, NEXT + 2 * EVERY], "by the shorter interval"
    assert {(each.role, each.loan_id) for each in asks} == {(RefreshRole.BORROWER, "loan-both")}
    await outside.scoring.publish("loan-both", loan(LoanSettled, "both"))
    await outside.opens(NEXT + 2 * EVERY + HALF_YEAR)
    last = [each for each in await outside.came("both") if isinstance(each, RefreshRequested)][-1]
    assert (last.role, last.loan_id) == (RefreshRole.GUARANTOR, "loan-one"), "he answers for others still"
    assert last.requested_on == NEXT + 2 * EVERY + HALF_YEAR
    await outside.scoring.publish("loan-one", loan(LoanSettled, "one"))
    await outside.opens(NEXT + 2 * EVERY + 2 * HALF_YEAR)
    last = [each for each in await outside.came("both") if isinstance(each, RefreshRequested)][-1]
    assert (last.role, last.loan_id) == (RefreshRole.GUARANTOR, "loan-two"), "of those that run"


async def test_a_guarantor_of_a_watched_borrower_is_asked_about_sooner(outside: Outside) -> None:
    await outside.registers("near", Behaviour.CLEAN)
    await outside.lends("owes", Behaviour.CLEAN, on=PAID)
    await outside.answers("near", "owes", PAID)
    await outside.opens(NEXT)
    on = NEXT + timedelta(days=40)
    entered = WatchEntered.example | {"applicant_id": "applicant-owes", "entered_on": on}
    await outside.scoring.publish("watch-owes", WatchEntered.model_validate(entered))
    for days in range(40, 80, 5):
        await outside.opens(NEXT + timedelta(days=days))
    assert await outside.asked_on("near") == [NEXT, on, on + timedelta(days=30)]


async def test_guarantors_stand_in_the_way_neither_of_borrowers_nor_where_no_loan_runs(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = library().refresh_policy(PAID)
    assert policy.guarantors is not None
    policy = changed(policy, most_a_day=1, guarantors=changed(policy.guarantors, most_a_day=2))
    monkeypatch.setattr(type(library()), "refresh_policy", lambda _self, _on: policy)
    names = ["first", "second", "third"]
    for name in ("owes", "owes-too", "over"):
        await outside.lends(name, Behaviour.CLEAN, on=NEXT - EVERY)
    await outside.scoring.publish("loan-over", loan(LoanSettled, "over"))
    for name in ("for-nothing", *names):
        await outside.registers(name, Behaviour.CLEAN)
        await outside.answers(name, "over" if name == "for-nothing" else "owes", PAID - EVERY)
    for days in range(3):
        await outside.opens(NEXT + timedelta(days=days))
    borrowers = [await outside.asked_on(name) for name in ("owes", "owes-too")]
    assert sorted(borrowers) == [[NEXT], [NEXT + DAY]]
    asked = [await outside.asked_on(name) for name in names]
    assert sorted(asked) == [[NEXT], [NEXT], [NEXT + DAY]]
    assert await outside.asked_on("for-nothing") == []


async def test_who_answers_no_more_is_not_asked_about(outside: Outside) -> None:
    names = ("released", "settled", "lost", "returned", "again", "gone", "pledged", "offered", "still")
    for name in names:
        await outside.registers(f"by-{name}", Behaviour.CLEAN)
        await outside.lends(name, Behaviour.CLEAN, on=PAID)
        await outside.offers(name, f"by-{name}", "PLEDGE" if name == "pledged" else "SURETY")
        if name != "offered":
            await outside.agrees(name, PAID)
    scoring = outside.scoring
    await outside.secures(SecurityReleased, "released")
    await scoring.publish("loan-settled", loan(LoanSettled, "settled"))
    await scoring.publish("loan-lost", loan(LoanWrittenOff, "lost"))
    await scoring.publish("loan-returned", loan(DisbursementReturned, "returned"))
    await scoring.publish("loan-again", loan(LoanSettled, "again"))
    await scoring.publish("loan-again", loan(RepaymentReversed, "again", reversed_on=PAID))
    erased = PersonErased.example | {"applicant_id": "applicant-by-gone"}
    await scoring.publish("person-gone", PersonErased.model_validate(erased))
    await scoring.settle()
    await outside.opens(NEXT)
    assert [name for name in names if await outside.asked_on(f"by-{name}")] == ["again", "still"]
    kept = await scoring.runtime.store.pool.fetch("select provider_id from refresh_surety")
    assert "applicant-by-gone" not in {row["provider_id"] for row in kept}, "nothing of an erased person is kept"
    assert await scoring.parked() == []


async def test_who_answers_again_is_asked_about_again(outside: Outside) -> None:
    for name, kind in (("owes", "SURETY"), ("pledges", "PLEDGE")):
        await outside.registers(f"by-{name}", Behaviour.CLEAN)
        await outside.lends(name, Behaviour.CLEAN, on=PAID)
        await outside.offers(name, f"by-{name}", kind)
        await outside.agrees(name, PAID)
        await outside.secures(SecurityReleased, name)
        back = {"kind": kind, "provider_id": f"applicant-by-{name}", "credit_report_text": SURETY_TEXT}
        await outside.secures(SecurityReinstated, name, **back, consented_on=PAID, reinstated_on=PAID)
    await outside.opens(NEXT)
    assert await outside.asked_on("by-owes") == [NEXT]
    assert await outside.came("by-owes") != []
    assert await outside.asked_on("by-pledges") == []


async def test_a_guarantor_of_whom_nothing_was_heard_is_asked_about_once_he_is_known(outside: Outside) -> None:
    await outside.lends("owes", Behaviour.CLEAN, on=PAID)
    await outside.answers("late", "owes", PAID)
    await outside.opens(NEXT)
    assert await outside.came("late") == []
    await outside.registers("late", Behaviour.CLEAN)
    await outside.opens(NEXT + DAY)
    assert await outside.asked_on("late") == [NEXT + DAY]
    assert isinstance((await outside.came("late"))[-1], RefreshObtained)


AGREEING: tuple[tuple[str, ...], ...] = (("O", "A"), ("O", "A", "R"), ("O",))
"""What approval tells of a security: offered, agreed to, released."""
RUNNING: tuple[tuple[str, ...], ...] = (("D",), ("D", "S"), ("D", "S", "V"), ("D", "W"), ("D", "B"))
"""What the ledger tells of a loan: paid out, settled, a repayment reversed, written off, sent back by the bank."""


def interleavings(one: Sequence[str], other: Sequence[str]) -> Iterator[list[str]]:
    """Every order of both in which each keeps its own."""
    for places in combinations(range(len(one) + len(other)), len(one)):
        rest, mine = iter(other), iter(one)
        yield [next(mine) if place in places else next(rest) for place in range(len(one) + len(other))]


CASES = [order for security in AGREEING for ledger in RUNNING for order in interleavings(security, ledger)]


def answers_now(order: Sequence[str]) -> bool:
    return "A" in order and "R" not in order and [each for each in order if each in "DSVWB"][-1] in "DV"


async def test_in_every_order_in_which_security_and_loan_are_heard_the_same_follows(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All cases at once, step by step: what is published in one step is handled before the next."""
    policy = library().refresh_policy(PAID)
    assert policy.guarantors is not None
    all_at_once = changed(policy, guarantors=changed(policy.guarantors, most_a_day=len(CASES)))
    monkeypatch.setattr(type(library()), "refresh_policy", lambda _self, _on: all_at_once)
    for number in range(len(CASES)):
        await outside.registers(f"by-{number}", Behaviour.CLEAN)
        await outside.applies(f"{number}", consent="", amount=Money.of("20000.00"))
    await outside.scoring.settle()
    for step in range(max(map(len, CASES))):
        for number, order in enumerate(CASES):
            if step < len(order):
                await _happens(outside, order[step], f"{number}")
        await outside.scoring.settle()
    await outside.opens(NEXT)
    asked = [await outside.asked_on(f"by-{number}") for number in range(len(CASES))]
    assert asked == [[NEXT] if answers_now(order) else [] for order in CASES]
    assert sum(map(answers_now, CASES)) == 3 + 10, "two events beside one, and beside three"
    assert await outside.scoring.parked() == []


async def _happens(outside: Outside, what: str, name: str) -> None:
    dated: dict[str, tuple[Any, dict[str, Any]]] = {
        "D": (LoanDisbursed, {"value_date": PAID}),
        "S": (LoanSettled, {}),
        "V": (RepaymentReversed, {"reversed_on": PAID}),
        "W": (LoanWrittenOff, {}),
        "B": (DisbursementReturned, {}),
    }
    if what == "O":
        await outside.offers(name, f"by-{name}")
    elif what == "A":
        await outside.agrees(name, PAID)
    elif what == "R":
        await outside.secures(SecurityReleased, name)
    else:
        event, values = dated[what]
        await outside.scoring.publish(f"loan-{name}", loan(event, name, **values))
