"""What a client gets from a service on the chassis, good and bad requests alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from libs.service.tests.in_process import Caller, Identity

GOOD: dict[str, Any] = {"amount": {"amount": "1000.00", "currency": "CNY"}, "paid_on": "2026-01-31", "instalments": 1}
KEY = {"idempotency-key": '"k-1"'}
PATH = "/ledger/loans/L-1/repayments"


def errors_of(officer: Caller, body: Any) -> list[tuple[str, str]]:
    answer = officer("POST", PATH, headers=KEY, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:puhui:problem:validation-failed"
    assert all(error["detail"].endswith(".") or error["detail"] for error in problem["errors"])
    return [(error["pointer"], error["code"]) for error in problem["errors"]]


def test_a_good_command_is_carried_out(officer: Caller) -> None:
    answer = officer("POST", PATH, headers={**KEY, "if-match": '"v3"'}, json=GOOD)
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert receipt["amount"] == "1000.00 CNY"
    assert receipt["key"] == "k-1"
    assert receipt["expected_version"] == 3
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]


def test_every_field_takes_what_it_documents(officer: Caller) -> None:
    body = GOOD | {
        "received_at": "2026-01-31T09:30:00+08:00",
        "rate": "0.18",
        "final": True,
        "channel": "branch",
        "memo": "一月",
        "security": {"kind": "guarantor", "person_id": "8e03978e-40d5-43e8-bc93-6894a57f9324"},
        "tags": {"a": "b"},
    }
    assert officer("POST", PATH, headers=KEY, json=body).status_code == 201


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"amount": {"amount": "1.001", "currency": "CNY"}}, "#/amount", "money"),
        ({"amount": {"amount": "-1.00", "currency": "CNY"}}, "#/amount", "amount-not-positive"),
        ({"amount": {"amount": "0.00", "currency": "CNY"}}, "#/amount", "amount-not-positive"),
        ({"amount": {"amount": "9" * 30, "currency": "CNY"}}, "#/amount", "money"),
        ({"amount": {"amount": "1.00", "currency": "XXX"}}, "#/amount", "money"),
        ({"amount": {"amount": 1000, "currency": "CNY"}}, "#/amount", "money"),
        ({"amount": {"amount": 1000.5, "currency": "CNY"}}, "#/amount/amount", "number-not-exact"),
        ({"amount": 1000.5}, "#/amount", "number-not-exact"),
        ({"amount": "1000.00"}, "#/amount", "money"),
        ({"amount": None}, "#/amount", "money"),
        ({"paid_on": "2026-02-30"}, "#/paid_on", "not-a-date"),
        ({"paid_on": "2026-2-3"}, "#/paid_on", "not-a-date"),
        ({"paid_on": "2026-01-31T00:00:00"}, "#/paid_on", "not-a-date"),
        ({"paid_on": 20260131}, "#/paid_on", "not-a-date"),
        ({"paid_on": "0001-01-01"}, "#/paid_on", "date-out-of-range"),
        ({"paid_on": "9999-12-31"}, "#/paid_on", "date-out-of-range"),
        ({"received_at": "2026-01-31T09:30:00"}, "#/received_at", "not-a-time"),
        ({"received_at": "2026-01-31T25:30:00Z"}, "#/received_at", "not-a-time"),
        ({"received_at": 1769851800}, "#/received_at", "not-a-time"),
        ({"instalments": 0}, "#/instalments", "too-small"),
        ({"instalments": 361}, "#/instalments", "too-large"),
        ({"instalments": "1"}, "#/instalments", "wrong-type"),
        ({"instalments": True}, "#/instalments", "wrong-type"),
        ({"instalments": 2**60}, "#/instalments", "number-out-of-range"),
        ({"final": "yes"}, "#/final", "wrong-type"),
        ({"final": 1}, "#/final", "wrong-type"),
        ({"rate": "18"}, "#/rate", "rate"),
        ({"rate": "1e-1"}, "#/rate", "decimal-string"),
        ({"rate": "NaN"}, "#/rate", "decimal-string"),
        ({"channel": "fax"}, "#/channel", "not-a-choice"),
        ({"memo": ""}, "#/memo", "too-short"),
        ({"memo": "x" * 501}, "#/memo", "too-long"),
        ({"memo": 5}, "#/memo", "wrong-type"),
        ({"memo": "a\x00b"}, "#/memo", "null-character"),
        ({"bonus": 1}, "#/bonus", "unknown-member"),
        ({"security": {"kind": "guarantor"}}, "#/security/person_id", "missing"),
        ({"security": {"kind": "guarantor", "person_id": "x"}}, "#/security/person_id", "not-a-uuid"),
        (
            {"security": {"kind": "pledge", "value": {"amount": "-0.01", "currency": "CNY"}}},
            "#/security/value",
            "amount-negative",
        ),
        ({"security": {"kind": "pledge", "value": None, "x": 1}}, "#/security/x", "unknown-member"),
        ({"security": {"kind": "lien"}}, "#/security", "not-a-choice"),
        ({"security": []}, "#/security", "wrong-type"),
        ({"tags": {"a": "1", "b": "2", "c": "3", "d": "4"}}, "#/tags", "too-many"),
        ({"tags": {"a": ""}}, "#/tags/a", "too-short"),
        ({"tags": []}, "#/tags", "wrong-type"),
    ],
)
def test_a_wrong_member_is_named(officer: Caller, change: dict[str, Any], pointer: str, code: str) -> None:
    assert (pointer, code) in errors_of(officer, GOOD | change)


def test_a_missing_member_is_named(officer: Caller) -> None:
    body = {name: value for name, value in GOOD.items() if name != "paid_on"}
    assert errors_of(officer, body) == [("#/paid_on", "missing")]


@pytest.mark.parametrize("body", [[], "text", 5, True, None])
def test_a_body_that_is_no_object_is_refused(officer: Caller, body: Any) -> None:
    assert errors_of(officer, body)[0][0] == "#"


def test_no_body_is_refused(officer: Caller) -> None:
    answer = officer("POST", PATH, headers=KEY)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "#", "code": "missing", "detail": "Add this member; it is required."}
    ]


def test_a_problem_never_repeats_the_value_it_refuses(officer: Caller) -> None:
    answer = officer("POST", PATH, headers=KEY, json=GOOD | {"memo": 110101199003070011 % 2**53, "channel": "110101X"})
    assert "110101X" not in answer.text


@pytest.mark.parametrize(
    ("headers", "content", "status", "code"),
    [
        ({"content-type": "application/json"}, b"{", 400, "malformed-json"),
        ({"content-type": "application/json"}, b'{"a": 1, "a": 2}', 422, "validation-failed"),
        ({"content-type": "application/json"}, b'"' + b"x" * 5000 + b'"', 413, "body-too-large"),
        ({"content-type": "text/plain"}, b"{}", 415, "unsupported-media-type"),
        ({"content-type": "application/xml"}, b"<a/>", 415, "unsupported-media-type"),
        ({"content-type": "application/json; charset=gbk"}, b"{}", 415, "unsupported-media-type"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, b"{}", 415, "unsupported-media-type"),
        ({}, b"{}", 415, "unsupported-media-type"),
        ({"content-type": "application/pdf"}, b"%PDF", 422, "validation-failed"),
    ],
)
def test_a_wrong_body_is_refused(
    officer: Caller, headers: dict[str, str], content: bytes, status: int, code: str
) -> None:
    answer = officer("POST", PATH, headers={**KEY, **headers}, content=content)
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"urn:puhui:problem:{code}"


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=UTF-8", 'application/json;charset="utf-8"', "application/vnd.puhui+json"]
)
def test_json_comes_under_several_media_types(officer: Caller, media_type: str) -> None:
    content = json.dumps(GOOD).encode()
    assert officer("POST", PATH, headers={**KEY, "content-type": media_type}, content=content).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/ledger/nothing", 404, "not-found"),
        ("GET", "/", 404, "not-found"),
        ("DELETE", "/ledger/loans", 405, "method-not-allowed"),
        ("GET", "/ledger/loans/L%00", 400, "malformed-request"),
        ("GET", "/ledger/loans?sort=%00", 400, "malformed-request"),
        ("GET", "/ledger/loans/%F0%28", 422, "validation-failed"),
        ("GET", "/ledger/loans/" + "x" * 81, 422, "validation-failed"),
        ("GET", "/ledger/loans/missing", 404, "loan-unknown"),
    ],
)
def test_a_wrong_address_is_refused(officer: Caller, method: str, path: str, status: int, code: str) -> None:
    answer = officer(method, path)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["type"] == f"urn:puhui:problem:{code}"
    assert problem["instance"] == f"urn:puhui:request:{answer.headers['x-request-id']}"


def test_a_method_not_allowed_names_those_that_are(officer: Caller) -> None:
    assert officer("PUT", PATH).headers["allow"] == "POST"


def test_a_wrong_path_parameter_is_named(officer: Caller) -> None:
    errors = officer("GET", "/ledger/loans/a%20b").json()["errors"]
    assert [(error["in"], error["parameter"], error["code"]) for error in errors] == [("path", "loan_id", "wrong-form")]


def test_a_domain_refusal_keeps_its_code_field_and_extra_members(officer: Caller) -> None:
    answer = officer("POST", "/ledger/loans/settled/repayments", headers=KEY, json=GOOD)
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "urn:puhui:problem:loan-settled"
    assert problem["title"] == "Loan settled"
    assert problem["loan_id"] == "settled"
    assert problem["errors"][0]["pointer"] == "#/amount"


def test_an_unexpected_error_tells_nothing_but_its_instance(call: Caller) -> None:
    answer = call("GET", "/ledger/loans/L-1/broken")
    assert answer.status_code == 500
    assert "applicant" not in answer.text
    assert answer.json()["instance"].endswith(answer.headers["x-request-id"])


def test_a_store_out_of_reach_asks_to_come_back(call: Caller) -> None:
    answer = call("GET", "/ledger/loans/store/broken")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert "password" not in answer.text


def test_unknown_and_repeated_query_parameters_are_refused(app: Any, identity: Identity) -> None:
    call = Caller(app, identity.bearer("loan-officer"))
    answer = call("GET", "/ledger/loans?limt=5&limit=1&limit=2")
    assert answer.status_code == 422
    assert [(error["parameter"], error["code"]) for error in answer.json()["errors"]] == [
        ("limt", "unknown-parameter"),
        ("limit", "name-repeated"),
    ]
    assert call("GET", "/ledger/loans?term=1&term=2").status_code == 200


def test_parameters_that_come_as_a_model_are_known_by_their_names(officer: Caller) -> None:
    assert officer("GET", "/ledger/loans/search?term=1&tag=a&tag=b").json() == 3
    assert officer("GET", "/ledger/loans/search?tags=a").status_code == 422
    assert officer("GET", "/ledger/loans/search?term=1&term=2").status_code == 422


def test_errors_of_the_framework_become_problems_too(officer: Caller) -> None:
    teapot = officer("GET", "/ledger/loans/search?term=418")
    assert (teapot.status_code, teapot.json()["detail"]) == (418, "No tea here.")
    assert teapot.json()["type"] == "urn:puhui:problem:request-refused"
    conflict = officer("GET", "/ledger/loans/search?term=409").json()
    assert conflict["type"] == "urn:puhui:problem:conflict"
    assert conflict["detail"].startswith("The resource")


def test_a_document_counts_by_its_bytes(officer: Caller) -> None:
    def filed(content: bytes) -> str:
        headers = {"content-type": "application/pdf"}
        answer = officer("POST", "/ledger/loans/L-1/documents", headers=headers, content=content)
        assert answer.status_code == 201, answer.text
        return answer.text

    assert filed(b"%PDF a") == filed(b"%PDF a")
    assert filed(b"%PDF a") != filed(b"%PDF b")
    assert officer("POST", "/ledger/loans/L-1/documents").status_code == 201


def test_cross_origin_requests_are_admitted_only_from_configured_origins(identity: Identity) -> None:
    from libs.service.tests.toy import make_app

    call = Caller(make_app(identity, cors_origins=["https://front.example"]))
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "idempotency-key"}
    admitted = call("OPTIONS", PATH, headers={"origin": "https://front.example", **preflight})
    assert admitted.headers["access-control-allow-origin"] == "https://front.example"
    other = call("OPTIONS", PATH, headers={"origin": "https://evil.example", **preflight})
    assert "access-control-allow-origin" not in other.headers
