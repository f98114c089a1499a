"""The example partner's work: what fails stays to be done, and holds up nothing else."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from partners.example.desk import TYPES, Desk
from partners.example.policy import Policy
from partners.example.record import Record
from partners.kit import Broken, Client, Credentials, Money, Patience, Receiver, Taken, sign

SECRET = "whsec_" + "QUFB" * 8
NOW_S = 1_772_409_600
PART = {"amount": "8400.00", "currency": "CNY"}
DATA = {"amount": "12000.00", "annual_rate": "0.15", "grade": "A", "instalments": 12}


class Platform:
    """Answers as it is told, by application; remembers what was asked."""

    def __init__(self, **answers: int) -> None:
        self.answers, self.asked = answers, list[tuple[str, Any]]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        application = request.url.path.split("/")[3]
        self.asked.append((application, json.loads(request.content)))
        status = self.answers.get(application, 200)
        if status >= 400:
            return httpx.Response(status, json={"type": "urn:puhui:problem:x", "detail": "x"})
        detail = {"application_id": application, "partner": "p", "status": "ACCEPTED", "amount": PART, "said": []}
        return httpx.Response(200, json={**detail, "data": {}, "answer_until": "2026-03-02T00:00:00Z"})


def desk_of(platform: Platform, paid: list[tuple[str, Money]]) -> Desk:
    client = Client(
        "http://platform.test",
        "p",
        Credentials("http://platform.test/token", "p", "s"),
        patience=Patience(attempts_max=1),
        transport=httpx.MockTransport(platform),
    )
    receiver = Receiver(lambda: [SECRET], TYPES, clock=lambda: NOW_S)
    return Desk(client, Record(":memory:"), Policy.read(), receiver, lambda *payment: paid.append(payment))


def told(desk: Desk, kind: str, subject: str, **data: Any) -> Taken:
    type_name = f"puhui.partners.{kind}.v1"
    event = {
        "id": f"{kind}/{subject}",
        "type": type_name,
        "subject": subject,
        "time": "",
        "sequence": "0",
        "data": data,
    }
    body = json.dumps(event).encode()
    return desk.take(sign(SECRET, f"msg_{kind}_{subject}", NOW_S, body), body)


def offered(desk: Desk, application_id: str, **change: Any) -> Taken:
    data = {"amount": PART, "agreement": "g", "version": 1, "data": DATA | change}
    return told(desk, "funding-offered", application_id, **data)


def test_what_fails_stays_and_the_rest_is_done() -> None:
    platform, paid = Platform(first=500, late=409, gone=404), list[tuple[str, Money]]()
    desk = desk_of(platform, paid)
    for application in ("first", "late", "gone", "last"):
        assert offered(desk, application) is Taken.FIRST
    assert offered(desk, "last") is Taken.AGAIN
    offered(desk, "poor", grade="E")
    offered(desk, "unknown", grade=None)
    told(desk, "funds-called", "loan-1", amount=PART)
    with pytest.raises(Broken):
        desk.work()
    assert [todo.id for todo in desk.record.todos()] == ["first"]
    assert paid == [("loan-1", Money.of("8400.00"))]
    assert dict(platform.asked)["last"] == {"answer": "ACCEPT"}
    assert dict(platform.asked)["poor"]["answer"] == "DECLINE"
    assert "grade" in dict(platform.asked)["unknown"]["question"]
    platform.answers.clear()
    assert desk.work() == 1
    assert desk.work() == 0
    assert len(platform.asked) == 7


def test_what_a_transaction_does_not_finish_is_as_if_it_had_not_come() -> None:
    desk = desk_of(Platform(), [])
    with pytest.raises(KeyError):
        told(desk, "funding-offered", "a-1", amount=PART)  # without its agreement
    assert desk.record.todos() == []
    assert offered(desk, "a-1") is Taken.FIRST


def test_an_offer_that_lapses_is_no_longer_counted_on() -> None:
    desk = desk_of(Platform(), [])
    offered(desk, "a-1")
    told(desk, "funding-answered", "a-1", answer="ACCEPT")
    assert desk.record.committed() == Money.of("8400.00")
    told(desk, "funding-withdrawn", "a-1")
    assert desk.record.committed() == Money.of("0.00")
