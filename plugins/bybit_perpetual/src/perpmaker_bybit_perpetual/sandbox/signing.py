"""Who may ask what: the key's header, the time window, and the signature over exactly the bytes that arrived."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Final

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from perpmaker.venue import sandbox as kit
from perpmaker_bybit_perpetual.sandbox.refusals import TEXTS, UNAUTHORIZED, bad, refusal

DEFAULT_WINDOW_MS: Final = 5000
AHEAD_MS: Final = 1000
MILLISECONDS: Final = re.compile("[0-9]{1,15}")
_PREFIX: Final = "x-bapi-"


@attrs.frozen
class RsaChecker:
    """An RSA signature (PKCS#1 v1.5 with SHA-256) in base64."""

    public_key: RSAPublicKey

    def accepts(self, message: bytes, signature: str) -> bool:
        """Verify with the public key; what is not base64 is no signature."""
        try:
            self.public_key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return False

        return True


@attrs.frozen(kw_only=True)
class SandboxKeys(kit.TestKeys):
    """Two keys of the same account: one whose requests are signed with HMAC, one with RSA (PKCS#8, DER in base64)."""

    rsa_api_key: str
    rsa_private_key: str

    def checkers(self) -> dict[str, kit.SignatureChecker]:
        """How the signature of each API key is checked."""
        private = load_der_private_key(base64.b64decode(self.rsa_private_key), None)
        assert isinstance(private, RSAPrivateKey)  # noqa: S101  # it stands below

        return {self.api_key: kit.HmacChecker(self.api_secret), self.rsa_api_key: RsaChecker(private.public_key())}


# Made up, and served to whoever asks: they open nothing but a sandbox.
KEYS: Final = SandboxKeys(
    api_key="TESTKEY_bybit_0001",
    api_secret="NOT_A_SECRET_bybit_test_0123456789",  # noqa: S106  # shown on purpose, see above
    rsa_api_key="TESTKEY_bybit_0002",
    rsa_private_key=(
        "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBANJY32NWIrjYP3YY1Z397IedkaMBPHzQyHUmeG/cKF8iRZj9LMYuhcE4n123"
        "NlRiol/Gp+AyMCwCFDbR3RVF/XL2cqeLeyQvpYaNlkM9r9fpDZbomfjOdbiqhfToFEnDzUKyOr0sSVRCoSy0UW29/0zzg7AltNbnUA8JGo4q"
        "4BcJAgMBAAECgYABcb7G7dZ7MnDtHKqK1S2EmN5hIicKLFzUARmemwJj9NZJgKOIENW2R+9AM3vaBHtc8P5CGdYe1zzQS4ybEsn0tvA1LLKQ"
        "24RH8IPI0lmyiUO4p5Epp5HzEX5XKB7kF5N4mPco2hTvGZ8GpMmfHi1YPoEpoVPVdvMO2i17ZRMgAQJBAPAYQJO6cjmpfNPpVYVKt9jvdIAm"
        "S6maAwcAb9TEODgbfPB5tzrJvy00ZDI6zOhsZvooWq/LZB7mfnXZPoNmQgECQQDgSCIvpseIHDSCFNgGmzv1zWXxFtJGFDw2oZgnxAA2nA5T"
        "hxm3l/Dth/Bvu6jpymjnfWP5D66jtMVZCc2hfcUJAkEA0qL0RKaV/7CKKv/SX5YlpNSvSJ5QUwMjFMl1UxyylcbH3dFqxtCoQGhuXwLnMiGo"
        "Vl+A8CloNRPSbmGhTnYwAQJAZdW62AIVJSMRYGMQd2dywTfi6qXfEfzMHk4fJSckpacUBi8YqTjvJxsLO+BsYMMMANf5VbQeKqzA0p3V5VaS"
        "6QJAW0bN8i7bIbKlMAoNxza/cQL+aPt5CaJaKaGNIdR3sWpbluj2MGgZ8L6ln8lktJ8KAj7Vdqluu3VTwy85IC69AA=="
    ),
)


class Authenticator:
    """Checks key, window and signature of requests and sockets; `server_ms` is the venue's clock."""

    def __init__(self, checkers: Mapping[str, kit.SignatureChecker], server_ms: Callable[[], int]) -> None:
        self._checkers = checkers
        self._server_ms = server_ms

    def check(self, access: kit.Access, request: kit.Request) -> kit.Window | None:
        """Let a request pass or refuse it: 10003 (401 without a key), 10001, 10002, 10004, in this order."""
        if access is kit.Access.PUBLIC:
            return None

        key, stamp, length, signature = (
            request.headers.get(_PREFIX + name, "") for name in ("api-key", "timestamp", "recv-window", "sign")
        )

        if not key:
            raise kit.RefusalError(10003, TEXTS[10003], status=UNAUTHORIZED)

        checker = kit.find_checker(self._checkers, key)

        if checker is None:
            raise refusal(10003)

        window = self.window(stamp, length)
        sent = request.body if request.method == "POST" else request.query.encode()
        signed = f"{stamp}{key}{length}".encode() + sent

        if not checker.accepts(signed, signature):
            raise refusal(10004, signed=signed.decode("utf-8", "replace"))

        return window

    def window(self, stamp: str, length: str) -> kit.Window:
        """Read the time that a request claims; 10001 for no time, 10002 outside of its window."""
        if not MILLISECONDS.fullmatch(stamp) or not MILLISECONDS.fullmatch(length or "0"):
            raise bad("timestamp or recv_window is no number")

        window = kit.Window(timestamp_ms=int(stamp), length_ms=int(length or DEFAULT_WINDOW_MS))
        now_ms = self._server_ms()

        if window.is_over(now_ms) or window.timestamp_ms >= now_ms + AHEAD_MS:
            raise refusal(10002, asked=stamp, now=now_ms, window=window.length_ms)

        return window

    def check_socket(self, arguments: object) -> kit.RefusalError | None:
        """Return why `[key, expires, signature]` opens no socket; None where it does."""
        match arguments:
            case [str(key), int(expires) | str(expires), str(signature)]:
                checker = kit.find_checker(self._checkers, key)
            case _:
                return bad("Params Error")

        if not MILLISECONDS.fullmatch(str(expires)) or int(expires) <= self._server_ms():
            return bad("Params Error: expires is over")

        if checker is None:
            return refusal(10003)

        signed = f"GET/realtime{expires}"

        return None if checker.accepts(signed.encode(), signature) else refusal(10004, signed=signed)
