"""CRC-32 of texts that follow each other, from the texts' own: what has not changed is not read again.

A CRC-32 is the remainder of a text, taken as a polynomial over GF(2), by a fixed one. Zero bytes after a text multiply
its polynomial by a power of x. Bit 31 of a number here is the power 0, bit 0 the power 31, as RFC 1952 orders them.
"""

from __future__ import annotations

from array import array
from functools import cache, lru_cache

DIVISOR = 0xEDB88320
ONE = 1 << 31
ONE_BYTE = 1 << (31 - 8)
BITS, BITS_AT_ONCE = 32, 4


def crc32_of_both(first: int, second: int, second_bytes: int) -> int:
    """The CRC-32 of two texts in a row; the second one's length is in bytes."""
    return _product(first, _zero_bytes(second_bytes)) ^ second


@lru_cache(maxsize=2048)  # of 600 bytes each
def _zero_bytes(count: int) -> array[int]:
    """What `count` zero bytes after a text multiply it by."""
    power = ONE
    for bit in range(count.bit_length()):
        if count >> bit & 1:
            power = _product(power, _power_of_two_bytes(bit))
    return _products(power)


@cache
def _power_of_two_bytes(exponent: int) -> array[int]:
    if not exponent:
        return _products(ONE_BYTE)
    half = _power_of_two_bytes(exponent - 1)
    return _products(_product(_product(ONE, half), half))


def _products(number: int) -> array[int]:
    """Of a number with each four bits at each of their eight places: 16 for the lowest place, 16 for the next, ..."""
    shifted = []  # by the power that each bit stands for, highest bit first
    for _ in range(BITS):
        shifted.append(number)
        number = number >> 1 ^ (DIVISOR if number & 1 else 0)
    products = array("I")
    while shifted:
        of_place = [0]
        for _ in range(BITS_AT_ONCE):
            by_bit = shifted.pop()
            of_place += [product ^ by_bit for product in of_place]
        products.extend(of_place)
    return products


def _product(left: int, right: array[int]) -> int:
    return (
        right[left & 15]
        ^ right[16 + (left >> 4 & 15)]
        ^ right[32 + (left >> 8 & 15)]
        ^ right[48 + (left >> 12 & 15)]
        ^ right[64 + (left >> 16 & 15)]
        ^ right[80 + (left >> 20 & 15)]
        ^ right[96 + (left >> 24 & 15)]
        ^ right[112 + (left >> 28)]
    )
