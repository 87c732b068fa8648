"""One gzip member made of blocks that were deflated one by one: what has not changed is not compressed again."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from exporter.exposition.checksum import crc32_of_both

# What is handed to a socket at once: a slow reader holds no more than this.
CHUNK_BYTES = 250_000
SMALL_BYTES = 60_000
COMPRESSION_LEVEL = 3
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"


@dataclass(frozen=True)
class Body:
    """An answer as chunks to send one after the other, and their length in bytes."""

    chunks: tuple[bytes, ...]
    length: int

    @classmethod
    def of(cls, chunks: Iterable[bytes]) -> Self:
        chunks = tuple(chunks)
        return cls(chunks, sum(map(len, chunks)))


@dataclass(frozen=True)
class Stretch:
    """Text, and the same as raw deflate that ends on a byte boundary, so that stretches can follow each other."""

    texts: tuple[bytes, ...]
    deflated: tuple[bytes, ...]
    crc32: int
    length: int  # of the text, in bytes

    @classmethod
    def of(cls, pieces: Iterable[bytes]) -> Self:
        text = b"".join(pieces)
        return cls((text,), _deflated(text), zlib.crc32(text), len(text))

    @classmethod
    def joined(cls, stretches: Sequence[Stretch]) -> Stretch:
        """Several as one; chunks to send are joined where they are small."""
        if len(stretches) == 1:
            return stretches[0]
        checksum = length = 0
        for stretch in stretches:
            checksum = crc32_of_both(checksum, stretch.crc32, stretch.length)
            length += stretch.length
        return cls(
            tuple(_in_chunks(text for stretch in stretches for text in stretch.texts)),
            tuple(_in_chunks(chunk for stretch in stretches for chunk in stretch.deflated)),
            checksum,
            length,
        )


def plain(stretches: Iterable[Stretch], end: bytes) -> Body:
    return Body.of((*(text for stretch in stretches for text in stretch.texts), end))


def gzipped(stretches: Sequence[Stretch], end: bytes) -> Body:
    """One gzip member of the stretches and the end's text."""
    deflate = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    whole = Stretch.joined([EMPTY, *stretches])
    trailer = struct.pack("<LL", zlib.crc32(end, whole.crc32), (whole.length + len(end)) & 0xFFFFFFFF)
    return Body.of((HEADER, *whole.deflated, deflate.compress(end) + deflate.flush(zlib.Z_FINISH) + trailer))


def _deflated(text: bytes) -> tuple[bytes, ...]:
    deflate = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = deflate.compress(text) + deflate.flush(zlib.Z_FULL_FLUSH)
    return tuple(deflated[start : start + CHUNK_BYTES] for start in range(0, len(deflated), CHUNK_BYTES))


def _in_chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, small parts joined: each chunk is a write of its own."""
    small: list[bytes] = []
    size = 0
    for part in parts:
        is_large = len(part) > SMALL_BYTES
        if small and (is_large or size + len(part) > CHUNK_BYTES):
            yield b"".join(small)
            small, size = [], 0
        if is_large:
            yield part
        else:
            small.append(part)
            size += len(part)
    if small:
        yield b"".join(small)


EMPTY = Stretch((), (), 0, 0)
