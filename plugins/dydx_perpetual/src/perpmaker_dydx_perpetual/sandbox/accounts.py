"""Who may sign what: account numbers, sequences and timestamp nonces, and the keys that an owner permits."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs

from perpmaker.venue.sandbox import TestKeys
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.addresses import address_of
from perpmaker_dydx_perpetual.sandbox.refusals import ChainError, sdk
from perpmaker_dydx_perpetual.signing import is_signature, read_key

CHAIN_ID: Final = "localdydxprotocol"
ACCOUNT_NUMBER: Final = 42
AUTHENTICATOR: Final = 5
MOST_NONCES: Final = 20
NONCE_WINDOW_MS: Final = 30_000
_SPACE: Final = "dydxaccountplus"
_MISSING, _MISMATCH, _ALL = 1, 2, 104


@attrs.frozen(kw_only=True)
class SandboxKeys(TestKeys):
    """The owner's address, and the key that the owner permits to trade; `owner_secret` is the owner's own key."""

    owner_secret: str


# Made up, and served to whoever asks: they open nothing but a sandbox. Both are keys of words that everybody knows.
KEYS: Final = SandboxKeys(
    api_key="dydx19rl4cm2hmr8afy4kldpxz3fka4jguq0a4erelz",
    api_secret="e92a6595c934c991d3b3e987ea9b3125bf61a076deab3a9cb519787b7b3e8d77",  # noqa: S106  # shown on purpose
    owner_secret="c4a48e2fce1481cd3294b4490f6678090ea98d3d0e5cd984558ab0968741b104",  # noqa: S106  # the same
)


@attrs.frozen(kw_only=True)
class Permission:
    """What the owner lets another key do: the parts of one authenticator, all of which have to agree."""

    parts: tuple[tuple[str, bytes], ...]

    @classmethod
    def of_trading_key(cls, *, may_set_leverage: bool) -> Permission:
        """Permit to place and cancel orders of the first subaccount, and perhaps to set its leverage."""
        kinds = (tx.PlaceOrder, tx.CancelOrder, tx.BatchCancel, *([tx.UpdateLeverage] if may_set_leverage else []))
        allowed = ",".join(tx.URLS[kind] for kind in kinds)
        key = read_key(KEYS.api_secret).public_key

        return cls(
            parts=(("SignatureVerification", key), ("MessageFilter", allowed.encode()), ("SubaccountFilter", b"0"))
        )

    def config(self) -> bytes:
        """Write it as the chain keeps it."""
        parts = [{"type": kind, "config": base64.b64encode(config).decode()} for kind, config in self.parts]

        return json.dumps(parts).encode()

    def refusal(self, signer: bytes | None, message: tx.ChainMessage) -> str | None:
        """Say why a message is not permitted that this key has signed; no key where the signature is wrong."""
        said = {"MessageFilter": tx.URLS[type(message)], "SubaccountFilter": str(subaccount_of(message).number)}

        for kind, config in self.parts:
            if kind == "SignatureVerification" and signer != config:
                return "signature verification failed; please verify account number, sequence and chain-id"

            if kind in said and said[kind] not in config.decode().split(","):
                return f"{said[kind]} is not in {config.decode()}"

        return None


@attrs.define(eq=False)
class ChainAccount:
    """The owner's account: its number, its next sequence, its newest nonces, and the keys that it permits."""

    permissions: dict[int, Permission]
    address: str = KEYS.api_key
    number: int = ACCOUNT_NUMBER
    sequence: int = 0
    nonces: tuple[int, ...] = ()
    largest_forgotten: int = 0

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Use no sequence for a transaction that is refused."""
        before = self.sequence, self.nonces, self.largest_forgotten

        try:
            yield
        except ChainError:
            self.sequence, self.nonces, self.largest_forgotten = before
            raise

    def use_sequence(self, sequence: int, block_ms: int) -> None:
        """Check a sequence or a timestamp nonce, and let nobody use it again; sdk 32."""
        if sequence < tx.LEAST_NONCE:
            if sequence != self.sequence:
                text = f"account sequence mismatch, expected {self.sequence}, got {sequence}"
                raise sdk(32, f"{text}: incorrect account sequence")

            self.sequence += 1
            return

        if abs(sequence - block_ms) > NONCE_WINDOW_MS:
            raise sdk(32, f"timestamp nonce {sequence} not within valid time window: incorrect account sequence")

        if sequence in self.nonces or sequence <= self.largest_forgotten:
            raise sdk(32, f"timestamp nonce {sequence} rejected: incorrect account sequence")

        self.nonces = tuple(sorted([*self.nonces, sequence]))

        if len(self.nonces) > MOST_NONCES:
            self.largest_forgotten, *rest = self.nonces
            self.nonces = tuple(rest)

    def check_signature(self, transaction: tx.Transaction, messages: tuple[tx.ChainMessage, ...]) -> None:
        """Check who signed: the owner, or a key that the owner permits; sdk 4, or a code of the authenticators."""
        signed = transaction.sign_bytes(CHAIN_ID, self.number)
        is_signed = is_signature(transaction.public_key, signed, transaction.signature)
        numbers = transaction.authenticators

        if not numbers and (not is_signed or address_of(transaction.public_key) != self.address):
            where = f"account number ({self.number}) and chain-id ({CHAIN_ID})"
            raise sdk(4, f"signature verification failed; please verify {where}: unauthorized")

        if numbers and len(numbers) != len(messages):
            raise ChainError(_SPACE, _MISMATCH, "a selected authenticator is needed for each message")

        for number, message in zip(numbers, messages, strict=False):
            if number not in self.permissions:
                raise ChainError(_SPACE, _MISSING, f"authenticator {number} not found for account {self.address}")

            text = self.permissions[number].refusal(transaction.public_key if is_signed else None, message)

            if text is not None:
                raise ChainError(_SPACE, _ALL, f"AllOf verification failed: {text}")


def subaccount_of(message: tx.ChainMessage) -> tx.SubaccountId:
    """Return the subaccount that a message is about, whose owner has to sign it."""
    if isinstance(message, tx.PlaceOrder):
        return message.order.order_id.subaccount

    return (message.order_id if isinstance(message, tx.CancelOrder) else message).subaccount


def pairs_of(message: tx.ChainMessage) -> tuple[int, ...]:
    """Return the markets that a message is about."""
    if isinstance(message, tx.PlaceOrder):
        return (message.order.order_id.clob_pair,)

    if isinstance(message, tx.CancelOrder):
        return (message.order_id.clob_pair,)

    return tuple(one.clob_pair for one in (message.batches if isinstance(message, tx.BatchCancel) else message.markets))
