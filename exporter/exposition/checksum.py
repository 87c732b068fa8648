"""CRC-32 of texts that follow each other, from the texts' own: what has not changed is not read again.

A CRC-32 is the remainder of a text, taken as a polynomial over GF(2), by a fixed one. Zero bytes after a text multiply
its polynomial by a power of x. Bit 31 of a number here is the power 0, bit 0 the power 31, as RFC 1952 orders them.
"""

from __future__ import annotations

from functools import cache, lru_cache

DIVISOR = 0xEDB88320
BITS = 0xFFFFFFFF
ONE = 1 << 31
ONE_BYTE = 1 << (31 - 8)


def crc32_of_both(first: int, second: int, second_bytes: int) -> int:
    """The CRC-32 of two texts in a row; the second one's length is in bytes."""
    return _product(first, _zero_bytes(second_bytes)) ^ second


@lru_cache(maxsize=4096)
def _zero_bytes(count: int) -> int:
    """What `count` zero bytes after a text multiply it by."""
    power = ONE
    for bit in range(count.bit_length()):
        if count >> bit & 1:
            power = _product(power, _power_of_two_bytes(bit))
    return power


@cache
def _power_of_two_bytes(exponent: int) -> int:
    half = _power_of_two_bytes(exponent - 1) if exponent else 0
    return _product(half, half) if exponent else ONE_BYTE


def _product(left: int, right: int) -> int:
    product = 0
    while left:
        if left & ONE:
            product ^= right
        left = left << 1 & BITS
        right = right >> 1 ^ (DIVISOR if right & 1 else 0)
    return product
