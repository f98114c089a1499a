"""The judgement of `make faults` sees what it is for: damage is planted, and the verdict that stands for it breaks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from services.bank.record import Payment, Record
from standalone.services import SERVICES
from tests.faults import verdicts
from tests.faults.facts import Event, Facts
from tests.faults.plan import Kind, plan
from tests.faults.verdicts import Verdict
from tests.integration.running import BankRecord

LOAN: Final = "11111111-1111-5111-8111-111111111111"
YUAN: Final = {"amount": "12000.00", "currency": "CNY"}

World = dict[str, Facts]


def event(service: str, number: int, name: str, stream: str, **data: Any) -> Event:
    data = {"application_id": "a-1", "loan_id": LOAN, **data}
    type_name = f"puhui.{service}.{name}.v1"
    return Event(stream, 1, f"{service}-{number}", type_name, data, {}, f"leaf-{service}-{number}", number)


def facts(service: str, *events: Event) -> Facts:
    return Facts(service, events, {one.stream_id: one.version for one in events})


def world() -> World:
    """One loan's way, as it should be."""
    made = {name: facts(name) for name in SERVICES}
    made["application"] = facts("application", event("application", 1, "application-submitted", "application-a-1"))
    made["scoring"] = facts("scoring", event("scoring", 1, "application-scored", "assessment-a-1"))
    made["approval"] = facts("approval", event("approval", 1, "application-approved", "decision-a-1"))
    made["contract"] = facts(
        "contract",
        event("contract", 1, "contract-offered", "contract-a-1"),
        replace(event("contract", 2, "contract-signed", "contract-a-1"), version=2),
    )
    made["contract"] = replace(made["contract"], streams={"contract-a-1": 2})
    stream = f"loan-{LOAN}"
    lived = [
        event("ledger", 1, "loan-booked", stream),
        replace(event("ledger", 2, "loan-disbursed", stream, amount=YUAN), version=2),
        replace(
            event("ledger", 3, "repayment-received", stream, amount={"amount": "400.00", "currency": "CNY"}), version=3
        ),
    ]
    made["ledger"] = Facts("ledger", lived, {stream: 3})
    copies = [one for facts_of in made.values() for one in facts_of.events]
    archived = [replace(one, sequence=number) for number, one in enumerate(copies, 1)]
    streams = {name: version for facts_of in made.values() for name, version in facts_of.streams.items()}
    made["audit"] = Facts("audit", archived, streams)
    return made


def with_events(made: World, service: str, *events: Event) -> World:
    return {**made, service: replace(made[service], events=list(events))}


def lost_on_the_way(made: World) -> World:
    return with_events(made, "audit", *made["audit"].events[1:])


def doubled_on_the_way(made: World) -> World:
    return with_events(made, "audit", *made["audit"].events, made["audit"].events[0])


def changed_on_the_way(made: World) -> World:
    first, *others = made["audit"].events
    return with_events(made, "audit", replace(first, leaf="other bytes"), *others)


def hole_in_the_sequence(made: World) -> World:
    first, second, third = made["ledger"].events
    return with_events(made, "ledger", first, second, replace(third, sequence=4))


def versions_out_of_order(made: World) -> World:
    first, second, third = made["ledger"].events
    return with_events(made, "ledger", first, replace(third, sequence=2), replace(second, sequence=3))


def stream_ahead_of_its_events(made: World) -> World:
    return {**made, "ledger": replace(made["ledger"], streams={f"loan-{LOAN}": 4})}


def scored_twice(made: World) -> World:
    [scored] = made["scoring"].events
    return with_events(made, "scoring", scored, replace(scored, event_id="scoring-2", sequence=2))


def never_booked(made: World) -> World:
    return with_events(made, "ledger", *made["ledger"].events[1:])


@pytest.mark.parametrize(
    ("judge", "damage"),
    [
        (verdicts.of_archive, lost_on_the_way),
        (verdicts.of_archive, doubled_on_the_way),
        (verdicts.of_archive, changed_on_the_way),
        (verdicts.of_streams, hole_in_the_sequence),
        (verdicts.of_streams, versions_out_of_order),
        (verdicts.of_streams, stream_ahead_of_its_events),
        (verdicts.of_followers, scored_twice),
        (verdicts.of_followers, never_booked),
    ],
)
def test_planted_damage_to_the_stores_is_seen(
    judge: Callable[[World], Verdict], damage: Callable[[World], World]
) -> None:
    assert judge(world()).kept, judge(world()).wrong
    assert not judge(damage(world())).kept


def test_a_record_that_is_not_in_the_topic_is_missed() -> None:
    made = world()
    topics = {name: [one.event_id for one in made[name].events] for name in SERVICES}
    assert verdicts.of_topics(made, topics).kept
    assert not verdicts.of_topics(made, {**topics, "ledger": topics["ledger"][:-1]}).kept


@pytest.mark.parametrize("acknowledged", [{}, {LOAN: [400_00, 400_00]}, {LOAN: [400_01]}, {LOAN: [400_00], "b": [1]}])
def test_a_repayment_that_is_not_what_was_acknowledged_is_seen(acknowledged: dict[str, list[int]]) -> None:
    ledger = world()["ledger"]
    assert verdicts.of_acknowledged(ledger, {LOAN: [400_00]}).kept
    assert not verdicts.of_acknowledged(ledger, acknowledged).kept


def payment(number: int, purpose: str = f"loan-{LOAN}", state: str = "CONFIRMED") -> Payment:
    day = "2026-01-05"
    return Payment(f"p-{number}", 12_000_00, "CNY", "{}", purpose, day, state, "", False, f"B{number}", 0)


@pytest.mark.parametrize(
    "further",
    [payment(2), payment(2, state="RETURNED"), payment(2, purpose="loan-of-nobody")],
    ids=lambda one: one.state,
)
def test_money_that_moved_twice_or_for_nobody_is_seen(tmp_path: Path, further: Payment) -> None:
    record = Record(tmp_path / "bank.sqlite")
    record.keep(payment(1), 1, None, "")
    bank = BankRecord(tmp_path / "bank.sqlite")
    assert verdicts.of_bank(world()["ledger"], bank).kept
    record.keep(further, 1, None, "")
    assert not verdicts.of_bank(world()["ledger"], bank).kept
    record.close()
    sqlite3.connect(tmp_path / "bank.sqlite").close()


@pytest.mark.parametrize("sums", [{"repayments": 2, "repaid": "400.00"}, {"repayments": 1, "repaid": "800.00"}])
def test_a_counter_that_moved_twice_is_seen(sums: dict[str, Any]) -> None:
    ledger = world()["ledger"]
    assert verdicts.of_sums(ledger, {"sums": {"repayments": 1, "repaid": "400.00"}}).kept
    assert not verdicts.of_sums(ledger, {"sums": sums}).kept


def test_what_a_service_reports_is_judged() -> None:
    model = {"read_model": "books.v1", "equal": True, "differing_rows": 0, "differences": []}
    assert verdicts.of_read_models({"ledger": [model]}).kept
    assert not verdicts.of_read_models({"ledger": [{**model, "equal": False}]}).kept
    assert verdicts.of_books({"total": {"CNY": "0.00"}, "accounts": [1]}).kept
    assert not verdicts.of_books({"total": {"CNY": "0.01"}, "accounts": [1]}).kept
    assert verdicts.of_rest({"ledger": {"parked": 0, "tasks_failed": 0}}).kept
    assert not verdicts.of_rest({"ledger": {"parked": 1, "tasks_failed": 0}}).kept
    assert not verdicts.of_rest({"ledger": {"parked": 0, "tasks_failed": 1}}).kept
    assert not verdicts.of_front_end(5, ["no answer"]).kept


def test_who_had_nothing_to_look_at_keeps_no_promise() -> None:
    nothing = {name: facts(name) for name in SERVICES}
    assert not verdicts.of_archive(nothing).kept
    assert not verdicts.of_read_models({}).kept
    assert not verdicts.of_front_end(0, []).kept


def test_a_seed_means_the_same_faults_and_every_kind_comes() -> None:
    processes = {"ledger": ["ledger-1", "ledger-2"], "audit": ["audit-1"]}
    assert plan(7, 50, processes) == plan(7, 50, processes)
    assert plan(7, 50, processes) != plan(8, 50, processes)
    assert {fault.kind for fault in plan(7, len(Kind), processes)} == set(Kind)
    assert {fault.target for fault in plan(7, 200, processes) if fault.kind is Kind.KILL_RELAY_OWNER} == {"ledger"}
