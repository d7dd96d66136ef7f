"""Request signing, pure: what is sent is encoded first, and exactly those bytes are signed.

Source: Bybit v5, "Integration Guidance". HMAC keys sign in hex, self-made RSA keys in base64.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote

from perpmaker import venue as kit

ALGORITHMS = frozenset({"hmac-sha256", "rsa-sha256"})
"""What the venue takes; it has no Ed25519."""


def encode_query(parameters: Mapping[str, object]) -> str:
    """`name=value&...` in the order given, UTF-8, percent-encoded."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())


def encode_body(parameters: Mapping[str, object]) -> str:
    """Parameters as compact JSON."""
    return json.dumps(parameters, separators=(",", ":"))


def signature(message: str, signer: kit.Signer) -> str:
    """The signature of a text as it is written into a header or a message."""
    raw = signer.sign(message.encode())

    return raw.hex() if signer.algorithm == "hmac-sha256" else base64.b64encode(raw).decode("ascii")


def request_headers(
    payload: str, credentials: kit.Credentials, *, timestamp_ms: int, recv_window_ms: int
) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that sign a query or a body."""
    window = str(recv_window_ms)
    text = f"{timestamp_ms}{credentials.api_key}{window}{payload}"

    return (
        (b"X-BAPI-API-KEY", credentials.api_key.encode()),
        (b"X-BAPI-TIMESTAMP", str(timestamp_ms).encode()),
        (b"X-BAPI-RECV-WINDOW", window.encode()),
        (b"X-BAPI-SIGN", signature(text, credentials.signer).encode()),
    )


def socket_login(credentials: kit.Credentials, expires_ms: int) -> str:
    """The message that authenticates a socket, valid until that time of the venue."""
    signed = signature(f"GET/realtime{expires_ms}", credentials.signer)

    return encode_body({"op": "auth", "args": [credentials.api_key, expires_ms, signed]})
