"""The sandbox as a developer starts it, and the example partner beside it: a loan from its offer to its last instalment."""

from __future__ import annotations

import asyncio
import json
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from partners.example.desk import DayEnd, Desk
from partners.example.policy import POLICY
from partners.example.setup import Configuration
from partners.kit import Money, NotFound
from partners.tests.running import example, until
from standalone.demo.play import today
from standalone.http import Platform
from standalone.platform import Layout
from standalone.processes import log_tail
from standalone.sandbox_acts import Acts, NothingToDo

pytestmark = pytest.mark.integration
ROOT: Final = Path(__file__).parents[2]
STOP_S: Final = 60
PART: Final = Money.of("8400.00")


@contextmanager
def sandbox() -> Iterator[Path]:
    """A sandbox that runs: its directory, where the partner's configuration is."""
    # Not pytest's: each of its runs closes the folder above all runs to other accounts, and PostgreSQL has one.
    parent = Path(tempfile.mkdtemp(prefix="puhui-test-"))
    directory, log = parent / "sandbox", parent / "log"
    command = [sys.executable, "-m", "standalone.cli", "sandbox", "--directory", str(directory), "--port", "0"]
    with log.open("ab") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT)
    try:
        yield directory
    except AssertionError as failure:
        failure.add_note(log_tail(log))
        raise
    finally:
        child.terminate()
        child.wait(STOP_S)
        shutil.rmtree(parent)


async def closed(desk: Desk, acts: Acts, platform: Platform) -> DayEnd:
    """The platform's day is over, and the partner closes it."""
    day = await today(platform)
    await acts.next_day()
    return await asyncio.to_thread(desk.day_end, day)


async def test_a_loan_is_offered_accepted_funded_repaid_and_settled_and_the_books_are_equal(tmp_path: Path) -> None:
    with sandbox() as directory:
        await until((directory / "partner.json").exists, "the sandbox is ready", timeout_s=180)
        configuration = Configuration.read(directory / "partner.json")
        assert stat.S_IMODE((directory / "partner.json").stat().st_mode) == 0o600
        policy = tmp_path / "policy.json"
        policy.write_text(json.dumps(json.loads(POLICY.read_text()) | {"instalments_max": 11}))
        platform = Platform.at(configuration.url, Layout(directory).identity, seed="whole life")
        acts = Acts(platform, directory / "people.json")
        try:
            async with example(configuration, tmp_path / "book.sqlite", policy=policy) as (desk, _):
                await _whole_life(desk, acts, platform)
                await _late_life(desk, acts, platform)
        finally:
            await platform.close()


async def _whole_life(desk: Desk, acts: Acts, platform: Platform) -> None:
    with pytest.raises(NothingToDo, match="offer"):
        await acts.pay()
    accepted = await acts.offer(instalments=3)
    await until(lambda: desk.record.committed() == PART, "the first offer is accepted")
    declined = await acts.offer()
    offers = desk.client.ask.offers

    def statuses() -> dict[str, str]:
        return {each.application_id: each.status for each in desk.client.every(offers())}

    wanted = {accepted: "ACCEPTED", declined: "DECLINED"}
    while await asyncio.to_thread(statuses) != wanted:
        await platform.settle()
    contract = desk.client.ask.contract(accepted)
    with pytest.raises(NotFound):
        await asyncio.to_thread(desk.client.send, contract)  # nobody has signed it
    assert sorted(await acts.sign()) == sorted(wanted)
    paper = await asyncio.to_thread(desk.client.send, contract)
    assert sha256(paper).hexdigest() == await _signed_hash(platform, accepted)
    assert paper.startswith(b"%PDF-")
    with pytest.raises(NotFound):
        await asyncio.to_thread(desk.client.send, desk.client.ask.contract(declined))  # we lend that one alone
    days = [await closed(desk, acts, platform)]
    assert [settlement.net for settlement, _ in days[0].settlements] == [Money.of("0.00")], "paid before"

    await acts.pay()
    days.append(await closed(desk, acts, platform))
    await acts.bounce()
    days.append(await closed(desk, acts, platform))
    assert days[2].settlements[0][0].net == -days[1].settlements[0][0].net, "what bounced is paid back to the fen"
    for _ in range(3):
        loan_id = await acts.pay()
        days.append(await closed(desk, acts, platform))

    assert [day.equal for day in days] == [True] * 6, [checked for day in days for _, checked in day.settlements]
    assert [(day.missed, day.file.open) for day in days] == [(0, 0)] * 6
    assert desk.record.open_entries() == []
    assert desk.record.standings("9999-12-31") == [(loan_id, "SETTLED", 0)]
    await _the_books_agree(desk, platform, loan_id, days)


async def _signed_hash(platform: Platform, application_id: str) -> str:
    """Of the document that the borrower has, as our own people see it."""
    contracts = await platform.pages("contract-officer", "/contract/contracts")
    (row,) = [each for each in contracts if each["application_id"] == application_id]
    shown = await platform.get("contract-officer", f"/contract/contracts/{row['contract_id']}")
    return str(shown["signed_document_sha256"])


async def _late_life(desk: Desk, acts: Acts, platform: Platform) -> None:
    """A loan that nobody pays, with a cost, until the partner's part is bought from it."""
    await acts.offer(instalments=6)
    await until(lambda: desk.record.committed() == PART + PART, "the third offer is accepted")
    while not await acts.sign():
        await platform.settle()
    loan_id = await acts.cost()
    first = await closed(desk, acts, platform)
    assert [settlement.net for settlement, _ in first.settlements] == [Money.of("-70.00")], (
        "its part of the court's fee"
    )
    assert await acts.buy_back() == loan_id
    last = await closed(desk, acts, platform)
    ((settlement, _),) = last.settlements
    assert settlement.transferred == -PART, "at its face value: nobody has paid anything"
    assert settlement.transferred_interest.minor < 0
    earned = -settlement.transferred_interest.minor - settlement.servicing_fee.minor
    assert settlement.net.minor == PART.minor + earned
    assert (first.equal, last.equal) == (True, True), [
        checked for _, checked in (*first.settlements, *last.settlements)
    ]
    assert (loan_id, "ACTIVE", 0) in desk.record.standings("9999-12-31")
    assert (await platform.get("auditor", "/partners/books"))["equal"]


async def _the_books_agree(desk: Desk, platform: Platform, loan_id: str, days: list[DayEnd]) -> None:
    """By the ledger's own word, and by the partner's statement: what it was paid is its interest less the fee."""
    loan = await platform.get("finance-officer", f"/ledger/loans/{loan_id}")
    assert loan["state"] == "SETTLED"
    paid = sum(settlement.net.minor for day in days for settlement, _ in day.settlements)
    fees = sum(settlement.servicing_fee.minor for day in days for settlement, _ in day.settlements)
    first, last = days[0].on - timedelta(days=1), days[-1].on + timedelta(days=1)
    statement = await asyncio.to_thread(desk.client.send, desk.client.ask.statement(first, last))
    assert statement.amounts.disbursed == statement.amounts.principal == PART
    assert statement.closing == Money.of("0.00")
    income = statement.amounts.interest + statement.amounts.penalty
    assert paid == PART.minor + income.minor - fees
    books = await platform.get("auditor", "/partners/books")
    assert books["equal"]
