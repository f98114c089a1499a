"""The income statement by every dimension: the same whole, and each one's part of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from libs.contracts import examples as ex
from libs.contracts.contract import CoLender, ContractSigned
from libs.contracts.partners import FundsReserved, SharesTransferred
from libs.contracts.values import Channel
from libs.lending.money import Money
from libs.service.testing import Served, key
from services.ledger.income import DIMENSIONS
from services.ledger.tests.making import DAY, contract_id, loan_id, signed
from services.ledger.tests.test_adjustments_over_http import ask, money, repay, show
from services.ledger.tests.test_day_end import close_until

PERIOD = "booked_from=2026-01-01&booked_to=2026-12-31"
BANK = "harbour-bank"
SHARE = Decimal("0.7")


def agreed(n: int, *, lenders: bool = False, channel: Channel = Channel.ONLINE) -> ContractSigned:
    contract = signed(n)
    request = contract.agreement.request.model_copy(update={"channel": channel, "source": "hangzhou"})
    update: dict[str, Any] = {"request": request}
    if lenders:
        update["lenders"] = tuple(CoLender.model_validate(each) for each in ex.CO_LENDERS)
    return contract.model_copy(update={"agreement": contract.agreement.model_copy(update=update)})


async def lent(ledger: Served) -> None:
    """One loan with a bank, one of our own, one of a branch, all paid out on the first day and never repaid."""
    for n, contract in enumerate((agreed(1, lenders=True), agreed(2), agreed(3, channel=Channel.BRANCH)), 1):
        await ledger.publish(f"contract-{contract_id(n)}", contract)
    await ledger.settle()
    there = FundsReserved.model_validate(FundsReserved.example | {"loan_id": loan_id(1), "reserved_on": DAY})
    await ledger.publish("funds-harbour-bank", there)
    await ledger.settle()


async def statement(ledger: Served, by: str, period: str = PERIOD) -> tuple[dict[str, Any], dict[str, Any]]:
    await ledger.settle()
    shown = await show(ledger, f"/income-statement?{period}&by={by}")
    return shown, {line["value"]: line for line in shown["lines"]}


def net(line: dict[str, Any]) -> Decimal:
    return Decimal(line["net"]["amount"])


async def test_every_dimension_shows_the_same_whole(ledger: Served) -> None:
    await lent(ledger)
    await close_until(ledger, date(2026, 5, 31))
    waiver = {"value_date": "2026-06-01", "reason": "goodwill", "penalty": money("10.00")}
    status, waived = await ask(ledger, "finance_manager", f"/loans/{loan_id(3)}/waivers", waiver)
    assert status == 200, waived
    for n in (1, 2):
        path = f"/loans/{loan_id(n)}/write-off"
        assert (await ask(ledger, "finance_officer", path, {"reason": "No means"}))[0] == 200
        manager = await ledger.client("finance_manager")
        assert (await manager.post(f"/ledger{path}/approval", headers=key())).status_code == 200
    await repay(ledger, loan_id(1), "500.01", "2026-06-01")
    await close_until(ledger, date(2026, 6, 1))

    whole, by_product = await statement(ledger, "product")
    assert by_product.keys() == {"consumer-standard"}, "a waiver of one loan is under its product, not under nothing"
    trial = {row["account"]: row["balance"] for row in (await show(ledger, "/trial-balance"))["accounts"]}
    for account, amount in by_product["consumer-standard"]["accounts"].items():
        assert Decimal(amount["amount"]) == -Decimal(trial[account]["amount"])
    assert by_product["consumer-standard"]["accounts"]["6011.09"] == money("-10.00")
    assert whole["recovered"] == money("500.01")
    for by in DIMENSIONS:
        shown, lines = await statement(ledger, by)
        assert [shown[sum_of] for sum_of in ("net", "written_off", "recovered")] == [
            whole[sum_of] for sum_of in ("net", "written_off", "recovered")
        ]
        assert sum(net(line) for line in lines.values()) == net(whole)

    _, by_channel = await statement(ledger, "channel")
    assert by_channel.keys() == {"ONLINE", "BRANCH"}
    assert by_channel["BRANCH"]["accounts"]["6011.09"] == money("-10.00")
    assert by_channel["BRANCH"]["written_off"] == money("0.00")
    assert by_channel["ONLINE"]["written_off"] == whole["written_off"]
    _, by_branch = await statement(ledger, "branch")
    assert by_branch.keys() == {"", "hangzhou"}

    _, by_funder = await statement(ledger, "funder")
    assert by_funder.keys() == {"OWN", BANK}
    one = Money.of(whole["written_off"]["amount"]).minor // 2
    assert by_funder[BANK]["written_off"] == money(Money(round(one * SHARE)).amount), "of two alike, of one 70 %"
    assert by_funder[BANK]["recovered"] == money("350.01"), "70 % of 500.01, to the fen"
    assert by_funder["OWN"]["recovered"] == money("150.00")
    assert by_funder[BANK]["accounts"].keys() == {"6011.01", "6011.02", "6702"}


async def test_a_partners_part_of_every_account_is_his_share_and_ours_after_he_sold_it(ledger: Served) -> None:
    await lent(ledger)
    await close_until(ledger, date(2026, 1, 31))
    sold = {
        "loan_id": loan_id(1),
        "effective_from": "2026-02-01",
        "shares": [{"funder": "own", "share_ppm": 1_000_000}],
    }
    transferred = SharesTransferred.model_validate(SharesTransferred.example | sold)
    await ledger.publish(f"share-{loan_id(1)}", transferred)
    await close_until(ledger, date(2026, 2, 28))

    january, february = (f"booked_from=2026-{m}-01&booked_to=2026-{m}-{d}" for m, d in (("01", "31"), ("02", "28")))
    _, parts = await statement(ledger, "funder", january)
    for account in ("6011.01", "6702"):
        of_bank, ours = (Money.of(parts[who]["accounts"][account]["amount"]).minor for who in (BANK, "OWN"))
        assert of_bank == round(Decimal(of_bank + ours) / 3 * SHARE), "of three loans alike, of one 70 %"
    shown, parts = await statement(ledger, "funder", february)
    sold_on = parts[BANK]["principal_before"], parts[BANK]["principal_after"], parts[BANK]["accounts"]
    assert sold_on == (money("8400.00"), money("0.00"), {}), "of February he has nothing"
    assert (parts["OWN"]["principal_before"], parts["OWN"]["principal_after"]) == (money("27600.00"), money("36000.00"))
    expected = net(parts["OWN"]) / ((27_600 + 36_000) / Decimal(2)) * 365 / 28
    assert Decimal(parts["OWN"]["annual_return"]) == round(expected, 6)
    assert Decimal(shown["annual_return"]) == round(net(shown) / 36_000 * 365 / 28, 6)
    _, none = await statement(ledger, "funder", "booked_from=2025-01-01&booked_to=2025-12-31")
    assert none == {}
    assert await ledger.parked() == []


REVERSED = "booked_from=2026-02-01&booked_to=2026-01-31"


@pytest.mark.parametrize("query", ["", "booked_from=2026-01-01", REVERSED, f"{PERIOD}&by=officer", f"{PERIOD}&more=1"])
async def test_what_cannot_be_asked_for(ledger: Served, query: str) -> None:
    client = await ledger.client("auditor")
    answer = await client.get(f"/ledger/income-statement?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
