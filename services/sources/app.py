"""A simulated credit bureau and a simulated business registry: sources of information outside the platform, each an HTTP
application and a process of its own. They fail in the ways such sources do, by seed, and know nothing of loans.

`python -m services.sources.app bureau` (or `registry`) runs one, configured by the environment (PUHUI_SOURCE_...).
"""

from __future__ import annotations

import asyncio
import hmac
import sys
from collections import Counter
from datetime import date
from typing import Annotated, Final

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.contracts.types import Id, Text
from services.sources.faults import Behaviour, Faults, behaviour_of
from services.sources.reports import REPORTS, report

PORTS: Final = {"bureau": 8091, "registry": 8092}


class Question(BaseModel):
    """Who is asked about, for which purpose, by what authority, and on which day of the asker's calendar."""

    model_config = ConfigDict(extra="forbid")

    identity_number: Annotated[str, Field(min_length=8, max_length=34)]
    name: Text
    purpose: Text
    authority: Id
    on: date


def create_source(kind: str, *, seed: int = 0, faults: Faults | None = None, token: str | None = None) -> FastAPI:
    """A source; with `token`, callers must bear it.

    `app.state.questions` counts the questions by authority.
    """
    if kind not in REPORTS:
        raise ValueError(f"there is no source {kind!r}: {', '.join(REPORTS)}")
    rates = faults or Faults()
    questions: Counter[str] = Counter()
    app = FastAPI(title=f"Simulated {kind}", openapi_url=None)
    app.state.questions = questions

    async def ask(question: Question, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if token is not None and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return _problem(401, "unauthenticated", "Send the shared secret as a bearer token.")
        questions[question.authority] += 1
        behaviour = behaviour_of(seed, rates, question.identity_number)
        is_first = questions[question.authority] == 1
        match behaviour:
            case Behaviour.NO_HIT:
                return _problem(404, "nobody-known", "Nobody is known by this number.")
            case Behaviour.DOWN:
                return _problem(503, "unavailable", "Out of order.")
            case Behaviour.BROKEN_ONCE if is_first:
                return _problem(500, "internal-error", "Something broke.")
            case Behaviour.GARBLED:
                return Response(b"<html>maintenance</html>", media_type="text/html")
            case Behaviour.SLOW:
                await asyncio.sleep(rates.slow_s)
            case Behaviour.WORSENS if question.on >= date.fromisoformat(rates.worse_from):
                behaviour = Behaviour.ADVERSE
        day = question.on.isoformat()
        return JSONResponse(report(kind, seed, question.identity_number, question.name, behaviour, day))

    app.add_api_route("/reports", ask, methods=["POST"])
    return app


def _problem(status: int, code: str, detail: str) -> JSONResponse:
    document = {"type": f"urn:source:problem:{code}", "title": code, "status": status, "detail": detail}
    return JSONResponse(document, status, media_type="application/problem+json")


class SourceSettings(BaseSettings):
    """The bearer token is needed: a source that tells whoever asks is of no use even as a simulation."""

    model_config = SettingsConfigDict(env_prefix="PUHUI_SOURCE_", extra="ignore", frozen=True)

    token: SecretStr
    seed: int = 0
    faults: dict[str, int | float | str] = {}
    host: str = "127.0.0.1"
    port: int | None = None


def main(kind: str) -> None:
    settings = SourceSettings()
    faults = Faults(**settings.faults)  # type: ignore[arg-type]  # checked by Faults itself
    app = create_source(kind, seed=settings.seed, faults=faults, token=settings.token.get_secret_value())
    uvicorn.run(app, host=settings.host, port=settings.port or PORTS[kind], log_level="warning", access_log=False)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PORTS:
        sys.exit(f"usage: python -m services.sources.app {'|'.join(PORTS)}")
    main(sys.argv[1])
