"""Each attack on a copy of the same store, and the check of that copy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
from rich.progress import Progress, TaskID

from libs.evidence.heads import AnchorFiles
from libs.evidence.tiles import HASH_BYTES
from libs.evidence.verify import Finding
from standalone.log_check import check
from tools.tamper.attacks import ATTACKS, Attack, insert_an_event_beside_the_sequence, truncate_the_tail
from tools.tamper.models import of_documents, of_read_models
from tools.tamper.outcome import Outcome
from tools.tamper.store import EACH, LOG, WITNESS, Kept, connect, fill, keep, rewritten_head

SOUND: Final = "tamper_sound"
COPY: Final = "tamper_copy"


class Server(Protocol):
    """A PostgreSQL server on which one is superuser."""

    @property
    def superuser_dsn(self) -> str: ...

    def create_database(self, name: str) -> None: ...

    def drop_database(self, name: str) -> None: ...


def tampered(server: Server, directory: Path, events: int, jobs: int, progress: Progress) -> list[Outcome]:
    """Make the store, and do to copies of it all that there is."""
    kept = _store(server, directory, events, progress)
    line = progress.add_task("tampering", total=len(ATTACKS) + 4)
    place = events // 2 + 1
    outcomes = []
    for name, attack, code in ATTACKS:
        dsn = asyncio.run(_attacked(server, attack, place, events))
        outcomes.append(_checked(name, code, _where(attack, place, events), dsn, kept, jobs, other=_sound(server)))
        progress.advance(line)
    outcomes += _of_heads(server, directory, events, kept, jobs, progress, line)
    server.drop_database(COPY)
    outcomes += asyncio.run(of_read_models(server, directory))
    outcomes.append(of_documents(directory))
    return outcomes


def _where(attack: Attack, place: int, events: int) -> str:
    if attack is truncate_the_tail:
        return f"event {events - min(1000, events // 10) + 1}"
    if attack is insert_an_event_beside_the_sequence:
        streams = -(-events // EACH)
        return f"loan-{UUID(int=(place - 1) % streams + 1)} version {EACH + 1}"
    return f"event {place}"


def clean_runs(server: Server, directory: Path, events: int, runs: int, jobs: int, progress: Progress) -> Outcome:
    """The store as it is, checked again and again: nothing may be found."""
    files = directory / "anchors"
    kept = Kept(files, _keys(), "", "")
    line = progress.add_task("clean runs", total=runs)
    began, alarms = time.perf_counter(), list[Finding]()
    for _ in range(runs):
        alarms += asyncio.run(check(_sound(server), "ledger", kept.anchors, kept.keys, jobs=jobs)).findings
        progress.advance(line)
    seconds = (time.perf_counter() - began) / max(runs, 1)
    told = f"{len(alarms)} false alarms in {runs} runs over {events:,} events"
    return Outcome("nothing", not alarms, "", seconds, told)


def _keys() -> list[str]:
    return [LOG.verifier.text, WITNESS.verifier.text]


def _store(server: Server, directory: Path, events: int, progress: Progress) -> Kept:
    server.create_database(SOUND)
    line = progress.add_task("filling the store", total=events)
    asyncio.run(fill(_sound(server), events, lambda done: progress.update(line, completed=done)))
    line = progress.add_task("growing its log", total=1)
    kept = keep(directory, events)
    progress.advance(line)
    return kept


def _sound(server: Server) -> str:
    return _dsn(server, SOUND)


def _dsn(server: Server, database: str) -> str:
    """A database as its administrator reaches it."""
    return urlunsplit(urlsplit(server.superuser_dsn)._replace(path=f"/{database}"))


async def _attacked(server: Server, attack: Attack, place: int, events: int) -> str:
    """A fresh copy of the store with the attack done to it."""
    server.drop_database(COPY)
    connection = await asyncpg.connect(server.superuser_dsn)
    try:
        await connection.execute(f"create database {COPY} template {SOUND} strategy file_copy")
    finally:
        await connection.close()
    database = await connect(_dsn(server, COPY))
    try:
        await attack(database, place, events)
        await database.execute("analyze es.sequence")
    finally:
        await database.close()
    return _dsn(server, COPY)


def _checked(
    name: str,
    code: str,
    expected: str,
    dsn: str,
    kept: Kept,
    jobs: int,
    *,
    other: str = "",
    presented: str = "",
    witnessed: str = "",
) -> Outcome:
    began = time.perf_counter()
    checking = check(
        dsn, "ledger", kept.anchors, kept.keys, other=other, presented=presented, witnessed=witnessed, jobs=jobs
    )
    done = asyncio.run(checking)
    seconds = time.perf_counter() - began
    fitting = [each for each in done.findings if each.code == code]
    located = [each for each in fitting if each.where == expected or not expected]
    told = (located or fitting or done.findings or [Finding("", "", "nothing was found")])[0]
    return Outcome(name, bool(located), told.where, seconds, told.what)


def _of_heads(
    server: Server, directory: Path, events: int, kept: Kept, jobs: int, progress: Progress, line: TaskID
) -> list[Outcome]:
    """What is done to heads and to what was anchored."""
    sound, found = _sound(server), []
    place = events // 2 + 1
    forged = {each: bytes([each % 251]) * HASH_BYTES for each in range(place, events + 1)}
    head = rewritten_head(forged, events, directory / "rewritten")
    what = "a suffix rewritten with log and key: a new head is signed"
    found.append(_checked(what, "head", "the log", sound, kept, jobs, presented=head))
    found.append(_checked("an old head replayed", "old head", "the log", sound, kept, jobs, presented=kept.first_head))
    files = AnchorFiles(directory / "anchors-rolled-back")
    half = events // 2
    files.directory.mkdir()
    files.leaves("ledger").write_bytes(AnchorFiles(kept.anchors).leaves("ledger").read_bytes()[: half * HASH_BYTES])
    notes = list(AnchorFiles(kept.anchors).heads("ledger").notes())
    for note in notes[: len(notes) // 2]:
        files.heads("ledger").append(note)
    rolled = Kept(files.directory, kept.keys, "", "")
    what = "store and anchor rolled back to a backup, the witness asked"
    found.append(_checked(what, "rolled back", "the witness", sound, rolled, jobs, witnessed=kept.last_head))
    changed = bytearray(AnchorFiles(kept.anchors).leaves("ledger").read_bytes())
    changed[(place - 1) * HASH_BYTES] ^= 1
    altered = AnchorFiles(directory / "anchors-altered")
    altered.directory.mkdir()
    altered.leaves("ledger").write_bytes(changed)
    for note in notes:
        altered.heads("ledger").append(note)
    signed = next(each for each in range(1, 11) if events * each // 10 >= place)
    where = f"size {events * signed // 10}"
    found.append(
        _checked("a leaf hash in the anchor", "head", where, sound, Kept(altered.directory, kept.keys, "", ""), jobs)
    )
    progress.advance(line, 4)
    return found


def as_markdown(outcomes: Sequence[Outcome], events: int) -> str:
    """The table for the documentation."""
    lines = ["| tampered with | found | where | s | told |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {each.name} | {'yes' if each.right else '**no**'} | {each.where} | {each.seconds:.1f} | {each.told} |"
        for each in outcomes
    ]
    return f"A store of {events:,} events.\n\n" + "\n".join(lines) + "\n"
