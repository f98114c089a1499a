from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, SecretStr

from libs.contracts.types import Personal
from libs.service.actor import Actor
from libs.service.context import new_context, working_in
from libs.service.logging import HIDDEN, RequestLog, configure_logging, describe_exception, get_logger, scrubbed
from libs.service.tests.in_process import Caller, Identity
from libs.service.tests.toy import make_app


class Output:
    """The lines written to standard output during a test."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def text(self) -> str:
        return self._capsys.readouterr().out

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Iterator[Output]:
    root = logging.getLogger()
    before = root.handlers, root.level
    configure_logging("info")
    yield Output(capsys)
    configure_logging("info")
    root.handlers, root.level = before
    logging.getLogger("uvicorn.access").disabled = False


class Applicant(BaseModel):
    applicant_id: str
    called: Annotated[str, Personal()]
    marked_bare: Annotated[str, Personal]
    phone: str


def test_personal_values_are_never_rendered() -> None:
    applicant = Applicant(applicant_id="A-1", called="王小明", marked_bare="x", phone="5")
    assert scrubbed(applicant) == {"applicant_id": "A-1", "called": HIDDEN, "marked_bare": HIDDEN, "phone": HIDDEN}
    assert scrubbed({"Phone": "1", "deep": [{"id_number": 5}]}) == {"Phone": HIDDEN, "deep": [{"id_number": HIDDEN}]}
    assert scrubbed(SecretStr("s")) == HIDDEN


@pytest.mark.parametrize("text", ["id 11010119900307001X!", "110101199003070011", "call 13812345678", "+8613812345678"])
def test_identity_and_mobile_numbers_are_hidden_in_any_text(text: str) -> None:
    assert HIDDEN in scrubbed(text)


@pytest.mark.parametrize(
    "text",
    ["8e03978e-40d5-43e8-bc93-138123456789", "loan L-13812345678", "1234567890123456789", "2026-01-31T09:30:00Z"],
)
def test_other_numbers_stay(text: str) -> None:
    assert scrubbed(text) == text


def test_values_are_bounded() -> None:
    nested: Any = "end"
    for _ in range(20):
        nested = [nested]
    assert "<list>" in json.dumps(scrubbed(nested))
    assert len(scrubbed("x" * 10_000)) == 2000
    assert len(scrubbed(list(range(1000)))) == 50
    assert scrubbed(object()).startswith("<object")
    assert scrubbed((None, True, 5)) == [None, True, 5]


def test_an_exception_is_described_without_the_values_behind_its_first_line() -> None:
    try:
        try:
            raise KeyError("13812345678")
        except KeyError as error:
            raise ValueError("duplicate key for 110101199003070011\nDETAIL: Key (name)=(王小明)") from error
    except ValueError as error:
        described = describe_exception(error)
    assert described["type"] == "builtins.ValueError"
    assert described["message"] == f"duplicate key for {HIDDEN}"
    assert described["cause"] == "builtins.KeyError"
    assert described["frames"][0].endswith("test_an_exception_is_described_without_the_values_behind_its_first_line")
    assert "王小明" not in json.dumps(described, ensure_ascii=False)


def test_a_line_is_one_json_object_with_the_ids_of_the_request(output: Output) -> None:
    context = new_context(request_id="r-1")
    with working_in(context):
        get_logger("ledger").info("booked", loan_id="L-1", phone="13812345678")
    (line,) = output.lines()
    assert (line["event"], line["level"], line["source"]) == ("booked", "info", "ledger")
    assert (line["request_id"], line["trace_id"]) == ("r-1", context.trace_id)
    assert (line["loan_id"], line["phone"]) == ("L-1", HIDDEN)
    assert line["timestamp"].endswith("Z")


def test_libraries_log_through_the_same_output(output: Output) -> None:
    try:
        raise OSError("broken\nsecret")
    except OSError:
        logging.getLogger("aiokafka.consumer").exception("lost %s", "13812345678")
    logging.getLogger("uvicorn.access").info("GET /persons/110101199003070011")
    (line,) = output.lines()
    assert (line["source"], line["event"], line["level"]) == ("aiokafka.consumer", f"lost {HIDDEN}", "error")
    assert line["exception"]["message"] == "broken"


def test_what_a_library_says_again_and_again_is_written_less_and_less_often(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_700_000_000.0
    monkeypatch.setattr("logging.time.time", lambda: now)
    library = logging.getLogger("aiokafka")
    for node in range(9):
        library.error("Unable to connect to node %s", node)
        library.error("Another fault")
    now += 61.0
    library.error("Unable to connect to node %s", 9)
    told = [(line["event"], line.get("times", 1)) for line in output.lines() if "node" in line["event"]]
    assert told == [(f"Unable to connect to node {node}", node + 1) for node in (0, 1, 3, 7)] + [
        ("Unable to connect to node 9", 1)
    ]


def test_a_library_may_log_anything(output: Output) -> None:
    logging.getLogger("library").warning({"fault": ["of", "some", "kind"]})
    (line,) = output.lines()
    assert line["event"] == "{'fault': ['of', 'some', 'kind']}"


def test_an_exception_of_a_library_is_always_written(output: Output) -> None:
    for number in range(5):
        try:
            raise ValueError(f"number {number}")
        except ValueError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    assert [line["exception"]["message"] for line in output.lines()] == [f"number {number}" for number in range(5)]


def test_a_record_that_cannot_be_rendered_does_not_break_its_caller(output: Output) -> None:
    record = logging.LogRecord("asyncpg", logging.WARNING, "f.py", 1, "%d", ("not a number",), None)
    (handler,) = [handler for handler in logging.getLogger().handlers if type(handler).__name__.startswith("_Standard")]
    handler.handle(record)
    assert output.lines() == []


def test_values_that_json_hardly_knows_are_still_logged(output: Output) -> None:
    get_logger("ledger").info("odd", number=2**70, text="\udc80")
    (line,) = output.lines()
    assert (line["number"], line["text"]) == (2**70, "\udc80")


def test_exceptions_may_be_given_in_every_usual_way(output: Output) -> None:
    log = get_logger("ledger")
    try:
        raise OSError("a")
    except OSError as error:
        log.exception("one")
        log.error("two", exc_info=error)
        given = sys.exc_info()
    log.error("three", exc_info=given)
    log.error("four", exc_info=(None, None, None))
    messages = [line.get("exception", {}).get("message") for line in output.lines()]
    assert messages == ["a", "a", "a", None]


def test_every_request_is_one_line_with_its_route_and_not_its_path(output: Output, identity: Identity) -> None:
    call = Caller(make_app(identity))
    call("GET", "/ledger/loans/110101199003070011", headers=identity.bearer("auditor"))
    call("GET", "/ledger/110101199003070011")
    call("GET", "/ledger/health/live")
    text = output.text()
    found = [json.loads(line) for line in text.splitlines()]
    lines = [(line["method"], line["route"], line["status"], line["actor"]) for line in found]
    assert lines == [
        ("GET", "/ledger/loans/{loan_id}", 200, "auditor"),
        ("GET", None, 404, None),
        ("GET", "/ledger/health/live", 200, None),
    ]
    assert "110101199003070011" not in text


def test_an_unexpected_error_is_logged_under_the_id_the_client_was_given(output: Output, identity: Identity) -> None:
    answer = Caller(make_app(identity))("GET", "/ledger/loans/L/broken")
    error, request = output.lines()
    assert (error["event"], error["exception"]["type"]) == ("unexpected_error", "builtins.RuntimeError")
    assert error["exception"]["message"] == f"applicant {HIDDEN} is not in the index"
    assert error["request_id"] == request["request_id"] == answer.headers["x-request-id"]
    assert request["status"] == 500


def test_the_level_is_kept(output: Output) -> None:
    get_logger("ledger").debug("detail")
    configure_logging("debug")
    get_logger("ledger").debug("shown")
    assert [line["event"] for line in output.lines()] == ["shown"]


def test_the_log_names_the_actor_by_subject(output: Output) -> None:
    context = new_context()
    context.actor = Actor("officer-1", frozenset(), name="王小明")
    RequestLog("ledger")(context, "GET", "/ledger/x", 200, 0.0123)
    (line,) = output.lines()
    assert (line["actor"], line["duration_ms"]) == ("officer-1", "12.3")
