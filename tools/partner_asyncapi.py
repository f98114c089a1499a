"""The AsyncAPI document of what a partner receives by webhook: made from the contracts and from what is told of them."""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from libs.contracts.base import EVENT_TYPES, DomainEvent
from libs.contracts.partners import FunderPart, MovementSplit

REF: Final = "#/components/schemas/{model}"
HEADERS: Final[dict[str, str]] = {
    "webhook-id": "Of the message, the same at every attempt: take it once.",
    "webhook-timestamp": "Unix seconds of the attempt; refuse what is more than five minutes off.",
    "webhook-signature": "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; one for each secret in force, "
    "separated by spaces (Standard Webhooks 1.0).",
    "content-type": "application/cloudevents+json",
}
ENVELOPE: Final[dict[str, str]] = {
    "specversion": "1.0.",
    "id": "The event as you are told it; the reference of its line in your daily file.",
    "source": "Who says so.",
    "subject": "The loan; before there is one the application, and for a settlement its identifier.",
    "time": "When it was recorded (RFC 3339, UTC).",
    "sequence": "Its place in the ledger's sequence, as a decimal string; `0` for what is not of the ledger.",
    "datacontenttype": "application/json.",
}
PART: Final = "your_part"
PART_DESCRIPTION: Final = (
    "What of it is yours, by account, and from which date it counts. Left out where nothing of yours moved."
)


def partner_asyncapi() -> dict[str, Any]:
    """One channel, a message for each type that an endpoint may subscribe to, and the test."""
    from services.partners.domain.movements import MOVING  # services are heavy, and only this needs them
    from services.partners.news import BETWEEN_LENDERS, KEPT_BACK, TEST_TYPE, TYPES

    events = [EVENT_TYPES[name] for name in sorted(TYPES)]
    moving = {event.type_name for event in (*MOVING, *BETWEEN_LENDERS)}
    wanted: list[tuple[Any, Any]] = [(event, "serialization") for event in (*events, FunderPart)]
    payloads, definitions = models_json_schema(wanted, ref_template=REF)
    schemas = definitions["$defs"]
    part = schemas["FunderPart"]
    part["properties"]["effective_on"] = {"type": "string", "format": "date", "title": "Effective On"}
    part["required"] = [*part["required"], "effective_on"]
    messages = {TEST_TYPE: _test(TEST_TYPE)}
    for event in events:
        ref: str = payloads[event, "serialization"]["$ref"]
        name = ref.rpartition("/")[2]
        schemas[name] = _told(schemas[name], KEPT_BACK, with_part=event.type_name in moving)
        messages[event.type_name] = _message(event, ref, _example(event, KEPT_BACK, event.type_name in moving))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Puhui webhooks for partners",
            "version": "1",
            "description": "CloudEvents 1.0 in structured JSON, signed as Standard Webhooks says. The events of one loan "
            "come in their order. At least once: the same `webhook-id` may come again. A type names its version.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "endpoint": {
                "address": None,
                "title": "The endpoint that a partner registered",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in sorted(messages)},
            }
        },
        "operations": {
            "tell": {
                "action": "send",
                "channel": {"$ref": "#/channels/endpoint"},
                "summary": "Each event of a partner's loans, offers and money, with its own part and nothing of others'.",
                "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            }
        },
        "components": {
            "messages": dict(sorted(messages.items())),
            "messageTraits": {
                "signed": {
                    "headers": {
                        "type": "object",
                        "required": list(HEADERS),
                        "properties": {name: {"type": "string", "description": text} for name, text in HEADERS.items()},
                    }
                }
            },
            "schemas": _reached(messages, schemas),
        },
    }


def _reached(messages: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schemas that messages lead to: what is kept back leaves others behind."""
    reached: dict[str, Any] = {}
    waiting = _references(messages)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = schemas[name]
            waiting |= _references(schemas[name])
    return dict(sorted(reached.items()))


def _references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"].rpartition("/")[2]} if "/schemas/" in str(part.get("$ref", "")) else set()
        return own.union(*map(_references, part.values()))
    return set().union(*map(_references, part)) if isinstance(part, list) else set()


def _told(schema: dict[str, Any], kept_back: frozenset[str], *, with_part: bool) -> dict[str, Any]:
    """The schema of an event's data as a partner sees it."""
    properties = {name: value for name, value in schema["properties"].items() if name not in kept_back}
    if with_part:
        properties[PART] = {"$ref": "#/components/schemas/FunderPart", "description": PART_DESCRIPTION}
    required = [name for name in schema.get("required", []) if name not in kept_back]
    return {**schema, "properties": properties, "required": required}


def _example(event: type[DomainEvent], kept_back: frozenset[str], with_part: bool) -> dict[str, Any]:
    payload = event.model_validate(event.example).payload()
    data = {name: value for name, value in payload.items() if name not in kept_back}
    if with_part:
        split = MovementSplit.model_validate(MovementSplit.example).payload()
        data[PART] = {**split["parts"][0], "effective_on": split["effective_on"]}
    return data


def _message(event: type[DomainEvent], ref: str, example: dict[str, Any]) -> dict[str, Any]:
    name = event.type_name
    return {
        "name": name,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/cloudevents+json",
        "traits": [{"$ref": "#/components/messageTraits/signed"}],
        "payload": _envelope(name, {"$ref": ref}),
        "examples": [{"name": "data", "payload": {"type": name, "data": example}}],
    }


def _test(name: str) -> dict[str, Any]:
    data = {"type": "object", "properties": {"endpoint_id": {"type": "string"}}, "required": ["endpoint_id"]}
    return {
        "name": name,
        "title": "Test",
        "summary": "Sent when it is asked for, whatever the endpoint subscribed to.",
        "contentType": "application/cloudevents+json",
        "traits": [{"$ref": "#/components/messageTraits/signed"}],
        "payload": _envelope(name, data),
    }


def _envelope(name: str, data: dict[str, Any]) -> dict[str, Any]:
    properties = {member: {"type": "string", "description": text} for member, text in ENVELOPE.items()}
    return {
        "type": "object",
        "properties": {**properties, "type": {"type": "string", "const": name}, "data": data},
        "required": [*ENVELOPE, "type", "data"],
    }
