from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.body import STEP_BYTES, BodyError, TooLargeError, read


async def arriving(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def body_of(*pieces: bytes, encoding: str = "gzip", most_bytes: int = 10_000_000) -> bytes:
    body = bytearray()
    asyncio.run(read(arriving(pieces), encoding, most_bytes, body))
    return bytes(body)


def cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    """The data in pieces, empty ones too."""
    places = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(members=st.lists(st.binary(), min_size=1, max_size=4), at=st.lists(st.integers(0, 10_000), max_size=6))
def test_gzip_of_any_members_in_any_pieces_is_what_was_compressed(members: list[bytes], at: list[int]) -> None:
    compressed = b"".join(map(gzip.compress, members))
    assert body_of(*cut(compressed, at)) == b"".join(members)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " x-gzip "])
def test_gzip_has_several_names(encoding: str) -> None:
    assert body_of(gzip.compress(b"page"), encoding=encoding) == b"page"


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_what_is_not_encoded_stays_as_it_is(encoding: str) -> None:
    assert body_of(b"pa", b"", b"ge", encoding=encoding) == b"page"


@pytest.mark.parametrize(
    "encoding", ["gzip, gzip", "gzip,gzip", "identity, gzip", "deflate", "br", "zstd", "gzipped", "none", "\xff"]
)
def test_every_other_encoding_is_refused_before_the_body_is_read(encoding: str) -> None:
    read_bytes = bytearray()

    async def watched() -> AsyncIterator[bytes]:
        read_bytes.extend(b"page")
        yield b"page"

    with pytest.raises(BodyError, match="was not asked for"):
        asyncio.run(read(watched(), encoding, 1000, bytearray()))
    assert not read_bytes


def test_nothing_at_all_is_an_empty_body() -> None:
    assert body_of() == b""
    assert body_of(b"") == b""


WHOLE = gzip.compress(b"page" * 100)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"not gzip", "broken"),
        (zlib.compress(b"zlib's own format"), "broken"),
        (WHOLE + b"what follows", "broken"),
        (WHOLE[:-1] + bytes([WHOLE[-1] ^ 1]), "broken"),
        (WHOLE[:-1], "ends early"),
        (WHOLE[:5], "ends early"),
        (WHOLE + WHOLE[:12], "ends early"),
    ],
)
def test_a_stream_that_is_broken_or_cut_off_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BodyError, match=why):
        body_of(data)


@given(data=st.binary(max_size=2000), spoiled=st.integers(0, 10_000), by=st.integers(1, 255))
def test_a_spoiled_stream_gives_the_body_or_an_error_of_the_body(data: bytes, spoiled: int, by: int) -> None:
    compressed = bytearray(gzip.compress(data))
    compressed[spoiled % len(compressed)] ^= by
    with suppress(BodyError):
        assert body_of(bytes(compressed)) == data


# The limit


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
def test_the_limit_is_on_what_comes_out(encoding: str, size: int) -> None:
    data = bytes(size)
    sent = gzip.compress(data) if encoding == "gzip" else data
    if size <= 1000:
        assert body_of(sent, encoding=encoding, most_bytes=1000) == data
    else:
        with pytest.raises(TooLargeError, match="larger than 1000 bytes"):
            body_of(sent, encoding=encoding, most_bytes=1000)


class Bomb:
    """What a stream of a thousand to one is read into; how much of it there ever was."""

    def __init__(self, pieces: Sequence[bytes], most_bytes: int) -> None:
        self.body = bytearray()
        self.sizes: list[int] = []
        self.turns = 0
        self._pieces = pieces
        self._most_bytes = most_bytes

    async def explode(self) -> None:
        async def look_on() -> None:
            while True:
                self.sizes.append(len(self.body))
                self.turns += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(look_on())
        try:
            await read(arriving(self._pieces), "gzip", self._most_bytes, self.body)
        finally:
            beside.cancel()


def test_a_bomb_is_stopped_a_step_after_the_limit_and_others_have_their_turn_meanwhile() -> None:
    compressed = gzip.compress(bytes(64_000_000))
    assert len(compressed) < 70_000  # one piece off the socket
    bomb = Bomb([compressed], 10_000_000)
    with pytest.raises(TooLargeError):
        asyncio.run(bomb.explode())
    assert 10_000_000 < len(bomb.body) <= 10_000_000 + STEP_BYTES
    grown = [after - before for before, after in pairwise(bomb.sizes)]
    assert max(grown) <= STEP_BYTES
    assert bomb.turns >= 10_000_000 // STEP_BYTES


def test_a_bomb_inside_a_bomb_comes_out_once() -> None:
    inner = gzip.compress(bytes(64_000_000))
    assert body_of(gzip.compress(inner), most_bytes=1_000_000) == inner


def test_members_without_content_come_to_an_end_too() -> None:
    nothing = gzip.compress(b"") * 3000
    with pytest.raises(TooLargeError):
        body_of(*[nothing] * 100, most_bytes=500_000)


def test_what_came_before_the_end_stays() -> None:
    body = bytearray()
    with pytest.raises(BodyError):
        asyncio.run(read(arriving([WHOLE[:-3]]), "gzip", 10_000, body))
    assert body == b"page" * 100
