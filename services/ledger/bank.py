"""The bank as the ledger sees it: an adapter over its HTTP API, with the answers told apart that matter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from enum import StrEnum
from typing import Any, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.contracts.types import MoneyField
from libs.contracts.values import BankAccount
from libs.lending.money import Money

PART: Final = "#"
"""Between a loan's stream and the number of a later part."""
UNANSWERED: Final = 500
"""From this status on an answer says nothing about the money."""


class NotSent(Exception):
    """The bank was not reached: nothing can have happened."""


class NoAnswer(Exception):
    """The bank was reached and did not say what it did: the money may have moved or not."""


class WrongAnswer(Exception):
    """The bank refuses the request itself: our fault, or a broken configuration."""


class BankState(StrEnum):
    CONFIRMED = "CONFIRMED"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    RETURNED = "RETURNED"


class BankPayment(BaseModel):
    """What the bank says of a payment."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    payment_id: str
    state: BankState
    reason: str = ""
    retryable: bool = False
    value_date: date
    reference: str


class StatementEntry(BaseModel):
    """A line of the bank's statement. `purpose` is what the payment order said."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cursor: int
    kind: str
    payment_id: str
    amount: MoneyField
    purpose: str
    reference: str
    booked_on: date
    reason: str = ""

    @property
    def stream_id(self) -> str:
        """The loan that the payment was for."""
        return self.purpose.partition(PART)[0]


def purpose_of(stream_id: str, tranche: int) -> str:
    """What a payment order says: the loan's stream, and which later part of it."""
    return f"{stream_id}{PART}{tranche}" if tranche else stream_id


class BankSettings(BaseSettings):
    """The secret shared with the bank, and how long its answer is waited for."""

    model_config = SettingsConfigDict(env_prefix="PUHUI_BANK_", extra="ignore", frozen=True)

    token: SecretStr = SecretStr("")
    timeout_s: float = Field(default=2.0, gt=0, le=60)


class Bank:
    """Pays, asks and reads the statement. Every call ends within the time-out."""

    def __init__(self, url: str, settings: BankSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._timeout_s = settings.timeout_s
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
            timeout=settings.timeout_s,
            transport=transport,
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def pay(
        self, payment_id: str, amount: Money, account: BankAccount, purpose: str, value_date: date
    ) -> BankPayment:
        """Ask for a payment; the same again is the same payment. Raises `NotSent`, `NoAnswer`, `WrongAnswer`."""
        body = {
            "payment_id": payment_id,
            "amount": {"amount": amount.amount, "currency": amount.currency},
            "account": account.model_dump(mode="json"),
            "purpose": purpose,
            "value_date": value_date.isoformat(),
        }
        response = await self._request("POST", "/bank/payments", json=body)
        return BankPayment.model_validate(_checked(response).json())

    async def inquire(self, payment_id: str) -> BankPayment | None:
        """What became of a payment; None when the bank knows of none."""
        response = await self._request("GET", f"/bank/payments/{payment_id}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return BankPayment.model_validate(_checked(response).json())

    async def statement(self, after: int, until: date) -> AsyncIterator[StatementEntry]:
        """The statement's entries after a cursor, dated up to `until`."""
        more = True
        while more:
            parameters = {"after": str(after), "until": until.isoformat()}
            page = _checked(await self._request("GET", "/bank/statement", params=parameters)).json()
            for entry in page["entries"]:
                yield StatementEntry.model_validate(entry)
            after, more = page["next"], page["more"]

    async def _request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._client.request(method, path, **arguments)
        except httpx.ConnectError as error:
            raise NotSent(f"the bank cannot be reached: {error!r}") from error
        except (TimeoutError, httpx.TransportError) as error:
            raise NoAnswer(f"no answer in {self._timeout_s:g} s ({type(error).__name__})") from error


def _checked(response: httpx.Response) -> httpx.Response:
    if response.status_code >= UNANSWERED:
        raise NoAnswer(f"the bank answered {response.status_code}")
    if not response.is_success:
        raise WrongAnswer(f"the bank answered {response.status_code}: {response.text[:300]}")
    return response
