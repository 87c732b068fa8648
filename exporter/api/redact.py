"""Text from the API made fit for logs and tables: one short line without keys or queries."""

from __future__ import annotations

import re

LONGEST_MESSAGE = 300
LONGEST_TEXT = 10 * LONGEST_MESSAGE

# The bare name of a kind is not a key.
_KEY = re.compile(r"sk-ant-(?!(?:admin|api0[13]-|oat)(?![\w.~+/=-]))[\w.~+/=-]*")
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"'/?=&]+@[^\s@<>()\[\],;:\"'/?=&]+\.[^\W\d_]{2,}[\w.-]*")
_QUERY = re.compile(r"(?<=[\w/])\?[^\s\"'<>?=]*=[^\s\"'<>]*")


def redact(text: str) -> str:
    """Without anything that looks like a key, a query string or somebody's e-mail address."""
    text = _QUERY.sub("?…", _KEY.sub("sk-ant-…", text))
    return _ADDRESS.sub("…@…", text) if "@" in text else text


def one_line(text: str, *secrets: str) -> str:
    """The API's message on one line of at most 300 characters, redacted; secrets go whatever they look like."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    text = text[:LONGEST_TEXT]
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    line = redact(line)
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"
