"""RequestParameters arrive in the query, in the body or in both, and are read strictly."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from perpmaker.venue.sandbox import RefusalError, RequestParameters
from perpmaker_binance_perpetual.sandbox.app import read_values
from perpmaker_binance_perpetual.sandbox.refusals import PARAMETER_REFUSALS


def read_parameters(query: str, body: bytes) -> RequestParameters:
    """The parameters of a request."""
    return RequestParameters(read_values(query, body), PARAMETER_REFUSALS)


def test_query_wins_over_body() -> None:
    """On duplicates the query counts; what only the body has is read too."""
    parameters = read_parameters("symbol=BTCUSDT&side=BUY", b"symbol=ETHUSDT&type=LIMIT")

    assert [parameters.text(name) for name in ("symbol", "side", "type")] == ["BTCUSDT", "BUY", "LIMIT"]


def test_percent_and_plus_are_decoded() -> None:
    """Names and values are form-encoded UTF-8."""
    assert read_parameters("symbol=%E6%B5%8B+x", b"").text("symbol") == "\u6d4b x"


@pytest.mark.parametrize(
    ("query", "read", "code"),
    [
        ("", lambda p: p.text("symbol"), -1102),
        ("symbol=", lambda p: p.text("symbol"), -1105),
        ("quantity=1e3", lambda p: p.optional_decimal("quantity"), -1100),
        ("reduceOnly=yes", lambda p: p.flag("reduceOnly"), -1130),
        ("side=HOLD", lambda p: p.word("side", {"BUY", "SELL"}), -1117),
        ("limit=0", lambda p: p.limit(default=500, most=1000), -1130),
        ("batchOrders=[", lambda p: p.json_list("batchOrders", most=5), -1130),
        ("batchOrders=[]", lambda p: p.json_list("batchOrders", most=5), -1130),
        ("symbol=A&pair=B", lambda p: p.refuse_unread({"symbol"}), -1104),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("quantity=-1", lambda p: p.optional_decimal("quantity"), -1100),
                ("quantity=NaN", lambda p: p.optional_decimal("quantity"), -1100),
                ("quantity=.5", lambda p: p.optional_decimal("quantity"), -1100),
                ("orderId=1.0", lambda p: p.optional_integer("orderId"), -1100),
                ("limit=1001", lambda p: p.limit(default=500, most=1000), -1130),
                ("batchOrders=[1,2,3,4,5,6]", lambda p: p.json_list("batchOrders", most=5), -1130),
                ("batchOrders={}", lambda p: p.json_list("batchOrders", most=5), -1130),
            )
        ),
    ],
)
def test_malformed_parameter_is_refused_with_its_code(
    query: str, read: Callable[[RequestParameters], Any], code: int
) -> None:
    """Missing, empty, malformed and unknown parameters each have their code."""
    with pytest.raises(RefusalError) as raised:
        read(read_parameters(query, b""))

    assert raised.value.code == code


def test_decimals_are_exact() -> None:
    """A decimal keeps the digits it was sent with."""
    assert str(read_parameters("price=60000.10", b"").optional_decimal("price")) == "60000.10"


def test_batch_element_may_mix_strings_numbers_and_booleans() -> None:
    """Values of a batch element are read as if each had been a parameter."""
    parameters = read_parameters("", b"").element(
        "batchOrders", {"quantity": 0.5, "reduceOnly": True, "price": "1.50", "positionSide": None}
    )

    assert parameters.optional_decimal("quantity") == Decimal("0.5")
    assert parameters.flag("reduceOnly")
    assert parameters.text("price") == "1.50"
    assert "positionSide" not in parameters


def test_batch_element_that_is_no_object_is_refused() -> None:
    """A list of numbers is not a batch of orders."""
    with pytest.raises(RefusalError) as raised:
        read_parameters("", b"").element("batchOrders", 7)

    assert raised.value.code == -1130
