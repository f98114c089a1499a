"""Adds pages to a PDF without touching a byte of it: an incremental update (ISO 32000-1, 7.5.6).

The signed document begins with the very bytes that were signed, so that anyone can cut them off and check their hash.
Both files are ReportLab's: plain cross-reference tables, no object streams.
"""

from __future__ import annotations

import re
from hashlib import md5
from typing import Final, NamedTuple

REFERENCE: Final = re.compile(rb"(\d+) 0 R\b")
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

    def body(self, number: int) -> bytes:
        """What stands between `obj` and `endobj`."""
        start = self.content.index(b"obj", self.offsets[number]) + 3
        later = [offset for offset in (*self.offsets.values(), self.xref_at) if offset > start]
        return self.content[start : self.content.rindex(b"endobj", start, min(later))]

    def referred(self, key: bytes, within: bytes) -> int:
        return int(_found(rb"/" + key + rb" (\d+) 0 R", within)[1])


def with_pages(document: bytes, pages: bytes) -> bytes:
    """`document` followed by an update that adds every page of the PDF `pages` behind its last one."""
    base, added = _read(document), _read(pages)
    base_tree, added_tree = _page_tree(base), _page_tree(added)
    shift = base.size
    numbers = {number: number + shift for number in added.offsets} | {added_tree: base_tree}
    root = added.referred(b"Root", added.trailer)
    left_out = {root, added_tree, added.referred(b"Info", added.trailer)}
    bodies = {
        numbers[number]: _renumbered(added.body(number), numbers) for number in added.offsets if number not in left_out
    }
    bodies[base_tree] = _grown(base.body(base_tree), _renumbered(added.body(added_tree), numbers))
    return document + _update(base, bodies, size=added.size + shift)


def _read(content: bytes) -> _File:
    at = int(_found(rb"startxref\s+(\d+)\s+%%EOF\s*$", content)[1])
    head = _found(rb"xref\s+0 (\d+)\s*\n", content, at)
    entries = content[head.end() : content.index(b"trailer", at)].splitlines()
    offsets = {number: int(entry[:10]) for number, entry in enumerate(entries) if entry[17:18] == b"n"}
    return _File(content, offsets, content[content.index(b"trailer", at) :], at)


def _found(pattern: bytes, within: bytes, at: int = 0) -> re.Match[bytes]:
    match = re.compile(pattern).search(within, at)
    assert match is not None, "a PDF as ReportLab writes it"
    return match


def _page_tree(file: _File) -> int:
    return file.referred(b"Pages", file.body(file.referred(b"Root", file.trailer)))


def _renumbered(body: bytes, numbers: dict[int, int]) -> bytes:
    """An object with its references moved; what a stream holds stays as it is."""
    head, stream, data = body.partition(STREAM)
    head = REFERENCE.sub(lambda match: b"%d 0 R" % numbers[int(match[1])], head)
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
