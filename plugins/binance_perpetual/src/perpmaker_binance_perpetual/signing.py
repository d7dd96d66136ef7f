"""Request signing, pure: parameters are encoded first, and exactly those bytes are signed.

Source: Binance USDⓈ-M futures, "General Info", endpoint security. The string to sign is the encoded query, the
signature is appended as its last parameter: hex for HMAC keys, percent-encoded base64 for Ed25519 keys.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import quote

from perpmaker.venue import Signer


def encode_parameters(parameters: Mapping[str, object]) -> str:
    """`name=value&...` in the order given, UTF-8, percent-encoded; every unreserved character stays as it is."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in parameters.items())


def signature(message: str, signer: Signer) -> str:
    """The signature of an encoded query as it is written into a URL."""
    raw = signer.sign(message.encode("ascii"))

    if signer.algorithm == "hmac-sha256":
        return raw.hex()

    return quote(base64.b64encode(raw), safe="")


def signed_query(parameters: Mapping[str, object], signer: Signer, *, timestamp_ms: int, recv_window_ms: int) -> str:
    """The whole query of a signed request: parameters, window, timestamp, and the signature last."""
    query = encode_parameters({**parameters, "recvWindow": recv_window_ms, "timestamp": timestamp_ms})

    return f"{query}&signature={signature(query, signer)}"
