"""Checks an evidence bundle, with nothing but the bundle: no network, no database, nobody's word.

What it shows, by what: the files are as they were issued (manifest); the heads are the logs' and extend the anchored
ones (signatures, consistency); every event is in its log as it stands here (inclusion); no event of the loan is left
out, since every stream that a loan has is there up to its last version, or proved not to be (streams); and the state
follows (replay).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Final

from libs.events.merkle import leaf_hash
from libs.evidence.bundle import LOG_OF, LOGS, Bundle, NotABundle, case_of, contract_of, loan_of, parse
from libs.evidence.container import NotAContainer, unpack
from libs.evidence.notes import COSIGNATURE, SIGNATURE, Head, NotANote, Note, Verifier, keyring
from libs.evidence.proofs import extends, includes
from libs.evidence.replay import KNOWN_RULES, CannotReplay, State, rules_from
from libs.evidence.streams import proved_version
from libs.evidence.tiles import HASH_BYTES, root_of_leaves

CASE_DAYS: Final = 60
"""A collection case opens within so many days after a loan fell behind, whatever the policy's days of grace."""
SEALED: Final = "$sealed"
_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TAIL: Final = re.compile(
    rb',"stream":"([a-z]+-[A-Za-z0-9._:-]{1,100})","type":"([a-z0-9.-]{1,120})","version":([1-9][0-9]{0,8})\}\Z'
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong: a stable code, where, and in words."""

    code: str
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the bundle, as its line says."""

    line: int
    log: str
    index: int
    stream_id: str
    version: int
    type: str
    data: Any


@dataclass(slots=True)
class Report:
    """The verdict: sound when nothing was found; `notes` are what a reader must know besides."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    application_id: str = ""
    loan_id: str = ""
    issued_at: str = ""
    events: int = 0
    streams: int = 0
    sealed: dict[str, int] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)
    state: bytes = b""

    @property
    def sound(self) -> bool:
        return not self.findings

    def add(self, code: str, where: str, what: str) -> None:
        self.findings.append(Finding(code, where, what))


LeavesOf = Callable[[str], tuple[Sequence[Head], bytes]]
"""The anchored heads of a log, oldest first, and its anchored leaf hashes."""


def verify(
    data: bytes,
    *,
    trusted: Sequence[str] | None = None,
    anchored: LeavesOf | None = None,
    documents: Mapping[str, bytes] | None = None,
) -> Report:
    """Check a bundle. `trusted`: the keys that are believed, as text, a witness's among them when its signature is
    needed (without them the bundle's own are used, and that is said); `anchored`: what was kept where the maker of the bundle cannot write; `documents`: files that are said to
    be those that the events name."""
    report = Report()
    try:
        bundle = parse(unpack(data))
    except NotAContainer as error:
        report.add("container", "bundle", f"the file is damaged: {error}")
        return report
    except NotABundle as error:
        report.add("form", error.name, f"{error.name} {error.reason}")
        return report
    report.application_id, report.loan_id, report.issued_at = bundle.application_id, bundle.loan_id, bundle.issued_at
    report.heads = {log: head for log, (_note, head) in bundle.heads.items()}
    report.events, report.streams, report.state = len(bundle.events), len(bundle.streams), bundle.state
    _check_keys_and_heads(bundle, report, trusted)
    _check_files(bundle, report)
    if anchored is not None:
        _check_anchored(bundle, report, anchored)
    events = _check_events(bundle, report)
    _check_sealed(bundle, report, events)
    _check_streams(bundle, report, events)
    _check_state(bundle, report, events)
    _check_documents(report, events, documents or {})
    return report


def _check_keys_and_heads(bundle: Bundle, report: Report, trusted: Sequence[str] | None) -> None:
    try:
        keys = keyring(bundle.keys if trusted is None else trusted)
        keyring(bundle.keys)
    except NotANote as error:
        report.add("keys", "keys", str(error))
        return
    if trusted is None:
        report.notes.append("The keys are the bundle's own: compare them with those that you were given.")
    else:
        for key in sorted(set(bundle.keys) - set(trusted)):
            report.add(
                "keys", key.split("+")[0], f"the key of {key.split('+')[0]} is not one of those that are trusted"
            )
    witnesses = [key for held in keys.values() for key in held if key.algorithm == COSIGNATURE]
    if not witnesses:
        report.notes.append("No witness has co-signed: a second history cannot be ruled out by this bundle alone.")
    issuers = [key for name, held in keys.items() for key in held if name.endswith("/evidence")]
    if not bundle.manifest.confirmed_by(issuers):
        report.add("manifest", "manifest", "the manifest is not signed by who made the bundle")
    for log in bundle.logs:
        for kind, (note, head) in (("heads", bundle.heads[log]), ("anchors", bundle.anchors[log])):
            _check_head(report, f"{kind}/{log}", log, note, head, keys)
        if witnesses and not bundle.anchors[log][0].confirmed_by(witnesses):
            report.add("witness", f"anchors/{log}", f"no witness has co-signed the anchored head of {log}")
        _check_consistency(bundle, report, log)


def _check_head(
    report: Report, where: str, log: str, note: Note, head: Head, keys: Mapping[str, Sequence[Verifier]]
) -> None:
    own = [key for key in keys.get(head.origin, ()) if key.algorithm == SIGNATURE]
    if not head.origin.endswith(f"/{log}") or not note.confirmed_by(own):
        report.add("head", where, f"the head is not signed by the log of {log}")


def _check_consistency(bundle: Bundle, report: Report, log: str) -> None:
    (_, head), (_, anchor) = bundle.heads[log], bundle.anchors[log]
    old, proof = bundle.consistency[log]
    if old != anchor.size or not extends(anchor.size, anchor.root, head.size, head.root, proof):
        report.add(
            "consistency",
            log,
            f"the {head.size} events of {log} do not begin with the {anchor.size} that were anchored",
        )


def _check_files(bundle: Bundle, report: Report) -> None:
    for name, content in bundle.files.items():
        if name != "manifest" and bundle.digests.get(name) != sha256(content).hexdigest():
            report.add("file", name, f"{name} is not the file that was issued")
    for name in bundle.digests.keys() - bundle.files.keys():
        report.add("file", name, f"{name} was issued and is missing")


def _check_anchored(bundle: Bundle, report: Report, anchored: LeavesOf) -> None:
    for log in bundle.logs:
        heads, leaves = anchored(log)
        for kind, (_, head) in (("heads", bundle.heads[log]), ("anchors", bundle.anchors[log])):
            known = next((each for each in heads if each.size >= head.size), None)
            if known is None:
                report.notes.append(f"{kind}/{log} is later than what was anchored: {head.size} events.")
            elif root_of_leaves(leaves[: head.size * HASH_BYTES]) != head.root:
                report.add("anchor", f"{kind}/{log}", f"the first {head.size} events of {log} are not those anchored")
        if heads and heads[-1].size > bundle.heads[log][1].size:
            later = heads[-1]
            report.notes.append(f"{log}: a later head over {later.size} events was anchored at {later.signed_at}.")


def _check_events(bundle: Bundle, report: Report) -> list[Event]:
    if len(bundle.events) != len(bundle.proofs):
        report.add("form", "proofs", "there is not one proof for each event")
        return []
    events = []
    last = (-1, -1)
    for line, (content, proof) in enumerate(zip(bundle.events, bundle.proofs, strict=True), 1):
        where, head = f"event {line}", bundle.heads[proof.log][1]
        if not includes(head.root, head.size, proof.index, leaf_hash(content), proof.path):
            report.add("inclusion", where, f"event {line} is not number {proof.index + 1} of the log of {proof.log}")
        place = (bundle.logs.index(proof.log), proof.index)
        if place <= last:
            report.add("order", where, f"event {line} does not stand after the one before it")
        last = place
        event = _event(line, content, proof.log, proof.index)
        if event is None:
            report.add("event", where, f"event {line} cannot be read")
        else:
            events.append(event)
    return events


def _event(line: int, content: bytes, log: str, index: int) -> Event | None:
    tail = _TAIL.search(content)
    if tail is None:
        return None
    try:
        data = json.loads(content.decode(), parse_constant=_refused)["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Event(line, log, index, tail[1].decode(), int(tail[3]), tail[2].decode(), data)


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _check_sealed(bundle: Bundle, report: Report, events: Sequence[Event]) -> None:
    found = {(event.line, pointer) for event in events for pointer in sealed_places(event.data)}
    said = {(each.line, each.pointer) for each in bundle.sealed}
    for line, pointer in sorted(found ^ said):
        what = "is sealed and the manifest does not say so" if (line, pointer) in found else "is not sealed"
        report.add("sealed", f"event {line}{pointer}", f"event {line}: {pointer} {what}")
    for each in bundle.sealed:
        report.sealed[each.state] = report.sealed.get(each.state, 0) + 1


def sealed_places(value: Any, pointer: str = "") -> Iterator[str]:
    """Where in an event's data personal values are sealed, as JSON pointers."""
    if isinstance(value, dict):
        if SEALED in value:
            yield pointer
        else:
            for name, member in value.items():
                yield from sealed_places(member, f"{pointer}/{name}")
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from sealed_places(member, f"{pointer}/{number}")


def _check_streams(bundle: Bundle, report: Report, events: Sequence[Event]) -> None:
    try:
        contract_id = contract_of(bundle.application_id)
        if (contract_id, loan_of(contract_id)) != (bundle.contract_id, bundle.loan_id):
            raise ValueError("other identifiers follow")
    except ValueError:
        report.add("identity", "manifest", "contract and loan are not those that follow from the application")
        return
    claims = {claim.stream_id: claim for claim in bundle.streams}
    expected = set(expected_streams(bundle.application_id, events, bundle.logs))
    for stream_id in sorted(claims.keys() - expected):
        report.add("stream", stream_id, f"{stream_id} is no stream of this loan")
    by_stream: dict[str, list[Event]] = {}
    for event in events:
        by_stream.setdefault(event.stream_id, []).append(event)
        if LOG_OF.get(event.stream_id.partition("-")[0]) != event.log or event.stream_id not in expected:
            report.add("stream", f"event {event.line}", f"event {event.line} is of {event.stream_id}, not of this loan")
    for stream_id in sorted(expected):
        claim, log = claims.get(stream_id), LOG_OF[stream_id.partition("-")[0]]
        if claim is None:
            report.add("complete", stream_id, f"nothing proves how far {stream_id} goes, or that there is none")
            continue
        proved = proved_version(bundle.heads[log][1].streams_root, stream_id, claim.proof)
        if claim.log != log or proved is None or proved != claim.version:
            report.add("stream", stream_id, f"the last version of {stream_id} is not proved")
        given = [event.version for event in by_stream.get(stream_id, ())]
        if len(given) != claim.version or given != list(range(1, claim.version + 1)):
            report.add("complete", stream_id, _what_is_missing(stream_id, given, claim.version))


def _what_is_missing(stream_id: str, given: Sequence[int], version: int) -> str:
    there = set(given)
    missing = next((each for each in range(1, min(version, len(given) + 1) + 1) if each not in there), None)
    if missing is not None:
        return f"{stream_id} goes to version {version}: version {missing} is left out"
    return f"{stream_id} goes to version {version}: there are events beyond, or twice"


def expected_streams(application_id: str, events: Sequence[Event], logs: Sequence[str] = LOGS) -> Iterator[str]:
    """Every stream that this loan can have in these logs: by its identifiers, and a case for each date on which one could
    open.

    Raises `ValueError` for an identifier from which no others follow.
    """
    contract_id = contract_of(application_id)
    loan_id = loan_of(contract_id)
    for kind in ("application", "assessment", "decision"):
        yield f"{kind}-{application_id}"
    yield f"contract-{contract_id}"
    yield f"loan-{loan_id}"
    yield f"reminder-{loan_id}"
    if "partners" in logs:
        yield f"funding-{application_id}"
        yield f"share-{loan_id}"
    for applicant_id in sorted(set(_applicants(events))):
        yield f"conduct-{applicant_id}"
    for opened_on in sorted(set(_case_dates(event for event in events if event.stream_id == f"loan-{loan_id}"))):
        yield f"case-{case_of(loan_id, opened_on)}"


def _applicants(events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        if event.type == "puhui.application.application-started.v1" and isinstance(event.data, dict):
            request = event.data.get("request")
            if isinstance(request, dict) and type(request.get("applicant_id")) is str:
                yield request["applicant_id"]


def _case_dates(events: Iterator[Event]) -> Iterator[str]:
    """The dates from each falling behind until `CASE_DAYS` after the loan is current again, or after its last event."""
    behind: date | None = None
    last: date | None = None
    for event in events:
        changed = event.type == "puhui.ledger.delinquency-changed.v1"
        try:
            on = _day(event.data["changed_on"]) if changed else None
            current = changed and event.data["position"]["bucket"] == "CURRENT"
            as_of = _day(event.data["position"]["as_of"]) if "position" in event.data else None
        except (KeyError, TypeError, ValueError):
            continue
        last = max(filter(None, (last, on, as_of)), default=None)
        if on is not None and not current and behind is None:
            behind = on
        elif on is not None and current and behind is not None:
            yield from _dates(behind, on + timedelta(days=CASE_DAYS))
            behind = None
    if behind is not None and last is not None:
        yield from _dates(behind, last + timedelta(days=CASE_DAYS))


def _day(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError("not a date")
    return date.fromisoformat(text)


def _dates(first: date, last: date) -> Iterator[str]:
    return ((first + timedelta(days=passed)).isoformat() for passed in range((last - first).days + 1))


def replayed(bundle: Bundle, events: Sequence[Event]) -> State:
    """What the events say together; raises `CannotReplay`."""
    cases = frozenset(event.stream_id.removeprefix("case-") for event in events if event.stream_id.startswith("case-"))
    rules = rules_from(bundle.files["state_rules.json"])
    state = State(bundle.application_id, bundle.loan_id, cases, rules)
    for event in events:
        state.take(event.type, event.data)
    return state


def _check_state(bundle: Bundle, report: Report, events: Sequence[Event]) -> None:
    if sha256(bundle.files["state_rules.json"]).hexdigest() not in KNOWN_RULES:
        report.add("rules", "state_rules.json", "the state was worked out by rules that this verifier does not know")
        return
    try:
        follows = replayed(bundle, events).to_bytes()
    except CannotReplay as error:
        report.add("state", "state.json", f"the events cannot be replayed: {error}")
        return
    if follows != bundle.state:
        report.add(
            "state", "state.json", f"the state does not follow from the events: {_differing(follows, bundle.state)}"
        )


def _check_documents(report: Report, events: Sequence[Event], documents: Mapping[str, bytes]) -> None:
    named = {
        value: f"event {event.line} ({event.type.removeprefix('puhui.')}, {name})"
        for event in events
        if isinstance(event.data, dict)
        for name, value in event.data.items()
        if name.endswith("sha256") and type(value) is str
    }
    for file, content in documents.items():
        digest = sha256(content).hexdigest()
        if digest in named:
            report.notes.append(f"{file} is the document that {named[digest]} names.")
        else:
            report.add("document", file, f"{file} is not a document of this loan: no event names its hash {digest}")


def _differing(follows: bytes, claimed: bytes) -> str:
    try:
        right, wrong = json.loads(follows), json.loads(claimed)
        for part in ("application", "loan"):
            names = sorted((right[part] or {}).keys() | (wrong[part] or {}).keys())
            for name in names:
                values = (right[part] or {}).get(name), (wrong[part] or {}).get(name)
                if values[0] != values[1]:
                    return f"{part}.{name} is {values[0]!r} by the events, {values[1]!r} is claimed"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "it is of another form"
    return "a case, or its form, is another"
