"""Signed heads in an append-only file, and the leaf hashes that they stand on in another: a log's second memory.

Kept where the owner of a database cannot write (another machine, a bucket that keeps what it was given, a file that the
system lets nobody but append to), these two files alone show a rewritten history, and in which event.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from libs.evidence.notes import Head, NotANote, Note, Verifier
from libs.evidence.tiles import HASH_BYTES, Rewritten


class HeadFile:
    """Notes one after another, each followed by an empty line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, note: str) -> None:
        """Add a note, and return when it is on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = len(self._whole())
        with self.path.open("ab") as file:
            if file.tell() > whole:
                file.truncate(whole)  # what a power cut left half-written
            file.write(note.encode() + b"\n")
            _keep(file)

    def notes(self) -> Iterator[str]:
        """The notes, oldest first."""
        parts = self._whole().decode("utf-8", "replace").split("\n\n")
        for text, signatures in zip(parts[::2], parts[1::2], strict=False):
            yield f"{text}\n\n{signatures}\n"

    def _whole(self) -> bytes:
        """The content up to the end of its last complete note."""
        content = self.path.read_bytes() if self.path.exists() else b""
        end = content.rfind(b"\n\n") + 2 if b"\n\n" in content else 0
        if content[:end].count(b"\n\n") % 2:
            end = content[: end - 2].rfind(b"\n\n") + 2 if content[: end - 2].count(b"\n\n") else 0
        return content[:end]

    def heads(self, origin: str, key: Verifier) -> list[tuple[Head, str]]:
        """The heads of a log with their notes, oldest first; raises `Rewritten` at one that the key did not sign."""
        found: list[tuple[Head, str]] = []
        for note in self.notes():
            try:
                parsed = Note.parse(note)
                head = Head.parse(parsed.text)
            except NotANote as error:
                raise Rewritten(f"{self.path} holds what is no head: {error}") from None
            if head.origin != origin or not parsed.confirmed_by([key]):
                raise Rewritten(f"{self.path} holds a head of size {head.size} that {key.name} did not sign")
            if found and head.size <= found[-1][0].size:
                raise Rewritten(f"{self.path} holds a head of size {head.size} after one of size {found[-1][0].size}")
            found.append((head, note))
        return found


class AnchorFiles:
    """The files of every log in one directory: `NAME.leaves`, 32 bytes a leaf, and `NAME.heads`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def heads(self, name: str) -> HeadFile:
        return HeadFile(self.directory / f"{name}.heads")

    def leaves(self, name: str) -> Path:
        return self.directory / f"{name}.leaves"

    def anchor(self, name: str, size: int, note: str, leaves: Callable[[int, int], bytes]) -> None:
        """Add what is new up to `size` and the head; `leaves(begin, end)` gives leaf hashes.

        Raises `Rewritten` when the file holds more than the log, or another last leaf.
        """
        path = self.leaves(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            held, torn = divmod(path.stat().st_size, HASH_BYTES)
            if torn or held > size:
                raise Rewritten(f"{path} holds {held} leaves, the log {size}")
            if held and path.read_bytes()[-HASH_BYTES:] != leaves(held - 1, held):
                raise Rewritten(f"leaf {held} in {path} is another one than the log's")
            file.write(leaves(held, size))
            _keep(file)
        self.heads(name).append(note)


def _keep(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
