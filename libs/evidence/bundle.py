"""What is in an evidence bundle, as text that has one form: made by the audit, read by every verifier.

manifest            a signed note: whose evidence, when, which values are sealed or erased, each file's SHA-256
events.ndjson       a line an event: the very bytes that its leaf hash covers
proofs              a line an event: its log, its place in it, and the inclusion proof from the leaf upwards
heads/LOG           the head that all this is proved against, signed
anchors/LOG         an earlier head, co-signed by a witness where there is one
consistency         a line a log: the proof that the head extends the anchored one
streams             a line a stream: its last version at the head, 0 for none, and the proof of that
keys                public keys of the logs, of the witness, and of whoever made the bundle
state.json          what the events say together
state_rules.json    by which rules
schemas/TYPE.json   JSON Schema of each type of event
README.txt          a summary for people
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid5

from libs.evidence.notes import Head, NotANote, Note, number
from libs.evidence.streams import StreamProof

LOG_OF: Final[Mapping[str, str]] = {
    "application": "application",
    "assessment": "scoring",
    "decision": "approval",
    "contract": "contract",
    "loan": "ledger",
    "reminder": "collections",
    "case": "collections",
    "conduct": "collections",
    "funding": "partners",
    "share": "partners",
}
"""The log that each kind of stream of a loan is in."""
LOGS: Final = tuple(dict.fromkeys(LOG_OF.values()))
FORMAT: Final = "puhui-evidence/2"
LOGS_OF: Final[Mapping[str, Sequence[str]]] = {
    "puhui-evidence/1": tuple(log for log in LOGS if log != "partners"),
    FORMAT: LOGS,
}
"""The logs that a bundle of each format is proved against: those of the first were made before loans were shared."""
REQUIRED: Final = (
    "manifest",
    "events.ndjson",
    "proofs",
    "consistency",
    "streams",
    "keys",
    "state.json",
    "state_rules.json",
)
SEALED_STATES: Final = ("sealed", "restricted", "erased")
_HASH: Final = re.compile("[0-9a-f]{64}")
_ID: Final = re.compile("[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
_STREAM: Final = re.compile("[a-z]+-[A-Za-z0-9._:-]{1,100}")
_POINTER: Final = re.compile("(/[A-Za-z0-9_-]+)+")


class NotABundle(ValueError):
    """A file of a bundle that is not of its form; its name comes with it."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


@dataclass(frozen=True, slots=True)
class Sealed:
    """A personal value that is not shown: the line of its event, from 1, its place in the data, and why."""

    line: int
    pointer: str
    state: str


@dataclass(frozen=True, slots=True)
class EventProof:
    """Where an event is in which log."""

    log: str
    index: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class StreamClaim:
    """The last version of a stream at the head of its log; 0: there is no such stream."""

    log: str
    stream_id: str
    version: int
    proof: StreamProof


@dataclass(frozen=True, slots=True)
class Bundle:
    """The contents, parsed but not believed."""

    manifest: Note
    logs: Sequence[str]
    application_id: str
    contract_id: str
    loan_id: str
    issued_at: str
    sealed: Sequence[Sealed]
    digests: Mapping[str, str]
    events: Sequence[bytes]
    proofs: Sequence[EventProof]
    heads: Mapping[str, tuple[Note, Head]]
    anchors: Mapping[str, tuple[Note, Head]]
    consistency: Mapping[str, tuple[int, Sequence[bytes]]]
    streams: Sequence[StreamClaim]
    keys: Sequence[str]
    state: bytes
    files: Mapping[str, bytes] = field(repr=False)


def contract_of(application_id: str) -> str:
    """The identifier of an application's contract; raises `ValueError` for an identifier from which none follows."""
    return str(uuid5(UUID(application_id), "contract"))


def loan_of(contract_id: str) -> str:
    return str(uuid5(UUID(contract_id), "loan"))


def case_of(loan_id: str, opened_on: str) -> str:
    """The identifier of the collection case of a loan that opens on a date."""
    return str(uuid5(UUID(loan_id), f"case/{opened_on}"))


def manifest_text(
    application_id: str,
    contract_id: str,
    loan_id: str,
    issued_at: str,
    sealed: Iterable[Sealed],
    files: Mapping[str, str],
) -> str:
    """The text that is signed; `files` are SHA-256 by name."""
    lines = [
        FORMAT,
        f"application {application_id}",
        f"contract {contract_id}",
        f"loan {loan_id}",
        f"issued {issued_at}",
    ]
    lines += [f"sealed {each.line} {each.pointer} {each.state}" for each in sealed]
    lines += [f"file {digest} {name}" for name, digest in files.items()]
    return "\n".join(lines) + "\n"


def proof_line(log: str, index: int, path: Iterable[bytes]) -> str:
    return " ".join([log, str(index), *(each.hex() for each in path)]) + "\n"


def stream_line(log: str, stream_id: str, version: int, proof: StreamProof) -> str:
    found = [proof.key.hex(), str(proof.version)] if proof.key is not None else ["-", "0"]
    return " ".join([log, stream_id, str(version), *found, *(each.hex() for each in proof.siblings)]) + "\n"


def parse(files: Mapping[str, bytes]) -> Bundle:
    """Raises `NotABundle` at the first file that is missing or not of its form."""
    _require(files, REQUIRED)
    manifest = _note(files, "manifest")
    logs, identifiers, sealed, digests = _manifest(manifest.text)
    _require(files, [f"{kind}/{log}" for kind in ("heads", "anchors") for log in logs])
    return Bundle(
        manifest,
        logs,
        *identifiers,
        sealed,
        digests,
        events=_event_lines(files["events.ndjson"]),
        proofs=[_proof("proofs", line, logs) for line in _lines(files, "proofs")],
        heads={log: _head(files, f"heads/{log}") for log in logs},
        anchors={log: _head(files, f"anchors/{log}") for log in logs},
        consistency=_consistency(files, logs),
        streams=[_stream(line, logs) for line in _lines(files, "streams")],
        keys=_lines(files, "keys"),
        state=files["state.json"],
        files=files,
    )


def _require(files: Mapping[str, bytes], names: Sequence[str]) -> None:
    for name in names:
        if name not in files:
            raise NotABundle(name, "is missing")


def _text(files: Mapping[str, bytes], name: str) -> str:
    try:
        return files[name].decode()
    except UnicodeDecodeError:
        raise NotABundle(name, "is not UTF-8") from None


def _lines(files: Mapping[str, bytes], name: str) -> list[str]:
    text = _text(files, name)
    if text and not text.endswith("\n"):
        raise NotABundle(name, "its last line does not end")
    return text.split("\n")[:-1]


def _event_lines(content: bytes) -> list[bytes]:
    if content and not content.endswith(b"\n"):
        raise NotABundle("events.ndjson", "its last line does not end")
    return content.split(b"\n")[:-1]


def _note(files: Mapping[str, bytes], name: str) -> Note:
    try:
        return Note.parse(_text(files, name))
    except NotANote as error:
        raise NotABundle(name, str(error)) from None


def _head(files: Mapping[str, bytes], name: str) -> tuple[Note, Head]:
    note = _note(files, name)
    try:
        return note, Head.parse(note.text)
    except NotANote as error:
        raise NotABundle(name, str(error)) from None


def _manifest(text: str) -> tuple[Sequence[str], tuple[str, str, str, str], list[Sealed], dict[str, str]]:
    lines = text.split("\n")[:-1]
    if len(lines) < 5 or lines[0] not in LOGS_OF:
        raise NotABundle("manifest", f"does not begin with {' or '.join(LOGS_OF)}")
    identifiers = [_member(line, name) for line, name in zip(lines[1:5], ("application", "contract", "loan", "issued"), strict=True)]  # fmt: skip
    sealed, digests = list[Sealed](), dict[str, str]()
    for line in lines[5:]:
        kind, _, rest = line.partition(" ")
        parts = rest.split(" ")
        if kind == "sealed" and len(parts) == 3 and _POINTER.fullmatch(parts[1]) and parts[2] in SEALED_STATES:
            sealed.append(Sealed(_number("manifest", parts[0]), parts[1], parts[2]))
        elif kind == "file" and len(parts) == 2 and _HASH.fullmatch(parts[0]) and parts[1] not in digests:
            digests[parts[1]] = parts[0]
        else:
            raise NotABundle("manifest", "a line is of another form")
    return LOGS_OF[lines[0]], (identifiers[0], identifiers[1], identifiers[2], identifiers[3]), sealed, digests


def _member(line: str, name: str) -> str:
    given, _, value = line.partition(" ")
    if given != name or not _ID.fullmatch(value):
        raise NotABundle("manifest", f"{name} is missing")
    return value


def _number(name: str, text: str) -> int:
    try:
        return number(text)
    except NotANote as error:
        raise NotABundle(name, str(error)) from None


def _hashes(name: str, texts: Sequence[str]) -> list[bytes]:
    if len(texts) > 256 or not all(_HASH.fullmatch(text) for text in texts):
        raise NotABundle(name, "a hash is of another form")
    return [bytes.fromhex(text) for text in texts]


def _proof(name: str, line: str, logs: Sequence[str]) -> EventProof:
    log, *rest = line.split(" ")
    if log not in logs or not rest:
        raise NotABundle(name, "a line is of another form")
    return EventProof(log, _number(name, rest[0]), _hashes(name, rest[1:]))


def _consistency(files: Mapping[str, bytes], logs: Sequence[str]) -> dict[str, tuple[int, Sequence[bytes]]]:
    proofs = [_proof("consistency", line, logs) for line in _lines(files, "consistency")]
    if [proof.log for proof in proofs] != list(logs):
        raise NotABundle("consistency", "it has not one line for each log")
    return {proof.log: (proof.index, proof.path) for proof in proofs}


def _stream(line: str, logs: Sequence[str]) -> StreamClaim:
    parts = line.split(" ")
    if len(parts) < 5 or parts[0] not in logs or not _STREAM.fullmatch(parts[1]):
        raise NotABundle("streams", "a line is of another form")
    version, found = _number("streams", parts[2]), _number("streams", parts[4])
    key = None if parts[3] == "-" else _hashes("streams", [parts[3]])[0]
    if key is None and found:
        raise NotABundle("streams", "no stream has a version")
    return StreamClaim(parts[0], parts[1], version, StreamProof(_hashes("streams", parts[5:]), key, found))
