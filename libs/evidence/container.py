"""A bundle's file: a zip whose entries are stored, not packed, in one form and no other.

Read by what the few fields say and nothing else, so that two readers cannot see two things in one file, and whatever
is not as it must be is refused.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final

BYTES_MAX: Final = 256 * 1024 * 1024
FIXED_DATE: Final = (1980, 1, 1, 0, 0, 0)
_END: Final = struct.Struct("<4sHHHHIIH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_NAME: Final = re.compile(rb"[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*")


class NotAContainer(ValueError):
    """Bytes that are not of the form of a bundle."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """The files as a zip, in their order; the same files give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            assert _NAME.fullmatch(name.encode()), name
            archive.writestr(zipfile.ZipInfo(name, FIXED_DATE), content)
    return target.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files by name; raises `NotAContainer`."""
    if len(data) < _END.size or len(data) > BYTES_MAX:
        raise NotAContainer("too short or too long for a bundle")
    mark, disk, first_disk, here, count, size, at, comment = _END.unpack(data[-_END.size :])
    if (mark, disk, first_disk, comment) != (b"PK\x05\x06", 0, 0, 0) or here != count:
        raise NotAContainer("no end of a zip at the end")
    end = len(data) - _END.size
    if at + size != end:
        raise NotAContainer("the directory does not end where the zip does")
    files: dict[str, bytes] = {}
    begin = 0
    for _ in range(count):
        name, content, at, begin = _entry(data, at, begin, end)
        if name in files:
            raise NotAContainer(f"{name} is there twice")
        files[name] = content
    if at != end or begin != end - size:
        raise NotAContainer("something lies between the files")
    return files


def _entry(data: bytes, at: int, begin: int, end: int) -> tuple[str, bytes, int, int]:
    if at + _CENTRAL.size > end:
        raise NotAContainer("the directory is cut off")
    central = _CENTRAL.unpack_from(data, at)
    mark, _made, needed, flags, method, time, date, crc, packed, size, named, extra, comment, disk = central[:14]
    if mark != b"PK\x01\x02" or flags or method or extra or comment or disk or packed != size or central[16] != begin:
        raise NotAContainer("an entry of the directory is of another form")
    name = data[at + _CENTRAL.size : at + _CENTRAL.size + named]
    if not _NAME.fullmatch(name):
        raise NotAContainer("a name is of another form")
    content_at = begin + _LOCAL.size + named
    if content_at + size > end:
        raise NotAContainer(f"{name.decode()} is cut off")
    local = _LOCAL.pack(b"PK\x03\x04", needed, flags, method, time, date, crc, packed, size, named, 0) + name
    if data[begin:content_at] != local:
        raise NotAContainer(f"{name.decode()} does not begin as the directory says")
    content = data[content_at : content_at + size]
    if zlib.crc32(content) != crc:
        raise NotAContainer(f"{name.decode()} has another checksum")
    return name.decode(), content, at + _CENTRAL.size + named, content_at + size
