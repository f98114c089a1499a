"""A log of some loans in memory and the bundle of one of them, without a server: what verifiers are tried on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.contracts.base import DomainEvent
from libs.contracts.contract import ContractSigned
from libs.events.canonical import canonical
from libs.events.envelope import Actor, Metadata, leaf_bytes
from libs.events.merkle import leaf_hash
from libs.evidence.bundle import LOG_OF, LOGS
from libs.evidence.log import Entry, Log
from libs.evidence.notes import COSIGNATURE, Signer
from libs.evidence.verify import Event, expected_streams
from services.audit.bundle import Held, make_bundle, numbered
from services.audit.tests.life import application_id, told

ORIGIN = "puhui.example"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""A key for examples, known to everybody."""
ISSUER = Signer(f"{ORIGIN}/evidence", KEY)
WITNESS = Signer("witness.example", Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64))), COSIGNATURE)
SEALED = {"$sealed": "1:applicant-1:bm9uY2UgYW5kIGNpcGhlcnRleHQ"}


@dataclass
class Town:
    """Some loans' events in the logs of their services."""

    logs: dict[str, Log]
    held: dict[str, list[Held]]
    keys: list[str]

    def bundle(self, number: int, states: Mapping[str, str] | None = None) -> bytes:
        """The evidence of application `number`."""
        own = application_id(number)
        events: list[Held] = []
        asked: set[str] = set()
        while missing := set(expected_streams(own, [each.event for each in events])) - asked:
            asked |= missing
            events = numbered([*events, *(each for stream in missing for each in self.held.get(stream, ()))])
        return make_bundle(own, events, self.logs, ISSUER, self.keys, "2026-04-30T12:00:00.000000Z", states or {})


class _Entries:
    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    def entries(self, begin: int, end: int) -> Iterable[Entry]:
        return self._entries[begin:end]

    def versions(self, size: int) -> Mapping[str, int]:
        return {entry.stream_id: entry.version for entry in self._entries[:size]}


def town(directory: Path, loans: int, *, sealed: bool = True, document: bytes = b"") -> Town:
    """So many loans, all told up to a closed case; the first one's bank account is sealed, and its contract is signed
    as `document`."""
    entries: dict[str, list[Entry]] = {log: [] for log in LOGS}
    held: dict[str, list[Held]] = {}
    half: dict[str, int] = {}
    for number in range(1, loans + 1):
        for stream, event in told(number):
            if document and number == 1 and isinstance(event, ContractSigned):
                event = event.model_copy(update={"signed_document_sha256": sha256(document).hexdigest()})  # noqa: PLW2901
            _tell(entries, held, stream, event, sealed=sealed and number == 1)
        if number == max(loans // 2, 1):
            half = {log: len(found) for log, found in entries.items()}
    logs = {}
    for name in LOGS:
        signer = Signer(f"{ORIGIN}/{name}", KEY)
        log = Log.open(name, directory / name, signer, _Entries([]), None)
        for day, end in ((1, half[name]), (2, len(entries[name]))):
            log.extend(entries[name][log.size : end])
            head = log.sign(f"2026-04-30T0{day}:00:00.000000Z")
            log.keep(log.note + WITNESS.line(head.text, 1_777_500_000 + day))
        logs[name] = log
    signers = [*(log.signer for log in logs.values()), ISSUER, WITNESS]
    return Town(logs, held, [signer.verifier.text for signer in signers])


def _tell(
    entries: dict[str, list[Entry]], held: dict[str, list[Held]], stream: str, event: DomainEvent, *, sealed: bool
) -> None:
    of_stream, log = held.setdefault(stream, []), LOG_OF[stream.partition("-")[0]]
    version, index = len(of_stream) + 1, len(entries[log])
    data: dict[str, Any] = event.payload()
    if sealed and "account" in data:
        data["account"] |= {"number": SEALED, "holder": SEALED}
    event_id = uuid5(UUID(int=1), f"{stream}/{version}")
    metadata = Metadata(
        recorded_at=f"2026-04-29T00:{index // 60 % 60:02d}:{index % 60:02d}.000000Z",
        actor=Actor(f"service:{log}", "service"),
        correlation_id=str(uuid5(UUID(int=2), stream)),
    ).to_bytes()
    line = leaf_bytes(stream, version, event_id, event.type_name, canonical(data), metadata)
    of_stream.append(Held(Event(0, log, index, stream, version, event.type_name, orjson.loads(canonical(data))), line))
    entries[log].append(Entry(stream, version, leaf_hash(line)))
