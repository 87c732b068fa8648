from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.checksum import crc32_of_both


@given(st.binary(), st.binary())
def test_the_checksum_of_two_texts_follows_from_theirs(first: bytes, second: bytes) -> None:
    assert crc32_of_both(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


def test_it_holds_for_texts_of_any_length() -> None:
    many = bytes(range(256)) * 300_001
    assert crc32_of_both(zlib.crc32(b"a"), zlib.crc32(many), len(many)) == zlib.crc32(b"a" + many)
