"""Limits hold on a real database, also for decisions at the same moment."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from libs.contracts.application import ApplicationWithdrawn
from libs.contracts.approval import ApplicationApproved, ApplicationReferred, SecurityReinstated
from libs.contracts.collections import BorrowerLimited, BorrowerLimitLifted
from libs.contracts.contract import ContractSigned
from libs.contracts.ledger import (
    BookingRefused,
    BusinessDayOpened,
    LoanCancelled,
    LoanSettled,
    RepaymentReversed,
)
from libs.lending.money import Money
from libs.service.testing import Served, key
from services.approval.exposure import loan_id_of, recount_when_needed
from services.approval.library import library
from services.approval.tests.exposures import applies, counted_as_kept, happens, used
from services.approval.tests.requests import TODAY, application_id
from services.approval.tests.test_api import APPROVE, DECLINE, code, post
from services.approval.tests.test_securities import CONSENT, SURETY

AT_ONCE = 32
GROUP_MAX = Money.of("15000000.00")


def members(*applicants: str) -> dict[str, Any]:
    return {"members": [{"applicant_id": each, "kind": "CONTROL", "basis": "Register"} for each in applicants]}


async def connect(approval: Served, *applicants: str) -> str:
    answer = await post(await approval.client("credit_officer"), "/approval/groups", members(*applicants))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["group_id"])


async def prepare(approval: Served, number: int) -> str:
    """A large referred case, recommended by one officer and claimed by another; its path."""
    path = f"/approval/decisions/{application_id(number)}"
    junior, manager = await approval.client("credit_officer"), await approval.client("risk_manager")
    await post(junior, f"{path}/claim")
    await post(junior, f"{path}/recommend", APPROVE)
    assert (await post(manager, f"{path}/claim")).status_code == 200
    return path


async def test_32_approvals_at_once_never_break_the_limit_of_a_group(approval: Served) -> None:
    """Each of 32 connected borrowers asks for 500,000; the group may owe 15,000,000: 30 of them fit."""
    group_id = await connect(approval, *(f"applicant-{number}" for number in range(AT_ONCE)))
    await happens(approval, *(applies(number, "500000.00") for number in range(AT_ONCE)))
    paths = await asyncio.gather(*(prepare(approval, number) for number in range(AT_ONCE)))
    manager = await approval.client("risk_manager")
    answers = await asyncio.gather(*(post(manager, f"{path}/decide", APPROVE) for path in paths))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert [code(answer) for answer in refused] == ["exposure-limit-exceeded"] * 2
    assert refused[0].json()["errors"][0]["pointer"] == "#/offer/amount"
    assert "at most 0.00" in refused[0].json()["detail"]
    assert await used(approval, f"group:{group_id}") == GROUP_MAX.amount
    approved = [
        event
        for number in range(AT_ONCE)
        for event in await approval.events(f"decision-{application_id(number)}")
        if isinstance(event, ApplicationApproved)
    ]
    before = sorted(
        line.used.minor for event in approved for line in event.exposures if line.line == f"group:{group_id}"
    )
    assert before == [50_000_000 * place for place in range(30)], "each saw what all before it had reserved"


async def test_32_automatic_approvals_hold_to_it_too(approval: Served) -> None:
    """One borrower, forty applications at 13,000: 500,000 is the most that a person may owe."""
    await happens(approval, *(applies(number, "13000.00", "A", "one-and-the-same") for number in range(40)))
    kinds = [type((await approval.events(f"decision-{application_id(n)}"))[0]) for n in range(40)]
    assert (kinds.count(ApplicationApproved), kinds.count(ApplicationReferred)) == (38, 2)
    assert await used(approval, "borrower:one-and-the-same") == "494000.00"
    listed = (await (await approval.client("auditor")).get("/approval/decisions?queue=large")).json()["items"]
    assert len(listed) == 2


async def test_a_key_that_comes_twice_at_once_reserves_once(approval: Served) -> None:
    await happens(approval, applies(1, "40000.00"))
    officer, path = await approval.client("credit_officer"), f"/approval/decisions/{application_id(1)}"
    await post(officer, f"{path}/claim")
    same = key()
    answers = await asyncio.gather(
        *(officer.post(f"{path}/decide", json=APPROVE, headers=same) for _ in range(8))
    )  # fmt: skip
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.content for answer in answers}) == 1
    assert await used(approval, "borrower:applicant-1") == "40000.00"


async def test_less_may_be_offered_where_the_limit_leaves_something(approval: Served) -> None:
    await happens(approval, applies(1, "480000.00", "A", "big"), applies(2, "30000.00", "A", "big"))
    path = await prepare(approval, 1)
    manager = await approval.client("risk_manager")
    assert (await post(manager, f"{path}/decide", APPROVE)).status_code == 409, "30,000 of 500,000 are reserved"
    less = {"offer": {"amount": {"amount": "470000.00", "currency": "CNY"}}}
    assert (await post(manager, f"{path}/decide", APPROVE | less)).status_code == 200
    assert await used(approval, "borrower:big") == "500000.00"


async def test_a_refusal_reserves_nothing_and_its_key_may_be_used_again(approval: Served) -> None:
    await happens(approval, applies(1, "490000.00", "A", "big"), applies(2, "30000.00", "A", "big"))
    path, again = await prepare(approval, 1), key()
    manager = await approval.client("risk_manager")
    assert (await manager.post(f"{path}/decide", json=APPROVE, headers=again)).status_code == 409
    assert await used(approval, "borrower:big") == "30000.00"
    declined = await manager.post(f"{path}/decide", json=DECLINE, headers=again)
    assert (declined.status_code, declined.json()["status"]) == (200, "DECLINED")


def said(event: type[Any], number: int, **changes: Any) -> Any:
    own = {"application_id": application_id(number), "loan_id": loan_id_of(application_id(number))}
    known = {name: value for name, value in own.items() if name in event.model_fields}
    return event.model_validate(event.example | known | changes)


@pytest.mark.parametrize("end", [LoanSettled, LoanCancelled, BookingRefused, ApplicationWithdrawn])
async def test_what_ends_counts_no_more(approval: Served, end: type[Any]) -> None:
    await happens(approval, applies(1, "20000.00", "A"))
    assert await used(approval, "borrower:applicant-1") == "20000.00"
    if end is not ApplicationWithdrawn:
        await approval.publish("contract-1", said(ContractSigned, 1))
    await approval.publish("its-stream", said(end, 1))
    await approval.settle()
    assert await used(approval, "borrower:applicant-1") == "0.00"


async def test_an_offer_that_lapses_frees_the_limit_and_a_late_signature_takes_it_again(approval: Served) -> None:
    await happens(approval, applies(1, "20000.00", "A"))
    on = date(2026, 2, 1) + timedelta(days=20)
    await approval.publish("businessday-cn", BusinessDayOpened(business_date=on, previous=on - timedelta(days=1)))
    await approval.settle()
    assert await used(approval, "borrower:applicant-1") == "0.00"
    await approval.publish("contract-1", said(ContractSigned, 1))
    await approval.settle()
    assert await used(approval, "borrower:applicant-1") == "20000.00"


async def test_a_loan_that_is_owed_again_counts_again(approval: Served) -> None:
    await happens(approval, applies(1, "20000.00", "A"))
    await approval.publish("contract-1", said(ContractSigned, 1))
    for event in (said(LoanSettled, 1), said(RepaymentReversed, 1), said(RepaymentReversed, 1)):
        await approval.publish("loan-1", event)
    await approval.settle()
    assert await used(approval, "borrower:applicant-1") == "20000.00"


async def test_what_secured_a_loan_secures_it_again_where_it_is_owed_again(approval: Served) -> None:
    await happens(approval, applies(1, "20000.00", "A"))
    path, officer = f"/approval/decisions/{application_id(1)}/securities", await approval.client("credit_officer")
    offered = await post(officer, path, SURETY)
    assert offered.status_code == 201, offered.text
    agreed = await post(
        await approval.client("contract_officer"),
        f"{path}/{offered.json()['items'][0]['security_id']}/consent",
        CONSENT,
    )
    assert agreed.status_code == 200, agreed.text
    await approval.publish("contract-1", said(ContractSigned, 1))
    position = RepaymentReversed.example["position"]
    still_paid = position | {"outstanding": position["overdue"]}
    for event, stands in (
        (said(LoanSettled, 1), False),
        (said(RepaymentReversed, 1, position=still_paid), False),
        (said(RepaymentReversed, 1), True),
        (said(RepaymentReversed, 1), True),
    ):
        await approval.publish("loan-1", event)
        await approval.settle()
        (shown,) = (await officer.get(path)).json()["items"]
        assert (shown["released_on"] is None) is stands
    back = [
        event for event in await approval.events(f"security-{application_id(1)}") if type(event) is SecurityReinstated
    ]
    assert [(event.provider_id, str(event.consented_on), event.reason) for event in back] == [
        ("uncle", CONSENT["signed_on"], "repayment-reversed")
    ]


async def test_what_borrowers_owe_moves_with_them(approval: Served) -> None:
    await happens(approval, *(applies(number, "20000.00", "A") for number in range(3)))
    group_id = await connect(approval, "applicant-0", "applicant-1")
    assert await used(approval, f"group:{group_id}") == "40000.00"
    officer, manager = await approval.client("credit_officer"), await approval.client("risk_manager")
    path = f"/approval/groups/{group_id}/members"
    added = await post(officer, path, members("applicant-2"))
    assert (added.status_code, len(added.json()["members"])) == (201, 3)
    assert await used(approval, f"group:{group_id}") == "60000.00"
    gone = await post(manager, f"{path}/applicant-0/removal", {"reason": "Sold the shares"})
    assert [each["applicant_id"] for each in gone.json()["members"]] == ["applicant-1", "applicant-2"]
    assert await used(approval, f"group:{group_id}") == "40000.00"
    assert (await manager.get(f"/approval/groups/{group_id}")).json() == gone.json()


async def test_a_borrower_is_in_one_group_also_when_two_want_him_at_once(approval: Served) -> None:
    officer = await approval.client("credit_officer")
    wanted = [members("wanted", f"other-{number}") for number in range(6)]
    answers = await asyncio.gather(*(post(officer, "/approval/groups", each) for each in wanted))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    lost = next(answer for answer in answers if answer.status_code == 409)
    assert (code(lost), lost.json()["errors"][0]["pointer"]) == ("borrower-in-other-group", "#/members/0/applicant_id")


async def test_approvals_and_moves_at_once_leave_every_sum_right(approval: Served) -> None:
    """Borrowers join and leave groups while applications of theirs are approved: see `counted_as_kept` in the fixture."""
    ids = [f"applicant-{number}" for number in range(8)]
    group_id = await connect(approval, "applicant-0", "applicant-1")
    officer, manager = await approval.client("credit_officer"), await approval.client("risk_manager")
    path = f"/approval/groups/{group_id}/members"

    async def moves(client: httpx.AsyncClient) -> None:
        for applicant in ids[2:]:
            await post(client, path, members(applicant))
            await post(manager, f"{path}/{applicant}/removal", {"reason": "Sold"})

    async def lends() -> None:
        for number in range(24):
            await approval.publish(
                f"assessment-{application_id(number)}", applies(number, "12000.00", "A", ids[number % 8])
            )

    await asyncio.gather(moves(officer), lends())
    await approval.settle()
    assert await used(approval, f"group:{group_id}") == "72000.00"


async def test_a_new_policy_counts_anew_from_the_events(approval: Served) -> None:
    await happens(approval, *(applies(number, "20000.00", "A") for number in range(3)))
    group_id = await connect(approval, "applicant-0", "applicant-1")
    pool = approval.runtime.store.pool
    for table in ("exposure", "exposure_line", "group_member", "exposure_policy"):
        await pool.execute(f"truncate {table}")
    await recount_when_needed(approval.runtime, library().exposure)
    await counted_as_kept(approval)
    assert await used(approval, f"group:{group_id}") == "40000.00"
    await pool.execute("update exposure_line set used_minor = 1")
    await recount_when_needed(approval.runtime, library().exposure)
    assert await used(approval, f"group:{group_id}") == "0.01", "the same policy is not counted twice"
    await pool.execute("truncate exposure_policy")
    await recount_when_needed(approval.runtime, library().exposure)


async def test_limits_are_shown_with_their_sources(approval: Served) -> None:
    client = await approval.client("auditor")
    shown = {limit["code"]: limit for limit in (await client.get("/approval/limits")).json()["limits"]}
    assert shown["borrower-and-related-max"]["amount"]["amount"] == GROUP_MAX.amount
    assert shown["borrower-and-related-max"]["standing"] == "S"
    await happens(approval, applies(1, "20000.00", "A"))
    borrowers = (await client.get("/approval/exposures?dimension=borrower&sort=-used")).json()["items"]
    assert borrowers == [{"line": "borrower:applicant-1", "used": {"amount": "20000.00", "currency": "CNY"}}]


async def test_a_lowered_limit_binds_rules_and_people_until_it_is_lifted(approval: Served) -> None:
    await happens(approval, applies(1, "20000.00", "A", "watched"))
    limit = Money.of("30000.00")
    limited = BorrowerLimited(applicant_id="watched", measure_id="measure-1", limit=limit, limited_on=TODAY)
    await approval.publish("watch-watched", limited)
    await approval.settle()
    await happens(approval, applies(2, "10000.01", "A", "watched"), applies(3, "10000.01", "A", "other"))
    referred = (await approval.events(f"decision-{application_id(2)}"))[0]
    assert isinstance(referred, ApplicationReferred)
    own = next(each for each in referred.exposures if each.line == "borrower:watched")
    assert (own.rule, own.limit, own.used) == ("watch-limit", limit, Money.of("20000.00"))
    assert isinstance((await approval.events(f"decision-{application_id(3)}"))[0], ApplicationApproved)
    path = await prepare(approval, 2)
    manager = await approval.client("risk_manager")
    refused = await post(manager, f"{path}/decide", APPROVE)
    assert code(refused) == "exposure-limit-exceeded"
    assert "at most 30000.00 (watch-limit)" in refused.json()["detail"]
    less = {"offer": {"amount": {"amount": "10000.00", "currency": "CNY"}}}
    assert (await post(manager, f"{path}/decide", APPROVE | less)).status_code == 200
    await happens(approval, applies(4, "10000.00", "A", "watched"))
    stranger = BorrowerLimitLifted(applicant_id="watched", measure_id="measure-0", lifted_on=TODAY)
    await approval.publish("watch-watched", stranger)
    await happens(approval, applies(5, "10000.00", "A", "watched"))
    lifted = BorrowerLimitLifted(applicant_id="watched", measure_id="measure-1", lifted_on=TODAY)
    await approval.publish("watch-watched", lifted)
    await approval.settle()
    await happens(approval, applies(6, "10000.00", "A", "watched"))
    kinds = [type((await approval.events(f"decision-{application_id(n)}"))[0]) for n in (4, 5, 6)]
    assert kinds == [ApplicationReferred, ApplicationReferred, ApplicationApproved]
    await counted_as_kept(approval)
