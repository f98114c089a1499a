"""From an approval to its lenders: agreements over HTTP, offers by webhook, each partner's own answer; on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from libs.contracts import examples as ex
from libs.contracts import ledger
from libs.contracts.approval import ApprovalLapsed
from libs.contracts.partners import (
    FUNDING_TERMS,
    FundingArranged,
    FundingLapsed,
    FundsMissing,
    LoanShared,
    MovementSplit,
)
from libs.events.relay import partition_of
from libs.service.testing import PARTITIONS, Served, key, served
from services.partners.app import service
from services.partners.deadlines import lapse
from services.partners.handlers import loan_id_of
from services.partners.tests.receiver import Receiver, receiving
from services.partners.tests.world import ANYTHING, agreement_with, approved, day, opened, received, said

FAR_AWAY = "2999-01-01T00:00:00.000000Z"


@asynccontextmanager
async def running(database: str, directory: Path) -> AsyncIterator[Served]:
    async with served(service, database, directory) as platform:
        yield platform


async def agreed(platform: Served, partner: str, subject: str, **terms: Any) -> None:
    """A registered partner with an agreement in force."""
    manager = await platform.client("finance_manager")
    name = {"zh": "港湾银行股份有限公司", "en": "Harbour Bank Co., Ltd."}
    body = {"partner": partner, "legal_name": name, "licence": f"B-{partner}", "subject": subject}
    await said(manager, "/partners", body, 201)
    await agreement_with(platform, partner, **terms)


async def kinds(platform: Served, application_id: str) -> list[str]:
    return [type(event).__name__ for event in await platform.events(f"funding-{application_id}")]


async def arranged(platform: Served, application_id: str) -> FundingArranged:
    event = (await platform.events(f"funding-{application_id}"))[-1]
    assert isinstance(event, FundingArranged)
    return event


async def test_a_partner_is_offered_what_the_agreement_names_accepts_and_holds_its_share_of_the_loan(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUHUI_PARTNERS_WEBHOOK_NETWORKS", '["127.0.0.1/32"]')
    async with running(database, tmp_path) as platform, receiving() as receiver:
        await agreed(platform, "harbour-bank", "partner")
        await _told_at(platform, receiver)
        application_id = await approved(platform)
        await receiver.until(lambda it: len(it.accepted) == 1)
        told = receiver.accepted[0]
        assert told["data"]["data"].keys() == set(FUNDING_TERMS["data"])
        assert told["data"]["amount"] == ex.cny("8400.00")
        assert ex.APPLICANT not in str(told), "who the borrower is, the agreement does not name"
        partner = await platform.client("partner")
        shown = (await partner.get(f"/partners/fundings/{application_id}")).json()
        assert (shown["status"], shown["data"]) == ("OFFERED", told["data"]["data"])
        await said(partner, f"/fundings/{application_id}/questions", {"question": "Is the income the household's?"})
        officer = await platform.client("credit_officer")
        await said(officer, f"/fundings/{application_id}/clarifications", {"answer": "The applicant's alone"})
        answered = await said(partner, f"/fundings/{application_id}/answer", {"answer": "ACCEPT"})
        assert answered["status"] == "ACCEPTED"
        assert [each["by"] for each in answered["said"]] == ["PARTNER", "LENDER"]
        await platform.settle()
        event = await arranged(platform, application_id)
        assert [(each.funder, each.share_ppm, each.amount.amount) for each in event.lenders] == [
            ("harbour-bank", 700_000, "8400.00"),
            ("own", 300_000, "3600.00"),
        ]
        assert event.lenders[0].licence == "B-harbour-bank"
        await receiver.until(lambda it: len(it.accepted) == 3)
        assert [each["type"].split(".")[2] for each in receiver.accepted] == [
            "funding-offered",
            "funding-clarified",
            "funding-answered",
        ]
        assert await platform.parked() == []


@pytest.mark.parametrize("data", [["amount"], ["amount", "contract"]])
async def test_the_contract_is_told_who_may_read_it_by_the_agreement_s_version(
    database: str, tmp_path: Path, data: list[str]
) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner", data=data)
        application_id = await approved(platform)
        partner = await platform.client("partner")
        shown = (await partner.get(f"/partners/fundings/{application_id}")).json()
        assert shown["data"].keys() == {"amount"}, "an offer brings no contract"
        await said(partner, f"/fundings/{application_id}/answer", {"answer": "ACCEPT"})
        theirs, ours = (await arranged(platform, application_id)).lenders
        assert (theirs.subject, theirs.reads_contract) == ("partner", "contract" in data)
        assert (ours.subject, ours.reads_contract) == ("", False)


async def _told_at(platform: Served, receiver: Receiver) -> None:
    operator = await platform.client("operator")
    types = (await operator.get("/partners/event-types")).json()
    body = {"partner": "harbour-bank", "url": receiver.url, "types": [each["type"] for each in types]}
    await said(operator, "/endpoints", body, 201)
    await platform.settle()


async def test_the_next_lender_is_asked_when_one_declines_or_says_nothing_and_we_are_the_last(
    database: str, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner", priority=1)
        await agreed(platform, "hill-bank", "somebody-else", priority=2)
        partner = await platform.client("partner")
        application_id = await approved(platform)
        reason = {"answer": "DECLINE", "reason": "Too much of this grade"}
        await said(partner, f"/fundings/{application_id}/answer", reason)
        await platform.settle()
        assert await kinds(platform, application_id) == ["FundingOffered", "FundingAnswered", "FundingOffered"]
        for path, body in (("answer", {"answer": "ACCEPT"}), ("questions", {"question": "Who?"})):
            others = await partner.post(f"/partners/fundings/{application_id}/{path}", json=body, headers=key())
            assert others.status_code == 404, "what another is asked is none of its business"
        own = (await partner.get("/partners/fundings")).json()["items"]
        assert [(row["partner"], row["status"]) for row in own] == [("harbour-bank", "DECLINED")]
        await lapse(platform.runtime, FAR_AWAY)
        await platform.settle()
        events = await platform.events(f"funding-{application_id}")
        assert isinstance(events[-2], FundingLapsed)
        assert (await arranged(platform, application_id)).lenders == ()
        assert (await arranged(platform, application_id)).asked == ("harbour-bank", "hill-bank")


async def test_who_did_not_agree_to_it_is_offered_to_nobody(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner")
        assert await kinds(platform, await approved(platform, shareable=False)) == []


async def test_caps_are_kept_and_what_comes_to_nothing_makes_room_again(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as platform:
        caps = {"open_max": ex.cny("16800.00"), "month_max": None, "borrower_max": ex.cny("8400.00")}
        await agreed(platform, "harbour-bank", "partner", caps=caps)
        first = await approved(platform)
        assert await kinds(platform, first) == ["FundingOffered"]
        assert (await arranged(platform, await approved(platform))).lenders == (), "one borrower's cap"
        second = await approved(platform, applicant="another")
        assert await kinds(platform, second) == ["FundingOffered"]
        assert (await arranged(platform, await approved(platform, applicant="third"))).lenders == (), "all together"
        gone = ApprovalLapsed(application_id=first, reason="offer-expired", lapsed_on=platform.runtime.today)
        await platform.publish(f"decision-{first}", gone)
        await platform.settle()
        assert (await kinds(platform, first))[-1] == "FundingWithdrawn"
        assert await kinds(platform, await approved(platform, applicant="fourth")) == ["FundingOffered"]
        partner = await platform.client("partner")
        late = await partner.post(f"/partners/fundings/{first}/answer", json={"answer": "ACCEPT"}, headers=key())
        assert late.status_code == 409
        assert late.json()["type"].endswith("funding-not-open")


async def test_approvals_that_come_together_do_not_get_past_a_cap(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as platform:
        caps = {"open_max": None, "month_max": ex.cny("25200.00"), "borrower_max": None}
        await agreed(platform, "harbour-bank", "partner", caps=caps)
        many = [approved(platform, applicant=f"applicant-{number}") for number in range(8)]
        found = [await kinds(platform, each) for each in await asyncio.gather(*many)]
        assert sum(each == ["FundingOffered"] for each in found) == 3
        assert sum(each == ["FundingArranged"] for each in found) == 5


async def booked(platform: Served, application_id: str) -> tuple[str, ledger.LoanBooked]:
    """The partner accepts, and the loan is booked: its id and the event of the ledger."""
    partner = await platform.client("partner")
    await said(partner, f"/fundings/{application_id}/answer", {"answer": "ACCEPT"})
    lenders = (await arranged(platform, application_id)).lenders
    loan_id, example = loan_id_of(application_id), ledger.LoanBooked.model_validate(ledger.LoanBooked.example)
    agreement = example.agreement.model_copy(update={"lenders": lenders})
    ids = {"loan_id": loan_id, "application_id": application_id, "agreement": agreement}
    event = example.model_copy(update=ids)
    await platform.publish(f"loan-{loan_id}", event)
    await platform.settle()
    return loan_id, event


async def funds(platform: Served) -> list[str]:
    return [type(event).__name__ for event in await platform.events("funds-harbour-bank")]


async def test_the_loan_of_a_contract_that_names_its_lenders_is_split_from_its_payout_on(
    database: str, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner")
        await received(platform, "harbour-bank", "10000.00")
        loan_id, _ = await booked(platform, await approved(platform))
        assert await funds(platform) == ["FundsReceived", "FundsReserved"]
        disbursed = ledger.LoanDisbursed.model_validate(ledger.LoanDisbursed.example | {"loan_id": loan_id})
        await platform.publish(f"loan-{loan_id}", disbursed)
        await platform.settle()
        events = await platform.events(f"share-{loan_id}")
        assert [type(event) for event in events] == [LoanShared, MovementSplit]
        shares = [(each.funder, each.share_ppm) for each in events[0].shares]
        assert shares == [("harbour-bank", 700_000), ("own", 300_000)]
        partner = await platform.client("partner")
        shown = (await partner.get("/partners/partners/harbour-bank/funds")).json()
        money = {name: shown[name]["amount"] for name in ("available", "reserved", "used")}
        assert money == {"available": "1600.00", "reserved": "0.00", "used": "8400.00"}
        assert await platform.parked() == []


async def test_what_moved_on_a_partners_parts_is_settled_once_with_its_file(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner")
        await agreed(platform, "hill-bank", "somebody-else")
        await received(platform, "harbour-bank", "10000.00")
        loan_id, _ = await booked(platform, await approved(platform, application_id=ex.APPLICATION))
        plan = [ex.PLAN_ROW | {"principal": ex.cny("12000.00")}]
        example = ledger.LoanDisbursed.example | {"loan_id": loan_id, "plan": plan}
        disbursed = ledger.LoanDisbursed.model_validate(example)
        repaid = ledger.RepaymentReceived.model_validate(ledger.RepaymentReceived.example | {"loan_id": loan_id})
        await platform.publish(f"loan-{loan_id}", disbursed)
        await platform.settle()
        await day(platform, date(2026, 2, 3))
        await platform.publish(f"loan-{loan_id}", repaid)
        await platform.settle()
        for on in (date(2026, 3, 3), date(2026, 3, 4)):  # nothing moved between the two
            await day(platform, on)
        partner = await platform.client("partner")
        listed = (await partner.get("/partners/settlements")).json()["items"]
        assert [(row["settled_on"], row["amount"]["amount"]) for row in listed] == [
            ("2026-03-03", "763.81"),  # 644.11 principal and 126.00 interest, less 5 % of that
            ("2026-02-03", "0.00"),  # the payout, out of what had been paid before
        ]
        assert [(row["payer"], row["payee"]) for row in listed] == [("own", "harbour-bank")] * 2
        assert listed[0]["servicing_fee"]["amount"] == "6.30"
        path = f"/partners/settlements/{listed[0]['settlement_id']}"
        file = await partner.get(f"{path}/file")
        assert sha256(file.content).hexdigest() == listed[0]["file_sha256"]
        assert [line.split(",")[1] for line in file.text.splitlines()[1:]] == [loan_id]
        officer = await platform.client("finance_officer")
        payment = {"bank_reference": "B7", "value_date": "2026-03-04"}
        assert (await said(officer, f"/settlements/{listed[0]['settlement_id']}/payment", payment))["paid_on"]
        await platform.settle()
        assert (await officer.get(path)).json()["bank_reference"] == "B7"
        assert await platform.parked() == []
        books = (await officer.get("/partners/books")).json()
        assert books["equal"]
        assert {row["funder"]: row["outstanding"]["amount"] for row in books["lenders"]} == {
            "harbour-bank": "7755.89",
            "own": "3323.95",
        }


def beside_the_days(loan_id: str) -> bool:
    """Whether what happens to a loan is heard in order with the days that open: in their partition."""
    return partition_of(f"loan-{loan_id}", PARTITIONS) == partition_of("businessday-cn", PARTITIONS)


async def test_what_moved_is_settled_on_the_next_day_however_much_is_heard_at_once(
    database: str, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner")
        await received(platform, "harbour-bank", "10000.00")
        application_id = next(each for each in map(str, iter(uuid4, None)) if beside_the_days(loan_id_of(each)))
        loan_id, _ = await booked(platform, await approved(platform, application_id=application_id))
        disbursed = ledger.LoanDisbursed.model_validate(ledger.LoanDisbursed.example | {"loan_id": loan_id})
        repaid = ledger.RepaymentReceived.model_validate(ledger.RepaymentReceived.example | {"loan_id": loan_id})
        for stream, event in (  # on their way all at once
            (f"loan-{loan_id}", disbursed),
            ("businessday-cn", opened(date(2026, 2, 3))),
            ("businessday-cn", opened(date(2026, 2, 4))),
            (f"loan-{loan_id}", repaid),
            ("businessday-cn", opened(date(2026, 3, 3))),
            ("businessday-cn", opened(date(2026, 3, 4))),
        ):
            await platform.publish(stream, event)
        await platform.settle()
        settled = await platform.events("settlement-harbour-bank")
        assert [event.settled_on for event in settled] == [date(2026, 2, 3), date(2026, 3, 3)]
        due = await platform.events("settlementday-cn")
        assert [event.business_date for event in due] == [date(2026, 2, 3), date(2026, 3, 3)]
        assert await platform.parked() == []


async def test_a_loan_waits_for_money_that_is_called_and_is_given_up_when_it_does_not_come(
    database: str, tmp_path: Path
) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner", funds="CALLED")
        first, _ = await booked(platform, await approved(platform))
        second_application = await approved(platform)
        second, event = await booked(platform, second_application)
        assert await funds(platform) == ["FundsCalled", "FundsCalled"]
        shown = await received(platform, "harbour-bank", "8400.00")
        assert [each["loan_id"] for each in shown["called"]] == [second]
        assert shown["reserved"]["amount"] == "8400.00"
        await platform.settle()
        await lapse(platform.runtime, FAR_AWAY)
        await platform.settle()
        last = (await platform.events("funds-harbour-bank"))[-1]
        assert isinstance(last, FundsMissing)
        assert last.loan_id == second
        cancelled = ledger.LoanCancelled(
            loan_id=second,
            application_id=second_application,
            reason="co-lender-funds-missing",
            cancelled_on=event.booked_on,
        )
        await platform.publish(f"loan-{second}", cancelled)
        await platform.settle()
        assert (await kinds(platform, second_application))[-1] == "FundingWithdrawn"
        assert first != second
        assert await platform.parked() == []


async def test_a_partner_hears_at_its_endpoint_that_money_is_called_for_and_settled(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUHUI_PARTNERS_WEBHOOK_NETWORKS", '["127.0.0.1/32"]')
    async with running(database, tmp_path) as platform, receiving() as receiver:
        await agreed(platform, "harbour-bank", "partner", funds="CALLED")
        await _told_at(platform, receiver)
        loan_id, _ = await booked(platform, await approved(platform))
        await received(platform, "harbour-bank", "8400.00")
        await platform.settle()
        await platform.publish(
            f"loan-{loan_id}", ledger.LoanDisbursed.model_validate(ledger.LoanDisbursed.example | {"loan_id": loan_id})
        )
        await day(platform, date(2026, 2, 3))
        wanted = ["funding-offered", "funding-answered", "funds-called", "funds-reserved"]
        wanted += ["loan-disbursed", "settlement-made"]
        await receiver.until(lambda it: len(it.accepted) == len(wanted))
        assert sorted(each["type"].split(".")[2] for each in receiver.accepted) == sorted(wanted)
        told = (await (await platform.client("partner")).get("/partners/partners/harbour-bank/events")).json()["items"]
        assert len(told) == len(wanted), "whatever it is told, an endpoint can subscribe to"


async def test_what_was_set_aside_for_a_loan_that_is_cancelled_is_free_again(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner")
        await received(platform, "harbour-bank", "8400.00")
        application_id = await approved(platform)
        loan_id, event = await booked(platform, application_id)
        cancelled = ledger.LoanCancelled(
            loan_id=loan_id, application_id=application_id, reason="disbursement-failed", cancelled_on=event.booked_on
        )
        await platform.publish(f"loan-{loan_id}", cancelled)
        await platform.settle()
        assert await funds(platform) == ["FundsReceived", "FundsReserved", "FundsReleased"]
        shown = (await (await platform.client("auditor")).get("/partners/partners/harbour-bank/funds")).json()
        assert shown["available"]["amount"] == "8400.00"
        others = await platform.client("partner")
        await agreed(platform, "hill-bank", "somebody-else")
        assert (await others.get("/partners/partners/hill-bank/funds")).status_code == 404


async def test_a_loan_that_was_paid_out_alone_is_not_shared_afterwards(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner")
        disbursed = ledger.LoanDisbursed.model_validate(ledger.LoanDisbursed.example)
        await platform.publish(f"loan-{ex.LOAN}", disbursed)
        await platform.settle()
        body = {
            "shares": [{"funder": "harbour-bank", "share_ppm": 700_000}, {"funder": "own", "share_ppm": 300_000}],
            "effective_from": "2026-02-02",
        }
        await said(await platform.client("finance_officer"), f"/loans/{ex.LOAN}/shares", body, 201)
        manager = await platform.client("finance_manager")
        refused = await manager.post(f"/partners/loans/{ex.LOAN}/shares/approve", headers=key())
        assert refused.status_code == 409
        assert refused.json()["type"].endswith("loan-paid-out-alone")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"partner": "nobody"}, 404, "partner-not-found"),
        ({"effective_from": "2020-01-01"}, 422, "agreement-date-passed"),
        ({"terms": ANYTHING | {"regime": "none"}}, 422, "regime-unknown"),
        ({"terms": ANYTHING | {"rules": [{"share_ppm": 1_000_000}]}}, 422, "share-outside-regime"),
        ({"terms": ANYTHING | {"rules": []}}, 422, "validation-failed"),
        ({"terms": ANYTHING | {"data": ["name"]}}, 422, "validation-failed"),
        ({"terms": ANYTHING | {"servicing_fee_rate": "-0.1"}}, 422, "validation-failed"),
    ],
)
async def test_what_cannot_be_agreed_is_refused(
    database: str, tmp_path: Path, change: dict[str, Any], status: int, code: str
) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner")
        officer = await platform.client("finance_officer")
        today = platform.runtime.today.isoformat()
        body = {"agreement": "other", "partner": "harbour-bank", "effective_from": today, "terms": ANYTHING} | change
        refused = await officer.post("/partners/agreements", json=body, headers=key())
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (status, code), refused.text


async def test_a_partner_sees_its_agreements_and_no_others(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path) as platform:
        await agreed(platform, "harbour-bank", "partner")
        await agreed(platform, "hill-bank", "somebody-else")
        partner = await platform.client("partner")
        listed = (await partner.get("/partners/agreements")).json()["items"]
        assert [row["agreement"] for row in listed] == ["harbour-bank-1"]
        assert (await partner.get("/partners/agreements/hill-bank-1")).status_code == 404
        assert (await partner.get("/partners/agreements/harbour-bank-1")).json()["status"] == "APPROVED"
