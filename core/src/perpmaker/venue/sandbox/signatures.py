"""Checking the signatures of requests. A dialect adds checkers of the other kinds of keys that its venue has."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Protocol

import attrs


class SignatureChecker(Protocol):
    """Checks the signatures of one key."""

    def accepts(self, message: bytes, signature: str) -> bool:
        """Return whether the signature is the key's over exactly this message."""


@attrs.frozen
class HmacChecker:
    """HMAC-SHA256 in hexadecimal, upper or lower case."""

    secret: str = attrs.field(repr=False)

    def accepts(self, message: bytes, signature: str) -> bool:
        """Compare in constant time."""
        wanted = hmac.new(self.secret.encode(), message, hashlib.sha256).hexdigest()

        return hmac.compare_digest(wanted.encode(), signature.lower().encode())


def find_checker(checkers: Mapping[str, SignatureChecker], key: str) -> SignatureChecker | None:
    """Return the checker of an API key; None for a key that the sandbox does not have."""
    found = None

    for known, checker in checkers.items():
        if hmac.compare_digest(known.encode(), key.encode()):
            found = checker

    return found
