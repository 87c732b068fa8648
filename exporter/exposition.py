"""Families as the text format's bytes, and the answers a scrape gets: plain, or one gzip member made of parts.

All data families are gauges without time stamps, so text 0.0.4 and OpenMetrics 1.0.0 share their bytes; only the part
with the exporter's own metrics, and the end, differ. Format:
https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Self

from prometheus_client.utils import floatToGoString

from exporter.checksum import crc32_of_both
from exporter.metrics import EXACT, Family, Number

# Joins hold the interpreter's lock: small pieces keep scrapes fast during a refresh.
PIECE_SAMPLES = 5_000
# What is handed to a socket at once: a slow reader holds no more than this.
CHUNK_BYTES = 250_000
COMPRESSION_LEVEL = 3
# From here on, numbers are written with an exponent.
PLAIN_BELOW = 1_000_000
# Most samples are small counts.
SMALL = tuple(f"{number}.0" for number in range(10_000))
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"


@dataclass(frozen=True)
class Part:
    """Some families as text and as raw deflate that ends on a byte boundary, so that parts can follow each other."""

    pieces: tuple[bytes, ...]
    deflated: tuple[bytes, ...]
    crc32: int
    length: int  # of the text, in bytes

    @classmethod
    def of(cls, pieces: Iterable[bytes]) -> Self:
        texts = tuple(pieces)
        return cls(texts, compress(texts), _crc32(texts), sum(map(len, texts)))


def number_text(number: Number, divisor: int = 1) -> str:
    """The number as prometheus-client writes it, divided once and made a float last."""
    if divisor == 1 and type(number) is int and 0 <= number < PLAIN_BELOW:
        return SMALL[number] if number < len(SMALL) else f"{number}.0"
    if divisor != 1:
        number = EXACT.divide(Decimal(str(number)), Decimal(divisor))
    text: str = floatToGoString(float(number))  # type: ignore[no-untyped-call]  # prometheus-client has no types here
    return text


def render(families: Iterable[Family]) -> Iterator[bytes]:
    """The text of the families in pieces of at most 5,000 samples; a family without samples is left out."""
    for family in families:
        if family.size:
            yield f"# HELP {family.name} {_escape_help(family.help)}\n# TYPE {family.name} gauge\n".encode()
            for text, sums in family.groups:
                yield from _lines(
                    f"{family.name}{{{text}," if text else f"{family.name}{{", sums.items(), family.divisor
                )


def _lines(start: str, samples: Iterable[tuple[str, Number]], divisor: int) -> Iterator[bytes]:
    remaining = iter(samples)
    while piece := list(islice(remaining, PIECE_SAMPLES)):
        yield "".join([f"{start}{text}}} {number_text(number, divisor)}\n" for text, number in piece]).encode()


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def compress(pieces: Iterable[bytes]) -> tuple[bytes, ...]:
    """Raw deflate without an end, flushed to a byte boundary, in chunks of at most 250 kB."""
    deflate = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = b"".join([*map(deflate.compress, pieces), deflate.flush(zlib.Z_FULL_FLUSH)])
    return tuple(deflated[start : start + CHUNK_BYTES] for start in range(0, len(deflated), CHUNK_BYTES))


def _crc32(pieces: Iterable[bytes]) -> int:
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    return checksum


@dataclass(frozen=True)
class Body:
    """An answer as chunks to send one after the other, and their length in bytes."""

    chunks: tuple[bytes, ...]
    length: int


def plain(parts: Iterable[Part], end: bytes) -> Body:
    return _body((*(piece for part in parts for piece in part.pieces), end))


def gzipped(parts: Iterable[Part], end: bytes) -> Body:
    """One gzip member of the parts and the end's text."""
    deflate = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    chunks, checksum, length = [GZIP_HEADER], 0, len(end)
    for part in parts:
        chunks += part.deflated
        checksum = crc32_of_both(checksum, part.crc32, part.length)
        length += part.length
    trailer = struct.pack("<LL", zlib.crc32(end, checksum), length & 0xFFFFFFFF)
    return _body((*chunks, deflate.compress(end) + deflate.flush(zlib.Z_FINISH) + trailer))


def _body(chunks: tuple[bytes, ...]) -> Body:
    return Body(chunks, sum(map(len, chunks)))
