"""The kit and the example partner against the real partners service, over HTTP on a real database."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jsonschema import Draft202012Validator

from libs.contracts import examples as ex
from libs.contracts import ledger
from libs.contracts.partners import FundingArranged
from libs.service.openapi import operations
from partners.example.book import TRANSFERRED
from partners.example.desk import TYPES
from partners.kit import (
    Ask,
    AsyncClient,
    Conflict,
    ContactDetails,
    Credentials,
    DailyFile,
    Item,
    Money,
    NotAuthenticated,
    NotFound,
    ReferenceReused,
    sign,
    signed_text,
)
from partners.kit.calls import Call, Pages
from partners.tests.running import Platform, example, platform, until
from services.partners.handlers import loan_id_of
from services.partners.tests.world import agreement_with, approved, day, received, repaid, said, says, shared_with

T = TypeVar("T")
WEBHOOKS = json.loads((Path(__file__).parents[2] / "docs/api/asyncapi-partners.json").read_text())
DOCUMENTS = [
    json.loads((Path(__file__).parents[2] / f"docs/api/openapi/{name}.json").read_text())
    for name in ("partners", "contract")
]


NOT_FOR_LENDERS = {"sign_contract"}
"""Asked by a platform that brings customers, which is told why it cannot sign."""


@pytest.fixture(autouse=True)
def _loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUHUI_PARTNERS_WEBHOOK_NETWORKS", '["127.0.0.1/32"]')


def everything_a_partner_may_ask() -> list[Call[Any]]:
    ask, on, ref = Ask("{partner}"), date(2026, 3, 2), "r-1"
    file = DailyFile(file_date=on, items=[])
    contact = ContactDetails(
        role="TECHNICAL", name="李四", telephone="+86 571 8800 0000", email="it@harbour.example", valid_from=on
    )
    asked: list[Call[Any] | Pages[Any]] = [
        ask.partners(), ask.agreements(), ask.agreement("{agreement}"), ask.offers(), ask.offer("{application_id}"),
        ask.contract("{application_id}"),
        ask.funds(), ask.loans(), ask.holdings("{loan_id}"), ask.cash_flows(), ask.statement(on, on),
        ask.settlements(), ask.settlement("{settlement_id}"), ask.settlement_file("{settlement_id}"),
        ask.delinquency(), ask.vintages(), ask.events(), ask.event_types(), ask.endpoints(),
        ask.endpoint_secrets("{endpoint_id}"), ask.callback_secrets(), ask.deliveries("{endpoint_id}"),
        ask.attempts("{endpoint_id}", 1), ask.breaks(), ask.break_ages(), ask.accept("{application_id}", reference=ref),
        ask.question("{application_id}", "?", reference=ref), ask.register_endpoint("u", ["t"], reference=ref),
        ask.rotate_secret("{endpoint_id}", reference=ref), ask.send_test("{endpoint_id}", reference=ref),
        ask.set_status("{endpoint_id}", "PAUSED", "x", reference=ref), ask.redeliver("{endpoint_id}", reference=ref),
        ask.upload(file, reference=ref), ask.answer_break("{break_id}", "x", reference=ref),
        ask.contacts(), ask.name_contact(contact, reference=ref),
        ask.change_contact("{person_id}", contact, reference=ref),
        ask.keys(), ask.key_challenge("k", datetime(2026, 3, 2, tzinfo=UTC)), ask.register_key("c", "p", reference=ref),
        ask.revoke_key("{key_id}", "x", reference=ref),
        ask.rotate_callback_secret(reference=ref), ask.callback_file(file, reference=ref),
    ]  # fmt: skip
    return [each.first if isinstance(each, Pages) else each for each in asked]


def test_the_kit_has_every_operation_that_a_partner_may_call() -> None:
    offered = {
        f"{method.upper()} {path.replace('{position}', '1')}"
        for document in DOCUMENTS
        for path, method, operation in operations(document)
        if "/operations/" not in path and ("partner" in operation.get("x-roles", []) or "/callbacks/" in path)
        if operation["operationId"] not in NOT_FOR_LENDERS
    }
    assert offered == {call.name for call in everything_a_partner_may_ask()}


async def of_kit(platform: Platform, ask: Callable[[Ask], Call[T]]) -> T:
    given = platform.configuration
    credentials = Credentials(given.token_url, given.client_id, given.client_secret.get_secret_value())
    async with AsyncClient(given.url, given.partner, credentials) as client:
        return await client.send(ask(client.ask))


async def every(platform: Platform, ask: Callable[[Ask], Pages[T]]) -> list[T]:
    given = platform.configuration
    credentials = Credentials(given.token_url, given.client_id, given.client_secret.get_secret_value())
    async with AsyncClient(given.url, given.partner, credentials) as client:
        return [item async for item in client.every(ask(client.ask))]


async def booked(platform: Platform, application_id: str) -> str:
    """The contract is signed and the loan booked, as other services say."""
    arranged = (await platform.served.events(f"funding-{application_id}"))[-1]
    assert isinstance(arranged, FundingArranged)
    event = ledger.LoanBooked.model_validate(ledger.LoanBooked.example)
    loan_id = loan_id_of(application_id)
    agreement = event.agreement.model_copy(update={"lenders": arranged.lenders})
    event = event.model_copy(update={"loan_id": loan_id, "application_id": application_id, "agreement": agreement})
    await platform.served.publish(f"loan-{loan_id}", event)
    await platform.served.settle()
    return loan_id


async def test_from_an_offer_to_a_settled_day_the_example_s_book_is_the_platform_s_to_the_fen(
    database: str, tmp_path: Path
) -> None:
    async with platform(database, tmp_path) as it:
        served = it.served
        await agreement_with(
            served,
            "harbour-bank",
            funds="CALLED",
            data=["amount", "annual_rate", "grade", "instalments"],
            fixed_fees=[
                {"per": "LOAN", "payer": "PARTNER", "amount": ex.cny("30.00")},
                {"per": "MONTH", "payer": "OWN", "amount": ex.cny("200.00")},
            ],
        )
        loop = asyncio.get_running_loop()

        def pay(loan_id: str, amount: Money) -> None:
            paying = received(served, "harbour-bank", str(amount.amount), reference=f"T-{loan_id}")
            asyncio.run_coroutine_threadsafe(paying, loop).result(timeout=20)

        async with example(it.configuration, tmp_path / "book.sqlite", pay) as (desk, _):
            await served.settle()
            application_id = await approved(served)
            await until(lambda: desk.record.committed().minor == 8400_00, "the offer is accepted")
            await served.settle()
            loan_id = await booked(it, application_id)
            funds = await of_kit(it, lambda ask: ask.funds())
            while funds.reserved.minor != 8400_00:  # called for, paid by the worker, and set aside
                await served.settle()
                funds = await of_kit(it, lambda ask: ask.funds())
            await says(served, ledger.LoanDisbursed, loan_id, payment_id="p-1")
            await day(served, date(2026, 2, 3))
            for number in range(3):
                await repaid(served, loan_id, number)
            await says(served, ledger.RepaymentReversed, loan_id, repayment_id="r-1", reversed_on="2026-03-03")
            await day(served, date(2026, 3, 4))
            end = await asyncio.to_thread(desk.day_end, date(2026, 3, 3))
            assert [checked.differences for _, checked in end.settlements] == [[], []]
            assert [settlement.movements for settlement, _ in end.settlements] == [3, 5], "a month's fee is a line"
            assert [settlement.fixed_fee.minor for settlement, _ in end.settlements] == [-170_00, -200_00]
            assert all(checked.net == settlement.net.minor != 0 for settlement, checked in end.settlements)
            assert (end.file.matched, end.file.open, end.equal) == (5, 0, True)
            assert desk.record.open_entries() == []
            (loan,) = await every(it, lambda ask: ask.loans())
            assert desk.record.standings("2026-03-03") == [(loan_id, loan.status, loan.outstanding.minor)]
            again = await asyncio.to_thread(desk.day_end, date(2026, 3, 4))
            assert (again.settlements, again.missed, again.equal) == ([], 0, True)
            assert await served.parked() == []
            told = await every(it, lambda ask: ask.events())
            assert len(told) == 11
            assert [error for each in told for error in errors_of(each.event)] == []


async def test_a_share_that_is_sold_is_told_booked_and_settled_to_the_fen(database: str, tmp_path: Path) -> None:
    async with platform(database, tmp_path) as it, example(it.configuration, tmp_path / "book.sqlite") as (desk, _):
        served = it.served
        await served.settle()
        loan_id = await shared_with(served, "harbour-bank")
        await says(served, ledger.LoanDisbursed, loan_id, payment_id="p-1")
        await served.settle()
        cost = {"kind": "LEGAL", "amount": ex.cny("100.00"), "incurred_on": "2026-01-01", "reference": "Invoice 1"}
        officer = await served.client("finance_officer")
        made = await said(officer, f"/loans/{loan_id}/costs", cost, 201)
        back = {"amount": ex.cny("40.00"), "received_on": "2026-01-04", "reference": "Refund 1"}
        await said(officer, f"/loans/{loan_id}/costs/{made['cost_id']}/repayments", back, 201)
        shares = [{"funder": "hill-bank", "share_ppm": 400000}, {"funder": "own", "share_ppm": 600000}]
        body = {"shares": shares, "effective_from": "2026-03-03"}
        await said(await served.client("finance_officer"), f"/loans/{loan_id}/shares", body, 201)
        await said(it.manager, f"/loans/{loan_id}/shares/approve")
        await served.settle()
        await day(served, date(2026, 3, 4))
        end = await asyncio.to_thread(desk.day_end, date(2026, 3, 3))
        (told,) = [
            each.event for each in await every(it, lambda ask: ask.events()) if each.event["type"] == TRANSFERRED
        ]
        assert "hill-bank" not in json.dumps(told), "what others hold is not its to know"
        assert errors_of(told) == []
        ((settlement, checked),) = end.settlements
        assert (checked.differences, settlement.movements) == ([], 4)
        assert settlement.transferred.minor < 0
        assert settlement.amounts.cost == Money.of("42.00"), "70.00 borne, and 28.00 of it paid back"
        assert (end.equal, desk.record.open_entries()) == (True, [])
        assert [owed for _, _, owed in desk.record.standings("2026-03-03")] == [0]
        assert await served.parked() == []


def errors_of(event: dict[str, Any]) -> list[str]:
    """What of an event is not as the document for partners says; one that it does not name is an error."""
    message = WEBHOOKS["components"]["messages"][event["type"]]
    schema = {**message["payload"], "components": WEBHOOKS["components"]}
    errors = [error.message for error in Draft202012Validator(schema).iter_errors(event)]
    data = schema["properties"]["data"]["$ref"].rpartition("/")[2]
    unknown = event["data"].keys() - WEBHOOKS["components"]["schemas"][data]["properties"].keys()
    return errors + [f"{event['type']}: {name} is not described" for name in unknown]


async def test_what_is_sent_twice_lost_or_forged_leaves_the_book_as_it_is(database: str, tmp_path: Path) -> None:
    async with platform(database, tmp_path) as it, example(it.configuration, tmp_path / "book.sqlite") as (desk, hook):
        served, manager = it.served, it.manager
        await served.settle()
        loan_id, theirs = await shared_with(served, "harbour-bank"), await shared_with(served, "hill-bank")
        await says(served, ledger.LoanDisbursed, loan_id, payment_id="p-1")
        await repaid(served, theirs, 9)
        await repaid(served, loan_id, 0)
        await until(lambda: len(desk.record.open_entries()) == 2, "both events are taken")
        before = desk.record.open_entries()
        endpoint_id = desk.record.setting("endpoint_id")
        sent = await of_kit(it, lambda ask: ask.redeliver(endpoint_id, from_sequence=1, reference="again-1"))
        assert sent.deliveries == 2
        log = await every(it, lambda ask: ask.deliveries(endpoint_id))
        await served.settle()
        while not all(row.status == "DELIVERED" and row.attempts == 2 for row in log):
            log = await every(it, lambda ask: ask.deliveries(endpoint_id))
        assert desk.record.open_entries() == before, "the same again counts once"

        paused = await of_kit(it, lambda ask: ask.set_status(endpoint_id, "PAUSED", "We move", reference="pause-1"))
        assert paused.status == "PAUSED"
        await served.settle()
        await repaid(served, loan_id, 1)
        await served.settle()
        assert await asyncio.to_thread(desk.catch_up) == 1, "what did not come by webhook is read again"
        assert len(desk.record.open_entries()) == 3

        body = json.dumps({"specversion": "1.0", "type": min(TYPES)}).encode()
        async with httpx.AsyncClient() as http:
            forged = await http.post(hook, content=body, headers=sign("whsec_" + "QUFB" * 8, "msg_1", 1, body))
            assert forged.status_code == 401
            secret = json.loads(desk.record.setting("secrets"))[0]
            now_s = int(desk.receiver.clock())
            strange = await http.post(hook, content=body, headers=sign(secret, "msg_1", now_s, body))
            assert strange.status_code == 422
            assert (await http.post(hook, content=b" " * ((1 << 20) + 1))).status_code == 413
        assert len(desk.record.open_entries()) == 3
        assert (await manager.get("/partners/books")).status_code == 200


async def test_problems_say_what_to_do_and_a_reference_is_one_intent(database: str, tmp_path: Path) -> None:
    async with platform(database, tmp_path) as it:
        await agreement_with(it.served, "harbour-bank")
        application_id = await approved(it.served)
        offers = await every(it, lambda ask: ask.offers("OFFERED"))
        assert [(offer.application_id, offer.amount) for offer in offers] == [(application_id, Money.of("8400.00"))]
        asked = await of_kit(it, lambda ask: ask.question(application_id, "Whose income?", reference="q-1"))
        assert [said.text for said in asked.said] == ["Whose income?"]
        declined = await of_kit(it, lambda ask: ask.decline(application_id, "Enough", reference="d-1"))
        repeated = await of_kit(it, lambda ask: ask.decline(application_id, "Enough", reference="d-1"))
        assert declined == repeated
        with pytest.raises(ReferenceReused, match="reference of its own"):
            await of_kit(it, lambda ask: ask.accept(application_id, reference="d-1"))
        with pytest.raises(Conflict, match="Read the state again"):
            await of_kit(it, lambda ask: ask.accept(application_id, reference="d-2"))
        with pytest.raises(NotFound):
            await of_kit(it, lambda ask: ask.holdings(str(uuid4())))
        assert await every(it, lambda ask: ask.offers("OFFERED")) == []


async def test_a_partner_registers_its_keys_and_signs_with_them(database: str, tmp_path: Path) -> None:
    async with platform(database, tmp_path) as it:
        first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        since, file = datetime(2026, 1, 1, tzinfo=UTC), DailyFile(file_date=date(2026, 3, 2), items=[])

        def public(holder: Ed25519PrivateKey) -> str:
            return "whpk_" + base64.b64encode(holder.public_key().public_bytes_raw()).decode()

        asked = await of_kit(it, lambda ask: ask.key_challenge(public(first), since))
        proof = signed_text(first.sign, asked.challenge)
        made = await of_kit(it, lambda ask: ask.register_key(asked.challenge, proof, reference="key-1"))
        [waiting] = made.keys
        assert waiting.status == "PROPOSED"
        confirm = f"/partners/harbour-bank/keys/{waiting.key_id}/confirm"
        await said(it.manager, confirm, {"public_key": public(first)})

        old = waiting.key_id
        asked = await of_kit(it, lambda ask: ask.key_challenge(public(second), since, replaces=old))
        proofs = [signed_text(each.sign, asked.challenge) for each in (second, first)]
        made = await of_kit(
            it,
            lambda ask: ask.register_key(
                asked.challenge, proofs[0], key_id=old, endorsement=proofs[1], reference="key-2"
            ),
        )
        assert [each.status for each in made.keys] == ["REGISTERED"] * 2
        given = it.configuration
        async with AsyncClient(
            given.url, given.partner, Credentials(given.token_url, "nobody", "without a token")
        ) as client:
            for number, holder in enumerate((first, second)):
                client.sign_with_key(holder.sign)
                await client.send(client.ask.callback_file(file, reference=f"file-{number}"))
            await of_kit(it, lambda ask: ask.revoke_key(old, "Replaced", reference="key-3"))
            client.sign_with_key(first.sign)
            with pytest.raises(NotAuthenticated):
                await client.send(client.ask.callback_file(file, reference="file-3"))
        assert [each.public_key for each in (await of_kit(it, lambda ask: ask.keys())).keys] == [public(second)]


async def test_a_partner_keeps_its_contact_persons(database: str, tmp_path: Path) -> None:
    async with platform(database, tmp_path) as it:
        given = ContactDetails(
            role="TECHNICAL",
            name="李四",
            telephone="+86 571 8800 0000",
            email="it@harbour.example",
            valid_from=date(2026, 3, 2),
        )
        made = await of_kit(it, lambda ask: ask.name_contact(given, reference="contact-1"))
        ended = given.model_copy(update={"valid_until": date(2026, 12, 31)})
        changed = await of_kit(it, lambda ask: ask.change_contact(made.person_id, ended, reference="contact-2"))
        assert await of_kit(it, lambda ask: ask.contacts()) == [changed]
        assert (changed.person_id, changed.valid_until) == (made.person_id, date(2026, 12, 31))


async def test_files_and_answers_are_known_by_a_signature(database: str, tmp_path: Path) -> None:
    async with platform(database, tmp_path) as it:
        loan_id = await shared_with(it.served, "harbour-bank")
        await repaid(it.served, loan_id, 0)
        await it.served.settle()
        (flow,) = await every(it, lambda ask: ask.cash_flows())
        secrets = (await of_kit(it, lambda ask: ask.callback_secrets())).secrets
        given = it.configuration
        nobody = Credentials(given.token_url, "nobody", "without a token")
        wrong = Item(reference=flow.reference, value_date=flow.effective_on, amount=flow.cash - Money.of("0.01"))
        file = DailyFile(file_date=date(2026, 3, 2), items=[wrong])
        async with AsyncClient(given.url, given.partner, nobody) as client:
            client.sign_with(secrets)
            result = await client.send(client.ask.callback_file(file, reference="file-1"))
            assert (result.matched, result.found) == (1, 1)
            assert await client.send(client.ask.callback_file(file, reference="file-1")) == result
            await it.served.settle()
            (broken,) = await every(it, lambda ask: ask.breaks("OPEN"))
            assert (broken.kind, broken.ours_amount, broken.theirs_amount) == ("AMOUNT", flow.cash, wrong.amount)
            act = await client.send(
                client.ask.callback_break_answer(broken.break_id, "We rounded twice", reference="answer-1")
            )
            assert act.open == 1
        await it.served.settle()
        (broken,) = await every(it, lambda ask: ask.breaks())
        assert broken.answer == "We rounded twice"
        generation = await of_kit(it, lambda ask: ask.rotate_callback_secret(reference="rotate-1"))
        assert generation.generation == 2
        assert len((await of_kit(it, lambda ask: ask.callback_secrets())).secrets) == 2
