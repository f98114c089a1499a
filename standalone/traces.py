"""`puhui traces`: looks for a text in the raw bytes of every file under a directory, however it may be written there."""

from __future__ import annotations

import base64
import json
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import typer

EXIT_FOUND: Final = 1
SHORTEST_CHARS: Final = 2
"""A shorter text is found everywhere by chance."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a text was found, and how it is written there."""

    path: Path
    text: str
    form: str
    offset: int


def forms(text: str) -> Mapping[str, bytes]:
    """The byte sequences in which a text may stand in a file that is not compressed or encrypted."""
    plain = text.encode()
    found = {
        "UTF-8": plain,
        "UTF-16 LE": text.encode("utf-16-le"),
        "UTF-16 BE": text.encode("utf-16-be"),
        "GB 18030": text.encode("gb18030"),
        "JSON escapes": json.dumps(text)[1:-1].encode(),
        "percent escapes": quote(text).encode(),
        "hexadecimal": plain.hex().encode(),
        "hexadecimal, capitals": plain.hex().upper().encode(),
    }
    for shift in range(3):  # base64 of a text depends on where in a group of three bytes it begins
        whole = base64.b64encode(b"\0" * shift + plain)
        first = (8 * shift + 5) // 6  # characters that the bytes before it have a part in
        last = (8 * (shift + len(plain))) // 6
        found[f"base64, shifted by {shift}"] = whole[first:last]
    return found


def traces(directory: Path, texts: Iterable[str], leave_out: Sequence[str] = ()) -> Iterator[Trace]:
    """Every first place of each form of each text in each file; `leave_out` names subdirectories."""
    wanted = [(text, form, pattern) for text in texts for form, pattern in forms(text).items()]
    for path in sorted(directory.rglob("*")):
        if path.relative_to(directory).parts[0] in leave_out or not path.is_file() or path.is_symlink():
            continue
        if path.stat().st_size:
            yield from _in_file(path, wanted)


def _in_file(path: Path, wanted: Iterable[tuple[str, str, bytes]]) -> Iterator[Trace]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        places: dict[bytes, int] = {}  # a number is the same bytes in half of the forms: each is looked for once
        for text, form, pattern in wanted:
            if pattern not in places:
                places[pattern] = content.find(pattern)
            offset = places[pattern]
            if offset >= 0:
                yield Trace(path, text, form, offset)


def command(
    directory: Annotated[Path, typer.Argument(help="Where to look, for example var/run.")],
    texts: Annotated[list[str], typer.Argument(help="Names and numbers to look for.")],
    leave_out: Annotated[list[str] | None, typer.Option(help="Subdirectories that are not looked into.")] = None,
) -> None:
    """Look for texts in raw files: databases, logs, topics, backups. Exits 1 when one is found."""
    if short := [text for text in texts if len(text) < SHORTEST_CHARS]:
        raise typer.BadParameter(f"{short[0]!r} is too short to be looked for")
    found = list(traces(directory, texts, leave_out or ()))
    for trace in found:
        typer.echo(f"{trace.path}: {trace.text!r} as {trace.form} at byte {trace.offset}")
    files = sum(path.is_file() for path in directory.rglob("*"))
    typer.echo(f"{len(found)} traces of {len(texts)} texts in {files} files")
    raise typer.Exit(EXIT_FOUND if found else 0)
