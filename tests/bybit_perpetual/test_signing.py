"""Signatures by the vectors of the protocol reference, and with an RSA key."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from perpmaker.secret import Secret, make_signer
from perpmaker.venue import Credentials
from perpmaker_bybit_perpetual import rest
from perpmaker_bybit_perpetual.signing import request_headers, socket_login

KEYS = Credentials(api_key="TESTKEY_bybit_0001", signer=make_signer(Secret("NOT_A_SECRET_bybit_test_0123456789")))
AT_MS = 1_767_225_600_000
BODY = (
    '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.010","price":"60000.0",'
    '"timeInForce":"PostOnly","positionIdx":0,"orderLinkId":"mm-0001_a"}'
)


def signed(payload: str) -> str:
    """The signature among the headers of a query or a body."""
    headers = request_headers(payload, KEYS, timestamp_ms=AT_MS, recv_window_ms=5000)
    assert headers["X-BAPI-API-KEY"] == "TESTKEY_bybit_0001"
    assert (headers["X-BAPI-TIMESTAMP"], headers["X-BAPI-RECV-WINDOW"]) == ("1767225600000", "5000")

    return headers["X-BAPI-SIGN"]


def query(parameters: dict[str, object]) -> str:
    """The query of a question."""
    target = rest.BybitHttp(KEYS, 5000).encode(rest.POSITIONS, parameters, AT_MS).target

    return target.decode().partition("?")[2]


def test_the_vectors_of_the_reference_are_signed_so() -> None:
    """A query, none, a body, and the login of a socket."""
    for payload, expected in [
        (
            query({"category": "linear", "symbol": "BTCUSDT"}),
            "c8f1541003fd3bb753632d3778f51a6f863792bb4d77c45f18bbdd73c3aaa234",
        ),
        ("", "f9940400eafbb239d39f467765926a0187046df88fffcc630d9a5efa70d45334"),
        (BODY, "6137de0bb2c477701541927d2c4b7787b8bbd66ddb5c0a416155365186f33d91"),
    ]:
        assert signed(payload) == expected

    login = socket_login(KEYS, 1_767_225_610_000)
    assert "42d64d822bb2e77b1fa1dd56614d406622247c7f04d92057408afa5273e761db" in login


def test_what_is_sent_is_what_is_signed() -> None:
    """The query stands in the address, a body is JSON of the same bytes, and neither shows the key's secret."""
    http = rest.BybitHttp(KEYS, 5000)
    asked = http.encode(rest.POSITIONS, {"category": "linear", "symbol": "BTCUSDT"}, AT_MS)
    assert asked.target == b"/v5/position/list?category=linear&symbol=BTCUSDT"
    assert dict(asked.headers)[b"X-BAPI-SIGN"] == signed("category=linear&symbol=BTCUSDT").encode()
    assert asked.body == b""  # a question with a body is answered with HTTP 403

    placed = http.encode(rest.PLACE, {"category": "linear", "positionIdx": 0, "reduceOnly": True}, AT_MS)
    assert (placed.method, placed.target) == ("POST", b"/v5/order/create")
    assert placed.body == b'{"category":"linear","positionIdx":0,"reduceOnly":true}'
    assert dict(placed.headers)[b"X-BAPI-SIGN"] == signed(placed.body.decode()).encode()


def test_a_cursor_is_encoded_once() -> None:
    """The venue hands it out as it stands in a URL; what comes back is what it was made of."""
    page = rest.messages.Listed(rows=[], nextPageCursor="page_token%3D134868%26")
    assert rest.next_cursor(page) == "page_token=134868&"
    assert query({"cursor": rest.next_cursor(page)}) == "cursor=page_token%3D134868%26"
    assert rest.next_cursor(rest.messages.Listed(rows=[], nextPageCursor="")) is None


def test_an_rsa_key_signs_in_base64() -> None:
    """With PKCS#1 v1.5 over SHA-256, as keys that a person has made."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    text = Credentials(api_key="KEY", signer=make_signer(Secret(pem))).sign(b"GET/realtime1")
    key.public_key().verify(base64.b64decode(text), b"GET/realtime1", padding.PKCS1v15(), hashes.SHA256())
