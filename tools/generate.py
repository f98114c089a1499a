"""Makes the files that follow from others: JSON Schemas and golden files of every event, AsyncAPI, OpenAPI, the page of
recorded figures.

`python -m tools.generate` writes them, `--check` only says which are not what the code says, and exits 1. A golden
file is what was once published: it is written when it is missing and never again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic.json_schema import models_json_schema

from bench.common.page import PAGE, recorded
from bench.common.result import RESULTS
from libs.contracts.base import EVENT_TYPES, DomainEvent
from libs.contracts.catalogue import MODULES, UPCASTERS, events_of, shared_events, topic
from libs.events.canonical import canonical
from tools.compatibility import ADVICE, incompatible
from tools.partner_asyncapi import partner_asyncapi

ROOT: Final = Path(__file__).resolve().parents[1]
API: Final = ROOT / "docs" / "api"
GOLDEN: Final = ROOT / "libs" / "contracts" / "tests" / "golden"
SCHEMA_BASE: Final = "https://puhui.example/schemas/"

HEADERS: Final[dict[str, str]] = {
    "ce_specversion": "CloudEvents version, 1.0.",
    "ce_type": "Stable type name with its version.",
    "ce_source": "The publishing service, /puhui/<service>.",
    "ce_id": "The event's identifier (UUID).",
    "ce_time": "When it was recorded (RFC 3339, UTC); later than its cause.",
    "ce_subject": "The stream: one aggregate's history. Also the record's key.",
    "ce_sequence": "Place in the service's total order: contiguous from 1, never changes.",
    "ce_previous": "Sequence of the record before it in the same partition; 0 for the first.",
    "ce_streamversion": "Place in its stream, from 1.",
    "ce_metadata": "Canonical JSON: actor, authority, rule versions, request, cause. Part of the Merkle leaf.",
    "ce_correlationid": "Shared by everything that follows from one intent.",
    "ce_causationid": "The event that led to this one, where one did.",
    "ce_effectivedate": "The business date from which it counts.",
    "ce_traceparent": "W3C trace context of the request that led to it.",
    "content-type": "application/json",
}


def pretty(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


@cache
def schema(event: type[DomainEvent]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event's data; kept, so not to be changed."""
    made = event.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{SCHEMA_BASE}{event.type_name}.json",
        "examples": [event.model_validate(event.example).payload()],
        **made,
    }


@cache
def read_schema(event: type[DomainEvent]) -> dict[str, Any]:
    """The same as whoever reads an event asks for it."""
    return event.model_json_schema(mode="validation")


@cache
def asyncapi() -> dict[str, Any]:
    """One AsyncAPI 3 document: a channel for each service's topic, a message for each event."""
    payloads, definitions = models_json_schema(
        [(event, "serialization") for event in EVENT_TYPES.values()], ref_template="#/components/schemas/{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Puhui events",
            "version": "1",
            "description": "CloudEvents 1.0 in Kafka binary mode; one topic a service; the record key is the stream.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {service: _channel(service) for service in MODULES},
        "operations": {f"publish-{service}": _operation(service) for service in MODULES},
        "components": {
            "messages": {
                event.type_name: _message(event, payloads[event, "serialization"]) for event in EVENT_TYPES.values()
            },
            "messageTraits": {"cloudevents": {"headers": _headers()}},
            "schemas": definitions["$defs"],
        },
    }


def _channel(service: str) -> dict[str, Any]:
    names = [event.type_name for event in (*events_of(service), *shared_events())]
    return {
        "address": topic(service),
        "title": f"Everything that {service} publishes",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _operation(service: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{service}"},
        "summary": f"The {service} service publishes its events in the order of its sequence.",
    }


def _message(event: type[DomainEvent], payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": event.type_name,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudevents"}],
        "payload": payload,
        "examples": [{"name": "example", "payload": event.model_validate(event.example).payload()}],
    }


def _headers() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, text in HEADERS.items()},
    }


def generated() -> Iterator[tuple[Path, bytes]]:
    """Every file that follows from the code, with its content."""
    for name, event in EVENT_TYPES.items():
        yield API / "schemas" / f"{name}.json", pretty(schema(event))
    yield API / "asyncapi.json", pretty(asyncapi())
    yield API / "asyncapi-partners.json", pretty(partner_asyncapi())
    yield ROOT / "docs" / "operations" / "metrics.md", metrics().encode()
    yield RESULTS / PAGE, recorded().encode()
    from standalone.services import openapi_documents  # the services are heavy, and only this needs them

    for name, document in openapi_documents().items():
        yield API / "openapi" / f"{name}.json", pretty(document)


def metrics() -> str:
    """The catalogue of metrics as a page."""
    from libs.events.metrics import CATALOGUE
    from libs.service.telemetry import HTTP_METRICS

    lines = [
        "# Metrics",
        "",
        (
            "`GET /<service>/metrics` shows each service its own, in Prometheus' text format. This page is made from the code: "
            "[kit](../../libs/events/metrics.py), [HTTP](../../libs/service/telemetry.py)."
        ),
        "",
        "| metric | kind | labels | what it says |",
        "| --- | --- | --- | --- |",
    ]
    for metric in (*CATALOGUE.values(), *HTTP_METRICS):
        labels = ", ".join(metric.labels if metric.name in CATALOGUE else ("service", *metric.labels))
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.sentence} |")
    return "\n".join(lines) + "\n"


def golden() -> Iterator[tuple[Path, bytes]]:
    """The golden file of every event: its example as it is published."""
    for name, event in EVENT_TYPES.items():
        yield GOLDEN / f"{name}.json", canonical(event.model_validate(event.example).payload()) + b"\n"


def keeps(golden_bytes: bytes, event: type[DomainEvent]) -> bool:
    """Whether what was once published is still read, and written again with all it said; members may be added."""
    try:
        once = orjson.loads(golden_bytes)
        return _within(once, event.model_validate(once).payload())
    except ValueError:
        return False


def _within(once: Any, now: Any) -> bool:
    if isinstance(once, dict) and isinstance(now, dict):
        return all(name in now and _within(value, now[name]) for name, value in once.items())
    if isinstance(once, list) and isinstance(now, list):
        return len(once) == len(now) and all(map(_within, once, now))
    return type(once) is type(now) and bool(once == now)


def kept(path: Path) -> bool:
    """Whether a golden file is still read: by its event, or by a successor after its upcasters."""
    name, content = path.stem, path.read_bytes()
    if name in EVENT_TYPES:
        return keeps(content, EVENT_TYPES[name])
    data = orjson.loads(content)
    while name in UPCASTERS:
        name, upcast = UPCASTERS[name]
        data = upcast(data)
    return name in EVENT_TYPES and keeps(orjson.dumps(data), EVENT_TYPES[name])


def broken() -> list[Path]:
    """Golden files that are missing or that nothing reads any more."""
    missing = [path for name in EVENT_TYPES if not (path := GOLDEN / f"{name}.json").exists()]
    return sorted([*missing, *(path for path in GOLDEN.glob("*.json") if not kept(path))])


def refusals() -> list[str]:
    """What the code's schemas would break of those that were published: the files as they are before they are written."""
    found = []
    for name, event in EVENT_TYPES.items():
        path = API / "schemas" / f"{name}.json"
        if path.exists():
            known = orjson.loads(path.read_bytes())
            found += [f"{name} {one}" for one in incompatible(known, schema(event), read_schema(event))]
    return found


def stale(wanted: Mapping[Path, bytes]) -> list[Path]:
    """Generated files that are not what the code says."""
    wrong = [path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content]
    extra = [path for path in API.rglob("*.json") if path not in wanted]
    return sorted([*wrong, *extra])


def write() -> list[Path]:
    """Write what is stale and take away what nothing makes; golden files only when they are missing."""
    written = []
    wanted = dict(generated())
    for path in stale(wanted):
        if path in wanted:
            _put(path, wanted[path])
        else:
            path.unlink()
        written.append(path)
    for path, content in golden():
        if not path.exists():
            _put(path, content)
            written.append(path)
    return written


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def main() -> int:
    if refused := refusals():
        for one in refused:
            print(one)
        print(f"A published schema is only added to: {ADVICE}.")
        return 1
    if "--check" not in sys.argv[1:]:
        for path in write():
            print(path.relative_to(ROOT))
        return 0
    wrong = stale(dict(generated()))
    for path in wrong:
        print(f"{path.relative_to(ROOT)} is not what the code says: run `python -m tools.generate`")
    lost = broken()
    for path in lost:
        advice = "is not read any more: add a new version of the event" if path.exists() else "is missing: generate it"
        print(f"{path.relative_to(ROOT)} {advice}")
    return 1 if wrong or lost else 0


if __name__ == "__main__":
    sys.exit(main())
