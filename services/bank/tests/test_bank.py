from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.bank.app import create_bank
from services.bank.faults import SCALE, Faults, Outcome, outcome_of

ORDER: dict[str, Any] = {
    "payment_id": "p-1",
    "amount": {"amount": "100.00", "currency": "CNY"},
    "account": {"bank": "Bank of Example", "number": "6222020200012345678", "holder": "Zhang San"},
    "purpose": "loan-1",
    "value_date": "2026-01-08",
}
Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def open_bank(tmp_path: Path) -> Open:
    """The bank on one file: opened again it is the same bank."""

    @asynccontextmanager
    async def opening(token: str | None = None, **faults: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_bank(1, Faults(**faults), tmp_path / "bank.sqlite", token)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://b") as c:
            yield c

    return opening


async def test_a_payment_is_honoured_once_for_each_id_even_after_a_restart(open_bank: Open) -> None:
    async with open_bank() as bank:
        first = await bank.post("/bank/payments", json=ORDER)
        assert (first.status_code, first.json()["state"]) == (201, "CONFIRMED")
    async with open_bank() as bank:
        again = await bank.post("/bank/payments", json=ORDER)
        assert (again.status_code, again.json()) == (200, first.json())
        totals = (await bank.get("/bank/totals")).json()
        assert (totals["payments"], totals["repeated_requests"]) == (1, 1)
        assert totals["paid"] == {"amount": "100.00", "currency": "CNY"}


@pytest.mark.parametrize("other", [{"amount": {"amount": "100.01", "currency": "CNY"}}, {"purpose": "loan-2"}])
async def test_the_same_id_for_another_payment_is_refused(open_bank: Open, other: dict[str, Any]) -> None:
    async with open_bank() as bank:
        await bank.post("/bank/payments", json=ORDER)
        answer = await bank.post("/bank/payments", json={**ORDER, **other})
        assert (answer.status_code, answer.json()["title"]) == (409, "payment-id-reused")


async def test_two_payments_for_one_purpose_show_as_a_duplicate(open_bank: Open) -> None:
    async with open_bank() as bank:
        await bank.post("/bank/payments", json=ORDER)
        await bank.post("/bank/payments", json={**ORDER, "payment_id": "p-2"})
        assert (await bank.get("/bank/totals")).json()["duplicate_disbursements"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": {"amount": 100.0, "currency": "CNY"}},
        {"amount": {"amount": "1.001", "currency": "CNY"}},
        {"amount": {"amount": "0.00", "currency": "CNY"}},
        {"amount": {"amount": "-1.00", "currency": "CNY"}},
        {"value_date": "2026-02-30"},
        {"surprise": 1},
        {"account": {"bank": "B", "number": "123", "holder": "Z"}},
    ],
)
async def test_a_wrong_order_is_refused_and_nothing_is_kept(open_bank: Open, wrong: dict[str, Any]) -> None:
    async with open_bank() as bank:
        assert (await bank.post("/bank/payments", json={**ORDER, **wrong})).status_code == 422
        assert (await bank.get("/bank/payments/p-1")).status_code == 404


async def test_who_does_not_bear_the_secret_is_turned_away(open_bank: Open) -> None:
    async with open_bank(token="secret") as bank:
        assert (await bank.post("/bank/payments", json=ORDER)).status_code == 401
        bearer = {"Authorization": "Bearer secret"}
        assert (await bank.post("/bank/payments", json=ORDER, headers=bearer)).status_code == 201


async def test_an_accepted_payment_is_paid_by_the_second_inquiry(open_bank: Open) -> None:
    async with open_bank(accepted=SCALE) as bank:
        answer = await bank.post("/bank/payments", json=ORDER)
        assert (answer.status_code, answer.json()["state"]) == (202, "ACCEPTED")
        assert (await bank.get("/bank/totals")).json()["payments"] == 0
        states = [(await bank.get("/bank/payments/p-1")).json()["state"] for _ in range(2)]
        assert states[-1] == "CONFIRMED"
        entries = (await bank.get("/bank/statement", params={"until": "2026-01-08"})).json()["entries"]
        assert [entry["kind"] for entry in entries] == ["debited"]


async def test_an_error_before_leaves_nothing_and_the_same_order_is_then_paid(open_bank: Open) -> None:
    async with open_bank(error_before=SCALE) as bank:
        assert (await bank.post("/bank/payments", json=ORDER)).status_code == 500
        assert (await bank.get("/bank/payments/p-1")).status_code == 404
        assert (await bank.post("/bank/payments", json=ORDER)).status_code == 201


async def test_an_error_after_has_paid(open_bank: Open) -> None:
    async with open_bank(error_after=SCALE) as bank:
        assert (await bank.post("/bank/payments", json=ORDER)).status_code == 500
        assert (await bank.get("/bank/payments/p-1")).json()["state"] == "CONFIRMED"


async def test_a_refused_payment_says_whether_it_may_be_tried_again(open_bank: Open) -> None:
    async with open_bank(refused_for_now=SCALE) as bank:
        answer = (await bank.post("/bank/payments", json=ORDER)).json()
        assert (answer["state"], answer["reason"], answer["retryable"]) == ("REFUSED", "insufficient-liquidity", True)
        assert (await bank.get("/bank/totals")).json()["payments"] == 0


async def test_a_returned_payment_is_in_the_statement_of_its_day_and_not_before(open_bank: Open) -> None:
    async with open_bank(returned=SCALE, return_days=3) as bank:
        await bank.post("/bank/payments", json=ORDER)  # a Thursday: three business days later is Tuesday
        before = (await bank.get("/bank/statement", params={"until": "2026-01-12"})).json()
        assert [entry["kind"] for entry in before["entries"]] == ["debited"]
        then = (await bank.get("/bank/statement", params={"until": "2026-01-13", "after": before["next"]})).json()
        assert [(entry["kind"], entry["booked_on"]) for entry in then["entries"]] == [("returned", "2026-01-13")]
        totals = (await bank.get("/bank/totals")).json()
        assert (totals["payments"], totals["returned"]) == (1, 1)


async def test_a_duplicate_is_told_twice_and_paid_once(open_bank: Open) -> None:
    async with open_bank(duplicate=SCALE) as bank:
        await bank.post("/bank/payments", json=ORDER)
        totals = (await bank.get("/bank/totals")).json()
        assert (totals["payments"], totals["duplicate_entries"]) == (1, 1)


def test_outcomes_follow_the_rates_and_the_seed() -> None:
    faults = Faults(refused=2000, slow=1000)
    ids = [f"p-{n}" for n in range(4000)]
    drawn = [outcome_of(7, faults, payment_id) for payment_id in ids]
    assert drawn == [outcome_of(7, faults, payment_id) for payment_id in ids]
    assert drawn != [outcome_of(8, faults, payment_id) for payment_id in ids]
    assert 700 < drawn.count(Outcome.REFUSED) < 900
    assert 320 < drawn.count(Outcome.SLOW) < 480


@pytest.mark.parametrize("rates", [{"slow": -1}, {"slow": 6000, "refused": 6000}, {"slow": 0.5}, {"slow_s": -1.0}])
def test_rates_that_cannot_be_are_refused(rates: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"basis points|negative"):
        Faults(**rates)
