"""A whole store against its log, whoever's rights the store was written with.

Reads a service's own store, or the audit's archive of it, event by event; computes every leaf hash anew; compares with
the leaf hashes that were anchored and with all heads that were signed over them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from libs.events.envelope import leaf_bytes
from libs.events.merkle import leaf_hash
from libs.evidence.heads import AnchorFiles
from libs.evidence.notes import SIGNATURE, Head, NotANote, Note, Verifier, keyring
from libs.evidence.reconcile import Row, Store, check_heads, check_store, merged
from libs.evidence.tiles import HASH_BYTES
from libs.evidence.verify import Finding

BATCH: Final = 10_000
OWN_STORE: Final = """
    select q.global_seq, s.stream_id, e.version, e.event_id, e.type, e.data, e.metadata, e.leaf_hash
    from es.sequence q join es.event e using (stream_no, version) join es.stream s using (stream_no)
    where q.global_seq > $1 and q.global_seq <= $2 order by q.global_seq"""
ARCHIVE: Final = """
    select l.sequence, s.stream_id, e.version, e.event_id, e.type, e.data, e.metadata, l.leaf_hash
    from log_leaf l join es.stream s using (stream_id)
    join es.event e on e.stream_no = s.stream_no and e.version = l.version
    where l.service = $3 and l.sequence > $1 and l.sequence <= $2 order by l.sequence"""
OWN_ENDS: Final = "select coalesce(max(global_seq), 0), count(*) from es.sequence"
ARCHIVE_END: Final = "select coalesce(max(sequence), 0) from log_leaf where service = $1"
# Committed before the sequencer's last snapshot, and yet without a place: it was kept from it.
UNPLACED: Final = """
    select s.stream_id, e.version, e.type from es.event e left join es.stream s using (stream_no)
    where e.xid < (select pg_snapshot_xmin(snapshot) from es.sequencer)
      and not exists (select from es.sequence q where (q.stream_no, q.version) = (e.stream_no, e.version)) limit 20"""
EVENTS: Final = "select count(*) from es.event"
ONE: Final = """
    select e.event_id, e.type, e.data, e.metadata from es.stream s join es.event e using (stream_no)
    where s.stream_id = $1 and e.version = $2"""


@dataclass(slots=True)
class Checked:
    """What was found, over how many events."""

    events: int = 0
    heads: int = 0
    size: int = 0
    findings: list[Finding] = field(default_factory=list)


async def check(
    dsn: str,
    log: str,
    anchors: Path,
    keys: Sequence[str],
    *,
    archive: bool = False,
    other: str = "",
    witnessed: str = "",
    presented: str = "",
    jobs: int = 1,
) -> Checked:
    """Check the store at `dsn` against what was anchored of a log.

    `archive`: it is the audit's, not the service's own. `other`: the store of the other one, to say what was changed in
    an event. `witnessed` and `presented`: notes, the last head that a witness saw, and the one that is said to be last.
    """
    files = AnchorFiles(anchors)
    leaves = files.leaves(log).read_bytes() if files.leaves(log).exists() else b""
    checked = Checked(size=len(leaves) // HASH_BYTES)
    heads = _heads(files, log, keys, checked)
    checked.heads = len(heads)
    checked.findings += check_heads(heads, leaves)
    for name, note in (("the witness", witnessed), ("the log", presented)):
        if note:
            checked.findings += _other_head(name, note, heads, leaves, keys)
    last, unplaced = await _extent(dsn, log, archive=archive)
    parts = _parts(last, jobs)
    if len(parts) == 1:
        read = [await _read(dsn, log, archive, leaves, *parts[0])]
    else:
        with ProcessPoolExecutor(len(parts), get_context("spawn")) as pool:
            loop = asyncio.get_running_loop()
            read = await asyncio.gather(
                *(loop.run_in_executor(pool, partial(read_part, dsn, log, archive, leaves, *part)) for part in parts)
            )
    found = check_store(merged(read), heads, leaves)
    checked.events = sum(part.events for part in read)
    checked.findings += [*await _explained(found, read, dsn, other), *unplaced]
    return checked


def _heads(files: AnchorFiles, log: str, keys: Sequence[str], checked: Checked) -> list[Head]:
    own = [key for held in keyring(keys).values() for key in held if key.algorithm == SIGNATURE]
    heads: list[Head] = []
    for note in files.heads(log).notes():
        try:
            parsed = Note.parse(note)
            head = Head.parse(parsed.text)
        except NotANote as error:
            checked.findings.append(Finding("head", f"{log}.heads", f"the anchor holds what is no head: {error}"))
            continue
        if not head.origin.endswith(f"/{log}") or not parsed.confirmed_by(own):
            what = f"the head over {head.size} events is not signed by the log of {log}"
            checked.findings.append(Finding("head", f"size {head.size}", what))
        else:
            heads.append(head)
    return heads


def _other_head(name: str, note: str, heads: Sequence[Head], leaves: bytes, keys: Sequence[str]) -> list[Finding]:
    try:
        parsed = Note.parse(note)
        head = Head.parse(parsed.text)
    except NotANote as error:
        return [Finding("head", name, f"the head of {name} is none: {error}")]
    if not parsed.confirmed_by([Verifier.parse(key) for key in keys]):
        return [Finding("head", name, f"the head of {name} is not signed")]
    held, last = len(leaves) // HASH_BYTES, heads[-1].size if heads else 0
    if head.size < last:
        what = f"{name} has a head over {head.size} events of {head.signed_at}: a later one over {last} was anchored"
        return [Finding("old head", name, what)]
    if head.size > held:
        what = f"{name} has seen {head.size} events, and {held} were anchored: the anchor was rolled back"
        return [Finding("rolled back", name, what)]
    if check_heads([head], leaves):
        what = f"{name} has a head over {head.size} events that is of another history than the one that was anchored"
        return [Finding("head", name, what)]
    return []


async def _extent(dsn: str, log: str, *, archive: bool) -> tuple[int, list[Finding]]:
    """The last place of a store, and events that stand at no place though later ones do."""
    connection = await asyncpg.connect(dsn)
    try:
        if archive:
            return int(await connection.fetchval(ARCHIVE_END, log)), []
        ends = await connection.fetchrow(OWN_ENDS)
        assert ends is not None, "an aggregate has a row"
        last, count = ends
        unplaced = await connection.fetch(UNPLACED) if await connection.fetchval(EVENTS) > count else []
        what = "was put into the store beside the sequence"
        findings = [
            Finding("inserted", f"{row[0]} version {row[1]}", f"version {row[1]} of {row[0]} ({row[2]}) {what}")
            for row in unplaced
        ]
        return last, findings
    finally:
        await connection.close()


def _parts(last: int, jobs: int) -> list[tuple[int, int]]:
    step = max(-(-last // jobs), 1)
    return [(begin, min(begin + step, last)) for begin in range(0, max(last, 1), step)]


def read_part(dsn: str, log: str, archive: bool, leaves: bytes, begin: int, end: int) -> Store:
    """Read the events at places `begin` + 1 to `end`."""
    return asyncio.run(_read(dsn, log, archive, leaves, begin, end))


async def _read(dsn: str, log: str, archive: bool, leaves: bytes, begin: int, end: int) -> Store:
    store = Store(first=begin + 1, last=begin)
    connection = await asyncpg.connect(dsn)
    try:
        while begin < end:
            until = min(begin + BATCH, end)
            given = (begin, until, log) if archive else (begin, until)
            found = await connection.fetch(ARCHIVE if archive else OWN_STORE, *given)
            rows = [_row(*each) for each in found]
            if rows:
                store.take(rows, leaves)
            begin = until
    finally:
        await connection.close()
    if store.last < end:
        store.gaps.append((store.last + 1, end))
        store.last = end
    return store


def _row(
    sequence: int,
    stream_id: str,
    version: int,
    event_id: UUID,
    type_name: str,
    data: bytes,
    metadata: bytes,
    kept: bytes,
) -> Row:
    leaf = leaf_hash(leaf_bytes(stream_id, version, event_id, type_name, data, metadata))
    return Row(sequence, stream_id, version, type_name, leaf, kept)


async def _explained(found: Sequence[Finding], read: Sequence[Store], dsn: str, other: str) -> list[Finding]:
    """The findings, with what was changed in an event where the other store still has it as it was."""
    rows = {f"event {row.sequence}": row for part in read for row in part.odd}
    if not other or not rows:
        return list(found)
    one, two = await asyncpg.connect(dsn), await asyncpg.connect(other)
    try:
        explained = []
        for told in found:
            finding, row = told, rows.get(told.where) if told.code == "changed" else None
            here = await one.fetchrow(ONE, row.stream_id, row.version) if row else None
            there = await two.fetchrow(ONE, row.stream_id, row.version) if row else None
            if here and there and (parts := list(_differences(here, there))):
                finding = Finding(finding.code, finding.where, f"{finding.what}: {'; '.join(parts)}")
            explained.append(finding)
        return explained
    finally:
        await one.close()
        await two.close()


def _differences(here: Any, there: Any) -> Any:
    if here["type"] != there["type"]:
        yield f"its type was {there['type']}"
    for name in ("data", "metadata"):
        if here[name] != there[name]:
            try:
                yield from _members(orjson.loads(here[name]), orjson.loads(there[name]), name)
            except orjson.JSONDecodeError:
                yield f"{name} cannot be read any more"


def _members(here: Any, there: Any, at: str) -> Any:
    if isinstance(here, dict) and isinstance(there, dict):
        for name in sorted(here.keys() | there.keys()):
            if here.get(name) != there.get(name):
                yield from _members(here.get(name), there.get(name), f"{at}.{name}")
    else:
        yield f"{at} was {there!r} and is {here!r}"
