"""What is known of an answer that is no page: whether the API itself says it, and what there is to say of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape

from exporter.api.redact import one_line

# https://platform.claude.com/docs/en/api/errors
ERROR_TYPES = frozenset(
    {
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "conflict_error",
        "request_too_large",
        "rate_limit_error",
        "api_error",
        "timeout_error",
        "overloaded_error",
    }
)
LARGEST_ERROR_BYTES = 64_000
LONGEST_TITLE = 100
LONGEST_CONTENT_TYPE = 60
FOREIGN = "a proxy or portal seems to answer in place of the API"

_TITLE = re.compile(r"<title[^>]{0,200}>([^<]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Refusal:
    """An error of the API's own, or with `error_type` None an answer of something else."""

    error_type: str | None
    error_code: str | None
    message: str


def refusal_of(body: bytes, content_type: str, secret: str = "") -> Refusal:
    """Whatever the body is; without the secret."""
    answer = _decoded(body)
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(answer, dict) and isinstance(error, dict) and (error_type := _own_type(answer, error)):
        details = error.get("details")
        error_code = _text(details, "error_code") if isinstance(details, dict) else ""
        return Refusal(error_type, error_code or None, one_line(_text(error, "message"), secret))
    return Refusal(None, None, foreign(body, content_type, secret))


def foreign(body: bytes | bytearray, content_type: str, secret: str = "") -> str:
    """What there is to say of an answer that is not the API's: its kind, and a page's title; none of its other text."""
    kind = one_line(content_type.partition(";")[0], secret)[:LONGEST_CONTENT_TYPE]
    title = one_line(_title(body[:LARGEST_ERROR_BYTES]), secret)[:LONGEST_TITLE]
    quoted = f', "{title}"' if title else ""
    return f"{kind or 'no content type'}{quoted}: {FOREIGN}"


def _decoded(body: bytes) -> object:
    """The JSON of the body, None for everything else; by the standard library, which takes half a surrogate."""
    try:
        return json.loads(body.decode("utf-8-sig", errors="replace"))
    except (ValueError, RecursionError):
        return None


def _own_type(answer: Mapping[str, object], error: Mapping[str, object]) -> str | None:
    """The error's type if it is one of the API's, which may add further ones: a gateway's `forbidden` is none."""
    error_type = _text(error, "type")
    is_new = answer.get("type") == "error" and error_type.endswith("_error")
    return error_type if is_new or error_type in ERROR_TYPES else None


def _title(body: bytes | bytearray) -> str:
    match = _TITLE.search(body.decode("utf-8", errors="replace"))
    return unescape(match[1]) if match else ""


def _text(mapping: Mapping[str, object], name: str) -> str:
    value = mapping.get(name)
    return value if isinstance(value, str) else ""
