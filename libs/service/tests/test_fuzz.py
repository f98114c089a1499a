"""Whatever a client sends, the answer is its own fault or a success: never a 5xx."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from libs.service.app_factory import ServiceApp
from libs.service.tests.in_process import Identity
from libs.service.tests.toy import make_app

IDENTITY = Identity()
APP: ServiceApp = make_app(IDENTITY, body_bytes_max=4096)
TOKENS = [IDENTITY.bearer(user)["authorization"].encode() for user in ("finance-officer", "auditor", "finance-manager")]

schema = schemathesis.openapi.from_asgi("/ledger/openapi.json", APP)


@schema.parametrize()
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_requests_made_from_the_description_never_break_the_service(case: Any) -> None:
    for token in TOKENS:
        response = case.call(headers={"authorization": token.decode()})
        assert response.status_code < 500, response.text
        if response.status_code >= 400:
            assert response.headers["content-type"][0] == "application/problem+json"


def send(method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> Message:
    """The start of the answer to a request put on the wire byte by byte."""
    sent: list[Message] = []
    arriving = iter([{"type": "http.request", "body": body}])

    async def receive() -> Message:
        return next(arriving, {"type": "http.disconnect"})

    async def collect(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "root_path": "",
        "query_string": query,
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    asyncio.run(APP(scope, receive, collect))
    return sent[0]


NAMES = [
    b"authorization",
    b"content-type",
    b"content-length",
    b"content-encoding",
    b"idempotency-key",
    b"if-match",
    b"if-none-match",
    b"traceparent",
    b"tracestate",
    b"x-request-id",
    b"x-correlation-id",
    b"on-behalf-of",
    b"cookie",
    b"accept",
    b"host",
    b"range",
]
header = st.tuples(
    st.sampled_from(NAMES),
    st.binary(max_size=40) | st.just(b"application/json") | st.sampled_from([b'"k"', b'"v3"', b"*"]),
)
anything = st.text(max_size=20)
paths = st.one_of(
    anything.map("/ledger/loans/{}".format),
    anything.map("/ledger/loans/{}/repayments".format),
    anything.map("/ledger/{}".format),
    anything.map("/{}".format),
    st.sampled_from(
        ["/ledger/loans", "/ledger/loans/L-1/repayments", "/ledger/loans/L-1", "/ledger/docs", "/ledger/metrics"]
    ),
)
queries = st.binary(max_size=40) | st.lists(
    st.tuples(st.sampled_from([b"limit", b"cursor", b"sort", b"term", b"x"]), st.binary(max_size=20)), max_size=3
).map(lambda pairs: b"&".join(name + b"=" + value for name, value in pairs))


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW", ""]),
    path=paths,
    query=queries,
    headers=st.lists(header, max_size=5),
    token=st.sampled_from(TOKENS),
    body=st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b"null", b'{"amount":1.5}', b"[" * 2000]),
)
@settings(max_examples=300, deadline=None)
def test_bytes_of_any_kind_never_break_the_service(
    method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], token: bytes, body: bytes
) -> None:
    answer = send(method, path, query, [(b"authorization", token), *headers], body)
    assert answer["status"] < 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = [
    *(
        "amount",
        "paid_on",
        "instalments",
        "received_at",
        "rate",
        "final",
        "channel",
        "memo",
        "security",
        "tags",
        "kind",
    ),
]


@given(st.dictionaries(st.sampled_from(MEMBERS), json_values, max_size=8), st.text(max_size=3))
@settings(max_examples=300, deadline=None)
def test_values_of_any_kind_in_known_members_never_break_the_service(body: dict[str, Any], spare: str) -> None:
    raw = json.dumps(body | {spare: 1}).encode()
    headers = [(b"authorization", TOKENS[0]), (b"content-type", b"application/json"), (b"idempotency-key", b'"k"')]
    assert 400 <= send("POST", "/ledger/loans/L-1/repayments", b"", headers, raw)["status"] < 500
