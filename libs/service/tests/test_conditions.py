"""Idempotency keys, fingerprints and preconditions."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from libs.service.actor import Actor
from libs.service.etag import Precondition, etag, parse_tags
from libs.service.idempotency import fingerprint as request_fingerprint
from libs.service.idempotency import parse_key
from libs.service.json_body import RAW_BODY
from libs.service.problems import Problem
from libs.service.tests.in_process import Caller, Identity

PATH = "/ledger/loans/L-1/repayments"
BODY: dict[str, Any] = {"amount": {"amount": "1.00", "currency": "CNY"}, "paid_on": "2026-01-31", "instalments": 1}


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ('"k"', "k"),
        ("k", "k"),
        (' "a b" ', "a b"),
        (r'"a\"b\\c"', 'a"b\\c'),
        ("8e03978e-40d5", "8e03978e-40d5"),
    ],
)
def test_a_key_is_read_quoted_or_bare(value: str, key: str) -> None:
    assert parse_key(value) == key


@pytest.mark.parametrize(
    "value",
    ["", '""', '"', '"a', 'a"b', "a b", r'"a\b"', "é", '"é"', '"\x7f"', '"a";p=1', "x" * 256, "a,b", '"a", "b"'],
)
def test_a_malformed_key_is_refused(value: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_key(value)
    assert caught.value.kind.code == "idempotency-key-invalid"


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255))
def test_every_printable_text_can_be_a_key(key: str) -> None:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_key(f'"{escaped}"') == key


def test_a_command_without_a_key_is_told_to_make_one_up(officer: Caller) -> None:
    answer = officer("POST", PATH, json=BODY)
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:puhui:problem:idempotency-key-missing"


def test_a_key_sent_twice_is_refused(officer: Caller) -> None:
    async def send() -> int:
        headers = [*officer.headers.items(), ("idempotency-key", '"a"'), ("idempotency-key", '"b"')]
        transport = httpx.ASGITransport(officer.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
            return (await client.post(PATH, json=BODY, headers=headers)).status_code

    assert asyncio.run(send()) == 400


def fingerprint(call: Caller, content: str, **headers: str) -> str:
    fields = {"idempotency-key": '"k"', "content-type": "application/json", **headers}
    answer = call("POST", PATH, headers=fields, content=content.encode())
    assert answer.status_code == 201, answer.text
    value: str = answer.json()["fingerprint"]
    return value


def test_a_fingerprint_looks_at_the_value_of_the_body_not_at_its_spelling(officer: Caller) -> None:
    first = fingerprint(officer, '{"amount":{"amount":"1.00","currency":"CNY"},"paid_on":"2026-01-31","instalments":1}')
    same = fingerprint(
        officer, '{ "instalments": 1, "paid_on": "2026-01-31", "amount": {"currency": "CNY", "amount": "\\u0031.00"} }'
    )
    other = fingerprint(officer, '{"amount":{"amount":"1.01","currency":"CNY"},"paid_on":"2026-01-31","instalments":1}')
    assert first == same
    assert first != other


def request_of(method: str, path: str, query: bytes, body: bytes) -> Request:
    scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": [], RAW_BODY: body}
    return Request(scope)


parts = st.tuples(
    st.sampled_from(["POST", "PUT", "P"]),
    st.sampled_from(["/a", "/ab", "/"]),
    st.sampled_from([b"", b"b", b"x=1"]),
    st.sampled_from(["s", "sp", "p"]),
    st.sampled_from([None, "p", "s"]),
    st.sampled_from([b"", b"b", b"pb"]),
)


@given(parts, parts)
def test_a_fingerprint_tells_any_two_requests_apart(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    def of(method: str, path: str, query: bytes, subject: str, party: str | None, body: bytes) -> bytes:
        return request_fingerprint(
            request_of(method, path, query, body), Actor(subject, frozenset(), on_behalf_of=party)
        )

    assert (of(*one) == of(*other)) == (one == other)


def test_the_parts_of_a_fingerprint_do_not_run_together() -> None:
    actor = Actor("s", frozenset())
    first = request_fingerprint(request_of("POST", "/a", b"b", b""), actor)
    second = request_fingerprint(request_of("POST", "/ab", b"", b""), actor)
    assert first != second


@pytest.mark.parametrize(
    ("value", "strong", "weak"),
    [
        ('"v1"', {"v1"}, set()),
        ('W/"v1"', set(), {"v1"}),
        ('"v1", W/"v2" ,"x"', {"v1", "x"}, {"v2"}),
        (', "v1",,', {"v1"}, set()),
        ('""', {""}, set()),
        ('"a,b"', {"a,b"}, set()),
    ],
)
def test_lists_of_tags_are_read(value: str, strong: set[str], weak: set[str]) -> None:
    tags = parse_tags(value, "If-Match")
    assert (tags.any, tags.strong, tags.weak) == (False, strong, weak)


@pytest.mark.parametrize(
    "value", ["", ",", "v1", '"v1', 'w/"v1"', '"v1""v2"', '"v1" x', '*, "v1"', '"a b"', '"' + "x" * 2000 + '"']
)
def test_malformed_tags_are_refused(value: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_tags(value, "If-Match")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "version", "holds"),
    [
        (None, None, 3, True),
        ('"v3"', None, 3, True),
        ('"v2", "v3"', None, 3, True),
        ("*", None, 3, True),
        ('"v2"', None, 3, False),
        ('W/"v3"', None, 3, False),
        ('"v3"', None, None, False),
        ("*", None, None, False),
        (None, "*", None, True),
        (None, "*", 3, False),
        (None, '"v2"', 3, True),
        (None, 'W/"v3"', 3, False),
    ],
)
def test_preconditions_hold_as_rfc_9110_says(
    if_match: str | None, if_none_match: str | None, version: int | None, holds: bool
) -> None:
    condition = Precondition(
        parse_tags(if_match, "If-Match") if if_match else None,
        parse_tags(if_none_match, "If-None-Match") if if_none_match else None,
    )
    if holds:
        condition.check(version)
    else:
        with pytest.raises(Problem) as caught:
            condition.check(version)
        assert caught.value.status == 412


@pytest.mark.parametrize(
    ("value", "version"),
    [
        ('"v12"', 12),
        ('"v0"', 0),
        ("*", None),
        ('"v1","v2"', None),
        ('W/"v1"', None),
        ('"v01"', None),
        ('"v-1"', None),
        ('"x"', None),
        ('"v' + "9" * 30 + '"', None),
    ],
)
def test_a_single_version_is_handed_to_the_append(value: str, version: int | None) -> None:
    assert Precondition(parse_tags(value, "If-Match")).expected_version == version


def test_no_precondition_expects_no_version() -> None:
    assert Precondition().expected_version is None


def test_a_stale_version_is_refused_with_the_version_of_today(officer: Caller) -> None:
    answer = officer("POST", PATH, headers={"idempotency-key": '"k"', "if-match": '"v2"'}, json=BODY)
    assert answer.status_code == 412
    assert answer.headers["etag"] == etag(3)


def test_a_command_that_needs_a_version_says_so(call: Caller, identity: Identity) -> None:
    manager = Caller(call.app, identity.bearer("finance-manager"))
    assert manager("POST", "/ledger/loans/L-1/write-off").status_code == 428
    assert manager("POST", "/ledger/loans/L-1/write-off", headers={"if-match": '"v3"'}).status_code == 204
    assert manager("POST", "/ledger/loans/L-1/write-off", headers={"if-match": "v3"}).status_code == 400


def test_a_reader_that_has_the_version_gets_no_body(officer: Caller) -> None:
    fresh = officer("GET", "/ledger/loans/L-1")
    assert fresh.headers["etag"] == '"v3"'
    again = officer("GET", "/ledger/loans/L-1", headers={"if-none-match": 'W/"v3"'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"v3"')
    assert officer("GET", "/ledger/loans/L-1", headers={"if-none-match": '"v2"'}).status_code == 200
