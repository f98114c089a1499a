"""Puts an evidence bundle together from events and logs (`libs.evidence.bundle` says what is in one)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import Any

import orjson

from libs.contracts.base import EVENT_TYPES
from libs.evidence.bundle import LOG_OF, LOGS, Sealed, contract_of, loan_of, manifest_text, proof_line, stream_line
from libs.evidence.container import pack
from libs.evidence.log import Log
from libs.evidence.notes import Head, Note, Signer
from libs.evidence.proofs import inclusion_proof
from libs.evidence.replay import RULES, State
from libs.evidence.verify import Event, expected_streams, sealed_places
from services.audit.summary import summary


@dataclass(frozen=True, slots=True)
class Held:
    """An event as the archive holds it: parsed, with the bytes that its leaf covers."""

    event: Event
    line: bytes


def numbered(held: Iterable[Held]) -> list[Held]:
    """In the order of a bundle, each with its line."""
    ordered = sorted(held, key=lambda each: (LOGS.index(each.event.log), each.event.index))
    return [Held(replace(each.event, line=line), each.line) for line, each in enumerate(ordered, 1)]


def sealed_for(data: Any, pointer: str) -> str:
    """The person under whose key the value at a place is sealed."""
    for step in pointer.split("/")[1:]:
        data = data[int(step)] if isinstance(data, list) else data[step]
    return str(data["$sealed"]).removeprefix("1:").rpartition(":")[0]


def make_bundle(
    application_id: str,
    held: Sequence[Held],
    opened: Mapping[str, Log],
    issuer: Signer,
    keys: Sequence[str],
    issued_at: str,
    states: Mapping[str, str],
) -> bytes:
    """The bundle of an application: `held` are all events of its streams, in order; `opened` the logs with their heads;
    `states` says of persons whose values are sealed whether they are restricted or erased."""
    contract_id = contract_of(application_id)
    loan_id = loan_of(contract_id)
    sealed = [
        Sealed(each.event.line, pointer, states.get(sealed_for(each.event.data, pointer), "sealed"))
        for each in held
        for pointer in sealed_places(each.event.data)
    ]
    state = State(application_id, loan_id, frozenset(_cases(held)))
    for each in held:
        state.take(each.event.type, each.event.data)
    anchors = {name: _anchor(each) for name, each in opened.items()}
    files: dict[str, bytes] = {
        "README.txt": summary(
            application_id, state.to_json(), [each.event for each in held], opened, sealed, issued_at
        ),
        "events.ndjson": b"".join(each.line + b"\n" for each in held),
        "proofs": "".join(_proofs(held, opened)).encode(),
        "streams": "".join(_streams(held, opened, application_id)).encode(),
        "consistency": "".join(
            proof_line(name, anchors[name][0].size, opened[name].consistency(anchors[name][0].size)) for name in LOGS
        ).encode(),
        "keys": "".join(f"{key}\n" for key in keys).encode(),
        "state.json": state.to_bytes(),
        "state_rules.json": RULES.read_bytes(),
        **{f"heads/{name}": opened[name].note.encode() for name in LOGS},
        **{f"anchors/{name}": anchors[name][1].encode() for name in LOGS},
        **_schemas(each.event.type for each in held),
    }
    digests = {name: sha256(content).hexdigest() for name, content in files.items()}
    text = manifest_text(application_id, contract_id, loan_id, issued_at, sealed, digests)
    return pack({"manifest": f"{text}\n{issuer.line(text)}".encode(), **files})


def _cases(held: Iterable[Held]) -> Iterator[str]:
    return (each.event.stream_id[5:] for each in held if each.event.stream_id.startswith("case-"))


def _anchor(log: Log) -> tuple[Head, str]:
    """The head before the last one, unless only the last one is co-signed."""
    assert log.head is not None, "a head was signed"
    last = (log.head, log.note)
    if log.previous is None or (_is_cosigned(log.note) and not _is_cosigned(log.previous[1])):
        return last
    return log.previous


def _is_cosigned(note: str) -> bool:
    return len(Note.parse(note).signatures) > 1


def _proofs(held: Iterable[Held], logs: Mapping[str, Log]) -> Iterator[str]:
    for each in held:
        log = logs[each.event.log]
        assert log.head is not None, "a head was signed"
        yield proof_line(log.name, each.event.index, inclusion_proof(log.tiles.node, each.event.index, log.head.size))


def _streams(held: Sequence[Held], logs: Mapping[str, Log], application_id: str) -> Iterator[str]:
    last = {each.event.stream_id: each.event.version for each in held}
    for name in expected_streams(application_id, [each.event for each in held]):
        log = logs[LOG_OF[name.partition("-")[0]]]
        yield stream_line(log.name, name, last.get(name, 0), log.streams.prove(name))


def _schemas(types: Iterable[str]) -> dict[str, bytes]:
    return {f"schemas/{name}.json": _schema(name) for name in sorted(set(types)) if name in EVENT_TYPES}


@cache
def _schema(type_name: str) -> bytes:
    return orjson.dumps(EVENT_TYPES[type_name].model_json_schema(mode="serialization"), option=orjson.OPT_INDENT_2)
