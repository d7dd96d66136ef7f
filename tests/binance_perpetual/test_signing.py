from __future__ import annotations

import base64
from typing import Any

import pytest

from perpmaker.secret import Secret, Signer, make_signer
from perpmaker_binance_perpetual.signing import encode_parameters, signature, signed_query

HMAC_SECRET = "NOT_A_SECRET_binance_test_0123456789abcdef"
ED25519_PEM = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
"""

LIMIT_ORDER: dict[str, str | int] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTX",
    "quantity": "0.010",
    "price": "60000.00",
    "newClientOrderId": "mm-0001_a",
}
BATCH = '[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTX","quantity":"0.010","price":"60000.00"}]'
V1 = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=0.010&price=60000.00"
    "&newClientOrderId=mm-0001_a&recvWindow=5000&timestamp=1767225600000"
)
V6 = "juJyVgc8eYni6w%2BWs0EommZw1Pp2%2BknzPaHAUMciL8Mr6jdv%2FQbO5BLL1wf8PpQaO%2F2YEhxdkPZGx7GoSjE6Ag%3D%3D"


def hmac_signer(secret: str = HMAC_SECRET) -> Signer:
    """A signer with a made-up HMAC secret."""
    return make_signer(Secret(secret))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(V1, "e6cdf9dd006e07b91f52c9185f93420999eee503fa739097e7a198b4cc95dc57", id="V1"),
        pytest.param(
            "symbol=BTCUSDT&side=BUYtype=MARKET&quantity=0.010&timestamp=1767225600000",
            "291c61e6ce75d8951fadd6b9b5ed0a003e87be680d2327c86e2497e8c56c7de9",
            id="V2",
        ),
        pytest.param(
            encode_parameters({"batchOrders": BATCH, "timestamp": 1767225600000}),
            "4d237334fc89765b6a68e6b1f99c2cdf006b5a8d9308193e1b121744c18c4b88",
            id="V3",
        ),
        pytest.param(
            encode_parameters({"symbol": "测试USDT", "timestamp": 1767225600000}),
            "49e223d106ef650870a99fe4706a242c10c1a1232a9dcb42c6eae3a0bcfeb143",
            id="V4",
        ),
        pytest.param(
            "apiKey=TESTKEY_binance_0001&newClientOrderId=mm-0001_a&positionSide=BOTH&price=60000.00&quantity=0.010"
            "&recvWindow=5000&side=BUY&symbol=BTCUSDT&timeInForce=GTX&timestamp=1767225600000&type=LIMIT",
            "331c81b714e8a0ce6167e0642e51f885f3def2624c2ccfe4a89e22ad8eb6814f",
            id="V5",
        ),
    ],
)
def test_hmac_vectors(message: str, expected: str) -> None:
    """HMAC signatures are lower-case hex over exactly the encoded bytes."""
    assert signature(message, hmac_signer()) == expected


@pytest.mark.parametrize(
    ("secret", "message", "expected"),
    [
        (
            "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9",
            "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943",
            "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
        ),
        (
            "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
    ],
    ids=["futures", "spot"],
)
def test_vectors_of_the_public_documentation(secret: str, message: str, expected: str) -> None:
    """The venue's own examples come out as printed there."""
    assert signature(message, hmac_signer(secret)) == expected


def test_ed25519_vector() -> None:
    """V6: an Ed25519 signature is base64, percent-encoded for the query."""
    assert signature(V1, make_signer(Secret(ED25519_PEM))) == V6


def test_ed25519_logon_vector() -> None:
    """V7: the raw signature of another message by the same key."""
    raw = make_signer(Secret(ED25519_PEM)).sign(b"apiKey=TESTKEY_binance_0001&timestamp=1767225600000")

    assert base64.b64encode(raw) == (
        b"o4sxwm6in7lqeeZMXMC9e+3ffDX+lF3yJemLdK06ZMa3GYF87LQg/oD4bhyfWn8tbLaIWf3L7rj+tPO6Ri7bAg=="
    )


@pytest.mark.parametrize(
    ("secret", "expected"),
    [(HMAC_SECRET, "e6cdf9dd006e07b91f52c9185f93420999eee503fa739097e7a198b4cc95dc57"), (ED25519_PEM, V6)],
    ids=["hmac", "ed25519"],
)
def test_the_signature_stands_last(secret: str, expected: str) -> None:
    """A signed query is the parameters as given, window, timestamp, and then the signature."""
    query = signed_query(LIMIT_ORDER, make_signer(Secret(secret)), timestamp_ms=1767225600000, recv_window_ms=5000)

    assert query == f"{V1}&signature={expected}"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("a b", "a%20b"),
        ("a-b_c.d~e", "a-b_c.d~e"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("x/y&z=1", "x%2Fy%26z%3D1"),
                ("测", "%E6%B5%8B"),
            )
        ),
    ],
)
def test_values_are_percent_encoded(value: Any, encoded: str) -> None:
    """Whatever is not unreserved is encoded as UTF-8, before anything is signed."""
    assert encode_parameters({"v": value}) == f"v={encoded}"
