"""How the kit talks: keys, repetition and pauses, tokens, and problems that say what to do; without a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from partners.kit import (
    Ask,
    AsyncClient,
    Broken,
    Busy,
    Call,
    Client,
    Conflict,
    Credentials,
    Invalid,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Patience,
    Problem,
    ReferenceReused,
    Unreachable,
)
from partners.kit.conversation import Outcome, Pause, Talk, asked_s
from partners.kit.models import Page
from partners.kit.problems import problem_of

CREDENTIALS = Credentials("http://issuer.test/token", "harbour-bank", "quite secret")
ASK = Ask("harbour-bank")
FUNDS = {
    "partner": "harbour-bank",
    "called": [],
    **{name: {"amount": "0.00", "currency": "CNY"} for name in ("available", "reserved", "used")},
}


def token() -> httpx.Response:
    return httpx.Response(200, json={"access_token": "t1", "expires_in": 3600})


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_772_409_600.0

    def __call__(self) -> float:
        return self.now_s


def answer(status: int, body: Any = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=FUNDS if body is None else body, headers=headers)


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    document = {"type": f"urn:puhui:problem:{code}", "title": code, "detail": "What to do.", "status": status}
    return answer(status, document, **{key.replace("_", "-"): value for key, value in headers.items()})


def played(call: Call[Any], *outcomes: Outcome, talk: Talk | None = None) -> tuple[list[Any], Any]:
    """What a conversation yields when these come of its requests, and how it ends: the answer or the exception."""
    talk = talk or Talk("http://platform.test", CREDENTIALS, clock=Clock(), chance=lambda: 1.0)
    steps: list[Any] = []
    coming = iter(outcomes)
    conversation = talk.hold(call)
    outcome: Outcome = None
    while True:
        try:
            step = conversation.send(outcome)
        except StopIteration as end:
            return steps, end.value
        except Exception as error:  # noqa: BLE001 - the end of a conversation is what is looked at
            return steps, error
        steps.append(step)
        outcome = None if isinstance(step, Pause) else next(coming)


def test_a_token_is_fetched_once_and_renewed_before_it_ends() -> None:
    clock = Clock()
    talk = Talk("http://platform.test", CREDENTIALS, clock=clock)
    steps, funds = played(ASK.funds(), token(), answer(200), talk=talk)
    assert [str(step.url) for step in steps] == [
        "http://issuer.test/token",
        "http://platform.test/partners/partners/harbour-bank/funds",
    ]
    assert funds.available.minor == 0
    assert steps[1].headers["authorization"] == "Bearer t1"
    assert len(played(ASK.funds(), answer(200), talk=talk)[0]) == 1
    clock.now_s += 3541
    assert len(played(ASK.funds(), token(), answer(200), talk=talk)[0]) == 2


def test_a_token_that_is_refused_is_renewed_once() -> None:
    steps, end = played(ASK.funds(), token(), problem(401, "unauthenticated"), token(), answer(200))
    assert (len(steps), end.partner) == (4, "harbour-bank")
    refused = problem(401, "unauthenticated")
    _, end = played(ASK.funds(), token(), refused, token(), refused)
    assert isinstance(end, NotAuthenticated)


def test_credentials_that_are_wrong_are_a_problem_and_do_not_show_themselves() -> None:
    wrong = httpx.Response(401, json={"error": "invalid_client"})
    _, end = played(ASK.funds(), wrong)
    assert isinstance(end, NotAuthenticated)
    assert "quite secret" not in f"{end}{CREDENTIALS!r}"
    _, end = played(ASK.funds(), httpx.ConnectError("refused"))
    assert isinstance(end, Unreachable)


@pytest.mark.parametrize(
    ("first", "pause_s"),
    [
        pytest.param(problem(503, "unavailable"), 0.5, id="503"),
        pytest.param(problem(503, "unavailable", retry_after="7"), 7.0, id="as long as Retry-After says"),
        pytest.param(problem(429, "too-many", retry_after="Mon, 02 Mar 2026 00:00:11 GMT"), 11.0, id="until a date"),
        pytest.param(problem(429, "too-many", retry_after="soon"), 0.5, id="nonsense is passed over"),
        pytest.param(problem(409, "idempotency-in-progress"), 0.5, id="the first one is at work still"),
        pytest.param(httpx.ReadTimeout("no answer"), 0.5, id="an answer was lost"),
    ],
)
def test_a_command_is_repeated_under_its_key_after_a_pause(first: Any, pause_s: float) -> None:
    clock = Clock()
    assert datetime.fromtimestamp(clock(), UTC) == datetime(2026, 3, 2, tzinfo=UTC)
    talk = Talk("http://platform.test", CREDENTIALS, clock=clock, chance=lambda: 1.0)
    call = ASK.send_test("e-1", reference="r-1")
    steps, end = played(call, token(), first, answer(202, {"deliveries": 1}), talk=talk)
    assert end.deliveries == 1
    _, asked, pause, again = steps
    assert pause == Pause(pytest.approx(pause_s))
    assert asked.headers["idempotency-key"] == again.headers["idempotency-key"] == f'"{call.key}"'
    assert asked.content == again.content


def test_patience_ends_and_says_what_to_do() -> None:
    down = problem(503, "unavailable")
    steps, end = played(ASK.funds(), token(), *[down] * 9)
    pauses = [step.seconds for step in steps if isinstance(step, Pause)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert isinstance(end, Busy)
    assert "same reference" in str(end)
    _, end = played(ASK.funds(), token(), problem(503, "unavailable", retry_after="3600"))
    assert isinstance(end, Busy), "an hour is longer than anybody waits"
    _, end = played(ASK.funds(), token(), *[httpx.ConnectError("refused")] * 9)
    assert isinstance(end, Unreachable)


def test_jitter_is_between_half_and_all_of_a_pause() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert Patience().pause_s(3, "", 0.0, now) == 1.0
    assert Patience().pause_s(3, "", 1.0, now) == 2.0
    assert Patience().pause_s(30, "", 1.0, now) == 30.0
    assert asked_s("-5", now) == 0.0


def test_the_same_reference_is_the_same_key_and_another_act_is_another() -> None:
    first, again = (ASK.accept("a-1", reference="d-1") for _ in range(2))
    assert first.key == again.key
    others = {
        ASK.accept("a-1", reference="d-2").key,
        ASK.accept("a-2", reference="d-1").key,
        ASK.question("a-1", "?", reference="d-1").key,
        Ask("hill-bank").accept("a-1", reference="d-1").key,
    }
    assert len({first.key, *others}) == 5
    assert ASK.decline("a-1", "no", reference="d-1").key == first.key, "another answer under it is refused"
    for wrong in ("", "x" * 201):
        with pytest.raises(ValueError, match="a reference has"):
            ASK.accept("a-1", reference=wrong)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "malformed-request", Invalid),
        (403, "forbidden", NotAllowed),
        (404, "not-found", NotFound),
        (409, "funding-not-open", Conflict),
        (422, "validation-failed", Invalid),
        (422, "idempotency-key-reused", ReferenceReused),
        (500, "internal-error", Broken),
    ],
)
def test_a_problem_is_an_exception_of_its_kind(status: int, code: str, kind: type[Problem]) -> None:
    body = json.dumps(
        {
            "type": f"urn:puhui:problem:{code}",
            "detail": "Wrong.",
            "errors": [{"pointer": "#/amount", "detail": "Send a string."}, {"parameter": "on", "detail": "A date."}],
        }
    )
    error = problem_of(status, body.encode(), "POST /x")
    assert type(error) is kind
    assert (error.code, error.detail) == (code, "Wrong.")
    assert [each.where for each in error.errors] == ["#/amount", "on"]
    assert error.advice in str(error)
    assert "#/amount: Send a string." in str(error)


def test_an_answer_that_is_no_problem_document_is_one_all_the_same() -> None:
    assert problem_of(502, b"<html>", "GET /x").detail == "<html>"
    assert problem_of(418, b"[1]", "GET /x").code == "about:blank"


def test_a_callback_is_signed_anew_at_each_attempt_under_one_identifier() -> None:
    clock = Clock()
    talk = Talk("http://platform.test", CREDENTIALS, clock=clock, secrets=("whsec_" + "QUFB" * 8,))
    call = ASK.callback_break_answer("b-1", "Rounded twice", reference="r-1")

    def later() -> Iterator[Outcome]:
        yield problem(503, "unavailable")
        clock.now_s += 400
        yield answer(200, {"break_id": "b-1", "open": 0})

    steps, end = played(call, *later(), talk=talk)
    assert end.open == 0
    requests = [step for step in steps if isinstance(step, httpx.Request)]
    assert all("authorization" not in request.headers for request in requests)
    assert {request.headers["webhook-id"] for request in requests} == {call.key}
    bare = Talk("http://platform.test", CREDENTIALS)
    assert "callback_secrets" in str(played(call, talk=bare)[1])


def pages(request: httpx.Request) -> httpx.Response:
    """Five loans, two a page."""
    if request.url.path == "/token":
        return token()
    at = int(request.url.params.get("cursor", "0"))
    types = [{"type": str(number), "meaning": ""} for number in range(at, min(at + 2, 5))]
    return httpx.Response(200, json={"items": types, "next_cursor": str(at + 2) if at + 2 < 5 else None})


async def test_a_list_is_walked_through_page_by_page() -> None:
    from partners.kit.calls import listed
    from partners.kit.models import EventType

    call = listed("/partners/things", EventType)
    wanted = ["0", "1", "2", "3", "4"]
    with Client("http://platform.test", "p", CREDENTIALS, transport=httpx.MockTransport(pages)) as client:
        assert [each.type for each in client.every(call)] == wanted
    async with AsyncClient("http://platform.test", "p", CREDENTIALS, transport=httpx.MockTransport(pages)) as other:
        assert [each.type async for each in other.every(call)] == wanted
    assert Page[EventType].model_validate({"items": [], "new": 1}).next_cursor is None


Handler = Callable[[httpx.Request], httpx.Response]


def once_down(carried: list[str]) -> Handler:
    """Breaks once, is down once, then answers."""

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return token()
        carried.append(request.method)
        if len(carried) == 1:
            raise httpx.ConnectError("refused")
        return problem(503, "unavailable") if len(carried) == 2 else answer(200)

    return handle


async def test_both_clients_repeat_what_was_lost() -> None:
    patience = Patience(first_pause_s=0.001)
    first: list[str] = []
    transport = httpx.MockTransport(once_down(first))
    with Client("http://platform.test", "harbour-bank", CREDENTIALS, patience=patience, transport=transport) as client:
        assert client.send(client.ask.funds()).partner == "harbour-bank"
    second: list[str] = []
    transport = httpx.MockTransport(once_down(second))
    async with AsyncClient(
        "http://platform.test", "harbour-bank", CREDENTIALS, patience=patience, transport=transport
    ) as other:
        assert (await other.send(other.ask.funds())).partner == "harbour-bank"
    assert len(first) == len(second) == 3
