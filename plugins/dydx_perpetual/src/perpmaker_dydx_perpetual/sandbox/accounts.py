"""Who may sign what: account numbers, sequences and timestamp nonces, and the keys that an owner permits."""

from __future__ import annotations

import base64
import json
from typing import Final

import attrs

from perpmaker.venue.sandbox import TestKeys
from perpmaker_dydx_perpetual.addresses import address_of
from perpmaker_dydx_perpetual.sandbox.refusals import ChainError, sdk
from perpmaker_dydx_perpetual.signing import is_signature, read_key
from perpmaker_dydx_perpetual.transactions import (
    LEAST_NONCE,
    URLS,
    BatchCancel,
    CancelOrder,
    ChainMessage,
    PlaceOrder,
    SubaccountId,
    Transaction,
    UpdateLeverage,
)

CHAIN_ID: Final = "localdydxprotocol"
ACCOUNT_NUMBER: Final = 42
AUTHENTICATOR: Final = 5
MOST_NONCES: Final = 20
NONCE_WINDOW_MS: Final = 30_000
_SPACE: Final = "dydxaccountplus"
_MISSING, _SIGNATURE, _MESSAGE, _PAIR, _SUBACCOUNT, _ALL, _ANY = 1, 100, 101, 102, 103, 104, 105


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


def _permission(*, may_set_leverage: bool) -> tuple[str, bytes]:
    """What the owner permits: to place and cancel orders of the first subaccount, and perhaps to set its leverage."""
    kinds = (PlaceOrder, CancelOrder, BatchCancel, *([UpdateLeverage] if may_set_leverage else []))
    allowed = ",".join(URLS[kind] for kind in kinds)
    parts = (
        ("SignatureVerification", read_key(KEYS.api_secret).public_key),
        ("MessageFilter", allowed.encode()),
        ("SubaccountFilter", b"0"),
    )
    nested = [{"type": kind, "config": base64.b64encode(config).decode()} for kind, config in parts]

    return "AllOf", json.dumps(nested).encode()


@attrs.define(eq=False)
class ChainAccount:
    """An account of the chain: its number, its next sequence, its newest nonces, and the keys that it permits."""

    address: str
    number: int = ACCOUNT_NUMBER
    sequence: int = 0
    nonces: list[int] = attrs.field(factory=list)
    largest_forgotten: int = 0
    authenticators: dict[int, tuple[str, bytes]] = attrs.field(factory=dict)

    @classmethod
    def of_owner(cls, *, may_set_leverage: bool) -> ChainAccount:
        """Return the account that the test keys open."""
        permission = _permission(may_set_leverage=may_set_leverage)

        return cls(address=KEYS.api_key, authenticators={AUTHENTICATOR: permission})

    def use_sequence(self, sequence: int, block_ms: int) -> None:
        """Check a sequence or a timestamp nonce, and let nobody use it again; sdk 32."""
        if sequence < LEAST_NONCE:
            if sequence != self.sequence:
                text = f"account sequence mismatch, expected {self.sequence}, got {sequence}"
                raise sdk(32, f"{text}: incorrect account sequence")

            self.sequence += 1
            return

        if abs(sequence - block_ms) > NONCE_WINDOW_MS:
            raise sdk(32, f"timestamp nonce {sequence} not within valid time window: incorrect account sequence")

        if sequence in self.nonces or sequence <= self.largest_forgotten:
            raise sdk(32, f"timestamp nonce {sequence} rejected: incorrect account sequence")

        self.nonces = sorted([*self.nonces, sequence])

        if len(self.nonces) > MOST_NONCES:
            self.largest_forgotten = self.nonces.pop(0)

    def check_signature(self, transaction: Transaction, messages: tuple[ChainMessage, ...]) -> None:
        """Check who signed: the owner, or a key that the owner permits; sdk 4, or a code of the authenticators."""
        signed = transaction.sign_bytes(CHAIN_ID, self.number)
        is_signed = is_signature(transaction.public_key, signed, transaction.signature)

        if not transaction.authenticators:
            if not is_signed or address_of(transaction.public_key) != self.address:
                where = f"account number ({self.number}) and chain-id ({CHAIN_ID})"
                raise sdk(4, f"signature verification failed; please verify {where}: unauthorized")

            return

        if len(transaction.authenticators) != len(messages):
            raise ChainError(_SPACE, 2, "a selected authenticator is needed for each message")

        for number, message in zip(transaction.authenticators, messages, strict=True):
            if number not in self.authenticators:
                raise ChainError(_SPACE, _MISSING, f"authenticator {number} not found for account {self.address}")

            self._authenticate(*self.authenticators[number], transaction, message, is_signed=is_signed)

    def _authenticate(
        self, kind: str, config: bytes, transaction: Transaction, message: ChainMessage, *, is_signed: bool
    ) -> None:
        match kind:
            case "SignatureVerification":
                if not is_signed or transaction.public_key != config:
                    text = "signature verification failed; please verify account number, sequence and chain-id"
                    raise ChainError(_SPACE, _SIGNATURE, text)
            case "MessageFilter":
                _filter(_MESSAGE, config, URLS.get(type(message), ""))
            case "SubaccountFilter":
                _filter(_SUBACCOUNT, config, str(subaccount_of(message).number))
            case "ClobPairIdFilter":
                for pair in pairs_of(message):
                    _filter(_PAIR, config, str(pair))
            case "AllOf" | "AnyOf":
                self._authenticate_parts(kind, config, transaction, message, is_signed=is_signed)

    def _authenticate_parts(
        self, kind: str, config: bytes, transaction: Transaction, message: ChainMessage, *, is_signed: bool
    ) -> None:
        failed: list[ChainError] = []
        parts = json.loads(config)

        for part in parts:
            try:
                known = base64.b64decode(part["config"])
                self._authenticate(part["type"], known, transaction, message, is_signed=is_signed)
            except ChainError as error:
                failed.append(error)

        if kind == "AllOf" and failed:
            raise ChainError(_SPACE, _ALL, f"AllOf verification failed: {failed[0].text}")

        if kind == "AnyOf" and len(failed) == len(parts):
            raise ChainError(_SPACE, _ANY, f"AnyOf verification failed: {failed[0].text}")


def subaccount_of(message: ChainMessage) -> SubaccountId:
    """Return the subaccount that a message is about, whose owner has to sign it."""
    if isinstance(message, PlaceOrder):
        return message.order.order_id.subaccount

    return (message.order_id if isinstance(message, CancelOrder) else message).subaccount


def pairs_of(message: ChainMessage) -> tuple[int, ...]:
    """Return the markets that a message is about."""
    if isinstance(message, PlaceOrder):
        return (message.order.order_id.clob_pair,)

    if isinstance(message, CancelOrder):
        return (message.order_id.clob_pair,)

    return tuple(one.clob_pair for one in (message.batches if isinstance(message, BatchCancel) else message.markets))


def _filter(code: int, config: bytes, value: str) -> None:
    if value not in config.decode().split(","):
        raise ChainError(_SPACE, code, f"{value} is not in {config.decode()}")
