"""Whatever a client sends: a problem that names the member and says what to do, and nothing half-done."""

from __future__ import annotations

from typing import Any

import httpx

from libs.service.testing import Served, key
from services.application.tests.intake import ASKED_FOR, PERSON, document, registered, started
from services.application.tests.numbers import ENTERPRISE
from services.application.tests.test_api import COMPANY, version_of

CNY = "CNY"
NAME = {"zh": "某地", "en": "Somewhere"}
MONEY = [
    ({"amount": "12000.001", "currency": CNY}, "money"),
    ({"amount": 12000, "currency": CNY}, "money"),
    ({"amount": "1e4", "currency": CNY}, "money"),
    ({"amount": "12000.00", "currency": "XXX"}, "money"),
    ({"amount": "12000.00", "currency": CNY, "note": ""}, "money"),
    ({"amount": "99999999999999999999.00", "currency": CNY}, "money"),
    ({"amount": "-1.00", "currency": CNY}, "amount-not-positive"),
    ({"amount": "0.00", "currency": CNY}, "amount-not-positive"),
    ("12000.00", "money"),
    (None, "money"),
]
REQUESTS: list[tuple[dict[str, Any], str, str]] = [
    *[({"amount": amount}, "#/amount", code) for amount, code in MONEY],
    ({"monthly_income": {"amount": "-0.01", "currency": CNY}}, "#/monthly_income", "amount-negative"),
    ({"monthly_debt_service": {"amount": "-0.01", "currency": CNY}}, "#/monthly_debt_service", "amount-negative"),
    ({"instalments": "12"}, "#/instalments", "wrong-type"),
    ({"instalments": True}, "#/instalments", "wrong-type"),
    ({"instalments": 0}, "#/instalments", "too-small"),
    ({"instalments": 361}, "#/instalments", "too-large"),
    ({"period_months": 13}, "#/period_months", "too-large"),
    ({"method": "equal"}, "#/method", "not-a-choice"),
    ({"purpose": "Kauf eines Wagens"}, "#/purpose", "wrong-form"),
    ({"region": "33010"}, "#/region", "wrong-form"),
    ({"business": {"industry": "U"}}, "#/business/industry", "not-a-choice"),
    ({"business": {"registered_on": "2021-02-30"}}, "#/business/registered_on", "not-a-date"),
    (
        {"business": {"annual_turnover": {"amount": "-0.01", "currency": CNY}}},
        "#/business/annual_turnover",
        "amount-negative",
    ),
    ({"business": {"employees": 3}}, "#/business/employees", "unknown-member"),
    ({"guarantee": {"kind": "HOPE"}}, "#/guarantee/kind", "not-a-choice"),
    (
        {"guarantee": {"kind": "PLEDGE", "value": {"amount": "0.00", "currency": CNY}}},
        "#/guarantee/value",
        "amount-not-positive",
    ),
    ({"answers": {f"answer-{n}": n for n in range(61)}}, "#/answers", "too-many"),
    ({"answers": {"X": 1}}, "#/answers/X", "wrong-form"),
    ({"answers": {"a": "x" * 81}}, "#/answers/a", "too-long"),
    ({"answers": {"a": 10**15 + 1}}, "#/answers/a", "too-large"),
    ({"answers": {"a": True}}, "#/answers/a", "wrong-type"),
    ({"answers": {"a": []}}, "#/answers/a", "wrong-type"),
    ({"product": "no-such-product"}, "#/product", "product-not-in-force"),
    ({"unknown": 1}, "#/unknown", "unknown-member"),
]


def refused(answer: httpx.Response, status: int, pointer: str, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    errors = answer.json()["errors"]
    assert (pointer, code) in [(error.get("pointer"), error["code"]) for error in errors], errors
    assert all(error["detail"] for error in errors)


async def test_a_request_that_is_none_is_refused_and_changes_nothing(
    running: Served, customer: httpx.AsyncClient
) -> None:
    applicant_id = await registered(customer)
    application_id = await started(customer, applicant_id)
    for other, pointer, code in REQUESTS:
        start = {"applicant_id": applicant_id, "channel": "ONLINE", **ASKED_FOR, **other}
        refused(await customer.post("/application/applications", json=start, headers=key()), 422, pointer, code)
        amend = {**ASKED_FOR, **other}
        path = f"/application/applications/{application_id}"
        refused(await customer.put(path, json=amend, headers=key()), 422, pointer, code)
    assert len(await running.events(f"application-{application_id}")) == 1
    await running.settle()
    assert len((await customer.get("/application/applications")).json()["items"]) == 1


async def test_what_only_a_start_has_is_checked_there(customer: httpx.AsyncClient) -> None:
    applicant_id = await registered(customer)
    cases: list[tuple[dict[str, Any], int, str, str]] = [
        ({"applicant_id": "nobody"}, 404, "#/applicant_id", "applicant-unknown"),
        ({"applicant_id": "not an id"}, 422, "#/applicant_id", "wrong-form"),
        ({"channel": "PIGEON"}, 422, "#/channel", "not-a-choice"),
        ({"source": "x" * 501}, 422, "#/source", "too-long"),
        ({"documents": [document("identity-card")] * 51}, 422, "#/documents", "too-many"),
        (
            {"consents": [{"purpose": "CREDIT_REPORT", "text_version": "1"}]},
            422,
            "#/consents/0/text_version",
            "consent-text-not-in-force",
        ),
        ({"amount": None, "method": None}, 422, "#/method", "not-a-choice"),
    ]
    for other, status, pointer, code in cases:
        body = {"applicant_id": applicant_id, "channel": "ONLINE", **ASKED_FOR, **other}
        refused(await customer.post("/application/applications", json=body, headers=key()), status, pointer, code)
    body = {"channel": "ONLINE", **ASKED_FOR}
    refused(
        await customer.post("/application/applications", json=body, headers=key()), 422, "#/applicant_id", "missing"
    )


APPLICANTS: list[tuple[dict[str, Any], str, str]] = [
    ({**PERSON, "identity_number": "110105194912310020"}, "#/identity_number", "identity-number-check"),
    ({**PERSON, "identity_number": "110105194902300029"}, "#/identity_number", "identity-number-birth-date"),
    ({**PERSON, "identity_number": "9" * 18}, "#/identity_number", "identity-number-region"),
    ({**PERSON, "identity_number": "9" * 41}, "#/identity_number", "too-long"),
    ({**PERSON, "identity_number": 110105194912310020}, "#/identity_number", "number-out-of-range"),
    ({**PERSON, "identity_number": ENTERPRISE}, "#/identity_number", "identity-number-form"),
    ({**COMPANY, "identity_number": PERSON["identity_number"][:-1]}, "#/identity_number", "identity-number-form"),
    ({**COMPANY, "identity_number": ENTERPRISE[:-1] + "0"}, "#/identity_number", "identity-number-check"),
    ({**PERSON, "mobile": "12345"}, "#/mobile", "mobile-form"),
    ({**PERSON, "name": "   "}, "#/name", "too-short"),
    ({**PERSON, "name": "a\nb"}, "#/name", "wrong-form"),
    ({**PERSON, "name": "x" * 101}, "#/name", "too-long"),
    ({**PERSON, "legal_representative": "x"}, "#/legal_representative", "unknown-member"),
    ({**PERSON, "kind": "GHOST"}, "#", "not-a-choice"),
    (
        {name: value for name, value in COMPANY.items() if name != "legal_representative"},
        "#/legal_representative",
        "missing",
    ),
]


async def test_an_applicant_that_cannot_be_is_refused(customer: httpx.AsyncClient) -> None:
    for body, pointer, code in APPLICANTS:
        answer = await customer.post("/application/applicants", json=body, headers=key())
        refused(answer, 422, pointer, code)
        assert str(body["identity_number"]) not in answer.text


async def test_a_document_or_consent_that_cannot_be_is_refused(running: Served, customer: httpx.AsyncClient) -> None:
    application_id = await started(customer, await registered(customer))
    path = f"/application/applications/{application_id}"
    documents: list[tuple[dict[str, Any], int, str, str]] = [
        ({"sha256": "A" * 64}, 422, "#/sha256", "wrong-form"),
        ({"sha256": "a" * 63}, 422, "#/sha256", "wrong-form"),
        ({"media_type": "text/html"}, 422, "#/media_type", "not-a-choice"),
        ({"size_bytes": 0}, 422, "#/size_bytes", "too-small"),
        ({"size_bytes": 52_428_801}, 422, "#/size_bytes", "too-large"),
        ({"issued_on": "2026-02-30"}, 422, "#/issued_on", "not-a-date"),
        ({"issued_on": "2026-01-02T00:00:00Z"}, 422, "#/issued_on", "not-a-date"),
        ({"issued_on": "1899-12-31"}, 422, "#/issued_on", "date-out-of-range"),
        ({"issued_on": "2026-01-06"}, 422, "#/issued_on", "document-issued-later"),
        ({"expires_on": "2026-01-01"}, 422, "#/expires_on", "document-expires-before-issue"),
        ({"document_type": "love-letter"}, 422, "#/document_type", "document-not-asked-for"),
        ({"content": "aGVsbG8="}, 422, "#/content", "unknown-member"),
    ]
    for other, status, pointer, code in documents:
        body = {**document("identity-card"), **other}
        refused(await customer.post(f"{path}/documents", json=body, headers=key()), status, pointer, code)
    consents = [
        ({"purpose": "EVERYTHING", "text_version": "2026-01"}, "#/purpose", "not-a-choice"),
        ({"purpose": "SHARING", "text_version": "2025-01"}, "#/text_version", "consent-text-not-in-force"),
        ({"purpose": "SHARING"}, "#/text_version", "missing"),
    ]
    for consent, pointer, code in consents:
        refused(await customer.post(f"{path}/consents", json=consent, headers=key()), 422, pointer, code)
    withdraw = await customer.post(f"{path}/withdraw", json={"reason": ""}, headers=key())
    refused(withdraw, 422, "#/reason", "too-short")
    assert len(await running.events(f"application-{application_id}")) == 1
    assert (await customer.post(f"{path}/documents", json=document("identity-card"), headers=key())).status_code == 201
    twice = await customer.post(f"{path}/documents", json=document("identity-card"), headers=key())
    refused(twice, 409, "#/sha256", "document-attached-already")


async def test_commands_in_a_wrong_state_or_on_nothing_are_refused(customer: httpx.AsyncClient) -> None:
    application_id = await started(customer, await registered(customer))
    path = f"/application/applications/{application_id}"
    await customer.post(f"{path}/withdraw", json={"reason": "No"}, headers=key())
    commands: list[tuple[str, str, Any]] = [
        ("PUT", "", ASKED_FOR),
        ("POST", "/documents", document("identity-card")),
        ("POST", "/consents", {"purpose": "SHARING", "text_version": "2026-01"}),
        ("POST", "/submit", None),
        ("POST", "/withdraw", {"reason": "No"}),
    ]
    for method, tail, body in commands:
        ended = await customer.request(method, path + tail, json=body, headers=key())
        assert ended.status_code == 409, ended.text
        assert ended.json()["type"].rpartition(":")[2] in ("application-not-draft", "application-ended")
        missing = await customer.request(method, f"/application/applications/nothing{tail}", json=body, headers=key())
        assert (missing.status_code, missing.json()["type"].rpartition(":")[2]) == (404, "application-unknown")
        unkeyed = await customer.request(method, path + tail, json=body)
        assert unkeyed.json()["type"].endswith("idempotency-key-missing")
        stale = await customer.request(method, path + tail, json=body, headers={**key(), "If-Match": '"v1"'})
        assert stale.status_code == 412, stale.text


VERSIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"effective_from": "2026-01-04"}, "#/effective_from", "effective-date-past"),
    ({"effective_from": "2026-02-30"}, "#/effective_from", "not-a-date"),
    ({"annual_rate": 0.15}, "#/annual_rate", "number-not-exact"),
    ({"annual_rate": "15%"}, "#/annual_rate", "decimal-string"),
    ({"annual_rate": "-0.01"}, "#/annual_rate", "rate"),
    ({"annual_rate": "15"}, "#/annual_rate", "rate"),
    ({"annual_rate": "0.24"}, "#/annual_rate", "all-in-cost-over-cap"),
    ({"methods": ["FIXED_PRINCIPAL"]}, "#/methods", "product-method"),
    ({"methods": []}, "#/methods", "too-few"),
    ({"amount_min": {"amount": "0.00", "currency": CNY}}, "#/amount_min", "amount-not-positive"),
    ({"amount_max": {"amount": "1.00", "currency": CNY}}, "#/amount_max", "product-amounts"),
    ({"period_months": [0]}, "#/period_months/0", "too-small"),
    ({"name": {"zh": "只有中文"}}, "#/name/en", "missing"),
    ({"version": 9}, "#/version", "unknown-member"),
    ({"segment": {}}, "#/segment", "product-segment"),
    ({"segment": {"industries": ["Z"]}}, "#/segment/industries/0", "not-a-choice"),
    ({"segment": {"regions": [{"code": "331", "name": NAME}]}}, "#/segment/regions/0/code", "wrong-form"),
    ({"segment": {"regions": [{"code": "99", "name": NAME}]}}, "#/segment/regions", "product-segment"),
    ({"segment": {"business_years_min": -1}}, "#/segment/business_years_min", "too-small"),
    (
        {"segment": {"monthly_income_min": {"amount": "0.00", "currency": CNY}}},
        "#/segment/monthly_income_min",
        "amount-not-positive",
    ),
]


async def test_a_product_that_cannot_be_is_refused(running: Served) -> None:
    manager = await running.client("risk_manager")
    path = "/application/products/consumer-standard"
    for other, pointer, code in VERSIONS:
        body = await version_of(manager, **{"effective_from": "2026-03-01", **other})
        refused(await manager.post(f"{path}/versions", json=body, headers=key()), 422, pointer, code)
    assert len(await running.events("product-consumer-standard")) == 1


PROSPECTS: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "GHOST"}, "#/kind", "not-a-choice"),
    ({"birth_date": "2026-01-06"}, "#/birth_date", "birth-date-later"),
    ({"kind": "ENTERPRISE", "birth_date": "1990-05-17"}, "#/birth_date", "birth-date-of-enterprise"),
    ({"region": "33"}, "#/region", "wrong-form"),
    ({"business": {"registered_on": "2026-01-06"}}, "#/business/registered_on", "business-registered-later"),
    ({"monthly_income": {"amount": "-1.00", "currency": CNY}}, "#/monthly_income", "amount-negative"),
    ({"name": "王小明"}, "#/name", "unknown-member"),
]


async def test_a_prospect_that_nobody_can_be_is_refused(customer: httpx.AsyncClient) -> None:
    for other, pointer, code in PROSPECTS:
        answer = await customer.post("/application/pre-screening", json={"kind": "PERSON", **other})
        refused(answer, 422, pointer, code)


async def test_a_product_cannot_be_withdrawn_in_the_past_twice_or_when_unknown(running: Served) -> None:
    manager = await running.client("risk_manager")
    past, coming = ({"effective_from": day, "reason": "Replaced"} for day in ("2026-01-04", "2026-02-01"))
    path = "/application/products/consumer-standard/withdraw"
    refused(await manager.post(path, json=past, headers=key()), 422, "#/effective_from", "effective-date-past")
    assert (await manager.post(path, json=coming, headers=key())).status_code == 200
    assert (await manager.post(path, json=coming, headers=key())).status_code == 409
    unknown = await manager.post("/application/products/nothing/withdraw", json=coming, headers=key())
    assert unknown.status_code == 404
    badly_named = await manager.post("/application/products/No%20Such/withdraw", json=coming, headers=key())
    assert badly_named.status_code == 422


async def test_queries_that_make_no_sense_are_refused(customer: httpx.AsyncClient) -> None:
    for params in (
        {"status": "LOST"},
        {"channel": "PIGEON"},
        {"sort": "name"},
        {"limit": 0},
        {"limit": 201},
        {"chanel": "ONLINE"},
        {"product": "No Such"},
    ):
        answer = await customer.get("/application/applications", params=params)
        assert answer.status_code == 422, (params, answer.text)
    assert (await customer.get("/application/applications", params={"cursor": "nonsense"})).status_code == 400
    assert (await customer.get("/application/products", params={"on": "2026-02-30"})).status_code == 422


async def test_bodies_that_are_no_json_or_too_large_are_refused(customer: httpx.AsyncClient) -> None:
    headers = {**key(), "Content-Type": "application/json"}
    broken = await customer.post("/application/applicants", content=b'{"kind": "PERSON"', headers=headers)
    assert (broken.status_code, broken.json()["type"].rpartition(":")[2]) == (400, "malformed-json")
    large = await customer.post("/application/applicants", content=b" " * 300_000, headers=headers)
    assert large.status_code == 413
