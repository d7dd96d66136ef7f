"""Addresses of the chain: bech32 (BIP-173) of a hash of the public key. Pure.

Some builds of OpenSSL have no RIPEMD-160, so it is here (H. Dobbertin, A. Bosselaers, B. Preneel, 1996).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

PREFIX = "dydx"

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LENGTH = 6
_MASK = 0xFFFFFFFF


def address_of(public_key: bytes) -> str:
    """Return the address of a compressed public key."""
    return encode_bech32(PREFIX, ripemd160(hashlib.sha256(public_key).digest()))


def is_address(text: str) -> bool:
    """Whether a text is an address of the chain, its checksum included."""
    prefix, separator, rest = text.rpartition("1")

    if prefix != PREFIX or not separator or not set(rest) <= set(_CHARSET):
        return False

    return _polymod([*_expanded(prefix), *map(_CHARSET.index, rest)]) == 1 and len(rest) > _CHECKSUM_LENGTH


def encode_bech32(prefix: str, data: bytes) -> str:
    """Return bytes as bech32 under a prefix."""
    digits = list(_five_bits(data))
    rest = _polymod([*_expanded(prefix), *digits, *[0] * _CHECKSUM_LENGTH]) ^ 1
    digits += [rest >> 5 * (5 - place) & 31 for place in range(_CHECKSUM_LENGTH)]

    return f"{prefix}1{''.join(_CHARSET[digit] for digit in digits)}"


def _five_bits(data: bytes) -> Iterator[int]:
    bits = "".join(f"{byte:08b}" for byte in data)

    for start in range(0, len(bits), 5):
        yield int(bits[start : start + 5].ljust(5, "0"), 2)


def _expanded(prefix: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]


def _polymod(digits: Sequence[int]) -> int:
    rest = 1

    for digit in digits:
        top, rest = rest >> 25, (rest & 0x1FFFFFF) << 5 ^ digit

        for place, generator in enumerate(_GENERATOR):
            rest ^= generator if top >> place & 1 else 0

    return rest


# Of each line of computation and each of its five rounds: which word is taken, by how much is rotated, what is added.
_WORDS_LEFT = (
    "0123456789abcdef",
    "74d1a6f3c0952eb8",
    "3ae49f812706db5c",
    "19ba08c4d37fe562",
    "40597c2ae138b6fd",
)
_WORDS_RIGHT = (
    "5e7092b4d6f81a3c",
    "6b370d5aef8c4912",
    "f5137e69b8c2a04d",
    "86413bf05c2d97ae",
    "cfa4158762de039b",
)
_SHIFTS_LEFT = (
    "befc5879bdef6798",
    "768db97f7cf9b7dc",
    "bd67e9dfe8d65c75",
    "bcefef989e56865c",
    "9f5b68dc5cdeb856",
)
_SHIFTS_RIGHT = (
    "899bdff5778beec6",
    "9df7c89b77c76fdb",
    "97fb866ecd5edd75",
    "f58bee6e69c9c5f8",
    "85c9c5e68d65fdbb",
)
_ADDED_LEFT = (0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E)
_ADDED_RIGHT = (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0)
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_BLOCK = 64


def ripemd160(message: bytes) -> bytes:
    """Return the RIPEMD-160 hash of bytes, 20 bytes."""
    padded = message + b"\x80" + bytes(-(len(message) + 9) % _BLOCK) + (8 * len(message)).to_bytes(8, "little")
    state: Sequence[int] = _START

    for start in range(0, len(padded), _BLOCK):
        words = [int.from_bytes(padded[at : at + 4], "little") for at in range(start, start + _BLOCK, 4)]
        left = _line(state, words, range(5), (_WORDS_LEFT, _SHIFTS_LEFT, _ADDED_LEFT))
        right = _line(state, words, range(4, -1, -1), (_WORDS_RIGHT, _SHIFTS_RIGHT, _ADDED_RIGHT))
        mixed = (state[(at + 1) % 5] + left[(at + 2) % 5] + right[(at + 3) % 5] for at in range(5))
        state = [value & _MASK for value in mixed]

    return b"".join(value.to_bytes(4, "little") for value in state)


def _line(
    state: Sequence[int],
    words: Sequence[int],
    functions: Iterable[int],
    table: tuple[Sequence[str], Sequence[str], Sequence[int]],
) -> Sequence[int]:
    a, b, c, d, e = state

    for function, order, shifts, added in zip(functions, *table, strict=True):
        for word, shift in zip(order, shifts, strict=True):
            total = a + _mix(function, b, c, d) + words[int(word, 16)] + added & _MASK
            a, e, d, c, b = e, d, _rotated(c, 10), b, _rotated(total, int(shift, 16)) + e & _MASK

    return a, b, c, d, e


def _mix(function: int, x: int, y: int, z: int) -> int:
    return (x ^ y ^ z, x & y | ~x & z, (x | ~y) ^ z, x & z | y & ~z, x ^ (y | ~z))[function] & _MASK


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> 32 - by) & _MASK
