"""The logs of all services: what was archived is added to them, and their heads are signed, co-signed and anchored."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from libs.contracts.catalogue import MODULES
from libs.events.loops import beat, finishing, keep_running
from libs.evidence.anchors import NotWitnessed, WitnessClient
from libs.evidence.heads import AnchorFiles
from libs.evidence.keys import private_key_from
from libs.evidence.log import Log
from libs.evidence.notes import Signer, Verifier
from libs.evidence.tiles import Rewritten
from libs.service.runtime import Runtime
from services.audit.leaves import OWN, OWN_PLACE, Leaves
from services.audit.settings import AuditSettings

log = structlog.get_logger(__name__)

PART: Final = 5_000
"""Entries added before the loop is let go on: some milliseconds."""
LOOK_S: Final = 10.0
"""However rarely heads are signed, so often the loop says that it lives."""
ISSUER: Final = "evidence"
"""Under this name bundles are signed."""


@dataclass
class LogState:
    """One log and what there is to know about it."""

    name: str
    signer: Signer
    leaves: Leaves
    log: Log | None = None
    halted: str = ""
    """Why it does not go on: what was signed and what is there now do not agree."""
    unwitnessed: str = ""
    """Why the last head is not co-signed."""


class Logs:
    """One process works at a time, whoever holds the directory's lock."""

    def __init__(self, runtime: Runtime, settings: AuditSettings) -> None:
        data = runtime.settings.data_dir or Path("var/audit")
        self.directory = settings.log_dir or data / "log"
        self.interval_s = settings.log_interval_s
        key = private_key_from(settings.log_key_file or data / "log.key")
        loop = asyncio.get_running_loop()
        self.logs = {
            name: LogState(name, Signer(f"{settings.log_origin}/{name}", key), Leaves(runtime.store.pool, name, loop))
            for name in MODULES
        }
        self.issuer = Signer(f"{settings.log_origin}/{ISSUER}", key)
        self.anchors = AnchorFiles(settings.anchor_dir) if settings.anchor_dir else None
        self.witness = WitnessClient(settings.witness_url) if settings.witness_url else None
        self._witnesses = self.directory / "witnesses"
        """The keys of all witnesses that ever co-signed, one a line."""
        self.lock = asyncio.Lock()
        """Held while logs grow, and while proofs are made."""
        self._runtime = runtime
        self._own_place: int | None = None
        self._file: int | None = None

    async def run(self) -> None:
        """Go on until cancelled."""
        await asyncio.to_thread(self._publish_keys)
        while True:
            await finishing(self._round())
            slept_s = 0.0
            while slept_s < self.interval_s:
                beat()
                await asyncio.sleep(min(self.interval_s - slept_s, LOOK_S))
                slept_s += LOOK_S

    async def _round(self) -> None:
        async with self.lock:
            await self.step()

    async def step(self) -> None:
        """Add what was archived since, and sign a head of every log that grew; needs the lock."""
        if not await asyncio.to_thread(self._owned):
            return
        await self._number_own()
        await asyncio.to_thread(self._meet_witness)
        for state in self.logs.values():
            try:
                await self._grow(state)
                state.halted = ""
            except Rewritten as error:
                if state.halted != str(error):
                    log.error("a log is halted: history was rewritten", log=state.name, reason=str(error))
                self._forget(state)
                state.halted = str(error)

    async def _number_own(self) -> None:
        pool, place = self._runtime.store.pool, await self._runtime.store.last_sequence()
        if self._own_place is None:
            self._own_place = int(await pool.fetchval(OWN_PLACE))
        if place > self._own_place:
            await pool.execute(OWN, self._own_place, place)
            self._own_place = place

    def close(self) -> None:
        for state in self.logs.values():
            self._forget(state)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @staticmethod
    def _forget(state: LogState) -> None:
        if state.log is not None:
            state.log.close()
            state.log = None

    @property
    def keys(self) -> list[str]:
        """The public keys by which a bundle is checked, as text."""
        signers = [*(state.signer for state in self.logs.values()), self.issuer]
        return [*(signer.verifier.text for signer in signers), *self._witness_keys()]

    def _meet_witness(self) -> None:
        """Ask for the witness's key, where none is known yet."""
        if self.witness is not None and not self._witness_keys():
            with contextlib.suppress(NotWitnessed):
                self._remember(self.witness.key())

    def _witness_keys(self) -> list[str]:
        return self._witnesses.read_text().split() if self._witnesses.exists() else []

    def _remember(self, witness: Verifier) -> None:
        if witness.text not in self._witness_keys():
            with self._witnesses.open("a") as file:
                file.write(f"{witness.text}\n")

    async def _grow(self, state: LogState) -> None:
        if state.log is None:
            state.log = await asyncio.to_thread(
                Log.open, state.name, self.directory / state.name, state.signer, state.leaves, self.anchors
            )
        while entries := await state.leaves.next(state.log.size, state.log.size + PART):
            state.log.extend(entries)
            await asyncio.sleep(0)
        if state.log.head is None or state.log.size > state.log.head.size or state.unwitnessed:
            await asyncio.to_thread(self._seal, state, state.log, self._runtime.clock.now())

    def _seal(self, state: LogState, grown: Log, now: str) -> None:
        old = grown.head.size if grown.head else -1
        head = grown.sign(now)
        note = grown.note
        if self.witness is not None:
            try:
                note = self.witness.cosign(head.origin, note, grown.consistency, head.size)
                self._remember(self.witness.key())
                state.unwitnessed = ""
            except NotWitnessed as error:
                if state.unwitnessed:  # not at once: the witness may be starting
                    log.warning("a head was not co-signed", log=state.name, size=head.size, reason=str(error))
                state.unwitnessed = str(error)
        if head.size == old:  # signed again for the witness alone: the file has it already
            grown.note = note
            return
        grown.keep(note)
        if self.anchors is not None:
            self.anchors.anchor(state.name, head.size, note, grown.leaves)

    def _publish_keys(self) -> None:
        """Write the public keys beside the logs, for a witness and for whoever checks bundles."""
        self.directory.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{state.signer.verifier.text}\n" for state in self.logs.values())
        temporary = self.directory / ".keys.new"
        temporary.write_text(text + f"{self.issuer.verifier.text}\n")
        temporary.replace(self.directory / "keys")

    def _owned(self) -> bool:
        if self._file is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            file = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            self._file = file
        return True


async def start(runtime: Runtime) -> None:
    """Open the logs and keep them going until the service stops."""
    logs = Logs(runtime, AuditSettings())
    runtime.extras["logs"] = logs
    running = asyncio.create_task(keep_running(runtime.name, "logs", logs.run), name="audit/logs")

    async def stop() -> None:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        logs.close()

    runtime.on_stop.append(stop)


LogsOf = Callable[[Runtime], Logs]


def logs_of(runtime: Runtime) -> Logs:
    logs: Logs = runtime.extras["logs"]
    return logs
