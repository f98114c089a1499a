"""The way through intake over HTTP, with the events that it leaves."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from libs.contracts.application import (
    ApplicantRegistered,
    ApplicationAmended,
    ApplicationEnd,
    ApplicationStarted,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    ConsentGiven,
    ConsentPurpose,
    DocumentAttached,
    ProductDefined,
    ProductWithdrawn,
)
from libs.contracts.approval import ApplicationDeclined, ApprovalLapsed
from libs.contracts.base import DomainEvent
from libs.contracts.contract import ContractCancelled, ContractExpired, ContractSigned
from libs.contracts.ledger import BusinessDayOpened
from libs.contracts.values import ApplicantKind, Channel
from libs.lending.money import Money
from libs.service.openapi import undescribed
from libs.service.settings import SettingsError
from libs.service.testing import Served, key
from services.application.handlers import seed_products
from services.application.identifiers import IdentifierSettings, open_identifiers
from services.application.tests.intake import (
    ASKED_FOR,
    CONSENTS,
    DOCUMENTS,
    PERSON,
    completed,
    document,
    registered,
    started,
    submitted,
)
from services.application.tests.numbers import ENTERPRISE, person_number

COMPANY = {
    "kind": "ENTERPRISE",
    "name": "杭州示例商贸有限公司",
    "identity_number": ENTERPRISE,
    "legal_representative": "李四",
    "mobile": "13800000001",
}


async def test_an_application_is_started_completed_and_submitted(running: Served, customer: httpx.AsyncClient) -> None:
    applicant_id = await registered(customer)
    application_id = await started(customer, applicant_id)
    await completed(customer, application_id)
    shown = await submitted(customer, application_id)
    assert shown["status"] == "SUBMITTED"
    assert shown["submitted_on"] == "2026-01-05"

    events = await running.events(f"application-{application_id}")
    assert [type(event) for event in events] == [
        ApplicationStarted,
        *[DocumentAttached] * len(DOCUMENTS),
        *[ConsentGiven] * len(CONSENTS),
        ApplicationSubmitted,
    ]
    event = events[-1]
    assert event.request.amount == Money.of("12000.00")
    assert str(event.request.product.annual_rate) == "0.18"
    assert event.request.applicant_id == applicant_id
    assert event.request.region == "330106"
    assert event.request.channel is Channel.ONLINE
    assert event.request.source == "spring-campaign"
    assert event.request.answers == {"savings-balance": "below-1000", "loans-with-lender": 1, "housing-tenure": None}
    assert event.consents == tuple(ConsentPurpose)[:3]
    assert event.documents == DOCUMENTS
    await running.settle()
    assert await running.parked() == []


async def test_a_person_registers_once_and_is_masked(running: Served, customer: httpx.AsyncClient) -> None:
    first = await customer.post("/application/applicants", json=PERSON, headers=key())
    assert first.status_code == 201
    shown = first.json()
    assert first.headers["location"] == f"/application/applicants/{shown['applicant_id']}"
    assert shown["name"] == "王**"
    assert shown["identity_number"].strip("*") == PERSON["identity_number"][-4:]
    assert (shown["mobile"], shown["birth_date"], shown["masked"]) == ("*******5678", None, True)

    small_x = {**PERSON, "identity_number": PERSON["identity_number"].lower()}
    again = await customer.post("/application/applicants", json=small_x, headers=key())
    assert (again.status_code, again.json()) == (200, shown)
    other = await customer.post("/application/applicants", json={**PERSON, "name": "王大明"}, headers=key())
    assert other.status_code == 409
    assert other.json()["type"].endswith("applicant-particulars-differ")
    assert "王小明" not in other.text
    events = await running.events(f"applicant-{shown['applicant_id']}")
    assert [type(event) for event in events] == [ApplicantRegistered]


async def test_an_enterprise_applies_for_the_product_for_enterprises(
    running: Served, customer: httpx.AsyncClient
) -> None:
    answer = await customer.post("/application/applicants", json=COMPANY, headers=key())
    assert answer.status_code == 201, answer.text
    terms = {
        "product": "micro-startup",
        "purpose": "business",
        "method": "INTEREST_ONLY_BALLOON",
        "period_months": 3,
        "instalments": 8,
    }
    application_id = await started(customer, answer.json()["applicant_id"], **terms)
    checklist = (await customer.get(f"/application/applications/{application_id}/checklist")).json()
    asked = [item["code"] for item in checklist["items"] if item["kind"] == "DOCUMENT"]
    assert asked == ["business-licence", "business-plan", "bank-statement", "credit-report"]
    assert {obstacle["code"] for obstacle in checklist["obstacles"]} == {"document-missing", "consent-missing"}


async def test_an_applicant_is_shown_in_full_to_itself_alone(running: Served, customer: httpx.AsyncClient) -> None:
    applicant_id = await registered(customer)
    path = f"/application/applicants/{applicant_id}"
    own = await running.client("customer", **{"On-Behalf-Of": applicant_id})
    shown = (await own.get(path)).json()
    assert (shown["name"], shown["identity_number"], shown["masked"]) == ("王小明", PERSON["identity_number"], False)
    officer = await running.client("loan_officer")
    assert (await officer.get(path)).json()["masked"] is True
    stranger = await running.client("customer", **{"On-Behalf-Of": "somebody-else"})
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.post("/application/applicants", json=PERSON, headers=key())).status_code == 404
    assert (await customer.get("/application/applicants/nobody")).status_code == 404


async def test_personal_data_is_neither_in_lists_nor_in_stream_names_nor_in_stored_answers(
    running: Served, customer: httpx.AsyncClient
) -> None:
    applicant_id = await registered(customer)
    await started(customer, applicant_id)
    await running.settle()
    pool = running.runtime.store.pool
    for query in (
        "select array_agg(t::text) from application_v1 t",
        "select array_agg(stream_id) from es.stream",
        "select array_agg(convert_from(answer, 'UTF8')) from es.command",
    ):
        for text in await pool.fetchval(query):
            assert "王小明" not in text
            assert PERSON["identity_number"] not in text
            assert PERSON["mobile"] not in text


async def test_the_key_of_identifiers_is_kept_and_another_one_refused(
    running: Served, customer: httpx.AsyncClient
) -> None:
    applicant_id = await registered(customer)
    again = await open_identifiers(running.runtime.store, None)
    assert again.applicant_id(ApplicantKind.PERSON, PERSON["identity_number"].lower()) == applicant_id
    assert again.applicant_id(ApplicantKind.ENTERPRISE, PERSON["identity_number"]) != applicant_id
    other = IdentifierSettings.model_validate({"applicant_key": "x" * 32}).applicant_key
    with pytest.raises(SettingsError, match="PUHUI_APPLICANT_KEY"):
        await open_identifiers(running.runtime.store, other)


async def test_the_checklist_leads_from_nothing_to_ready(customer: httpx.AsyncClient) -> None:
    application_id = await started(customer, await registered(customer))
    path = f"/application/applications/{application_id}"
    before = (await customer.get(f"{path}/checklist")).json()
    assert before["ready"] is False
    assert {item["status"] for item in before["items"]} == {"MISSING"}
    assert all(item["guidance"]["zh"] and item["guidance"]["en"] for item in before["items"])
    refused = await customer.post(f"{path}/submit", headers=key())
    assert refused.status_code == 409
    assert [error["pointer"] for error in refused.json()["errors"]] == [each["pointer"] for each in before["obstacles"]]
    old = document("income-proof", issued_on="2025-06-01", sha256="a" * 64)
    assert (await customer.post(f"{path}/documents", json=old, headers=key())).status_code == 201
    told = {item["code"]: item for item in (await customer.get(f"{path}/checklist")).json()["items"]}
    assert (told["income-proof"]["status"], told["income-proof"]["valid_until"]) == ("EXPIRED", "2025-08-30")
    await completed(customer, application_id)
    after = (await customer.get(f"{path}/checklist")).json()
    assert (after["ready"], after["obstacles"]) == (True, [])
    await submitted(customer, application_id)
    assert (await customer.get(f"{path}/checklist")).json()["ready"] is False


async def test_a_front_end_may_hand_in_everything_at_once(running: Served, customer: httpx.AsyncClient) -> None:
    along = {
        "documents": [document(each) for each in DOCUMENTS],
        "consents": [{"purpose": purpose, "text_version": "2026-01"} for purpose in CONSENTS],
    }
    applicant_id = await registered(customer)
    application_id = await started(customer, applicant_id, **along)
    assert (await submitted(customer, application_id))["status"] == "SUBMITTED"
    events = await running.events(f"application-{application_id}")
    assert len({event.document_id for event in events if isinstance(event, DocumentAttached)}) == len(DOCUMENTS)

    along["documents"][2]["issued_on"] = "2026-01-06"
    body = {"applicant_id": applicant_id, "channel": "ONLINE", **ASKED_FOR, **along}
    refused = await customer.post("/application/applications", json=body, headers=key())
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/documents/2/issued_on"


async def test_a_draft_is_amended_and_withdrawn(running: Served, customer: httpx.AsyncClient) -> None:
    application_id = await started(customer, await registered(customer), channel="BRANCH")
    path = f"/application/applications/{application_id}"
    shown = await customer.get(path)
    assert shown.headers["etag"] == '"v1"'
    assert (await customer.get(path, headers={"If-None-Match": '"v1"'})).status_code == 304
    other = {**ASKED_FOR, "amount": {"amount": "8000.00", "currency": "CNY"}, "region": "440300"}
    amended = await customer.put(path, json=other, headers={**key(), "If-Match": '"v1"'})
    assert (amended.status_code, amended.headers["etag"]) == (200, '"v2"')
    assert amended.json()["request"]["amount"]["amount"] == "8000.00"
    assert amended.json()["request"]["region"] == "440300"
    assert amended.json()["request"]["channel"] == "BRANCH"
    stale = await customer.put(path, json=ASKED_FOR, headers={**key(), "If-Match": '"v1"'})
    assert stale.status_code == 412
    withdrawn = await customer.post(f"{path}/withdraw", json={"reason": "Not needed"}, headers=key())
    assert (withdrawn.status_code, withdrawn.json()["status"]) == (200, "WITHDRAWN")
    again = await customer.post(f"{path}/withdraw", json={"reason": "Not needed"}, headers=key())
    assert again.json()["type"].endswith("application-ended")
    events = await running.events(f"application-{application_id}")
    assert [type(event) for event in events] == [ApplicationStarted, ApplicationAmended, ApplicationWithdrawn]


async def test_a_key_gives_the_same_answer_again_and_stands_for_one_request(customer: httpx.AsyncClient) -> None:
    applicant_id = await registered(customer)
    body = {"applicant_id": applicant_id, "channel": "ONLINE", **ASKED_FOR}
    once = key()
    first = await customer.post("/application/applications", json=body, headers=once)
    again = await customer.post("/application/applications", json=body, headers=once)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await customer.post("/application/applications", json={**body, "channel": "BRANCH"}, headers=once)
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency-key-reused")


async def test_a_front_end_for_one_applicant_sees_and_does_its_own_things_alone(
    running: Served, customer: httpx.AsyncClient
) -> None:
    mine = await registered(customer)
    yours = await registered(customer, identity_number=person_number(sequence=2), name="赵六")
    my_application, your_application = await started(customer, mine), await started(customer, yours)
    await running.settle()
    own = await running.client("customer", **{"On-Behalf-Of": mine})
    listed = (await own.get("/application/applications")).json()["items"]
    assert [each["application_id"] for each in listed] == [my_application]
    filtered = await own.get("/application/applications", params={"applicant_id": yours})
    assert filtered.json()["items"] == []
    path = f"/application/applications/{your_application}"
    answers = [
        await own.get(path),
        await own.get(f"{path}/checklist"),
        await own.put(path, json=ASKED_FOR, headers=key()),
        await own.post(f"{path}/documents", json=document("identity-card"), headers=key()),
        await own.post(f"{path}/consents", json={"purpose": "SHARING", "text_version": "2026-01"}, headers=key()),
        await own.post(f"{path}/submit", headers=key()),
        await own.post(f"{path}/withdraw", json={"reason": "Mischief"}, headers=key()),
        await own.post(
            "/application/applications",
            json={"applicant_id": yours, "channel": "ONLINE", **ASKED_FOR},
            headers=key(),
        ),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert (await own.get(f"/application/applications/{my_application}")).status_code == 200
    assert len(await running.events(f"application-{your_application}")) == 1


async def test_applications_are_filtered_sorted_and_paged(running: Served, customer: httpx.AsyncClient) -> None:
    applicant_id = await registered(customer)
    ids = [
        await started(
            customer,
            applicant_id,
            channel=channel,
            source=source,
            amount={"amount": amount, "currency": "CNY"},
        )
        for channel, source, amount in (
            ("ONLINE", "spring", "1000.00"),
            ("BRANCH", "spring", "3000.00"),
            ("TELEPHONE", "", "2000.00"),
        )
    ]
    await customer.post(f"/application/applications/{ids[2]}/withdraw", json={"reason": "No"}, headers=key())
    await running.settle()

    async def listed(**params: Any) -> list[str]:
        answer = await customer.get("/application/applications", params=params)
        assert answer.status_code == 200, answer.text
        return [each["application_id"] for each in answer.json()["items"]]

    assert await listed(sort="amount_minor") == [ids[0], ids[2], ids[1]]
    assert await listed(sort="-amount_minor", status="DRAFT") == [ids[1], ids[0]]
    assert await listed(channel=["BRANCH", "TELEPHONE"], sort="amount_minor") == [ids[2], ids[1]]
    assert await listed(source="spring", sort="amount_minor") == [ids[0], ids[1]]
    assert await listed(product="farmer-production") == []
    assert await listed(applicant_id="nobody") == []
    first = await customer.get("/application/applications", params={"sort": "amount_minor", "limit": 2})
    assert len(first.json()["items"]) == 2
    assert await listed(sort="amount_minor", limit=2, cursor=first.json()["next_cursor"]) == [ids[1]]


async def test_products_are_listed_and_shown_as_of_a_date(running: Served, customer: httpx.AsyncClient) -> None:
    products = (await customer.get("/application/products")).json()["items"]
    assert [each["code"] for each in products] == [
        "consumer-secured",
        "consumer-standard",
        "farmer-production",
        "micro-startup",
    ]
    assert products[1]["annual_rate"] == "0.18"
    assert (await customer.get("/application/products", params={"on": "2025-12-31"})).json()["items"] == []
    kinds = (await customer.get("/application/products", params={"kind": "farmer"})).json()["items"]
    assert [each["code"] for each in kinds] == ["farmer-production"]
    shown = (await customer.get("/application/products/consumer-standard")).json()
    assert shown["product"]["overdue"] == {"rate_multiplier": "1.5", "grace_days": 3, "on_interest": False}
    before = await customer.get("/application/products/consumer-standard", params={"on": "2025-12-31"})
    assert before.json()["product"] is None
    assert (await customer.get("/application/products/nothing")).status_code == 404


async def version_of(client: httpx.AsyncClient, code: str = "consumer-standard", **other: Any) -> dict[str, Any]:
    shown = (await client.get(f"/application/products/{code}")).json()["product"]
    return {**{name: value for name, value in shown.items() if name not in ("code", "version")}, **other}


async def test_a_risk_manager_defines_a_version_and_withdraws_the_product(
    running: Served, customer: httpx.AsyncClient
) -> None:
    manager = await running.client("risk_manager")
    body = await version_of(manager, effective_from="2026-03-01", annual_rate="0.15")
    path = "/application/products/consumer-standard"
    assert (await customer.post(f"{path}/versions", json=body, headers=key())).status_code == 403
    defined = await manager.post(f"{path}/versions", json=body, headers=key())
    assert (defined.status_code, defined.headers["location"]) == (201, path)
    assert defined.json()["product"]["version"] == 2
    await running.settle()

    async def rates(on: str) -> list[str]:
        listed = (await customer.get("/application/products", params={"on": on, "kind": "consumer"})).json()["items"]
        return [each["annual_rate"] for each in listed]

    assert (await rates("2026-02-28"), await rates("2026-03-01")) == (["0.18"], ["0.15"])
    ending = {"effective_from": "2026-06-01", "reason": "Replaced"}
    assert (await manager.post(f"{path}/withdraw", json=ending, headers=key())).status_code == 200
    await running.settle()
    assert (await rates("2026-05-31"), await rates("2026-06-01")) == (["0.15"], [])
    events = await running.events("product-consumer-standard")
    assert [type(event) for event in events] == [ProductDefined, ProductDefined, ProductWithdrawn]


async def test_an_application_is_submitted_under_the_version_of_that_day(
    running: Served, customer: httpx.AsyncClient
) -> None:
    manager = await running.client("risk_manager")
    body = await version_of(manager, effective_from="2026-01-10", annual_rate="0.15")
    await manager.post("/application/products/consumer-standard/versions", json=body, headers=key())
    applicant_id = await registered(customer)
    early, late = await started(customer, applicant_id), await started(customer, applicant_id)
    for each in (early, late):
        await completed(customer, each)
    assert (await submitted(customer, early))["request"]["product"]["annual_rate"] == "0.18"
    await opened(running, "2026-01-10")
    shown = await submitted(customer, late)
    assert (shown["request"]["product"]["annual_rate"], shown["request"]["product"]["version"]) == ("0.15", 2)


async def opened(running: Served, day: str) -> None:
    await running.publish("businessday-cn", BusinessDayOpened.model_validate({"business_date": day}))
    await running.settle()


async def test_drafts_expire_when_their_days_are_over(running: Served, customer: httpx.AsyncClient) -> None:
    applicant_id = await registered(customer)
    draft, done = await started(customer, applicant_id), await started(customer, applicant_id)
    await completed(customer, done)
    await submitted(customer, done)
    await running.settle()
    await opened(running, "2026-02-04")
    assert (await customer.get(f"/application/applications/{draft}")).json()["status"] == "DRAFT"
    await opened(running, "2026-02-07")
    shown = (await customer.get(f"/application/applications/{draft}")).json()
    assert (shown["status"], shown["ended_on"]) == ("EXPIRED", "2026-02-05")
    assert (await customer.get(f"/application/applications/{done}")).json()["status"] == "SUBMITTED"
    listed = (await customer.get("/application/applications", params={"status": "EXPIRED"})).json()["items"]
    assert [each["application_id"] for each in listed] == [draft]
    assert await running.parked() == []


def about(event: type[DomainEvent], application_id: str) -> DomainEvent:
    return event.model_validate({**event.example, "application_id": application_id})


ENDS: dict[type[DomainEvent], ApplicationEnd] = {
    ApplicationDeclined: ApplicationEnd.DECLINED,
    ApprovalLapsed: ApplicationEnd.OFFER_LAPSED,
    ContractExpired: ApplicationEnd.OFFER_LAPSED,
    ContractCancelled: ApplicationEnd.OFFER_LAPSED,
    ContractSigned: ApplicationEnd.CONTRACTED,
}


async def test_later_steps_conclude_an_application(running: Served, customer: httpx.AsyncClient) -> None:
    applicant_id = await registered(customer)
    for event, end in ENDS.items():
        application_id = await started(customer, applicant_id)
        await completed(customer, application_id)
        await submitted(customer, application_id)
        await running.publish(f"other-{application_id}", about(event, application_id))
        await running.settle()
        assert (await customer.get(f"/application/applications/{application_id}")).json()["status"] == end.value
        listed = (await customer.get("/application/applications", params={"status": end.value})).json()["items"]
        assert application_id in [each["application_id"] for each in listed]
    assert await running.parked() == []


async def test_a_signature_that_crossed_a_withdrawal_prevails(running: Served, customer: httpx.AsyncClient) -> None:
    application_id = await started(customer, await registered(customer))
    await completed(customer, application_id)
    await submitted(customer, application_id)
    path = f"/application/applications/{application_id}"
    await customer.post(f"{path}/withdraw", json={"reason": "Not needed"}, headers=key())
    await running.publish("approval-1", about(ApprovalLapsed, application_id))
    await running.settle()
    assert (await customer.get(path)).json()["status"] == "WITHDRAWN"
    await running.publish("contract-1", about(ContractSigned, application_id))
    await running.settle()
    assert (await customer.get(path)).json()["status"] == "CONTRACTED"


async def test_consent_texts_are_shown_in_both_languages(customer: httpx.AsyncClient) -> None:
    items = (await customer.get("/application/consents")).json()["items"]
    assert {item["purpose"] for item in items if item["required"]} == set(CONSENTS)
    assert all(item["text"]["zh"] and item["text"]["en"] and item["version"] == "2026-01" for item in items)


async def test_products_are_put_on_record_once(running: Served) -> None:
    before = await running.runtime.store.last_sequence()
    await seed_products(running.runtime)
    await running.settle()
    assert await running.runtime.store.last_sequence() == before
    events = await running.events("product-micro-startup")
    assert [(type(event), event.product.version) for event in events] == [(ProductDefined, n) for n in (1, 2, 3)]


async def test_every_operation_is_described_with_an_example(running: Served) -> None:
    # The chassis answers for its own operations.
    assert [each for each in undescribed(running.app.openapi()) if "/operations/" not in each] == []


async def test_readers_read_and_change_nothing(running: Served, customer: httpx.AsyncClient) -> None:
    application_id = await started(customer, await registered(customer))
    path = f"/application/applications/{application_id}"
    for role in ("auditor", "credit_officer", "senior_credit_officer"):
        reader = await running.client(role)
        assert (await reader.get(path)).status_code == 200
        assert (await reader.get(f"{path}/checklist")).status_code == 200
        assert (await reader.get("/application/applications")).status_code == 200
        assert (await reader.post(f"{path}/submit", headers=key())).status_code == 403
        assert (await reader.post("/application/applicants", json=PERSON, headers=key())).status_code == 403
    collector = await running.client("collector")
    assert (await collector.get(path)).status_code == 403
    assert (await (await running.client(None)).get(path)).status_code == 401
