from __future__ import annotations

from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.connector.payload import (
    Id,
    Millis,
    Number,
    PayloadDecoder,
    is_json,
    parse_amount,
    parse_decimal,
    parse_price,
    parser,
)
from perpmaker.errors import PayloadError


@attrs.frozen(kw_only=True)
class Trade:
    """A payload of a made-up venue."""

    id: Id
    price: Number
    at: Millis = 0
    note: str | None = None


@attrs.frozen(kw_only=True)
class Trades:
    """A list in an object, as most answers are."""

    trades: list[Trade]


DECODER = PayloadDecoder(Trades)
HONEST = b'{"trades":[{"id":7,"price":"60000.10","at":1767225600000,"note":"x"},{"id":8,"price":1.5}]}'


def test_decodes_straight_into_attrs_classes() -> None:
    """A payload becomes its class, numbers staying as the venue wrote them and unknown fields skipped."""
    trades = DECODER.decode(b'{"new":{"a":[1]},"trades":[{"id":"7","price":"60000.10"},{"price":1.5,"id":8}]}').trades

    assert trades == [Trade(id=7, price="60000.10"), Trade(id=8, price=1.5)]


def test_the_error_names_the_missing_field_and_its_place() -> None:
    """A required field that is missing is named, with the path of the object it is missing from."""
    with pytest.raises(PayloadError, match="`price`") as caught:
        DECODER.decode(b'{"trades":[{"id":7,"price":"1"},{"id":8}]}')

    assert caught.value.path == "$.trades[1]"


def test_F21_every_kind_of_garbage_is_one_error() -> None:
    """Whatever is wrong with bytes from outside, the error is PayloadError."""
    for data in [
        b"",
        b"<html>Bad gateway</html>",
        b'{"trades":[{"id":7,"price":"1"}',
        b'{"trades":[{"id":7,"price":NaN}]}',
        b'{"trades":[{"id":7,"price":1e999}]}',
        b'{"trades":[{"id":-7,"price":"1"}]}',
        b'{"trades":[{"id":99999999999999999999,"price":"1"}]}',
        b'{"trades":[{"id":7,"price":"\xff"}]}',
        b'{"trades":[{"id":7,"price":true}]}',
        b'{"trades":null}',
        b'{"x":' + b"[" * 100_000,
        b'{"trades":[{"id":' + b"9" * 5000 + b',"price":"1"}]}',
    ]:
        with pytest.raises(PayloadError):
            DECODER.decode(data)


def test_F21_a_giant_payload_is_refused_before_decoding() -> None:
    """A payload above the cap costs no decoding."""
    with pytest.raises(PayloadError, match="100 that are read"):
        PayloadDecoder(Trades, max_bytes=100).decode(b" " * 101)


@given(data=st.data())
def test_F21_mutated_payloads_raise_nothing_but_payload_error(data: st.DataObject) -> None:
    """Bytes of an honest payload, cut, replaced and doubled at random, decode or raise PayloadError."""
    mutated = bytearray(HONEST)

    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(mutated)))
        removed = data.draw(st.integers(0, 8))
        mutated[place : place + removed] = data.draw(
            st.sampled_from([b"", b"NaN", b"-", b"1e999", b"[", b"{", b'"', b"\\u", b"\xff", b"null", b"9" * 400])
        )

    try:
        for trade in DECODER.decode(bytes(mutated)).trades:
            assert parse_decimal(trade.price).is_finite()
    except PayloadError:
        pass


@given(st.text(max_size=50) | st.integers() | st.floats())
def test_F21_no_number_is_ever_anything_but_finite(value: Number) -> None:
    """Any text and any JSON number gives a finite Decimal of bounded size, or PayloadError."""
    try:
        number = parse_decimal(value)
    except PayloadError:
        return

    assert number.is_finite()
    assert abs(number) < Decimal(10) ** 31


def test_F21_what_is_no_plain_number_is_refused() -> None:
    """Values that Decimal would take but no venue means are refused, and the message stays short."""
    for text in [
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "1e31",
        "1e999",
        "1e-99",
        "9" * 400,
        "",
        " 1",
        "1_000",
        "0x10",
        "\uff11",
        "1,5",
    ]:
        with pytest.raises(PayloadError) as caught:
            parse_decimal(text, path="$.p")

        assert caught.value.path == "$.p"
        assert len(str(caught.value)) < 120


def test_numbers_keep_their_exact_value() -> None:
    """Text and bare numbers alike keep the decimal value that was written."""
    for value, number in [
        ("60000.10", "60000.10"),
        (0.004, "0.004"),
        (125, "125"),
        ("-0.00010000", "-0.0001"),
        ("1E-7", "1E-7"),
        ("5.", "5"),
    ]:
        assert parse_decimal(value) == Decimal(number)


def test_minus_zero_is_zero() -> None:
    """No sign survives on a zero."""
    assert str(parse_decimal("-0")) == "0"
    assert str(parse_decimal(-0.0)) == "0"


def test_amounts_and_prices_have_their_bounds() -> None:
    """An amount may be zero but not negative; a price may be neither."""
    assert parse_amount("0") == 0

    for parse, text in [(parse_amount, "-1"), (parse_price, "0"), (parse_price, "-1")]:
        with pytest.raises(PayloadError):
            parse(text)


def test_tells_a_wrong_answer_from_no_answer() -> None:
    """Only JSON of whatever shape counts as an answer."""
    assert is_json(b'{"code":-1}')
    assert not is_json(b"<html>")
    assert not is_json(b'{"code":')
    assert not is_json(b"[" * 100_000)


def test_a_type_has_one_parser_that_is_kept() -> None:
    """It turns garbage away as a decoder does."""
    assert parser(list[int]) is parser(list[int])
    assert parser(list[int])(b"[1]") == [1]

    with pytest.raises(PayloadError):
        parser(list[int])(b'["x"]')
