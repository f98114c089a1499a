"""Pre-screening over HTTP, and the same rules when an application is submitted."""

from __future__ import annotations

from typing import Any

import httpx

from libs.service.testing import Served, key
from services.application.tests.intake import completed, registered, started, submitted
from services.application.tests.test_api import version_of

PATH = "/application/pre-screening"
PROSPECT: dict[str, Any] = {
    "kind": "PERSON",
    "birth_date": "1990-05-17",
    "region": "330106",
    "monthly_income": {"amount": "9000.00", "currency": "CNY"},
}
SEGMENT: dict[str, Any] = {
    "regions": [{"code": "3301", "name": {"zh": "杭州市", "en": "Hangzhou"}}],
    "industries": ["F"],
    "business_years_min": 2,
}
TRADER = {"industry": "F", "registered_on": "2021-03-15"}


async def segmented(running: Served, effective_from: str) -> None:
    """A version of the consumer product for traders in Hangzhou, from a date on."""
    manager = await running.client("risk_manager")
    body = await version_of(manager, effective_from=effective_from, segment=SEGMENT)
    answer = await manager.post("/application/products/consumer-standard/versions", json=body, headers=key())
    assert answer.status_code == 201, answer.text
    assert answer.json()["product"]["segment"]["industries"] == ["F"]
    await running.settle()


async def kept(running: Served) -> tuple[int, int]:
    """How many events and how many answers to commands there are."""
    store = running.runtime.store
    return await store.last_sequence(), await store.pool.fetchval("select count(*) from es.command")


async def screened(client: httpx.AsyncClient, **other: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json={**PROSPECT, **other})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return {each["code"]: each for each in answer.json()["items"]}


async def test_a_prospect_learns_what_there_is_and_why_the_rest_is_not(
    running: Served, customer: httpx.AsyncClient
) -> None:
    await segmented(running, "2026-01-05")
    before = await kept(running)
    items = await screened(customer)
    assert list(items) == ["consumer-secured", "consumer-standard", "farmer-production", "micro-startup"]
    assert {code for code, item in items.items() if item["admitted"]} == items.keys() - {"consumer-standard"}
    assert items["micro-startup"]["terms"] == [
        {"period_months": 1, "instalments_min": 3, "instalments_max": 60},
        {"period_months": 3, "instalments_min": 3, "instalments_max": 20},
    ]
    unsecured = items["micro-startup"]["amounts"][0]
    assert (unsecured["guarantee"], unsecured["amount_max"]["amount"]) == ("UNSECURED", "100000.00")
    refused = items["consumer-standard"]
    assert (refused["version"], refused["amounts"], refused["terms"]) == (2, [], [])
    assert [(each["code"], each["pointer"]) for each in refused["reasons"]] == [
        ("industry-not-stated", "#/business/industry"),
        ("business-registration-not-stated", "#/business/registered_on"),
    ]
    assert all(each["text"]["zh"] and each["text"]["en"] for each in refused["reasons"])
    assert (await screened(customer, business=TRADER))["consumer-standard"]["admitted"] is True
    assert await kept(running) == before


async def test_a_segment_counts_from_its_date_on(running: Served, customer: httpx.AsyncClient) -> None:
    await segmented(running, "2026-01-06")
    assert (await screened(customer))["consumer-standard"]["version"] == 1


async def test_who_is_outside_the_segment_is_told_on_the_checklist_and_refused(
    running: Served, customer: httpx.AsyncClient
) -> None:
    await segmented(running, "2026-01-05")
    application_id = await started(customer, await registered(customer))
    await completed(customer, application_id)
    path = f"/application/applications/{application_id}"
    told = (await customer.get(f"{path}/checklist")).json()["obstacles"]
    assert [each["code"] for each in told] == [
        "region-not-stated",  # the identity number's region is that of issue
        "industry-not-stated",
        "business-registration-not-stated",
    ]
    refused = await customer.post(f"{path}/submit", headers=key())
    assert (refused.status_code, [each["code"] for each in refused.json()["errors"]]) == (
        409,
        [each["code"] for each in told],
    )
    asked = (await customer.get(path)).json()["request"]
    kept = ("amount", "instalments", "method", "purpose", "monthly_income", "monthly_debt_service")
    body = {
        "product": "consumer-standard",
        "region": "330106",
        "business": TRADER,
        **{each: asked[each] for each in kept},
    }
    amended = await customer.put(path, json=body, headers=key())
    assert amended.json()["request"]["business"] == {**TRADER, "annual_turnover": None}
    assert (await submitted(customer, application_id))["status"] == "SUBMITTED"
