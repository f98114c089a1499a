"""A contract over HTTP: shown, read, signed, verified, taken back; who may do what."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import httpx

from libs.service.testing import Served, key
from services.contract.handlers import contract_id_of
from services.contract.tests.story import (
    ACCOUNT,
    APPLICANT,
    APPLICATION,
    CONTRACT,
    PATH,
    another,
    approve,
    offered,
    signed,
    viewed,
)

LIST = "/contract/contracts"


async def borrower(running: Served, applicant: str = APPLICANT) -> httpx.AsyncClient:
    return await running.client("customer", **{"On-Behalf-Of": applicant})


def code(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


async def test_an_approval_is_offered_read_signed_and_both_documents_are_served(running: Served) -> None:
    contract = await offered(running)
    client = await borrower(running)
    document = await client.get(f"{PATH}/document")
    digest = sha256(document.content).hexdigest()
    assert document.headers["content-type"] == "application/pdf"
    assert document.headers["etag"] == f'"{digest}"'
    assert contract["document_sha256"] == digest

    view = {"document_sha256": digest, "reading_seconds": 30, "disclosure_confirmed": True}
    read = await client.post(f"{PATH}/view", json=view, headers=key())
    assert (read.status_code, read.json()["status"]) == (200, "VIEWED")
    accepted = await client.post(f"{PATH}/sign", json={"document_sha256": digest, "account": ACCOUNT}, headers=key())
    assert (accepted.status_code, accepted.json()["status"]) == (202, "ACCEPTED")
    assert accepted.headers["location"] == PATH
    await running.settle()

    shown = (await client.get(PATH)).json()
    assert (shown["status"], shown["signed_on"]) == ("SIGNED", "2026-02-01")
    paper = await client.get(f"{PATH}/signed-document")
    assert sha256(paper.content).hexdigest() == shown["signed_document_sha256"]
    assert paper.content.startswith(document.content)
    check = (await client.get(f"{PATH}/verification")).json()
    assert check["valid"] is True
    assert [(one["party"], one["valid"]) for one in check["signatures"]] == [("BORROWER", True), ("LENDER", True)]
    assert await running.parked() == []


async def test_a_contract_shows_its_terms_cost_and_plan(running: Served) -> None:
    contract = await offered(running)
    assert contract["disclosure"]["total_cost"] == {"amount": "1201.95", "currency": "CNY"}
    assert contract["disclosure"]["irr_annual"] == "0.195623"
    assert contract["disclosure"]["simple_annual"] == "0.180004"
    assert len(contract["plan"]) == 12
    assert contract["template"] == "loan-agreement-v2"
    assert contract["reading_seconds_min"] == 10
    assert "score" not in str(contract)


async def test_before_the_signature_verification_says_that_it_is_not_valid_yet(running: Served) -> None:
    await offered(running)
    check = (await (await borrower(running)).get(f"{PATH}/verification")).json()
    assert (check["document_intact"], check["document_remade"]) == (True, True)
    assert (check["signatures"], check["signed_document_intact"], check["valid"]) == ([], None, False)


async def test_verification_finds_a_document_that_the_database_s_owner_changed(running: Served) -> None:
    await signed(running)
    async with running.runtime.store.pool.acquire() as connection, connection.transaction():
        await connection.execute("alter table document disable trigger user")
        await connection.execute("update document set content = content || 'x'::bytea")
    check = (await (await borrower(running)).get(f"{PATH}/verification")).json()
    assert (check["document_intact"], check["signed_document_intact"], check["valid"]) == (False, False, False)


async def test_what_a_client_has_is_not_sent_again(running: Served) -> None:
    contract = await offered(running)
    client = await borrower(running)
    tag = (await client.get(PATH)).headers["etag"]
    assert (await client.get(PATH, headers={"If-None-Match": tag})).status_code == 304
    digest = f'"{contract["document_sha256"]}"'
    unchanged = await client.get(f"{PATH}/document", headers={"If-None-Match": digest})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert (await client.get(f"{PATH}/document", headers={"If-None-Match": '"other"'})).status_code == 200


async def test_the_same_command_again_gets_the_same_answer_and_happens_once(running: Served) -> None:
    contract = await viewed(running)
    client, once = await borrower(running), key()
    sign = {"document_sha256": contract["document_sha256"], "account": ACCOUNT}
    first = await client.post(f"{PATH}/sign", json=sign, headers=once)
    await running.settle()
    again = await client.post(f"{PATH}/sign", json=sign, headers=once)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    changed = sign | {"account": ACCOUNT | {"number": "6222020200099999999"}}
    assert (await client.post(f"{PATH}/sign", json=changed, headers=once)).status_code == 422
    anew = await client.post(f"{PATH}/sign", json=sign, headers=key())
    assert (anew.status_code, code(anew)) == (409, "contract-signed")


async def test_a_stale_version_is_refused(running: Served) -> None:
    contract = await offered(running)
    client = await borrower(running)
    view = {"document_sha256": contract["document_sha256"], "reading_seconds": 30, "disclosure_confirmed": True}
    assert (await client.post(f"{PATH}/view", json=view, headers=key() | {"If-Match": '"v1"'})).status_code == 200
    stale = await client.post(f"{PATH}/view", json=view, headers=key() | {"If-Match": '"v1"'})
    assert (stale.status_code, stale.headers["etag"]) == (412, '"v2"')


async def test_a_third_party_platform_may_not_sign(running: Served) -> None:
    contract = await viewed(running)
    sign = {"document_sha256": contract["document_sha256"], "account": ACCOUNT}
    platform = await running.client("partner")
    answer = await platform.post(f"{PATH}/sign", json=sign, headers=key())
    assert (answer.status_code, code(answer)) == (403, "third-party-may-not-sign")
    assert "金融产品网络营销管理办法" in answer.json()["detail"]
    assert (await (await borrower(running)).get(PATH)).json()["status"] == "VIEWED"


async def test_nobody_signs_without_naming_for_whom(running: Served) -> None:
    contract = await viewed(running)
    sign = {"document_sha256": contract["document_sha256"], "account": ACCOUNT}
    front_end = await running.client("customer")
    answer = await front_end.post(f"{PATH}/sign", json=sign, headers=key())
    assert (answer.status_code, code(answer)) == (403, "signatory-not-named")


async def test_another_borrower_s_contract_is_not_there(running: Served) -> None:
    await signed(running)
    stranger = await borrower(running, "0197a3f0-0000-7000-8000-00000000ffff")
    for what in ("", "/document", "/signed-document", "/verification"):
        answer = await stranger.get(PATH + what)
        assert (answer.status_code, code(answer)) == (404, "contract-unknown")
        missing = await stranger.get(f"{LIST}/{contract_id_of(APPLICANT)}{what}")
        assert missing.json()["detail"] == answer.json()["detail"]
    assert (await stranger.get(LIST)).json()["items"] == []


async def test_another_borrower_can_neither_read_nor_sign(running: Served) -> None:
    contract = await viewed(running)
    stranger = await borrower(running, "0197a3f0-0000-7000-8000-00000000ffff")
    view = {"document_sha256": contract["document_sha256"], "reading_seconds": 30, "disclosure_confirmed": True}
    sign = {"document_sha256": contract["document_sha256"], "account": ACCOUNT}
    assert (await stranger.post(f"{PATH}/view", json=view, headers=key())).status_code == 404
    assert (await stranger.post(f"{PATH}/sign", json=sign, headers=key())).status_code == 404


async def test_an_officer_takes_back_what_is_not_signed(running: Served) -> None:
    await viewed(running)
    officer = await running.client("contract_officer")
    answer = await officer.post(f"{PATH}/cancel", json={"reason": "Wrong purpose"}, headers=key())
    assert (answer.status_code, answer.json()["status"], answer.json()["end_reason"]) == (
        200,
        "CANCELLED",
        "Wrong purpose",
    )
    again = await officer.post(f"{PATH}/cancel", json={"reason": "Once more"}, headers=key())
    assert (again.status_code, code(again)) == (409, "contract-ended")
    client = await borrower(running)
    assert (await client.post(f"{PATH}/cancel", json={"reason": "x"}, headers=key())).status_code == 403


async def test_a_signed_contract_is_not_taken_back(running: Served) -> None:
    await signed(running)
    officer = await running.client("contract_officer")
    answer = await officer.post(f"{PATH}/cancel", json={"reason": "Too late"}, headers=key())
    assert (answer.status_code, code(answer)) == (409, "contract-signed")


async def test_before_the_signature_there_is_no_signed_document(running: Served) -> None:
    await offered(running)
    answer = await (await borrower(running)).get(f"{PATH}/signed-document")
    assert (answer.status_code, code(answer)) == (409, "contract-not-signed")


async def test_contracts_are_listed_filtered_sorted_and_paged(running: Served) -> None:
    await signed(running)
    for number in range(4):
        await approve(running, another(number))
    staff = await running.client("contract_officer")

    async def listed(**filters: Any) -> list[dict[str, Any]]:
        answer = await staff.get(LIST, params=filters)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    assert len(await listed()) == 5
    (one,) = await listed(application_id=APPLICATION)
    assert (one["contract_id"], one["status"], one["signed_on"]) == (CONTRACT, "SIGNED", "2026-02-01")
    assert one["amount"] == {"amount": "12000.00", "currency": "CNY"}
    assert len(await listed(status="OFFERED")) == 4
    assert len(await listed(applicant_id=APPLICANT, product_code="consumer-standard")) == 5
    assert await listed(offered_from="2026-02-02") == []
    assert len(await listed(offered_to="2026-02-01")) == 5
    first = (await staff.get(LIST, params={"sort": "contract_id", "limit": 3})).json()
    rest = (await staff.get(LIST, params={"sort": "contract_id", "limit": 3, "cursor": first["next_cursor"]})).json()
    ids = [item["contract_id"] for item in (*first["items"], *rest["items"])]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5
    assert rest["next_cursor"] is None


async def test_templates_are_shown_with_the_hash_that_contracts_name(running: Served) -> None:
    contract = await offered(running)
    staff = await running.client("auditor")
    (listed,) = [
        each
        for each in (await staff.get("/contract/templates")).json()["items"]
        if each["sha256"] == contract["template_sha256"]
    ]
    shown = await staff.get(f"/contract/templates/{listed['name']}")
    assert sha256(shown.json()["source"].encode()).hexdigest() == contract["template_sha256"]
    assert shown.headers["etag"] == f'"{contract["template_sha256"]}"'
    missing = await staff.get("/contract/templates/loan-agreement-v99")
    assert (missing.status_code, code(missing)) == (404, "template-unknown")


async def test_readers_need_a_token_of_the_right_role(running: Served) -> None:
    assert (await (await running.client(None)).get(LIST)).status_code == 401
    assert (await (await running.client("collector")).get(LIST)).status_code == 403
    assert (await (await running.client("customer")).get("/contract/templates")).status_code == 403


async def test_every_operation_is_described_with_examples(running: Served) -> None:
    document = (await (await running.client(None)).get("/contract/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            assert operation["description"], (path, method)
    for name in ("View", "Sign", "Cancel", "ContractDetail", "ContractSummary", "Verification", "TemplateDetail"):
        assert document["components"]["schemas"][name]["examples"], name
