"""Work on cases over HTTP: questions, the committee, conditions, reviews, relatives, deputies, deadlines."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from libs.contracts import examples as ex
from libs.contracts.collections import BorrowerFrozen, BorrowerUnfrozen
from libs.contracts.ledger import BusinessDayOpened
from libs.service.testing import Served, key
from services.approval.tests.exposures import applies, happens, used
from services.approval.tests.requests import application_id, scored
from services.approval.tests.test_api import APPROVE, DECLINE, code, post, refer

PROOF = {"document_sha256": ex.SHA256, "note": "Seen"}
TODAY = date(2026, 1, 5)
"""The business date of a service that has heard of none."""


async def day_opens(approval: Served, on: date) -> None:
    await approval.publish("businessday-cn", BusinessDayOpened(business_date=on, previous=on - timedelta(days=1)))
    await approval.settle()


async def test_an_applicant_is_asked_and_answers_before_anything_is_decided(approval: Served) -> None:
    path = await refer(approval)
    officer = await approval.client("credit_officer")
    await post(officer, f"{path}/claim")
    unknown = await post(officer, f"{path}/questions", {"code": "favourite-colour"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "#/code")
    asked = await post(officer, f"{path}/questions", {"code": "proof-of-income"})
    assert asked.json()["question"]["answer_by"] == (TODAY + timedelta(days=10)).isoformat()
    assert code(await post(officer, f"{path}/decide", APPROVE)) == "answer-awaited"

    answer = {"code": "proof-of-income", "documents": [ex.SHA256]}
    other = await approval.client("customer", **{"On-Behalf-Of": "somebody-else"})
    own = await approval.client("customer", **{"On-Behalf-Of": ex.APPLICANT})
    assert (await post(other, f"{path}/answers", answer)).status_code == 404
    assert (await post(own, f"{path}/answers", answer | {"documents": ["abc"]})).status_code == 422
    assert (await post(own, f"{path}/answers", answer)).json()["question"] is None
    assert (await post(officer, f"{path}/decide", APPROVE)).json()["status"] == "APPROVED"


async def test_the_committee_decides_what_nobody_may_alone(approval: Served) -> None:
    await happens(approval, applies(1, "500000.00"))
    path = f"/approval/decisions/{application_id(1)}"
    officer = await approval.client("credit_officer")
    members = [await approval.client(role) for role in ("senior_credit_officer", "risk_manager", "finance_manager")]
    early = await post(members[0], f"{path}/votes", APPROVE)
    assert (early.status_code, code(early)) == (409, "nothing-to-vote-on")
    await post(officer, f"{path}/claim")
    await post(officer, f"{path}/recommend", APPROVE)
    assert (await post(officer, f"{path}/votes", APPROVE)).status_code == 403
    standing = [(await post(member, f"{path}/votes", APPROVE)).json()["status"] for member in members]
    assert standing == ["REFERRED", "REFERRED", "APPROVED"]
    decided = (await officer.get(path)).json()
    assert decided["decided_by"] == ["credit-officer", "senior-credit-officer", "risk-manager", "finance-manager"]
    assert await used(approval, "borrower:applicant-1") == "500000.00"


async def test_two_of_three_members_approve_once_the_policy_asks_for_two_thirds(approval: Served) -> None:
    await happens(approval, applies(1, "500000.00"))
    await day_opens(approval, date(2026, 12, 1))
    path = f"/approval/decisions/{application_id(1)}"
    officer = await approval.client("credit_officer")
    assert (await officer.get("/approval/casework")).json()["committee_share"] == "2/3"
    await post(officer, f"{path}/claim")
    await post(officer, f"{path}/recommend", APPROVE)
    said = {"senior_credit_officer": APPROVE, "risk_manager": DECLINE, "finance_manager": APPROVE}
    standing = [
        (await post(await approval.client(who), f"{path}/votes", vote)).json()["status"] for who, vote in said.items()
    ]
    assert standing == ["REFERRED", "REFERRED", "APPROVED"]


async def test_nothing_is_offered_before_the_conditions_are_met(approval: Served) -> None:
    path = await refer(approval)
    officer, contracts = await approval.client("credit_officer"), await approval.client("contract_officer")
    await post(officer, f"{path}/claim")
    twice = await post(officer, f"{path}/decide", APPROVE | {"conditions": ["insurance", "insurance"]})
    assert (twice.status_code, twice.json()["errors"][0]["pointer"]) == (422, "#/conditions/1")
    prepared = await post(officer, f"{path}/decide", APPROVE | {"conditions": ["insurance", "income-confirmed"]})
    assert (prepared.json()["status"], len(prepared.json()["conditions"])) == ("CONDITIONAL", 2)
    await approval.settle()
    (row,) = (await officer.get("/approval/decisions?status=CONDITIONAL")).json()["items"]
    assert row["application_id"] == application_id()
    assert await used(approval, f"borrower:{ex.APPLICANT}") == "0.00"

    assert (await post(officer, f"{path}/conditions/insurance", PROOF)).status_code == 403, "he decided"
    assert code(await post(contracts, f"{path}/conditions/coverage", PROOF)) == "condition-not-open"
    first = await post(contracts, f"{path}/conditions/insurance", PROOF)
    assert (first.json()["status"], len(first.json()["conditions"])) == ("CONDITIONAL", 1)
    last = await post(contracts, f"{path}/conditions/income-confirmed", PROOF)
    assert (last.json()["status"], last.json()["conditions"]) == ("APPROVED", [])
    assert await used(approval, f"borrower:{ex.APPLICANT}") == "40000.00"


async def test_conditions_that_nobody_proves_lapse_with_the_offer(approval: Served) -> None:
    path = await refer(approval)
    officer = await approval.client("credit_officer")
    await post(officer, f"{path}/claim")
    await post(officer, f"{path}/decide", APPROVE | {"conditions": ["insurance"]})
    await approval.settle()
    await day_opens(approval, TODAY + timedelta(days=15))
    assert (await officer.get(path)).json()["status"] == "LAPSED"


async def test_who_is_declined_is_told_why_and_may_have_a_person_decide(approval: Served) -> None:
    await approval.publish(f"assessment-{application_id()}", scored(grade="E"))
    await approval.settle()
    path = f"/approval/decisions/{application_id()}"
    own = await approval.client("customer", **{"On-Behalf-Of": ex.APPLICANT})
    other = await approval.client("customer", **{"On-Behalf-Of": "somebody-else"})
    assert (await other.get(f"{path}/notice")).status_code == 404
    assert (await post(other, f"{path}/review")).status_code == 404
    notice = (await own.get(f"{path}/notice")).json()
    assert [reason["code"] for reason in notice["reasons"]] == ["score-too-low", "savings-balance"]
    assert (notice["automatic"], notice["review_until"]) == (True, "2026-03-03")
    assert "储蓄或有价证券较少" in notice["text"]["zh"]
    assert "until 2026-03-03 for a review by a person" in notice["text"]["en"]

    same = key()
    asked = await own.post(f"{path}/review", headers=same)
    assert (asked.json()["status"], asked.json()["queue"]) == ("REFERRED", "review")
    assert (await own.post(f"{path}/review", headers=same)).headers["idempotency-replayed"] == "true"
    assert (await own.get(f"{path}/notice")).status_code == 404, "not declined any more"
    await approval.settle()
    officer, manager = await approval.client("credit_officer"), await approval.client("risk_manager")
    (row,) = (await officer.get("/approval/decisions?queue=review&status=REFERRED")).json()["items"]
    assert (row["automatic"], row["four_eyes"]) == (False, True)
    await post(officer, f"{path}/claim")
    await post(officer, f"{path}/recommend", APPROVE)
    await post(manager, f"{path}/claim")
    bare = await post(manager, f"{path}/decide", APPROVE)
    assert (bare.status_code, bare.json()["errors"][0]["pointer"]) == (422, "#/override")
    decided = await post(manager, f"{path}/decide", APPROVE | {"override": "record-corrected"})
    assert decided.json()["status"] == "APPROVED"
    assert (await approval.events(f"decision-{application_id()}"))[-1].override == "record-corrected"
    late = await post(own, f"{path}/review")
    assert (late.status_code, code(late)) == (409, "nothing-to-review")


async def test_what_is_applied_for_again_within_a_month_of_a_decline_is_declined(approval: Served) -> None:
    await happens(approval, *(applies(n, "20000.00", "E", "again") for n in (1,)))
    later = [applies(n, "20000.00", "A", "again") for n in (2, 3, 4)]
    days = (date(2026, 2, 1), date(2026, 3, 3), date(2026, 3, 4))
    await happens(approval, *(each.model_copy(update={"scored_on": on}) for each, on in zip(later, days, strict=True)))
    officer = await approval.client("credit_officer")
    shown = [(await officer.get(f"/approval/decisions/{application_id(n)}")).json() for n in (2, 3, 4)]
    assert [each["status"] for each in shown] == ["APPROVED", "DECLINED", "APPROVED"], "same day, last day, day after"
    assert shown[1]["reasons"][0]["code"] == "cooling-period"


async def test_nothing_is_approved_by_rule_for_who_is_frozen(approval: Served) -> None:
    frozen = BorrowerFrozen(applicant_id="watched", measure_id="measure-1", frozen_on=date(2026, 2, 1))
    await approval.publish("watch-watched", frozen)
    await approval.settle()
    await happens(approval, applies(1, "20000.00", "A", "watched"), applies(2, "20000.00", "E", "watched"))
    await happens(approval, applies(3, "20000.00", "A", "other"))
    officer = await approval.client("credit_officer")
    shown = [(await officer.get(f"/approval/decisions/{application_id(n)}")).json() for n in (1, 2, 3)]
    assert [each["status"] for each in shown] == ["REFERRED", "DECLINED", "APPROVED"]
    assert [(each["queue"], each["four_eyes"]) for each in shown[:1]] == [("large", True)]
    assert [reason["code"] for reason in shown[0]["reasons"]] == ["borrower-frozen"]
    end = BorrowerUnfrozen(applicant_id="watched", measure_id="measure-1", unfrozen_on=date(2026, 4, 2))
    await approval.publish("watch-watched", end)
    await approval.settle()
    later = applies(4, "20000.00", "A", "watched").model_copy(update={"scored_on": date(2026, 4, 2)})
    await happens(approval, later)
    assert (await officer.get(f"/approval/decisions/{application_id(4)}")).json()["status"] == "APPROVED"


async def test_nobody_touches_the_application_of_a_relative(approval: Served) -> None:
    path = await refer(approval)
    officer, manager = await approval.client("credit_officer"), await approval.client("risk_manager")
    relation = {"applicant_id": ex.APPLICANT, "relation": "sibling", "basis": "Own declaration"}
    mine = "/approval/officers/credit-officer"
    assert code(await post(officer, "/approval/officers/risk-manager/relations", relation)) == "not-your-relation"
    declared = await post(officer, f"{mine}/relations", relation)
    assert (declared.status_code, declared.json()["relations"][0]["relation"]) == (201, "sibling")
    claimed = await post(officer, f"{path}/claim")
    assert (claimed.status_code, code(claimed)) == (403, "related-party")
    assert (await post(officer, f"{mine}/relations/{ex.APPLICANT}/end", {"reason": "x"})).status_code == 403
    ended = await post(manager, f"{mine}/relations/{ex.APPLICANT}/end", {"reason": "Certificate seen"})
    assert ended.json()["relations"] == []
    assert (await post(officer, f"{path}/claim")).status_code == 200


async def test_a_deputy_decides_on_the_days_for_which_authority_was_lent(approval: Served) -> None:
    path = await refer(approval, amount="60000.00")
    officer, manager = await approval.client("credit_officer"), await approval.client("risk_manager")
    await post(officer, f"{path}/claim")
    assert code(await post(officer, f"{path}/decide", APPROVE)) == "authority-exceeded"
    lends = {"officer": "credit-officer", "role": "risk_manager", "reason": "On leave"}
    days = {"first_day": TODAY.isoformat(), "last_day": (TODAY + timedelta(days=7)).isoformat()}
    assert code(await post(officer, "/approval/delegations", lends | days | {"officer": "x"})) == "role-not-held"
    lent = await post(manager, "/approval/delegations", lends | days)
    assert (lent.status_code, lent.json()["delegations"][0]["delegator"]) == (201, "risk-manager")
    back = lent.json()["delegations"][0]["delegation_id"]
    taken = await post(manager, f"/approval/delegations/credit-officer/{back}/end")
    assert taken.json()["delegations"] == []
    assert code(await post(officer, f"{path}/decide", APPROVE)) == "authority-exceeded"
    await post(manager, "/approval/delegations", lends | days)
    assert (await post(officer, f"{path}/decide", APPROVE)).json()["status"] == "APPROVED"
    assert (await approval.events(f"decision-{application_id()}"))[-1].delegated_by == "risk-manager"


async def test_a_late_case_goes_to_people_with_more_authority_and_its_lease_ends(approval: Served) -> None:
    path = await refer(approval)
    officer, senior = await approval.client("credit_officer"), await approval.client("senior_credit_officer")
    await post(officer, f"{path}/claim")
    await approval.settle()
    (row,) = (await officer.get("/approval/decisions?status=REFERRED")).json()["items"]
    assert (row["queue"], row["due_on"]) == ("standard", "2026-02-06"), "five days after 2026-02-01"
    await day_opens(approval, date(2026, 2, 6))
    assert (await officer.get(path)).json()["queue"] == "standard"
    await day_opens(approval, date(2026, 2, 7))
    shown = (await officer.get(path)).json()
    assert (shown["queue"], shown["officer"]) == ("large", "credit-officer")
    taken = await post(senior, f"{path}/claim")
    assert (taken.status_code, taken.json()["officer"]) == (200, "senior-credit-officer")


async def test_the_codes_that_commands_take_are_shown(approval: Served) -> None:
    shown = (await (await approval.client("auditor")).get("/approval/casework")).json()
    assert {each["code"] for each in shown["conditions"]} >= {"insurance", "coverage"}
    assert (shown["committee_quorum"], shown["committee_max"]["amount"]) == (3, "5000000.00")
    assert shown["committee_share"] == "6667/10000"
    path = await refer(approval)
    for role, act, body in (
        ("auditor", "questions", {"code": "proof-of-income"}),
        ("collector", "answers", {"code": "proof-of-income", "documents": [ex.SHA256]}),
        ("credit_officer", "votes", DECLINE),
        ("customer", "conditions/insurance", PROOF),
        ("auditor", "review", None),
    ):
        answer: Any = await post(await approval.client(role), f"{path}/{act}", body)
        assert answer.status_code == 403, (role, act)
