"""Which format and encoding a client wants, from its Accept headers with their q-values (RFC 9110, section 12.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.exposition.formats import Format

# What each format is called in Accept. An offer that asks for another version is not met.
_OFFERS = (
    (Format.TEXT, "text/plain", "0.0.4"),
    (Format.OPENMETRICS, "application/openmetrics-text", "1.0.0"),
)


LONGEST_HEADER, MOST_RANGES = 4_096, 32


@dataclass(frozen=True)
class _Range:
    value: str
    version: str | None
    quality: float


def choose_format(accept: str) -> Format:
    """The format with the highest q-value; the text format on a tie, and when nothing fits."""
    ranges = list(_ranges(accept))
    qualities = {form: _quality(ranges, name, version) for form, name, version in _OFFERS}
    best = max(qualities, key=lambda form: qualities[form])
    return best if qualities[best] > 0 else Format.TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip is acceptable, and not less welcome than no encoding."""
    qualities = {r.value: r.quality for r in _ranges(accept_encoding)}
    gzip = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return gzip > 0 and gzip >= qualities.get("identity", 0.0)


def _quality(ranges: list[_Range], name: str, version: str) -> float:
    """The q-value of the most specific range that matches."""
    kind = name.partition("/")[0] + "/*"
    for wanted, ours in ((name, version), (name, None), (kind, None), ("*/*", None)):
        found = [r.quality for r in ranges if r.value == wanted and r.version == ours]
        if found:
            return max(found)
    return 0.0


def _ranges(header: str) -> Iterator[_Range]:
    # No client has so many wishes; to weigh more of them would keep the others waiting.
    for part in header[:LONGEST_HEADER].split(",")[:MOST_RANGES]:
        value, *rest = (text.strip().lower() for text in part.split(";"))
        pairs = (text.partition("=") for text in rest)
        parameters = {name.strip(): text.strip(' "') for name, _, text in pairs}
        if value:
            yield _Range(value, parameters.get("version"), _q(parameters.get("q", "1")))


def _q(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
