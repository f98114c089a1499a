"""How a head leaves the house: asks a witness to co-sign it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from libs.evidence.notes import NotANote, Verifier, encoded, number

TIMEOUT_S: Final = 5.0


class NotWitnessed(Exception):
    """The witness did not co-sign: it does not answer, or the head does not extend what it has seen."""


class WitnessClient:
    """A witness over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._known: dict[str, int] = {}
        self._key: Verifier | None = None

    def cosign(self, origin: str, note: str, consistency: Callable[[int], Sequence[bytes]], size: int) -> str:
        """The note with the witness's signature; raises `NotWitnessed`.

        `consistency(old)` gives the proof from an earlier size. What size the witness knows it says itself.
        """
        old = self._known.get(origin, 0)
        for _attempt in range(2):
            if old > size:
                raise NotWitnessed(f"the witness has seen {old} events of {origin}, this head is of {size}")
            proof = "".join(f"{encoded(each)}\n" for each in consistency(old))
            status, answer = self._post(f"old {old}\n{proof}\n{note}")
            if status == HTTPStatus.OK:
                self._known[origin] = size
                return note + answer
            if status != HTTPStatus.CONFLICT:
                raise NotWitnessed(f"the witness refused the head of {origin} over {size} events: {answer.strip()}")
            try:
                old = number(answer.strip())
            except NotANote as error:
                raise NotWitnessed(f"the witness answered with no size: {error}") from None
        raise NotWitnessed(f"the witness has seen another head of {origin} over {old} events")

    def key(self) -> Verifier:
        """The key that it signs with, asked for once; raises `NotWitnessed`."""
        try:
            self._key = self._key or Verifier.parse(self._get("/key").strip())
            return self._key
        except NotANote as error:
            raise NotWitnessed(f"the witness has no key: {error}") from None

    def last(self, origin: str) -> str:
        """The last head of a log that it has seen; raises `NotWitnessed` when it has seen none."""
        return self._get(f"/checkpoint?origin={quote(origin, safe='')}")

    def _post(self, body: str) -> tuple[int, str]:
        request = urllib.request.Request(f"{self._url}/add-checkpoint", body.encode(), method="POST")  # noqa: S310 - a setting
        request.add_header("Content-Type", "text/plain; charset=utf-8")
        return self._send(request)

    def _get(self, path: str) -> str:
        status, answer = self._send(urllib.request.Request(self._url + path))  # noqa: S310 - a setting
        if status != HTTPStatus.OK:
            raise NotWitnessed(answer.strip())
        return answer

    @staticmethod
    def _send(request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - a setting
                return answer.status, answer.read(65_536).decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(65_536).decode("utf-8", "replace")
        except (OSError, ValueError) as error:
            raise NotWitnessed(f"the witness does not answer: {error}") from None
