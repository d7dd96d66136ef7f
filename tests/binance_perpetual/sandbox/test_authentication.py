"""The server's checker against vectors computed elsewhere, over the raw bytes of a request."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from perpmaker.venue.sandbox import Access, RefusalError, RequestParameters, Window
from perpmaker.wire.server import Request
from perpmaker_binance_perpetual.sandbox.app import read_values
from perpmaker_binance_perpetual.sandbox.refusals import PARAMETER_REFUSALS
from perpmaker_binance_perpetual.sandbox.signing import KEYS, Authenticator, signed_bytes

NOW_MS = 1_767_225_600_000
V1 = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=0.010&price=60000.00"
    "&newClientOrderId=mm-0001_a&recvWindow=5000&timestamp=1767225600000"
)
V1_SIGNATURE = "e6cdf9dd006e07b91f52c9185f93420999eee503fa739097e7a198b4cc95dc57"
V2_QUERY = "symbol=BTCUSDT&side=BUY"
V2_BODY = "type=MARKET&quantity=0.010&timestamp=1767225600000"
V2_SIGNATURE = "291c61e6ce75d8951fadd6b9b5ed0a003e87be680d2327c86e2497e8c56c7de9"
V3 = (
    "batchOrders=%5B%7B%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22BUY%22%2C%22type%22%3A%22LIMIT%22%2C"
    "%22timeInForce%22%3A%22GTX%22%2C%22quantity%22%3A%220.010%22%2C%22price%22%3A%2260000.00%22%7D%5D"
    "&timestamp=1767225600000"
)
V3_SIGNATURE = "4d237334fc89765b6a68e6b1f99c2cdf006b5a8d9308193e1b121744c18c4b88"
V4 = "symbol=%E6%B5%8B%E8%AF%95USDT&timestamp=1767225600000"
V4_SIGNATURE = "49e223d106ef650870a99fe4706a242c10c1a1232a9dcb42c6eae3a0bcfeb143"
V6_SIGNATURE = "juJyVgc8eYni6w%2BWs0EommZw1Pp2%2BknzPaHAUMciL8Mr6jdv%2FQbO5BLL1wf8PpQaO%2F2YEhxdkPZGx7GoSjE6Ag%3D%3D"

HMAC = KEYS.api_key
ED25519 = KEYS.ed25519_api_key


def read_parameters(query: str, body: bytes) -> RequestParameters:
    """The parameters of a request."""
    return RequestParameters(read_values(query, body), PARAMETER_REFUSALS)


def check(query: str = "", body: str = "", *, key: str = HMAC, now_ms: int = NOW_MS) -> Window | None:
    """Put a signed request before the checker, with the venue's clock at `now_ms`."""
    request = Request(method="POST", path="/", query=query, body=body.encode(), headers={"x-mbx-apikey": key})
    parameters = read_parameters(request.query, request.body)

    return Authenticator(KEYS.checkers(), lambda: now_ms).check(Access.SIGNED, request, parameters)


def code_of(query: str, body: str = "", *, key: str = HMAC, now_ms: int = NOW_MS) -> int:
    """The code with which the request is refused."""
    with pytest.raises(RefusalError) as raised:
        check(query, body, key=key, now_ms=now_ms)

    return raised.value.code


def signed(query: str) -> str:
    """A query with its signature under the HMAC test key."""
    digest = hmac.new(KEYS.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()

    return f"{query}&signature={digest}"


@pytest.mark.parametrize(
    ("query", "body", "key"),
    [
        pytest.param(f"{V1}&signature={V1_SIGNATURE}", "", HMAC, id="V1 in the query"),
        pytest.param("", f"{V1}&signature={V1_SIGNATURE}", HMAC, id="V1 in the body"),
        pytest.param(f"signature={V1_SIGNATURE}&{V1}", "", HMAC, id="V1 signature first"),
        pytest.param(f"signature={V1_SIGNATURE}", V1, HMAC, id="V1 in the body, signature in the query"),
        pytest.param(f"{V1}&signature={V1_SIGNATURE.upper()}", "", HMAC, id="V1 upper case"),
        pytest.param(V2_QUERY, f"{V2_BODY}&signature={V2_SIGNATURE}", HMAC, id="V2 mixed, signature in the body"),
        pytest.param(f"{V2_QUERY}&signature={V2_SIGNATURE}", V2_BODY, HMAC, id="V2 mixed, signature in the query"),
        pytest.param(f"{V3}&signature={V3_SIGNATURE}", "", HMAC, id="V3 a JSON list"),
        pytest.param(f"{V4}&signature={V4_SIGNATURE}", "", HMAC, id="V4 a symbol that is not ASCII"),
        pytest.param(f"{V1}&signature={V6_SIGNATURE}", "", ED25519, id="V6 Ed25519"),
        pytest.param("", f"{V1}&signature={V6_SIGNATURE}", ED25519, id="V6 Ed25519 in the body"),
    ],
)
def test_vector_is_accepted(query: str, body: str, key: str) -> None:
    """Each vector of the protocol reference passes, wherever its parameters travel."""
    window = check(query, body, key=key)

    assert window is not None
    assert window.timestamp_ms == NOW_MS


@pytest.mark.parametrize(
    ("query", "body", "key"),
    [
        pytest.param(f"{V1[:-1]}1&signature={V1_SIGNATURE}", "", HMAC, id="one byte changed"),
        pytest.param(f"{V3.replace('%2C', ',')}&signature={V3_SIGNATURE}", "", HMAC, id="encoded otherwise"),
        pytest.param(f"{V1}&signature={V6_SIGNATURE}", "", HMAC, id="the other key's algorithm"),
        pytest.param(f"{V1}&signature={V1_SIGNATURE}", "", ED25519, id="hexadecimal for an Ed25519 key"),
        pytest.param(
            f"{V1}&signature={base64.b64encode(bytes(64)).decode().replace('=', '%3D')}", "", ED25519, id="zeros"
        ),
        pytest.param(f"{V1}&signature={V6_SIGNATURE.replace('%2B', '+')}", "", ED25519, id="plus not encoded"),
        pytest.param(f"{V2_QUERY}&", f"{V2_BODY}&signature={V2_SIGNATURE}", HMAC, id="joined with an ampersand"),
    ],
)
def test_signature_over_other_bytes_is_refused(query: str, body: str, key: str) -> None:
    """What was signed must be what arrived, byte for byte."""
    assert code_of(query, body, key=key) == -1022


def test_signed_bytes_leave_out_only_the_signature() -> None:
    """The raw text keeps its order and its encoding, wherever the signature stands."""
    assert signed_bytes("b=2&signature=x&a=%41", b"c=3&signature=y") == b"b=2&a=%41c=3"


@pytest.mark.parametrize(
    ("offset_ms", "code"),
    [
        (-999, None),
        (-1000, -1021),
        (5001, -1021),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (0, None),
                (5000, None),
            )
        ),
    ],
)
def test_window_is_open_from_a_second_ahead_to_its_length_behind(offset_ms: int, code: int | None) -> None:
    """The time is accepted iff timestamp < server + 1000 and server - timestamp <= recvWindow (5000 unless sent)."""
    query = signed(f"timestamp={NOW_MS}")

    if code is None:
        assert check(query, now_ms=NOW_MS + offset_ms) == Window(timestamp_ms=NOW_MS, length_ms=5000)
    else:
        assert code_of(query, now_ms=NOW_MS + offset_ms) == code


def test_recv_window_is_the_callers() -> None:
    """A shorter recvWindow ends the request's life earlier."""
    query = signed(f"timestamp={NOW_MS}&recvWindow=2000")

    assert check(query, now_ms=NOW_MS + 2000) is not None
    assert code_of(query, now_ms=NOW_MS + 2001) == -1021


@pytest.mark.parametrize(
    ("query", "key", "code", "status"),
    [
        pytest.param(V1, "", -2014, 401, id="no key"),
        pytest.param(V1, "K\u00e9y", -2014, 401, id="a key of other letters"),
        pytest.param(V1, "SOMEBODY_ELSE", -2015, 401, id="unknown key"),
        pytest.param("symbol=BTCUSDT&signature=x", HMAC, -1102, 400, id="no timestamp"),
        pytest.param(V1, HMAC, -1102, 400, id="no signature"),
        pytest.param("timestamp=&signature=x", HMAC, -1105, 400, id="empty timestamp"),
        pytest.param("timestamp=-5&signature=x", HMAC, -1100, 400, id="negative timestamp"),
        pytest.param(f"timestamp={NOW_MS}&recvWindow=60001&signature=x", HMAC, -1131, 400, id="window too long"),
    ],
)
def test_refusal_before_the_signature(query: str, key: str, code: int, status: int) -> None:
    """Keys are refused with 401, malformed times with 400, each with its code."""
    with pytest.raises(RefusalError) as raised:
        check(query, key=key)

    assert (raised.value.code, raised.value.status) == (code, status)


def test_key_alone_is_enough_for_the_user_stream() -> None:
    """An endpoint that asks for a key only needs no signature and no time."""
    request = Request(method="POST", path="/", headers={"x-mbx-apikey": HMAC})

    assert Authenticator(KEYS.checkers(), lambda: 0).check(Access.KEYED, request, read_parameters("", b"")) is None


def test_secrets_stay_out_of_the_checkers_text() -> None:
    """A checker that ends in a traceback does not show its secret."""
    assert KEYS.api_secret not in repr(KEYS.checkers())
