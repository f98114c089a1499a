"""The services of the platform, and how one of them is made from settings."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from libs.events.broker import Broker
from libs.events.kafka import KafkaBroker, KafkaSettings
from libs.service.app_factory import ServiceApp
from libs.service.auth import TokenVerifier
from libs.service.host import Service, create_service
from libs.service.settings import ServiceSettings

SERVICES: Final = ("application", "scoring", "approval", "contract", "ledger", "collections", "audit", "partners")


@cache
def service_named(name: str) -> Service:
    """What the service's own `app.py` composes; raises `LookupError` for a name that is no service's."""
    if name not in SERVICES:
        raise LookupError(f"there is no service {name!r}: choose from {', '.join(SERVICES)}")
    service: Service = import_module(f"services.{name}.app").service
    return service


def kafka_broker(settings: ServiceSettings) -> KafkaBroker:
    return KafkaBroker(
        KafkaSettings(
            bootstrap=settings.kafka_bootstrap,
            idempotent=settings.kafka_idempotence,
            grouped=settings.kafka_grouped,
            fetch_wait_ms=settings.kafka_fetch_wait_ms,
            replication=settings.kafka_replication,
            partitions=settings.topic_partitions,
        )
    )


def verifier(settings: ServiceSettings) -> TokenVerifier:
    return TokenVerifier(settings.key_source(), issuer=settings.token_issuer, audience=settings.token_audience)


def service_app(name: str, settings: ServiceSettings, broker: Broker | None = None) -> ServiceApp:
    """The service's ASGI application."""
    return create_service(service_named(name), settings, verifier(settings), broker or kafka_broker(settings))


def openapi_documents() -> dict[str, dict[str, Any]]:
    """The OpenAPI document of every service, made without starting any."""
    documents = {}
    for name in SERVICES:
        settings = ServiceSettings(
            service=name,
            database_url=SecretStr("postgresql://nobody@localhost/none"),
            kafka_bootstrap="localhost:0",
            jwks_file=Path("jwks.json"),
            token_issuer="http://localhost",  # noqa: S106 - an issuer is no password
        )
        documents[name] = service_app(name, settings).openapi()
    return documents
