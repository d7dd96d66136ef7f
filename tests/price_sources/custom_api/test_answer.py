"""From bytes to a price, or to what is there instead of one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.errors import PayloadError
from perpmaker_price_sources.custom_api.answer import parse_answer


def test_price_is_read_from_each_form() -> None:
    """A JSON number, an object with price, a path, and plain text, digit for digit."""
    for body, path, price in [
        (b"60000.1", None, "60000.1"),
        (b" 60000.10\r\n", None, "60000.10"),
        (b"\xef\xbb\xbf60000", None, "60000"),
        (b'"60000.1"', None, "60000.1"),
        (b'{"price": 60000.1}', None, "60000.1"),
        (b'{"symbol": "BTCUSDT", "price": "60000.10000000"}', None, "60000.10000000"),
        (b"0.1234567890123456789", None, "0.1234567890123456789"),
        (b"6e4", None, "60000"),
        (b'{"data": [{"last": 1.5}]}', "data[0].last", "1.5"),
        (b'[[1, "2.5"]]', "[0][-1]", "2.5"),
        (b'{"q": {"a.b/c": 3}}', 'q["a.b/c"]', "3"),
        (b'{"price": {"usd": 7}}', "price.usd", "7"),
    ]:
        assert parse_answer(body, path) == Decimal(price)


def test_F62_what_is_no_price_is_refused_at_the_boundary() -> None:
    """HTML, NaN, null, text, zero, negative and numbers of no sane size are all refused."""
    for body in [
        b"",
        b"   ",
        b"<!doctype html><html>502</html>",
        b"NaN",
        b"nan",
        b"Infinity",
        b"-Infinity",
        b"0",
        b"0.0",
        b"-0",
        b"-1",
        b"-60000.1",
        b"1e400",
        b"6e31",
        b"1e9999999999",
        b"9" * 40,
        b"1,000.5",
        b"1_000",
        b"0x10",
        b"60 000",
        b"$60000",
        b"null",
        b"true",
        b"false",
        b"[]",
        b"[60000]",
        b"{}",
        b'{"price": null}',
        b'{"price": true}',
        b'{"price": "NaN"}',
        b'{"price": ""}',
        b'{"price": {}}',
        b'{"price": [1]}',
        b'{"price": -5}',
        b'{"price": 0}',
        b'{"Price": 5}',
        b'{"error": "rate limited"}',
        b'{"price": 1} trailing',
        b"\xff\xfe",
        b"[" * 100_000,
        "٦٠".encode(),
    ]:
        with pytest.raises(PayloadError):
            parse_answer(body)


def test_path_that_leads_nowhere_is_no_price() -> None:
    """With a path only what stands there counts."""
    for body, path in [
        (b"5", "price"),
        (b'{"a": 1}', "b"),
        (b'{"a": [1]}', "a[1]"),
        (b'{"a": [1]}', "a.x"),
        (b"<html>", "a"),
    ]:
        with pytest.raises(PayloadError):
            parse_answer(body, path)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_positive_finite_price_or_refused(body: bytes) -> None:
    """Whatever the bytes, the answer is a price above zero or PayloadError."""
    try:
        price = parse_answer(body)
    except PayloadError:
        return

    assert price.is_finite()
    assert price > 0
