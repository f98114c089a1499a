"""JSON without anything that two readers could read apart (I-JSON, RFC 7493, and no fractions)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from libs.service.problems import MALFORMED_JSON, VALIDATION_FAILED, FieldError, Problem, pointer_of

DEPTH_MAX: Final = 32
INTEGER_MAX: Final = 2**53 - 1  # RFC 7493 2.2: beyond it JSON readers disagree about the value
ERRORS_MAX: Final = 20

_INTEGER_CHARS_MAX: Final = len(str(-INTEGER_MAX))

Json = dict[str, Any] | list[Any] | str | int | bool | None


class _Suspect(Exception):
    """The fast reader met something it does not admit; the slow one finds out what and where."""


class _Refused:
    """Stands in the parsed tree where a value is refused."""

    __slots__ = ("code", "detail")

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail


class _Repeated(dict[str, Any]):
    """An object that names a member twice."""

    key: str


def _suspect(_text: str) -> Any:
    raise _Suspect


def _integer(text: str) -> int:
    if len(text) > _INTEGER_CHARS_MAX or not -INTEGER_MAX <= (value := int(text)) <= INTEGER_MAX:
        raise _Suspect
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _Suspect
    return result


def _mark_fraction(_text: str) -> _Refused:
    return _Refused("number-not-exact", 'Send a number with a fraction as a string, for example "1000.00".')


def _mark_constant(text: str) -> Any:
    raise Problem(MALFORMED_JSON, f"{text} is not JSON; leave the member out or send null.")


def _mark_integer(text: str) -> int | _Refused:
    try:
        return _integer(text)
    except _Suspect:
        return _Refused("number-out-of-range", "Send an integer between -(2^53-1) and 2^53-1, or a string.")


def _mark_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    names = [name for name, _ in pairs]
    repeated = _Repeated(result)
    repeated.key = next(name for name in names if names.count(name) > 1)
    return repeated


_FAST: Final = json.JSONDecoder(
    parse_float=_suspect, parse_int=_integer, parse_constant=_suspect, object_pairs_hook=_object
)
_SLOW: Final = json.JSONDecoder(
    parse_float=_mark_fraction, parse_int=_mark_integer, parse_constant=_mark_constant, object_pairs_hook=_mark_object
)


def parse_strict(raw: bytes, *, depth_max: int = DEPTH_MAX) -> Json:
    """The value of a JSON text; raises `Problem` 400 when it is not JSON, 422 naming each member that is refused.

    Refused: numbers with a fraction or exponent, integers beyond 2^53-1, repeated names, null characters and
    unpaired surrogates in strings, nesting deeper than `depth_max`.
    """
    text = _decode(raw)
    harmless = b"\\u" not in raw and raw.count(b"{") + raw.count(b"[") <= depth_max
    try:
        if harmless:
            value: Json = _FAST.decode(text)
            return value
    except _Suspect:
        pass
    except json.JSONDecodeError as error:
        raise _malformed(error) from None
    return _parse_slowly(text, depth_max)


def _parse_slowly(text: str, depth_max: int) -> Json:
    try:
        value: Json = _SLOW.decode(text)
    except json.JSONDecodeError as error:
        raise _malformed(error) from None
    except RecursionError:
        raise Problem(VALIDATION_FAILED, errors=[_too_deep("#", depth_max)]) from None
    errors = [error for error, _ in zip(_refusals(value, depth_max), range(ERRORS_MAX), strict=False)]
    if errors:
        raise Problem(VALIDATION_FAILED, errors=errors)
    return value


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(MALFORMED_JSON, f"Byte {error.start} of the body is not UTF-8; encode it as UTF-8.") from None


def _malformed(error: json.JSONDecodeError) -> Problem:
    return Problem(MALFORMED_JSON, f"{error.msg} at line {error.lineno}, column {error.colno} of the body.")


def _too_deep(pointer: str, depth_max: int) -> FieldError:
    return FieldError("nested-too-deep", f"Nest at most {depth_max} levels.", pointer=pointer)


def _refusals(root: object, depth_max: int) -> Iterator[FieldError]:
    """Each refused value of the tree. Recursion is bounded by `depth_max`."""

    def walk(value: object, path: tuple[str | int, ...]) -> Iterator[FieldError]:
        if isinstance(value, _Refused):
            yield FieldError(value.code, value.detail, pointer=pointer_of(path))
        elif isinstance(value, str):
            if (error := _text_error(value)) is not None:
                yield FieldError(error[0], error[1], pointer=pointer_of(path))
        elif isinstance(value, (dict, list)):
            if len(path) >= depth_max:
                yield _too_deep(pointer_of(path), depth_max)
                return
            if isinstance(value, dict):
                yield from names(value, path)
            for key, member in value.items() if isinstance(value, dict) else enumerate(value):
                yield from walk(member, (*path, key))

    def names(value: dict[str, Any], path: tuple[str | int, ...]) -> Iterator[FieldError]:
        if isinstance(value, _Repeated):
            printable = value.key.encode("utf-8", "replace").decode()
            yield FieldError("name-repeated", "Send this member once.", pointer=pointer_of((*path, printable)))
        for name in value:
            if (error := _text_error(name)) is not None:
                yield FieldError(error[0], "A member name of this object: " + error[1], pointer=pointer_of(path))

    return walk(root, ())


def _text_error(text: str) -> tuple[str, str] | None:
    if "\x00" in text:
        return "null-character", "Take the null character (\\u0000) out of the text."
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return ("unpaired-surrogate", "Send characters beyond U+FFFF as a pair of surrogates or plain UTF-8.")
    return None
