"""Request signing, pure: what is sent is encoded first, and exactly those bytes are signed.

Source: Bybit v5, "Integration Guidance". HMAC keys sign in hex, self-made RSA keys in base64.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from perpmaker import venue as kit

ALGORITHMS = frozenset({"hmac-sha256", "rsa-sha256"})
"""What the venue takes; it has no Ed25519."""


def encode_body(parameters: Mapping[str, object]) -> str:
    """Parameters as compact JSON."""
    return json.dumps(parameters, separators=(",", ":"))


def request_headers(
    payload: str, credentials: kit.Credentials, *, timestamp_ms: int, recv_window_ms: int
) -> Mapping[str, str]:
    """The headers that sign a query or a body."""
    window = str(recv_window_ms)

    return {
        "X-BAPI-API-KEY": credentials.api_key,
        "X-BAPI-TIMESTAMP": str(timestamp_ms),
        "X-BAPI-RECV-WINDOW": window,
        "X-BAPI-SIGN": credentials.sign(f"{timestamp_ms}{credentials.api_key}{window}{payload}".encode()),
    }


def socket_login(credentials: kit.Credentials, expires_ms: int) -> str:
    """The message that authenticates a socket, valid until that time of the venue."""
    signed = credentials.sign(f"GET/realtime{expires_ms}".encode())

    return encode_body({"op": "auth", "args": [credentials.api_key, expires_ms, signed]})
