from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from libs.service.testing import Served, served
from services.ledger.app import create_ledger
from services.ledger.tests.making import OutsideBank, contract_id, loan_id, outside_bank, signed

Start = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def start(database: str, tmp_path: Path) -> Start:
    """Starts the ledger beside a bank, with other settings where they are named; again on the same database it is a
    restart."""

    @asynccontextmanager
    async def starting(bank: OutsideBank, **settings: Any) -> AsyncIterator[Served]:
        service = create_ledger(bank.transport)
        async with served(service, database, tmp_path, bank_url="http://bank.test", **settings) as running:
            yield running

    return starting


@pytest.fixture
def bank() -> OutsideBank:
    return outside_bank()


@pytest.fixture
async def ledger(start: Start, bank: OutsideBank) -> AsyncIterator[Served]:
    """The ledger beside a bank without faults."""
    async with start(bank) as running:
        yield running


@pytest.fixture
def lend(ledger: Served) -> Callable[..., Any]:
    """Has a contract signed and waits until the loan is paid out; its id."""

    async def lending(n: int = 1, **terms: Any) -> str:
        await ledger.publish(f"contract-{contract_id(n)}", signed(n, **terms))
        await ledger.settle()
        return loan_id(n)

    return lending
