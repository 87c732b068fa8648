"""What of an answer can be used although it is not read as it came."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, TypeVar, get_args

import msgspec
from msgspec.structs import fields

from exporter.api.shapes.envelope import IdPage, Listed, TokenPage

K = TypeVar("K", bound=Listed | TokenPage | IdPage)

# A pair, any other escape (an escaped backslash among them), or one half alone.
_ESCAPE = re.compile(
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?![dD][89a-fA-F])|\\[^u])"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
    re.DOTALL,
)
_REPLACEMENT = rb"\ufffd"


def whole_unicode(body: bytes | bytearray) -> bytes:
    """The JSON with U+FFFD for what is no character: bytes that are not UTF-8, halves of surrogate pairs; no BOM."""
    text = body.decode("utf-8-sig", errors="replace").encode()
    return _ESCAPE.sub(lambda escape: escape[1] or _REPLACEMENT, text)


def without_unreadable(body: bytes, kind: type[K], unreadable: Counter[str]) -> K:
    """An object or a page of a list without the decorations that cannot be read, which are counted by field.

    Raises msgspec's errors for all else.
    """
    answer = msgspec.json.decode(body)
    if issubclass(kind, Listed):
        _leave_out([answer], kind, unreadable)
    elif isinstance(answer, dict):
        _leave_out(answer.get("data"), _listed(kind), unreadable)
    return msgspec.convert(answer, kind)


def _listed(kind: type[msgspec.Struct]) -> type[Listed]:
    (data,) = (field.type for field in fields(kind) if field.name == "data")
    (listed,) = get_args(data)
    return listed  # type: ignore[no-any-return]  # the pages' own types say so


def _leave_out(objects: Any, kind: type[Listed], unreadable: Counter[str]) -> None:  # noqa: ANN401  JSON of any shape
    decorations = [field for field in fields(kind) if field.name in kind.decorations]
    for each in objects if isinstance(objects, list) else ():
        for field in decorations if isinstance(each, dict) else ():
            if field.name in each and not _is(each[field.name], field.type):
                del each[field.name]
                unreadable[field.name] += 1


def _is(value: object, kind: object) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True
