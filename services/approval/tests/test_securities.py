"""Guarantors, mortgages and pledges over HTTP, until what they secure is paid back."""

from __future__ import annotations

from typing import Any

from libs.contracts import examples as ex
from libs.contracts.approval import SecurityConsented, SecurityReleased
from libs.contracts.ledger import LoanSettled
from libs.service.testing import Served, key
from services.approval.tests.requests import application_id, scored
from services.approval.tests.test_api import code, post

PATH = f"/approval/decisions/{application_id()}/securities"
SURETY = {
    "kind": "SURETY",
    "provider_id": "uncle",
    "description": "Joint and several",
    "amount_max": ex.cny("30000.00"),
}
FLAT = {"kind": "MORTGAGE", "provider_id": "aunt", "asset_class": "residential-property", "description": "Flat"}
MEANS = {
    "monthly_income": ex.cny("15000.00"),
    "monthly_debt_service": ex.cny("5000.00"),
    "document_sha256": ex.SHA256,
}
CONSENT = {"signed_on": "2026-01-03", "document_sha256": ex.SHA256}
VALUATION = {
    "value": ex.cny("40000.00"),
    "valuer": "Example Valuation Ltd",
    "valued_on": "2026-01-02",
    "document_sha256": ex.SHA256,
}
REGISTERED = {
    "by": "registration",
    "place": "Registry",
    "reference": "4711",
    "perfected_on": "2026-01-04",
    "document_sha256": ex.SHA256,
}


async def test_security_is_counted_on_step_by_step_and_given_back_when_the_loan_is_settled(approval: Served) -> None:
    """The example asks for 40,000; the business date is 2026-01-05."""
    secured = {"guarantee": {"kind": "MORTGAGE", "value": ex.cny("60000.00"), "description": "Flat"}}
    await approval.publish(f"assessment-{application_id()}", scored(**secured))
    await approval.settle()
    officer, contracts = await approval.client("credit_officer"), await approval.client("contract_officer")
    uncle, flat = [(await post(officer, PATH, body)).json()["items"][-1]["security_id"] for body in (SURETY, FLAT)]
    steps: list[tuple[Any, str, Any, str]] = [
        (officer, f"{uncle}/assessment", MEANS, "0"),
        (contracts, f"{uncle}/consent", CONSENT | {"credit_report_text": "surety-2027-01"}, "0.75"),
        (officer, f"{flat}/valuation", VALUATION, "0.75"),
        (contracts, f"{flat}/consent", CONSENT, "0.75"),
        (contracts, f"{flat}/perfection", REGISTERED, "1.45"),
    ]
    for client, path, body, coverage in steps:
        answer = await post(client, f"{PATH}/{path}", body)
        assert (answer.status_code, answer.json()["coverage"]) == (200, coverage), answer.text
    shown = (await (await approval.client("auditor")).get(PATH)).json()
    assert [item["counted"]["amount"] for item in shown["items"]] == ["30000.00", "28000.00"]
    assert shown["coverage_min"] == "1.2"
    assert [item["credit_report_text"] for item in shown["items"]] == ["surety-2027-01", ""]
    consents = [
        each for each in await approval.events(f"security-{application_id()}") if type(each) is SecurityConsented
    ]
    assert [each.credit_report_text for each in consents] == ["surety-2027-01", ""], "for scoring to hear"

    own = await post(officer, f"{PATH}/{flat}/release", {"reason": "Sold"})
    assert own.status_code == 403
    settled = LoanSettled.model_validate(LoanSettled.example | {"application_id": application_id()})
    await approval.publish("loan-1", settled)
    await approval.settle()
    released = [
        each for each in await approval.events(f"security-{application_id()}") if type(each) is SecurityReleased
    ]
    assert {(each.provider_id, each.reason) for each in released} == {
        ("uncle", "loan-settled"),
        ("aunt", "loan-settled"),
    }
    assert (await officer.get(PATH)).json()["coverage"] == "0"


async def test_a_key_records_one_security(approval: Served) -> None:
    await approval.publish(f"assessment-{application_id()}", scored())
    await approval.settle()
    officer, same = await approval.client("credit_officer"), key()
    first = await officer.post(PATH, json=FLAT, headers=same)
    again = await officer.post(PATH, json=FLAT, headers=same)
    assert (first.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert len((await officer.get(PATH)).json()["items"]) == 1
    manager = await approval.client("risk_manager")
    flat = first.json()["items"][0]["security_id"]
    given_up = await post(manager, f"{PATH}/{flat}/release", {"reason": "Replaced"})
    assert (given_up.status_code, given_up.json()["items"][0]["missing"]) == (200, "released")
    late = await post(manager, f"{PATH}/{flat}/valuation", VALUATION)
    assert (late.status_code, code(late)) == (409, "security-released")
