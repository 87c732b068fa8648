from __future__ import annotations

import gzip
import zlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.gzip_member import CHUNK_BYTES, SMALL_BYTES, Stretch, gzipped, plain

texts = st.lists(st.binary(max_size=2000), max_size=3)


@given(st.lists(texts, max_size=4), st.binary(max_size=300), st.integers(0, 4))
def test_stretches_make_one_gzip_member_with_the_plain_bytes(
    pieces: list[list[bytes]], end: bytes, joined: int
) -> None:
    stretches = [Stretch.of(of_one) for of_one in pieces]
    stretches = [Stretch.joined(stretches[:joined]), *stretches[joined:]]
    identity = plain(stretches, end)
    body = gzipped(stretches, end)
    compressed = b"".join(body.chunks)
    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    assert member.decompress(compressed) == b"".join(identity.chunks)
    assert member.eof
    assert not member.unused_data
    assert gzip.decompress(compressed) == b"".join(piece for of_one in pieces for piece in of_one) + end
    assert (body.length, identity.length) == (len(compressed), sum(map(len, identity.chunks)))


@given(st.lists(st.integers(0, CHUNK_BYTES), max_size=20))
def test_small_chunks_are_sent_together(sizes: list[int]) -> None:
    chunks = Stretch.joined([Stretch.of([b"x" * size]) for size in (0, *sizes)]).texts
    assert sum(map(len, chunks)) == sum(sizes)
    small = [len(chunk) if len(chunk) <= SMALL_BYTES else CHUNK_BYTES for chunk in chunks]
    assert all(one + other >= CHUNK_BYTES - SMALL_BYTES for one, other in pairwise(small))
