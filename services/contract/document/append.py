"""Adds pages to a PDF without touching a byte of it: an incremental update (ISO 32000-1, 7.5.6).

The signed document begins with the very bytes that were signed, so that anyone can cut them off and check their hash.
What the pages have in common with it, such as parts of fonts, they refer to. Both files are ReportLab's: plain
cross-reference tables, no object streams.
"""

from __future__ import annotations

import re
from hashlib import md5
from typing import Final, NamedTuple

REFERENCE: Final = re.compile(rb"([/R\[][\w+]*\s+)(\d+)(?= 0 R\b)")
"""The number of an object that is referred to, behind a key, or behind what stands before it in an array. Quick, since it
begins with what a font's hundreds of widths have none of."""
STREAM: Final = b"stream\n"
SUBSET_TAG: Final = re.compile(rb"/AAAAA([A-Z])\+")
APPENDED_TAG: Final = rb"/SIGNS\1+"
"""Subsets of one font in one file have different tags (ISO 32000-1, 9.6.4)."""


class _File(NamedTuple):
    content: bytes
    offsets: dict[int, int]
    trailer: bytes
    xref_at: int

    @property
    def size(self) -> int:
        return max(self.offsets) + 1

    def bodies(self) -> dict[int, bytes]:
        """What stands between `obj` and `endobj` of every object."""
        starts = sorted((offset, number) for number, offset in self.offsets.items())
        ends = [*(offset for offset, _ in starts[1:]), self.xref_at]
        return {number: self._between(start, end) for (start, number), end in zip(starts, ends, strict=True)}

    def _between(self, start: int, end: int) -> bytes:
        return self.content[self.content.index(b"obj", start) + 3 : self.content.rindex(b"endobj", start, end)]

    def referred(self, key: bytes, within: bytes) -> int:
        return int(_found(rb"/" + key + rb" (\d+) 0 R", within)[1])


def with_pages(document: bytes, pages: bytes, *, shares: bool) -> bytes:
    """`document` followed by an update that adds every page of the PDF `pages` behind its last one; `shares`: what the
    document has already is not written again."""
    base, added = _read(document), _read(pages)
    shift, base_bodies, added_bodies = base.size, base.bodies(), added.bodies()
    base_tree, added_tree = _page_tree(base, base_bodies), _page_tree(added, added_bodies)
    shared = _shared(base_bodies, added_bodies) if shares else {}
    numbers = {number: number + shift for number in added.offsets} | shared | {added_tree: base_tree}
    root = added.referred(b"Root", added.trailer)
    left_out = {root, added_tree, added.referred(b"Info", added.trailer), *shared}
    bodies = {
        numbers[number]: _tagged(_renumbered(body, numbers))
        for number, body in added_bodies.items()
        if number not in left_out
    }
    bodies[base_tree] = _grown(base_bodies[base_tree], _renumbered(added_bodies[added_tree], numbers))
    return document + _update(base, bodies, size=added.size + shift)


def _shared(base: dict[int, bytes], added: dict[int, bytes]) -> dict[int, int]:
    """The objects that the document has already: streams with the same bytes, and what refers to nothing but those."""
    by_length: dict[int, list[int]] = {}
    for number, body in base.items():
        by_length.setdefault(len(body), []).append(number)

    def same(body: bytes) -> int | None:
        return next((number for number in by_length.get(len(body), ()) if base[number] == body), None)

    found = {number: same(body) for number, body in added.items() if STREAM in body}
    shared = {number: other for number, other in found.items() if other is not None}
    waiting = {number: references for number in added.keys() - found if (references := _references(added[number]))}
    while known := [number for number, references in waiting.items() if references <= shared.keys()]:
        for number in known:
            del waiting[number]
            other = same(_renumbered(added[number], shared))
            if other is not None:
                shared[number] = other
    return shared


def _references(body: bytes) -> set[int]:
    return {int(number) for _, number in REFERENCE.findall(body)}


def _read(content: bytes) -> _File:
    at = int(_found(rb"startxref\s+(\d+)\s+%%EOF\s*$", content, content.rindex(b"startxref"))[1])
    head = _found(rb"xref\s+0 (\d+)\s*\n", content, at)
    entries = content[head.end() : content.index(b"trailer", at)].splitlines()
    offsets = {number: int(entry[:10]) for number, entry in enumerate(entries) if entry[17:18] == b"n"}
    return _File(content, offsets, content[content.index(b"trailer", at) :], at)


def _found(pattern: bytes, within: bytes, at: int = 0) -> re.Match[bytes]:
    match = re.compile(pattern).search(within, at)
    assert match is not None, "a PDF as ReportLab writes it"
    return match


def _page_tree(file: _File, bodies: dict[int, bytes]) -> int:
    return file.referred(b"Pages", bodies[file.referred(b"Root", file.trailer)])


def _renumbered(body: bytes, numbers: dict[int, int]) -> bytes:
    """An object with its references moved; what a stream holds stays as it is."""
    head, stream, data = body.partition(STREAM)
    moved, count = REFERENCE.subn(lambda match: b"%s%d" % (match[1], numbers[int(match[2])]), head)
    assert count == head.count(b" 0 R"), "no reference is overlooked"
    return moved + stream + data


def _tagged(body: bytes) -> bytes:
    head, stream, data = body.partition(STREAM)
    return SUBSET_TAG.sub(APPENDED_TAG, head) + stream + data


def _grown(tree: bytes, added: bytes) -> bytes:
    """A page tree with the pages of another one behind its own."""
    count = int(_found(rb"/Count (\d+)", tree)[1]) + int(_found(rb"/Count (\d+)", added)[1])
    kids = _found(rb"/Kids \[([^\]]*)\]", tree)[1] + b" " + _found(rb"/Kids \[([^\]]*)\]", added)[1]
    tree = re.sub(rb"/Count \d+", b"/Count %d" % count, tree)
    return re.sub(rb"/Kids \[[^\]]*\]", b"/Kids [" + kids + b"]", tree)


def _update(base: _File, bodies: dict[int, bytes], *, size: int) -> bytes:
    """The new objects, their cross-references, and a trailer that leads back to the former ones."""
    out = bytearray()
    if not base.content.endswith(b"\n"):
        out += b"\n"
    table = bytearray(b"xref\n")
    for number, body in sorted(bodies.items()):
        table += b"%d 1\n%010d 00000 n \n" % (number, len(base.content) + len(out))
        out += b"%d 0 obj" % number + body + b"endobj\n"
    first_id = _found(rb"/ID\s*\[\s*<([0-9a-f]+)>", base.trailer)[1]
    second_id = md5(bytes(out), usedforsecurity=False).hexdigest().encode()
    at = len(base.content) + len(out)
    trailer = b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /Prev %d /ID [<%s><%s>] >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        base.referred(b"Root", base.trailer),
        base.referred(b"Info", base.trailer),
        base.xref_at,
        first_id,
        second_id,
        at,
    )
    return bytes(out + table + trailer)
