"""The key of an account: what the file says of it, and what it is when a connector is opened."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from typing import Protocol

import attrs

from perpmaker.connector.interface import ConnectorContext, Environment
from perpmaker.errors import ConfigurationError, Problem
from perpmaker.secret import Secret, Signer, make_signer, reference_fault

_KEYED = frozenset({Environment.LIVE, Environment.TESTNET})


@attrs.frozen(kw_only=True)
class Credentials:
    """An API key as the venue wants to see it, and what signs for it."""

    api_key: str = attrs.field(repr=False)
    signer: Signer = attrs.field(repr=False)

    def sign(self, message: bytes) -> str:
        """Sign a message, and return the signature as text: hexadecimal for HMAC, base64 for every other key."""
        raw = self.signer.sign(message)

        return raw.hex() if self.signer.algorithm == "hmac-sha256" else b64encode(raw).decode()

    @property
    def account(self) -> str:
        """A name of the account that does not give its key away."""
        return hashlib.sha256(self.api_key.encode()).hexdigest()[:12]


class KeySettings(Protocol):
    """Settings with references to a key and its secret."""

    @property
    def api_key(self) -> str | None:
        """The reference of the key."""

    @property
    def api_secret(self) -> str | None:
        """The reference of what signs for it."""

    def faults(self) -> Iterable[tuple[str, str]]:
        """Name each key of the table that is wrong, and what is allowed."""


def key_fault(key: str, value: str | None, environment: Environment, example: str) -> str | None:
    """Return what is wrong with a reference of the file; None where it is right, or not needed.

    Args:
        key: its key in the table.
        value: the reference, never a secret itself.
        environment: testnet and live need it.
        example: a reference that would be right.
    """
    if value:
        return reference_fault(value)

    if environment not in _KEYED:
        return None

    return f'is needed for {environment.value}: a reference such as {key} = "{example}"'


def open_credentials(settings: KeySettings, context: ConnectorContext, table: str) -> Credentials | None:
    """Return the sandbox's test keys, or what the references stand for.

    On paper and for a recording there are none: whatever the file names, nothing that is signed is ever sent.

    Raises:
        ConfigurationError: something in the table is wrong; every fault is named.
    """
    if context.tape is not None:
        return None

    if context.sandbox is not None:
        signer = make_signer(Secret(context.sandbox.api_secret))

        return Credentials(api_key=context.sandbox.api_key, signer=signer)

    faults = tuple(
        Problem(file="the configuration", key=f"{table}.{key}", allowed=allowed) for key, allowed in settings.faults()
    )

    if faults:
        raise ConfigurationError(faults)

    if context.environment is Environment.PAPER:
        return None

    return Credentials(
        api_key=context.signers.reveal(settings.api_key or ""),
        signer=context.signers.signer(settings.api_secret or ""),
    )
