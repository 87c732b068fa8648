"""The body of an answer, decompressed piece by piece, so that what comes out is bounded and not only what comes in."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterable

# Decompressed at a time: about a millisecond, after which others have their turn.
STEP_BYTES = 262_144
GZIP = zlib.MAX_WBITS | 16


class BodyError(Exception):
    """An answer that arrives and cannot be used; the text says why."""


class TooLargeError(BodyError):
    """An answer that would fill the memory."""


async def read(pieces: AsyncIterable[bytes], encoding: str, most_bytes: int, body: bytearray) -> None:
    """Append the pieces to the body without their content encoding, identity or gzip. Raises `BodyError`.

    Neither what comes in nor what comes out may be more than `most_bytes`. Whatever is raised, what came before stays.
    """
    encoding = encoding.strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise BodyError("the answer has a content encoding that was not asked for")
    gzip = _Gzip(body, most_bytes) if "gzip" in encoding else None
    arrived = 0
    async for piece in pieces:
        arrived += len(piece)
        if gzip:
            await gzip.feed(piece)
        else:
            body += piece
        _limit(max(arrived, len(body)), most_bytes)
    if gzip and arrived and not gzip.is_whole:
        raise BodyError("the answer's gzip stream ends early")


class _Gzip:
    """A gzip stream of one member or several, to be appended to a body."""

    def __init__(self, body: bytearray, most_bytes: int) -> None:
        self._body = body
        self._most_bytes = most_bytes
        self._member = zlib.decompressobj(GZIP)

    @property
    def is_whole(self) -> bool:
        return self._member.eof

    async def feed(self, data: bytes) -> None:
        while data:
            data = self._step(data)
            _limit(len(self._body), self._most_bytes)
            if data:
                await asyncio.sleep(0)

    def _step(self, data: bytes) -> bytes:
        """Decompress a step; what is left of the data."""
        if self._member.eof:
            self._member = zlib.decompressobj(GZIP)
        try:
            self._body += self._member.decompress(data, STEP_BYTES)
        except zlib.error:
            raise BodyError("the answer's gzip stream is broken") from None
        return self._member.unused_data if self._member.eof else self._member.unconsumed_tail


def _limit(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise TooLargeError(f"the answer is larger than {most_bytes} bytes")
