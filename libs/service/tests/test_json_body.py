from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from libs.service.json_body import JsonBodyMiddleware
from libs.service.problems import Problem
from libs.service.strict_json import parse_strict


def refused(raw: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        parse_strict(raw)
    return caught.value


def pointers(raw: bytes) -> list[tuple[str | None, str]]:
    problem = refused(raw)
    assert problem.status == 422
    return [(error.pointer, error.code) for error in problem.errors]


exact_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=5), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(exact_json, st.booleans())
def test_exact_json_is_read_as_the_standard_library_reads_it(value: Any, escaped: bool) -> None:
    assert parse_strict(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused_as_a_problem(raw: bytes) -> None:
    try:
        value = parse_strict(raw)
    except Problem as problem:
        status = problem.status
    else:
        status = 200
        assert value == json.loads(raw)
    assert status in (200, 400, 422)


def test_a_number_with_a_fraction_or_exponent_is_named() -> None:
    raw = b'{"a": [1, {"price": 10.5}], "b": 1e3}'
    assert pointers(raw) == [("#/a/1/price", "number-not-exact"), ("#/b", "number-not-exact")]


def test_an_integer_beyond_two_to_the_53_is_named() -> None:
    assert parse_strict(b"[9007199254740991, -9007199254740991]") == [2**53 - 1, 1 - 2**53]
    assert pointers(b'{"n": 9007199254740992}') == [("#/n", "number-out-of-range")]
    assert pointers(b'{"n": -' + b"9" * 4000 + b"}") == [("#/n", "number-out-of-range")]


def test_a_repeated_name_is_named_at_any_depth() -> None:
    assert pointers(b'{"a": {"b": 1, "c": 2, "b": 1}}') == [("#/a/b", "name-repeated")]


def test_pointers_escape_what_rfc_6901_escapes() -> None:
    assert pointers(b'{"a/b~c": 0.5}') == [("#/a~1b~0c", "number-not-exact")]


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_constants_that_are_not_json_are_refused(constant: bytes) -> None:
    problem = refused(b'{"amount": ' + constant + b"}")
    assert problem.status == 400
    assert constant.decode() in problem.detail


def test_null_characters_and_unpaired_surrogates_are_named() -> None:
    raw = b'{"a": "x\\u0000", "b": ["\\ud800"], "\\u0000": 1, "fine": "\\ud83d\\ude00 \\\\u0000"}'
    assert pointers(raw) == [("#", "null-character"), ("#/a", "null-character"), ("#/b/0", "unpaired-surrogate")]


def test_an_unpaired_surrogate_in_a_repeated_name_can_still_be_reported() -> None:
    problem = refused(b'{"\\udc80": 1, "\\udc80": 2}')
    assert problem.response().status_code == 422


def test_broken_json_is_located() -> None:
    problem = refused(b'{"a": 1,\n "b" 2}')
    assert (problem.status, problem.kind.code) == (400, "malformed-json")
    assert "line 2" in problem.detail


def test_broken_json_is_located_behind_a_suspect_value() -> None:
    assert "column 12" in refused(b'{"a": 1.5, b}').detail


@pytest.mark.parametrize("raw", [b"\xff\xfe{}", b'{"a": "\xed\xa0\x80"}', "{}".encode("utf-16")])
def test_a_body_in_another_encoding_is_refused(raw: bytes) -> None:
    assert refused(raw).kind.code == "malformed-json"


def test_a_byte_order_mark_is_refused() -> None:
    assert refused(b"\xef\xbb\xbf{}").kind.code == "malformed-json"


def test_nesting_is_limited() -> None:
    assert parse_strict(b"[" * 32 + b"]" * 32) is not None
    assert parse_strict(b"[" + b",".join([b"{}"] * 100) + b"]") == [{}] * 100
    assert [code for _, code in pointers(b"[" * 33 + b"]" * 33)] == ["nested-too-deep"]
    assert [code for _, code in pointers(b"[" * 100_000 + b"]" * 100_000)] == ["nested-too-deep"]


def test_at_most_twenty_errors_are_reported() -> None:
    assert len(refused(json.dumps([0.5] * 50).encode()).errors) == 20


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    later = await receive()
    assert later["type"] == "http.disconnect"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def run(messages: list[Message], *, limit: int = 10, headers: dict[bytes, bytes] | None = None) -> list[Message]:
    """What the middleware sends for a request that arrives in `messages`."""
    sent: list[Message] = []
    coming = iter([*messages, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(coming)

    async def send(message: Message) -> None:
        sent.append(message)

    fields = {b"content-type": b"application/json", **(headers or {})}
    scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": list(fields.items())}
    asyncio.run(JsonBodyMiddleware(_echo, body_bytes_max=limit)(scope, receive, send))
    return sent


def chunks(*parts: bytes) -> list[Message]:
    return [
        {"type": "http.request", "body": part, "more_body": position < len(parts) - 1}
        for position, part in enumerate(parts)
    ]


def test_a_body_in_pieces_is_put_together() -> None:
    assert run(chunks(b'{"a"', b":", b"1}"))[1]["body"] == b'{"a":1}'


def test_an_endless_body_is_cut_off_at_the_limit() -> None:
    endless = [{"type": "http.request", "body": b"[1,1,", "more_body": True}] * 3
    assert run(endless)[0]["status"] == 413


def test_one_piece_over_the_limit_is_refused() -> None:
    assert run(chunks(b'"12345678901"'))[0]["status"] == 413


def test_an_announced_length_over_the_limit_is_refused_unread() -> None:
    assert run([], headers={b"content-length": b"11"})[0]["status"] == 413
    assert run([], headers={b"content-length": b"9" * 5000})[0]["status"] == 413


def test_a_client_that_goes_away_gets_no_answer() -> None:
    assert run([{"type": "http.request", "body": b"[", "more_body": True}]) == []
    assert run([]) == []


def test_other_protocols_pass_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError("not to be called")

    asyncio.run(JsonBodyMiddleware(app)({"type": "lifespan"}, nothing, nothing))
    assert seen == ["lifespan"]
