"""Liveness and readiness: named checks, each with a time limit, and nothing in the answer that helps an attacker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from libs.service.logging import get_logger

CHECK_TIMEOUT_S: Final = 2.0

Check = Callable[[], Awaitable[None]]
"""Returns when all is well, raises when not."""


class HealthChecks:
    """Live: the process makes progress; a failure means restart it. Ready: it can serve; a failure means wait."""

    def __init__(self, service: str, *, timeout_s: float = CHECK_TIMEOUT_S) -> None:
        self._log = get_logger(service)
        self._timeout_s = timeout_s
        self._live: dict[str, Check] = {}
        self._ready: dict[str, Check] = {}

    def live(self, name: str, check: Check) -> None:
        """Add a liveness check. It must not depend on anything outside the process: a restart would not mend that."""
        self._add(self._live, name, check)

    def ready(self, name: str, check: Check) -> None:
        """Add a readiness check, such as the database or a consumer that caught up."""
        self._add(self._ready, name, check)

    async def live_endpoint(self, _request: Request) -> Response:
        """`GET /health/live`."""
        return await self._answer(self._of("live"))

    async def ready_endpoint(self, _request: Request) -> Response:
        """`GET /health/ready`: the liveness checks count too."""
        return await self._answer(self._of("ready"))

    async def passed(self, kind: str) -> bool:
        """Whether all checks pass: those of "live", or those of "ready"."""
        checks = self._of(kind)
        return all(await asyncio.gather(*(self._run(name, check) for name, check in checks.items())))

    def _of(self, kind: str) -> dict[str, Check]:
        return {**self._live, **self._ready} if kind == "ready" else self._live

    @staticmethod
    def _add(checks: dict[str, Check], name: str, check: Check) -> None:
        if name in checks:
            raise ValueError(f"health check {name!r} is defined twice")
        checks[name] = check

    async def _answer(self, checks: dict[str, Check]) -> Response:
        results = await asyncio.gather(*(self._run(name, check) for name, check in checks.items()))
        passed = all(results)
        document = {
            "status": "pass" if passed else "fail",
            "checks": {name: "pass" if result else "fail" for name, result in zip(checks, results, strict=True)},
        }
        return JSONResponse(document, status_code=200 if passed else 503)

    async def _run(self, name: str, check: Check) -> bool:
        try:
            async with asyncio.timeout(self._timeout_s):
                await check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the check did not pass; the log says why
            self._log.warning("health_check_failed", check=name, exc_info=error)
            return False
        return True
