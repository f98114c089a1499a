"""All published events together: importing this makes the registry complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

from libs.contracts import application, approval, audit, collections, contract, ledger, operations, partners, scoring
from libs.contracts.base import EVENT_TYPES, DomainEvent

MODULES: Final[Mapping[str, ModuleType]] = {
    "application": application,
    "scoring": scoring,
    "approval": approval,
    "contract": contract,
    "ledger": ledger,
    "collections": collections,
    "audit": audit,
    "partners": partners,
}
"""The services that publish, each with the module of its events."""


SHARED: Final[Mapping[str, ModuleType]] = {"operations": operations}
"""Events that every service may record of itself, and publishes with its own."""


def shared_events() -> list[type[DomainEvent]]:
    """The event classes that any service may publish."""
    return [event for event in EVENT_TYPES.values() if event.service in SHARED]


def topic(service: str) -> str:
    """The topic of a service: one each, for all its events."""
    return f"puhui.{service}"


def events_of(service: str) -> list[type[DomainEvent]]:
    """The event classes that a service publishes, in the order in which they are written down."""
    return [event for event in EVENT_TYPES.values() if event.service == service]


def service_of(type_name: str) -> str:
    """The service that publishes events of a type."""
    return type_name.split(".")[1]


UPCASTERS: Final[Mapping[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]]] = {}
"""Retired type names, each with its successor and the function that makes the successor's data from the old."""
