"""The example partner as an HTTP application: an address for webhooks, and a worker beside it."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from partners.example.desk import Desk
from partners.kit import NotUnderstood, PuhuiError, SignatureRefused, Taken

HOOK: Final = "/hook"
BODY_BYTES_MAX: Final = 1 << 20
LOOK_S: Final = 5.0
"""How often the worker looks without being called: for what was left to do when it was stopped."""
log = logging.getLogger(__name__)


class Worker:
    """Does what is to be done, in a thread of its own: a webhook is answered at once and acted on afterwards."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._called, self._ended = desk, threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def call(self) -> None:
        self._called.set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended = True
        self.call()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended:
            try:
                self._desk.work()
            except PuhuiError as error:  # what is left is tried again
                log.warning("%s", error)
            self._called.wait(LOOK_S)
            self._called.clear()


def create_app(desk: Desk) -> Starlette:
    """`POST /hook` takes webhooks: 204 when one is safe, 401 and 422 as the kit says."""
    worker = Worker(desk)

    async def hook(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                return Response(status_code=413)
        try:
            taken = await run_in_threadpool(desk.take, request.headers, body)
        except SignatureRefused as refused:
            log.warning("%s", refused)
            return Response(status_code=401)
        except NotUnderstood as problem:
            log.warning("%s", problem)
            return Response(status_code=422)
        if taken is not Taken.AGAIN:
            worker.call()
        return Response(status_code=204)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        worker.start()
        yield
        await run_in_threadpool(worker.stop)

    return Starlette(routes=[Route(HOOK, hook, methods=["POST"])], lifespan=lifespan)
