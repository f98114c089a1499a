"""The two clients: the same calls, sent synchronously or not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx

from partners.kit.acts import Ask
from partners.kit.calls import Call, Pages
from partners.kit.conversation import Credentials, Outcome, Patience, Pause, Talk
from partners.kit.signature import SignBytes

T = TypeVar("T")
TIMEOUT_S: Final = 30.0


class _Base:
    """What both have: whom they speak for, and how they talk."""

    def __init__(self, url: str, partner: str, credentials: Credentials, *, patience: Patience | None = None) -> None:
        self.ask = Ask(partner)
        self._talk = Talk(url, credentials, patience or Patience())

    def sign_with(self, secrets: Sequence[str]) -> None:
        """The callback secrets, the newest first."""
        self._talk.secrets = tuple(secrets)

    def sign_with_key(self, sign_bytes: SignBytes) -> None:
        """What signs callbacks with a registered key of your own, in the place of a secret."""
        self._talk.sign_bytes = sign_bytes


class Client(_Base):
    """For programs that wait for each answer: batches, scripts, a worker's thread.

    with Client(url, "harbour-bank", credentials) as bank:
        bank.send(bank.ask.accept(application_id, reference="decision-4711"))
        for loan in bank.every(bank.ask.loans()): ...

    One client may be used by several threads.
    """

    def __init__(
        self,
        url: str,
        partner: str,
        credentials: Credentials,
        *,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(url, partner, credentials, patience=patience)
        self._http = httpx.Client(timeout=TIMEOUT_S, transport=transport, follow_redirects=False)

    def send(self, call: Call[T]) -> T:
        """The answer to a call; raises a `Problem` that says what to do, or `Unreachable`."""
        conversation = self._talk.hold(call)
        outcome: Outcome = None
        while True:
            try:
                step = conversation.send(outcome)
            except StopIteration as end:
                answer: T = end.value
                return answer
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                outcome = None
                continue
            try:
                outcome = self._http.send(step)
            except httpx.TransportError as error:
                outcome = error

    def every(self, pages: Pages[T]) -> Iterator[T]:
        """Each item of a list, page by page as it is needed."""
        call = pages.first
        while True:
            page = self.send(call)
            yield from page.items
            if page.next_cursor is None:
                return
            call = pages.after(page.next_cursor)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncClient(_Base):
    """For programs on an event loop: `await bank.send(...)`, `async for loan in bank.every(...)`."""

    def __init__(
        self,
        url: str,
        partner: str,
        credentials: Credentials,
        *,
        patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(url, partner, credentials, patience=patience)
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, transport=transport, follow_redirects=False)

    async def send(self, call: Call[T]) -> T:
        """The answer to a call; raises a `Problem` that says what to do, or `Unreachable`."""
        conversation = self._talk.hold(call)
        outcome: Outcome = None
        while True:
            try:
                step = conversation.send(outcome)
            except StopIteration as end:
                answer: T = end.value
                return answer
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                outcome = None
                continue
            try:
                outcome = await self._http.send(step)
            except httpx.TransportError as error:
                outcome = error

    async def every(self, pages: Pages[T]) -> AsyncIterator[T]:
        """Each item of a list, page by page as it is needed."""
        call = pages.first
        while True:
            page = await self.send(call)
            for item in page.items:
                yield item
            if page.next_cursor is None:
                return
            call = pages.after(page.next_cursor)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()
