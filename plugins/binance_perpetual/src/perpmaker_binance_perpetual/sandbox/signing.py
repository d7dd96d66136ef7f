"""Who may ask what: key header, time window, and the signature over exactly the bytes that arrived.

The server never re-encodes or sorts: it takes raw query and raw body, drops the parameter `signature`, and joins
what is left without a separator.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from perpmaker.venue import sandbox as kit
from perpmaker_binance_perpetual.sandbox.refusals import refusal

DEFAULT_WINDOW_MS: Final = 5000
MOST_WINDOW_MS: Final = 60_000
AHEAD_MS: Final = 1000
KEY_HEADER: Final = "x-mbx-apikey"


@attrs.frozen
class Ed25519Checker:
    """A raw Ed25519 signature in base64."""

    public_key: Ed25519PublicKey

    def accepts(self, message: bytes, signature: str) -> bool:
        """Verify with the public key; what is not base64 is no signature."""
        try:
            self.public_key.verify(base64.b64decode(signature, validate=True), message)
        except (InvalidSignature, binascii.Error, ValueError):
            return False

        return True


@attrs.frozen(kw_only=True)
class SandboxKeys(kit.TestKeys):
    """Two keys of the same account: an HMAC one, and one whose requests are signed with Ed25519."""

    ed25519_api_key: str
    ed25519_private_key: str

    def checkers(self) -> dict[str, kit.SignatureChecker]:
        """How the signature of each API key is checked."""
        seed = base64.b64decode(self.ed25519_private_key)[-32:]

        return {
            self.api_key: kit.HmacChecker(self.api_secret),
            self.ed25519_api_key: Ed25519Checker(Ed25519PrivateKey.from_private_bytes(seed).public_key()),
        }


# Made up, and served to whoever asks: they open nothing but a sandbox. The Ed25519 key is the bytes 0 to 31 (PKCS#8).
KEYS: Final = SandboxKeys(
    api_key="TESTKEY_binance_0001",
    api_secret="NOT_A_SECRET_binance_test_0123456789abcdef",  # noqa: S106  # shown on purpose, see above
    ed25519_api_key="TESTKEY_binance_0002",
    ed25519_private_key="MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
)


class Authenticator:
    """Checks key, window and signature of requests; `server_ms` is the venue's clock."""

    def __init__(self, checkers: Mapping[str, kit.SignatureChecker], server_ms: Callable[[], int]) -> None:
        self._checkers = checkers
        self._server_ms = server_ms

    def check(self, access: kit.Access, request: kit.Request, parameters: kit.RequestParameters) -> kit.Window | None:
        """Let pass or refuse: -2014, -2015, -1102, -1131, -1021, -1022, in this order."""
        if access is kit.Access.PUBLIC:
            return None

        checker = self._checker(request)

        if access is kit.Access.KEYED:
            return None

        window = self._window(parameters)
        signature = parameters.text("signature")

        if not checker.accepts(signed_bytes(request.query, request.body), signature):
            raise refusal(-1022)

        return window

    def _checker(self, request: kit.Request) -> kit.SignatureChecker:
        key = request.headers.get(KEY_HEADER, "")

        if not key.isascii() or not key.isprintable() or not key:
            raise refusal(-2014)

        checker = kit.find_checker(self._checkers, key)

        if checker is None:
            raise refusal(-2015)

        return checker

    def _window(self, parameters: kit.RequestParameters) -> kit.Window:
        timestamp_ms = parameters.integer("timestamp")
        length_ms = parameters.optional_integer("recvWindow")
        window = kit.Window(timestamp_ms=timestamp_ms, length_ms=DEFAULT_WINDOW_MS if length_ms is None else length_ms)

        if window.length_ms > MOST_WINDOW_MS:
            raise refusal(-1131)

        server_ms = self._server_ms()

        if timestamp_ms >= server_ms + AHEAD_MS:
            raise kit.RefusalError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")

        if window.is_over(server_ms):
            raise refusal(-1021)

        return window


def signed_bytes(query: str, body: bytes) -> bytes:
    """What a signature is over: query and body as they came, without the parameter `signature`."""
    return _without_signature(query).encode() + _without_signature(body.decode("latin-1")).encode("latin-1")


def _without_signature(text: str) -> str:
    return "&".join(part for part in text.split("&") if unquote(part.partition("=")[0]) != "signature")
