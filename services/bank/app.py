"""A simulated bank: the payment side of the outside world, as an HTTP application and a process of its own.

It honours a payment once for each payment id and fails in the ways banks do, by seed. It knows nothing of loans.
`python -m services.bank.app` runs it, configured by the environment (PUHUI_BANK_...).
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.bank.api import Bank, BankProblem, on_invalid, on_problem
from services.bank.faults import Faults
from services.bank.record import Record

PORT: Final = 8090


def create_bank(
    seed: int = 0, faults: Faults | None = None, database: Path | str = ":memory:", token: str | None = None
) -> FastAPI:
    """The bank on a database file of its own; with `token`, callers must bear it."""
    bank = Bank(seed, faults or Faults(), Record(database))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        bank.record.close()

    async def authorised(request: Request) -> None:
        given = request.headers.get("authorization", "")
        if token is not None and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise BankProblem(401, "unauthenticated", "Send the shared secret as a bearer token.")

    app = FastAPI(title="Simulated bank", lifespan=lifespan, dependencies=[Depends(authorised)])
    app.add_exception_handler(BankProblem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_api_route("/bank/payments", bank.pay, methods=["POST"])
    app.add_api_route("/bank/payments/{payment_id}", bank.show, methods=["GET"])
    app.add_api_route("/bank/statement", bank.statement, methods=["GET"])
    app.add_api_route("/bank/totals", bank.totals, methods=["GET"])
    return app


class BankSettings(BaseSettings):
    """The bearer token is needed: a bank that pays whoever asks is of no use even as a simulation."""

    model_config = SettingsConfigDict(env_prefix="PUHUI_BANK_", extra="ignore", frozen=True)

    token: SecretStr
    database: str = "bank.sqlite"
    seed: int = 0
    faults: dict[str, int | float] = {}
    host: str = "127.0.0.1"
    port: int = PORT


def main() -> None:
    settings = BankSettings()
    faults = Faults(**settings.faults)  # type: ignore[arg-type]  # checked by Faults itself
    app = create_bank(settings.seed, faults, settings.database, settings.token.get_secret_value())
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
