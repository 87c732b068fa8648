"""What there is to say of wrong settings, in the words of those who write them, not in the libraries'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from exporter.settings.sources import closest

LONGEST_QUOTE = 100
KINDS: dict[object, str] = {bool: "true or false", int: "a whole number", float: "a number"}
NO_KEY = (
    "set ANTHROPIC_ADMIN_API_KEY or ANTHROPIC_ADMIN_API_KEY_FILE, or try `anthropic-exporter demo`, which needs none"
)
ADMIN_KEY = re.compile(r"ANTHROPIC_ADMIN_(?!API_KEY(_FILE)?$)\w*KEY(?P<file>_FILE|_PATH)?")
OTHER_KEYS = {
    "ANTHROPIC_API_KEY": "for the Messages API",
    "ANTHROPIC_API_KEY_FILE": "for the Messages API",
    "ANTHROPIC_AUTH_TOKEN": "for the Messages API",
    "CLAUDE_API_KEY": "for the Messages API",
    "CLAUDE_CODE_OAUTH_TOKEN": "for Claude Code",
}


def wrong_value(field: FieldInfo, details: ErrorDetails, *, secret: bool) -> str:
    """What there is to say of a value that pydantic refused."""
    if details["type"] == "value_error":
        return str(details["ctx"]["error"])  # a check of our own
    said, value = f"must be {_kind(field)}", details["input"]
    if secret:
        return said
    near = closest(value, _options(field)) if isinstance(value, str) else None
    return f"{said}, got {_quoted(value)}{f', did you mean {near}?' if near else ''}"


def no_key(environ: Mapping[str, str]) -> str:
    """That there is no key, and which variables, set to something, look as if they were meant for it."""
    others = [
        f"{name} is set, but {what}; " for name in sorted(environ) if environ[name].strip() and (what := _other(name))
    ]
    return f"no Admin API key: {''.join(others)}{NO_KEY}"


def _other(name: str) -> str:
    if match := ADMIN_KEY.fullmatch(name):
        return f"the exporter reads ANTHROPIC_ADMIN_API_KEY{'_FILE' if match['file'] else ''}"
    return f"it is {OTHER_KEYS[name]}: the exporter needs an Admin key" if name in OTHER_KEYS else ""


def _kind(field: FieldInfo) -> str:
    """What a value must be, as far as the type and its limits say it."""
    limits = _limits(field)
    if options := _options(field):
        most = limits.get("max_length")
        return f"{f'at most {most}' if most else 'one'} of {', '.join(options)}"
    kind = KINDS.get(field.annotation, "text")
    if "ge" in limits and "le" in limits:
        return f"{kind} from {limits['ge']} to {limits['le']}"
    words = {"gt": "more than {}", "ge": "at least {}", "le": "at most {}", "min_length": "not empty"}
    return ", ".join([kind, *(word.format(limits[name]) for name, word in words.items() if name in limits)])


def _limits(field: FieldInfo) -> dict[str, Any]:
    names = ("gt", "ge", "le", "min_length", "max_length")
    return {name: getattr(each, name) for each in field.metadata for name in names if hasattr(each, name)}


def _options(field: FieldInfo) -> tuple[str, ...]:
    """The words that a value, or each of a list, is one of."""
    kind = field.annotation
    if get_origin(kind) is tuple:
        kind, *_ = get_args(kind)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
