"""Secrets: a value that never shows itself, where it comes from, and the signer that uses it."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

SignatureAlgorithm: TypeAlias = Literal["hmac-sha256", "ed25519"]


class Signer(Protocol):
    """Signs with a key it never shows. One day this is a process of its own; callers will not notice."""

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """How it signs, which decides how a venue wants the signature encoded."""

    def sign(self, message: bytes) -> bytes:
        """The raw signature of exactly these bytes."""


class SignerSource(Protocol):
    """Turns references of the configuration (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`) into what they mean."""

    def reveal(self, reference: str) -> str:
        """The text itself, for what a venue wants to see (the API key); ConfigurationError when there is none."""

    def signer(self, reference: str) -> Signer:
        """A signer for the secret behind the reference; ConfigurationError when there is none."""
