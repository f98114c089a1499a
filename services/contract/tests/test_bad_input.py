"""Whatever a client sends that is wrong gets a 4xx that names the member; nothing half-done stays."""

from __future__ import annotations

from typing import Any

from libs.service.testing import Served, key
from services.contract.tests.story import ACCOUNT, APPLICANT, CONTRACT, PATH, offered, viewed

DIGEST = "a" * 64
VIEW: dict[str, Any] = {"document_sha256": DIGEST, "reading_seconds": 30, "disclosure_confirmed": True}
SIGN: dict[str, Any] = {"document_sha256": DIGEST, "account": ACCOUNT}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("view", without(VIEW, "document_sha256"), "#/document_sha256"),
    ("view", VIEW | {"document_sha256": "A" * 64}, "#/document_sha256"),
    ("view", VIEW | {"document_sha256": DIGEST + "0"}, "#/document_sha256"),
    ("view", VIEW | {"reading_seconds": -1}, "#/reading_seconds"),
    ("view", VIEW | {"reading_seconds": 30.5}, "#/reading_seconds"),
    ("view", VIEW | {"reading_seconds": "30"}, "#/reading_seconds"),
    ("view", VIEW | {"reading_seconds": 10**9}, "#/reading_seconds"),
    ("view", VIEW | {"disclosure_confirmed": "yes"}, "#/disclosure_confirmed"),
    ("view", VIEW | {"disclosure_confirmed": 1}, "#/disclosure_confirmed"),
    ("view", VIEW | {"amount": "1.00"}, "#/amount"),
    ("sign", without(SIGN, "account"), "#/account"),
    ("sign", SIGN | {"account": without(ACCOUNT, "holder")}, "#/account/holder"),
    ("sign", SIGN | {"account": ACCOUNT | {"number": "123"}}, "#/account/number"),
    ("sign", SIGN | {"account": ACCOUNT | {"number": "6222 0202 0001"}}, "#/account/number"),
    ("sign", SIGN | {"account": ACCOUNT | {"number": 6222020200012345}}, "#/account/number"),
    ("sign", SIGN | {"account": ACCOUNT | {"bank": ""}}, "#/account/bank"),
    ("sign", SIGN | {"account": ACCOUNT | {"holder": "x" * 501}}, "#/account/holder"),
    ("sign", SIGN | {"account": ACCOUNT | {"iban": "x"}}, "#/account/iban"),
    ("sign", SIGN | {"amount": {"amount": "1.001", "currency": "CNY"}}, "#/amount"),
    ("cancel", {}, "#/reason"),
    ("cancel", {"reason": ""}, "#/reason"),
    ("cancel", {"reason": "   "}, "#/reason"),
    ("cancel", {"reason": None}, "#/reason"),
    ("cancel", {"reason": "x", "on": "2026-02-30"}, "#/on"),
]


async def test_a_wrong_body_is_refused_with_the_member_named(running: Served) -> None:
    await viewed(running)
    before = len(await running.events(f"contract-{CONTRACT}"))
    borrower = await running.client("customer", **{"On-Behalf-Of": APPLICANT})
    officer = await running.client("contract_officer")
    answers = []
    for act, body, _ in WRONG:
        client = officer if act == "cancel" else borrower
        answer = await client.post(f"{PATH}/{act}", json=body, headers=key())
        answers.append((answer.status_code, answer.json()["errors"][0]["pointer"]))
    assert answers == [(422, pointer) for _, _, pointer in WRONG]
    assert len(await running.events(f"contract-{CONTRACT}")) == before


async def test_what_is_not_an_object_in_json_is_refused(running: Served) -> None:
    officer = await running.client("contract_officer")
    headers = {"content-type": "application/json"}
    bodies = {b"{": 400, b'{"reason": NaN}': 400, b"[]": 422, b'{"reason":"a","reason":"b"}': 422}
    answers = {
        content: (await officer.post(f"{PATH}/cancel", content=content, headers=key() | headers)).status_code
        for content in bodies
    }
    assert answers == bodies


async def test_a_command_needs_a_key(running: Served) -> None:
    await offered(running)
    officer = await running.client("contract_officer")
    assert (await officer.post(f"{PATH}/cancel", json={"reason": "x"})).status_code == 400


async def test_the_hash_of_another_document_is_refused(running: Served) -> None:
    await viewed(running)
    client = await running.client("customer", **{"On-Behalf-Of": APPLICANT})
    for act, body in (("view", VIEW), ("sign", SIGN)):
        answer = await client.post(f"{PATH}/{act}", json=body, headers=key())
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "stale-document")
        assert answer.json()["errors"][0]["pointer"] == "#/document_sha256"


async def test_a_disclosure_is_not_confirmed_in_a_moment(running: Served) -> None:
    contract = await offered(running)
    client = await running.client("customer", **{"On-Behalf-Of": APPLICANT})
    hasty = VIEW | {"document_sha256": contract["document_sha256"], "reading_seconds": 9}
    answer = await client.post(f"{PATH}/view", json=hasty, headers=key())
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/reading_seconds")
    sign = SIGN | {"document_sha256": contract["document_sha256"]}
    unread = await client.post(f"{PATH}/sign", json=sign, headers=key())
    assert (unread.status_code, unread.json()["type"].rpartition(":")[2]) == (409, "disclosure-not-confirmed")


async def test_a_wrong_question_is_refused(running: Served) -> None:
    staff = await running.client("contract_officer")
    questions = {
        "status=OPEN": 422,
        "offered_from=2026-02-30": 422,
        "offered_to=yesterday": 422,
        "sort=name": 422,
        "limit=0": 422,
        "limit=1000": 422,
        "colour=red": 422,
        "applicant_id=a/b": 422,
        "applicant_id=%00": 400,
        "cursor=nonsense": 400,
    }
    answers = {query: (await staff.get(f"/contract/contracts?{query}")).status_code for query in questions}
    assert answers == questions


async def test_what_is_not_there_is_not_found(running: Served) -> None:
    officer = await running.client("contract_officer")
    answers = [await officer.get(PATH + what) for what in ("", "/document", "/signed-document", "/verification")]
    answers.append(await officer.post(f"{PATH}/cancel", json={"reason": "x"}, headers=key()))
    assert {(answer.status_code, answer.json()["type"].rpartition(":")[2]) for answer in answers} == {
        (404, "contract-unknown")
    }
