from __future__ import annotations

from decimal import Decimal
from typing import Any

from perpmaker.model.event import ReferenceChanged
from perpmaker.model.quote import Rule
from perpmaker.strategy.reference import NoReference, Reference, read_reference
from perpmaker.testing.view import make_book, make_view


def read(price_type: Any = "mid_price", **view: Any) -> Reference | NoReference:
    """Read the reference of a view with a maximum age of 10 s."""
    return read_reference(make_view(**view), price_type, 10.0)


def said(**word: Any) -> dict[str, Any]:
    """A view whose external source has said this."""
    prices = {key: Decimal(value) for key, value in word.items()}

    return {"external_reference": True, "reference": ReferenceChanged(**prices, at=1000.0)}


def price(reference: Reference | NoReference) -> Decimal:
    """The price of a reference that must be there, after checking that its ticks say the same."""
    assert isinstance(reference, Reference)
    assert Decimal(reference.numerator) / reference.denominator * Decimal("0.01") == reference.price

    return reference.price


def test_each_price_type_of_the_traded_market() -> None:
    """Each price type reads what its name says."""
    for price_type, expected in [
        ("mid_price", "100.00"),
        ("best_bid", "99.99"),
        ("best_ask", "100.01"),
        ("last_price", "100.05"),
        ("last_own_trade_price", "99.50"),
        ("custom", "100.00"),
    ]:
        assert price(read(price_type, last_trade=10005, last_own_trade=9950)) == Decimal(expected)


def test_mid_may_lie_between_two_ticks() -> None:
    """The mid is exact also where it is no multiple of the tick."""
    assert price(read(book=make_book(9999, 10000))) == Decimal("99.995")


def test_last_own_trade_price_is_mid_until_there_is_one() -> None:
    """Before an own quote was filled completely its price is the mid."""
    assert price(read("last_own_trade_price")) == Decimal(100)


def test_each_price_type_of_an_external_source() -> None:
    """An external source is read by the same types; a price that it gives itself is the price."""
    for price_type, word, expected in [
        ("mid_price", {"bid": "100.001", "ask": "100.004"}, "100.0025"),
        ("best_bid", {"bid": "100.001", "ask": "100.004"}, "100.001"),
        ("best_ask", {"bid": "100.001", "ask": "100.004"}, "100.004"),
        ("last_price", {"last": "99.3333"}, "99.3333"),
        ("mid_price", {"price": "101.7"}, "101.7"),
        ("last_own_trade_price", {"bid": "99", "ask": "101"}, "100"),
    ]:
        assert price(read(price_type, **said(**word))) == Decimal(expected)


def test_own_trade_price_goes_before_an_external_source() -> None:
    """The last own trade is our own, whatever the source."""
    assert price(read("last_own_trade_price", last_own_trade=9950, **said(price="200"))) == Decimal("99.50")


def test_no_reference_from_what_cannot_be_trusted() -> None:
    """Missing, zero, negative, crossed or stale, or a side of the traded book empty: no reference, and why."""
    for view, rule in [
        ({"book": make_book(None, 10001)}, Rule.REFERENCE),
        ({"book": make_book(9999, None)}, Rule.REFERENCE),
        ({"book": make_book(10001, 10001)}, Rule.REFERENCE),
        ({"book_ok": False}, Rule.STALE),
        ({"book_age_s": 10.0}, Rule.STALE),
        ({"external_reference": True}, Rule.REFERENCE),
        ({**said(price="0")}, Rule.REFERENCE),
        ({**said(price="-1")}, Rule.REFERENCE),
        ({**said(price="NaN")}, Rule.REFERENCE),
        ({**said(bid="NaN", ask="100")}, Rule.REFERENCE),
        ({**said(bid="100", ask="sNaN")}, Rule.REFERENCE),
        ({**said(bid="-Infinity", ask="Infinity")}, Rule.REFERENCE),
        ({**said(bid="101", ask="100")}, Rule.REFERENCE),
        ({**said(bid="101")}, Rule.REFERENCE),
        ({**said(price="100"), "reference_age_s": 10.0}, Rule.STALE),
        ({**said(price="100"), "book": make_book(None, 10001)}, Rule.REFERENCE),
        ({**said(price="100"), "book_ok": False}, Rule.STALE),
    ]:
        missing = read(**view)

        assert isinstance(missing, NoReference)
        assert missing.reason.rule is rule


def test_last_price_needs_a_trade() -> None:
    """Until something has been traded there is no last price."""
    assert isinstance(read("last_price"), NoReference)


def test_F62_external_price_that_the_traded_market_contradicts_is_not_believed() -> None:
    """More than a fifth away from the traded mid there is no reference: a shifted point, another coin, a mistake."""
    for said_price, believed in [("80", True), ("120", True), ("79.99", False), ("120.01", False)]:
        found = read(**said(price=said_price))
        assert isinstance(found, Reference) is believed

        if isinstance(found, NoReference):
            assert found.reason.text == f"the price source says {said_price}, more than 20% away from BTC-USDT"


def test_doubt_of_an_external_source_is_the_reason() -> None:
    """A source that says why it is not to be used is not used, in its words."""
    doubted = ReferenceChanged(doubt="it stands still", at=1000.0)
    missing = read(external_reference=True, reference=doubted)
    assert isinstance(missing, NoReference)
    assert (missing.reason.text, missing.stale) == ("it stands still", False)


def test_age_of_an_external_price_says_nothing_about_the_traded_book() -> None:
    """A source that is asked once a minute does not let the traded book grow old, nor a fast one hurry it."""
    minute = {**said(price="100"), "reference_age_s": 100.0}
    assert isinstance(read_reference(make_view(**minute, book_age_s=9.9), "mid_price", 180.0), Reference)
    assert isinstance(read_reference(make_view(**minute, book_age_s=10.0), "mid_price", 180.0), NoReference)
    fast = {**said(price="100"), "reference_age_s": 0.5}
    assert isinstance(read_reference(make_view(**fast, book_age_s=5.0), "mid_price", 1.5), Reference)
    assert isinstance(read_reference(make_view(book_age_s=5.0), "mid_price", 1.5), NoReference)
