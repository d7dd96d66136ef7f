"""Keys, addresses and signatures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perpmaker_dydx_perpetual.addresses import encode_bech32, is_address, ripemd160
from perpmaker_dydx_perpetual.signing import ORDER, is_signature, read_key

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text("ascii"))


@pytest.mark.parametrize("name", ["first", "second"])
def test_a_key_comes_of_digits_or_of_words(name: str) -> None:
    """Both give the same public key and address, with or without 0x."""
    known = VECTORS["keys"][name]

    for secret in (
        known["private"],
        f"0x{known['private']}",
        known["words"],
        f"  {known['words'].replace(' ', '  ')} ",
    ):
        key = read_key(secret)
        assert (key.public_key.hex(), key.address) == (known["public"], known["address"])


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "00" * 32,
        "abandon " * 11 + "abuot",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "abc",
                f"{ORDER:064x}",
                "abandon " * 11 + "abandon",
            )
        ),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(secret: str) -> None:
    """A slip in the words, a number out of range, anything else."""
    with pytest.raises(ValueError, match=r"^is n") as refused:
        read_key(secret)

    assert not secret.strip() or secret.strip() not in str(refused.value)


def test_a_key_does_not_show_itself() -> None:
    """Neither in its repr nor in its fields."""
    secret = VECTORS["keys"]["first"]["private"]
    key = read_key(secret)

    assert secret not in repr(key)
    assert str(int(secret, 16)) not in repr(vars(key) if hasattr(key, "__dict__") else key)


def test_signatures_are_the_same_each_time_and_low() -> None:
    """RFC 6979, s in the lower half: the other half of the pair is refused."""
    key = read_key(VECTORS["keys"]["second"]["private"])

    for number in range(20):
        message = f"message {number}".encode()
        signature = key.sign(message)
        high = signature[:32] + (ORDER - int.from_bytes(signature[32:])).to_bytes(32)

        assert signature == key.sign(message)
        assert is_signature(key.public_key, message, signature)
        assert not is_signature(key.public_key, message, high)
        assert not is_signature(key.public_key, message, signature[:-1])
        assert not is_signature(b"\x02" + bytes(32), message, signature)


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        (b"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"),
        (b"message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"),
        (b"1234567890" * 8, "9b752e45573d4b39f4dbd3323cab82bf63326bfb"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (b"a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"),
                (b"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
                (
                    b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                    "12a053384a9c0c88e405a06c27dcf49ada62eb2b",
                ),
            )
        ),
    ],
)
def test_ripemd160_is_that_of_its_authors(message: bytes, digest: str) -> None:
    """The examples of the paper that defines it."""
    assert ripemd160(message).hex() == digest


def test_bech32_is_that_of_its_definition() -> None:
    """An example of BIP-173, without the version that it has for another chain."""
    assert encode_bech32("a", b"") == "a12uel5l"


def test_an_address_with_a_slip_is_none() -> None:
    """Every single letter is covered by the checksum."""
    address = VECTORS["keys"]["first"]["address"]
    assert is_address(address)

    for place in range(5, len(address)):
        wrong = "q" if address[place] != "q" else "p"
        assert not is_address(address[:place] + wrong + address[place + 1 :])

    for other in ("", "dydx1", address.upper(), f"cosmos{address[4:]}", address[:-1], f"{address} "):
        assert not is_address(other)
