"""Evidence: growing the tree, an inclusion proof, the bundle of a loan with 500 events, its check, and that of a store."""

from __future__ import annotations

import json
import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from bench.common.archive import fill_up, tell_a_long_life
from bench.common.result import Goal, Result
from bench.common.servers import directory, postgres
from bench.common.session import Session
from libs.evidence.proofs import includes, inclusion_proof
from libs.evidence.tiles import HASH_BYTES, Tiles
from libs.evidence.verify import verify
from libs.service.testing import served
from services.audit.app import service
from services.audit.evidence import evidence_of
from services.audit.history import application_of
from services.audit.logs import logs_of
from standalone.log_check import check
from tools.verify.compare import NODE_VERIFIER

EVENTS_A_LOAN: Final = 500
PROOFS: Final = 2_000


async def measure(session: Session) -> Result:
    leaves = session.size(3 * 2**16 - 1, 15 * 2**16 - 1)  # the last tile of every level all but full: the dearest size
    events = session.size(20_000, 1_000_000)
    hashes = secrets.token_bytes(leaves * HASH_BYTES)
    with directory() as place, postgres() as server:
        grown = await _tree(session, place, hashes)
        proof_us = _proofs(session, place, hashes)
        server.create_database("audit")
        figures = await _bundles(session, server.dsn("audit"), place, events)
    return Result(
        unit="leaves/s appended",
        ours=grown["ours"],
        peers={"bare SHA-256": grown["bare SHA-256"]},
        ratios={"bare SHA-256": grown["ours"] / grown["bare SHA-256"]},
        goals=[
            Goal("leaves/s appended", grown["ours"], least=500_000),
            Goal("ms an inclusion proof, the slowest of a hundred", proof_us["p99"] / 1000, most=1.0),
            Goal("ms an inclusion proof, the middle one", proof_us["median"] / 1000, most=1.0),
            Goal(f"s for the evidence of {EVENTS_A_LOAN} events in {events:,}", figures["evidence_s"], most=1.0),
        ],
        runs=session.runs,
        limited_by="hashing in Python: one call of SHA-256 a leaf, whatever is around it",
        details={
            "events in the store": events,
            "µs an inclusion proof": proof_us,
            **figures,
            "verifier": _verifier(),
        },
    )


async def _tree(session: Session, place: Path, hashes: bytes) -> dict[str, float]:
    count = len(hashes) // HASH_BYTES

    async def ours() -> float:
        shutil.rmtree(place / "tiles", ignore_errors=True)
        began = time.perf_counter()
        tiles = Tiles(place / "tiles")
        tiles.append(hashes)
        tiles.root()
        seconds = time.perf_counter() - began
        tiles.close()
        return count / seconds

    async def bare() -> float:
        began, pair = time.perf_counter(), bytes(65)
        for _ in range(count):
            sha256(pair).digest()
        return count / (time.perf_counter() - began)

    return await session.in_turns("growing the tree", {"ours": ours, "bare SHA-256": bare})


def _proofs(session: Session, place: Path, hashes: bytes) -> dict[str, float]:
    """Microseconds from a place to its proof, tiles read from the disk when they are not in memory yet.

    Each proof is made once a round by a log just opened, and its median counts: which proofs are slow is asked, not
    which of them the machine interrupted. `of all readings` are the single ones, interruptions included.
    """
    session.stage("inclusion proofs", session.runs)
    size = len(hashes) // HASH_BYTES
    places = range(0, size, max(size // PROOFS, 1))
    walls: dict[int, list[float]] = {index: [] for index in places}
    processor: list[float] = []
    for _ in range(session.runs):
        tiles = Tiles(place / "tiles", size)
        root = tiles.root()
        for index in places:
            began, busy = time.perf_counter(), time.thread_time()
            proof = inclusion_proof(tiles.node, index, size)
            processor.append((time.thread_time() - busy) * 1e6)
            walls[index].append((time.perf_counter() - began) * 1e6)
            assert includes(root, size, index, hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES], proof)
        tiles.close()
        session.advance()
    each = [statistics.median(of_one) for of_one in walls.values()]
    single = [reading for of_one in walls.values() for reading in of_one]
    return {
        "median": _percentile(each, 50),
        "p99": _percentile(each, 99),
        "p99 of all readings": _percentile(single, 99),
        "p99 of the processor": _percentile(processor, 99),
    }


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


async def _bundles(session: Session, dsn: str, place: Path, events: int) -> dict[str, float]:
    anchors = place / "anchors"
    session.stage("filling the archive")
    async with served(service, dsn, place / "first") as audit:
        loan = await tell_a_long_life(audit, EVENTS_A_LOAN)
    await fill_up(dsn, events - EVENTS_A_LOAN)
    async with served(service, dsn, place / "second", data_dir=place / "first" / "data") as audit:
        logs = logs_of(audit.runtime)
        session.stage("signing the first heads")
        began = time.perf_counter()
        async with logs.lock:
            await logs.step()
        first_s = time.perf_counter() - began
        application = await application_of(audit.runtime, loan)
        assert application is not None
        times, bundle = [], b""
        session.stage("making bundles", session.runs)
        for _ in range(session.runs):
            began = time.perf_counter()
            bundle = await evidence_of(audit.runtime, logs, application)
            times.append(time.perf_counter() - began)
            session.advance()
        state = logs.logs["ledger"]
        assert state.log is not None, "evidence was given"
        anchored = _anchored(anchors, state.log.note, state.log.leaves(0, state.log.size))
        keys = logs.keys
    return {
        "first heads_s": first_s,
        "evidence_s": sorted(times)[len(times) // 2],
        "bundle_bytes": len(bundle),
        **_checks(session, bundle, place),
        **await _store(session, dsn, anchored, keys, events),
    }


def _anchored(anchors: Path, note: str, leaves: bytes) -> Path:
    anchors.mkdir()
    (anchors / "ledger.heads").write_text(note + "\n")
    (anchors / "ledger.leaves").write_bytes(leaves)
    return anchors


def _checks(session: Session, bundle: bytes, place: Path) -> dict[str, float]:
    session.stage("checking the bundle")
    began = time.perf_counter()
    assert verify(bundle).sound
    found = {"verify_s": time.perf_counter() - began}
    if shutil.which("node"):
        file = place / "bundle.zip"
        file.write_bytes(bundle)
        began = time.perf_counter()
        done = subprocess.run(["node", str(NODE_VERIFIER), str(file), "--json"], capture_output=True, check=True)
        found["verify_node_s"] = time.perf_counter() - began
        assert json.loads(done.stdout)["sound"]
    return found


async def _store(session: Session, dsn: str, anchors: Path, keys: list[str], events: int) -> dict[str, float]:
    session.stage(f"checking all {events:,} events")
    began = time.perf_counter()
    done = await check(dsn, "ledger", anchors, keys, archive=True, jobs=2)
    assert not done.findings, done.findings
    return {"check_store_s": time.perf_counter() - began, "check_store_events": done.events}


def _verifier() -> dict[str, object]:
    """How large the verifiers are, without blank lines, and what they need."""
    package = Path(verify.__code__.co_filename).parent
    modules = ("bundle", "container", "notes", "proofs", "replay", "streams", "tiles", "verify")
    files = [*(package / f"{name}.py" for name in modules), package.parent / "events" / "merkle.py"]
    return {
        "Python lines": sum(_lines(file) for file in files),
        "Python needs": "cryptography (Ed25519)",
        "JavaScript lines": _lines(NODE_VERIFIER),
        "JavaScript needs": "nothing",
    }


def _lines(file: Path) -> int:
    return sum(bool(line.strip()) for line in file.read_text().splitlines())
