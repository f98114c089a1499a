"""One service, the bank, the issuer or the witness, as a process of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import typer
import uvicorn

from libs.service.gateway import KEEP_ALIVE_S, Gateway
from libs.service.identity import create_identity_app
from libs.service.issuer import Issuer
from libs.service.logging import configure_logging
from libs.service.settings import ServiceSettings, SettingsError

EXIT_USAGE: Final = 2
GRACE_S: Final = 20
"""Requests and batches under way are finished within this time after a stop is asked for."""


def serve_one(name: str, environment: Mapping[str, str]) -> int:
    """Serve until asked to stop; the exit status."""
    try:
        if name == "bank":
            return _serve_bank(environment)
        if name == "identity":
            return _serve_identity(environment)
        if name == "witness":
            return _serve_witness(environment)
        return _serve_service(name)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        return EXIT_USAGE


def _serve_service(name: str) -> int:
    # Here, so that the bank, which a platform waits for at its start, does not read in all that services need.
    from standalone.services import SERVICES, kafka_broker, service_app

    if name not in SERVICES:
        raise SettingsError(f"There is no service {name!r}: {', '.join((*SERVICES, 'bank', 'identity', 'witness'))}.")
    settings = ServiceSettings.load(service=name)
    configure_logging(settings.log_level)
    broker = kafka_broker(settings)
    app = Gateway({name: service_app(name, settings, broker)}, on_stop=[broker.close])
    _run(app, settings.host, settings.port)
    return 0


def _run(app: Any, host: str, port: int) -> None:
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"{name}: is not set.")
    return value


def _serve_bank(environment: Mapping[str, str]) -> int:
    from services.bank.app import create_bank
    from services.bank.faults import Faults
    from standalone.bank_process import bank_faults

    directory = Path(environment.get("PUHUI_DATA_DIR", "var/bank"))
    directory.mkdir(parents=True, exist_ok=True)
    told = environment.get("PUHUI_BANK_FAULTS", "")
    app = create_bank(
        int(environment.get("PUHUI_BANK_SEED", "1")),
        Faults(**json.loads(told)) if told else bank_faults(),
        directory / "bank.sqlite",
        _needed(environment, "PUHUI_BANK_SECRET"),
    )
    _run(app, environment.get("PUHUI_HOST", "127.0.0.1"), int(environment.get("PUHUI_PORT", "8090")))
    return 0


def _serve_identity(environment: Mapping[str, str]) -> int:
    host = environment.get("PUHUI_HOST", "127.0.0.1")
    issuer = Issuer.open(
        Path(environment.get("PUHUI_DATA_DIR", "var/identity")),
        issuer=_needed(environment, "PUHUI_TOKEN_ISSUER"),
        audience=environment.get("PUHUI_TOKEN_AUDIENCE", "puhui"),
    )
    told = environment.get("PUHUI_IDENTITY_REMOTE", "") == "true"
    app = create_identity_app(issuer, host=host, path="/identity", allow_remote=told)
    _run(app, host, int(environment.get("PUHUI_PORT", "8091")))
    return 0


def _serve_witness(environment: Mapping[str, str]) -> int:
    from libs.evidence import witness

    _needed(environment, "PUHUI_WITNESS_LOGS")
    witness.main()
    return 0
