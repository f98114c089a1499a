"""A witness: co-signs a log's head when it extends the last one that it saw, and no other (C2SP tlog-witness).

It knows nothing but the logs' public keys and the last head of each, needs no database and no part of the platform, and
belongs on a machine of somebody else. With its signature a head cannot be taken back: a second history under the same
name would have to extend the first.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from libs.evidence.heads import HeadFile
from libs.evidence.keys import signer_from
from libs.evidence.notes import (
    COSIGNATURE,
    HASH_BYTES,
    Head,
    NotANote,
    Note,
    Signer,
    Verifier,
    decoded,
    keyring,
    number,
)
from libs.evidence.proofs import extends

BODY_BYTES_MAX: Final = 16_384
PROOF_LINES_MAX: Final = 63
SIZE_TYPE: Final = "text/x.tlog.size"


class Refused(Exception):
    """Why a head is not co-signed, with the status that the protocol has for it."""

    def __init__(self, status: HTTPStatus, reason: str, content_type: str = "text/plain; charset=utf-8") -> None:
        super().__init__(reason)
        self.status, self.reason, self.content_type = status, reason, content_type


class Witness:
    """What it has seen, in a directory of its own; requests are handled one after another."""

    def __init__(self, directory: Path, signer: Signer, logs_file: Path) -> None:
        """`logs_file` holds the public keys of the logs that are watched, one a line; it is read anew when needed."""
        self._directory, self._signer, self._logs_file = directory, signer, logs_file
        self._seen: dict[str, tuple[Head, str]] = {}
        self._lock = threading.Lock()

    def add_checkpoint(self, body: str) -> str:
        """The cosignature line for the head in a request; raises `Refused`."""
        old, proof, given = _parsed(body)
        try:
            note = Note.parse(given)
            head = Head.parse(note.text)
        except NotANote as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None
        keys = self._logs().get(head.origin)
        if keys is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"{head.origin} is not watched here")
        if not note.confirmed_by(keys):
            raise Refused(HTTPStatus.FORBIDDEN, f"{head.origin} did not sign this head")
        if old > head.size:
            raise Refused(HTTPStatus.BAD_REQUEST, f"a head of size {head.size} does not extend one of size {old}")
        with self._lock:
            self._check(old, proof, head)
            line = self._signer.line(head.text, int(time.time()))
            self._file(head.origin).append(given + line)
            self._seen[head.origin] = (head, given + line)
        return line

    def last(self, origin: str) -> str | None:
        """The last head of a log that was co-signed."""
        with self._lock:
            seen = self._last(origin)
        return seen[1] if seen else None

    def _check(self, old: int, proof: list[bytes], head: Head) -> None:
        seen = self._last(head.origin)
        size = seen[0].size if seen else 0
        if old != size:
            raise Refused(HTTPStatus.CONFLICT, f"{size}\n", SIZE_TYPE)
        if seen and head.size == size and head.root != seen[0].root:
            raise Refused(HTTPStatus.CONFLICT, f"{size}\n", SIZE_TYPE)
        known_root = seen[0].root if seen else sha256().digest()
        if not extends(old, known_root, head.size, head.root, proof):
            raise Refused(
                HTTPStatus.UNPROCESSABLE_ENTITY, f"this head of size {head.size} does not extend the one of size {old}"
            )

    def _last(self, origin: str) -> tuple[Head, str] | None:
        if origin not in self._seen:
            for note in self._file(origin).notes():
                self._seen[origin] = (Head.parse(Note.parse(note).text), note)
        return self._seen.get(origin)

    def _file(self, origin: str) -> HeadFile:
        return HeadFile(self._directory / f"{sha256(origin.encode()).hexdigest()[:16]}.heads")

    def _logs(self) -> Mapping[str, list[Verifier]]:
        return keyring(self._logs_file.read_text().split()) if self._logs_file.exists() else {}


def _parsed(body: str) -> tuple[int, list[bytes], str]:
    """The old size, the proof and the note of a request."""
    lines, _, note = body.partition("\n\n")
    first, *proof = lines.split("\n")
    try:
        if not first.startswith("old ") or len(proof) > PROOF_LINES_MAX:
            raise NotANote("a request begins with `old SIZE`, and a proof has at most 63 lines")
        return number(first[4:]), [decoded(line, HASH_BYTES) for line in proof], note
    except NotANote as error:
        raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: WitnessServer

    def do_POST(self) -> None:
        try:
            if self.path != "/add-checkpoint":
                raise Refused(HTTPStatus.NOT_FOUND, "POST /add-checkpoint is what there is")
            length = int(self.headers.get("Content-Length") or "0")
            if not 0 <= length <= BODY_BYTES_MAX:
                self.close_connection = True
                raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_BYTES_MAX} bytes")
            line = self.server.witness.add_checkpoint(self.rfile.read(length).decode("utf-8", "replace"))
            self._answer(HTTPStatus.OK, line)
        except Refused as refused:
            self._answer(refused.status, refused.reason, refused.content_type)
        except ValueError:
            self.close_connection = True
            self._answer(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/key":
            self._answer(HTTPStatus.OK, self.server.witness._signer.verifier.text + "\n")
            return
        origin = parse_qs(asked.query).get("origin", [""])[0]
        note = self.server.witness.last(origin) if asked.path == "/checkpoint" and origin else None
        if note is None:
            self._answer(
                HTTPStatus.NOT_FOUND, "GET /checkpoint?origin=LOG gives the last head of a log, GET /key the key"
            )
        else:
            self._answer(HTTPStatus.OK, note)

    def _answer(self, status: HTTPStatus, text: str, content_type: str = "text/plain; charset=utf-8") -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: what it has seen is in its files."""


class WitnessServer(ThreadingHTTPServer):
    """The witness over HTTP."""

    daemon_threads = True

    def __init__(self, host: str, port: int, witness: Witness) -> None:
        super().__init__((host, port), _Handler)
        self.witness = witness


def serve(directory: Path, *, host: str, port: int, name: str, logs_file: Path) -> None:
    """Serve until interrupted."""
    signer = signer_from(directory / "witness.key", name, COSIGNATURE)
    with WitnessServer(host, port, Witness(directory, signer, logs_file)) as server:
        server.serve_forever()


def main() -> None:
    """As a program of its own: `python -m libs.evidence.witness`, configured by the environment."""
    given = os.environ
    serve(
        Path(given.get("PUHUI_DATA_DIR", "var/witness")),
        host=given.get("PUHUI_HOST", "127.0.0.1"),
        port=int(given.get("PUHUI_PORT", "8092")),
        name=given.get("PUHUI_WITNESS_NAME", "witness.local"),
        logs_file=Path(given.get("PUHUI_WITNESS_LOGS", "var/witness/logs")),
    )


if __name__ == "__main__":
    main()
