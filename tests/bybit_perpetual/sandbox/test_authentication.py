"""Who may ask what: keys, windows, signatures."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from perpmaker.venue.sandbox import HmacChecker
from perpmaker_bybit_perpetual.sandbox.signing import KEYS

from .conftest import sign

pytestmark = pytest.mark.anyio

INFO = "/v5/account/info"
VECTORS = (
    (
        "1767225600000TESTKEY_bybit_00015000category=linear&symbol=BTCUSDT",
        "c8f1541003fd3bb753632d3778f51a6f863792bb4d77c45f18bbdd73c3aaa234",
    ),
    (
        "1767225600000TESTKEY_bybit_00015000",
        "f9940400eafbb239d39f467765926a0187046df88fffcc630d9a5efa70d45334",
    ),
    ("GET/realtime1767225610000", "42d64d822bb2e77b1fa1dd56614d406622247c7f04d92057408afa5273e761db"),
)


async def ask(
    venue: Any, *, key: str = KEYS.api_key, late_ms: int = 0, window: str = "5000", signature: str = ""
) -> Any:
    """The status and the code of a signed question."""
    stamp = str(venue.clock.utc_ms() - late_ms)
    headers = {
        "X-BAPI-API-KEY": key,
        "X-BAPI-TIMESTAMP": stamp,
        "X-BAPI-RECV-WINDOW": window,
        "X-BAPI-SIGN": signature or sign(f"{stamp}{key}{window}"),
        "X-BAPI-SIGN-TYPE": "2",
    }
    response = await venue.http.get(INFO, headers=headers)

    return response.status_code, response.json()["retCode"]


@pytest.mark.parametrize(("message", "signature"), VECTORS)
async def test_signatures_are_those_of_the_reference(message: str, signature: str) -> None:
    """The vectors of the protocol page, computed apart from this code."""
    assert HmacChecker(KEYS.api_secret).accepts(message.encode(), signature)
    assert not HmacChecker(KEYS.api_secret).accepts(message.encode() + b" ", signature)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (200, 0)),
        ({"key": ""}, (401, 10003)),
        ({"key": "nobody's"}, (200, 10003)),
        ({"signature": "00"}, (200, 10004)),
        ({"late_ms": 5001}, (200, 10002)),
        ({"window": "long"}, (200, 10001)),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"window": ""}, (200, 0)),
                ({"late_ms": 5000}, (200, 0)),
                ({"late_ms": 101, "window": "100"}, (200, 10002)),
                ({"late_ms": -999}, (200, 0)),
                ({"late_ms": -1000}, (200, 10002)),
            )
        ),
    ],
)
async def test_key_window_and_signature_are_checked(open_venue: Any, changes: Any, expected: Any) -> None:
    """All but a missing key is answered with HTTP 200."""
    async with open_venue() as venue:
        assert await ask(venue, **changes) == expected


async def test_an_rsa_key_opens_the_same_account(open_venue: Any) -> None:
    """Its signature is PKCS#1 v1.5 over the same text, in base64."""
    private: Any = load_der_private_key(base64.b64decode(KEYS.rsa_private_key), None)

    async with open_venue() as venue:
        text = f"{venue.clock.utc_ms()}{KEYS.rsa_api_key}5000"
        signature = base64.b64encode(private.sign(text.encode(), PKCS1v15(), SHA256())).decode()

        assert await ask(venue, key=KEYS.rsa_api_key, signature=signature) == (200, 0)
        assert await ask(venue, key=KEYS.rsa_api_key) == (200, 10004)


async def test_a_signature_is_over_the_bytes_that_came(open_venue: Any) -> None:
    """A body that was changed on its way is refused, and so is one that is no JSON once it is signed."""
    async with open_venue() as venue:
        stamp = str(venue.clock.utc_ms())
        headers = {"X-BAPI-API-KEY": KEYS.api_key, "X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": "5000"}
        signed = '{"a": 1}'
        headers["X-BAPI-SIGN"] = sign(f"{stamp}{KEYS.api_key}5000{signed}")
        path = "/v5/order/cancel-all"

        assert (await venue.http.post(path, content='{"a":1}', headers=headers)).json()["retCode"] == 10004
        assert (await venue.http.post(path, content=signed, headers=headers)).json()["retCode"] == 10001
        assert (await venue.http.post(path, content="{", headers=headers)).json()["retCode"] == 10001


async def test_a_path_that_is_none_is_404_with_the_venues_own_body(open_venue: Any) -> None:
    """So is a method that the path does not have."""
    async with open_venue() as venue:
        for method, path in (("GET", "/v5/market/nothing"), ("POST", "/v5/market/time")):
            response = await venue.call(method, path)

            assert response.status_code == 404
            assert response.json()["retCode"] == 10017
            assert response.json()["time"] == venue.clock.utc_ms()


async def test_a_clock_that_is_ahead_is_shown_and_measured_by(open_venue: Any) -> None:
    """Requests on our clock are late then, and every answer says the venue's time."""
    async with open_venue(server_time_offset_ms=60_000) as venue:
        assert await ask(venue) == (200, 10002)
        assert await ask(venue, late_ms=-60_000) == (200, 0)
        assert (await venue.http.get("/v5/market/time")).json()["time"] == venue.clock.utc_ms() + 60_000
