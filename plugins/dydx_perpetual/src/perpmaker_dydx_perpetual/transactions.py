"""Messages of the chain and the signed transactions that carry them. Pure.

Field numbers: dydxprotocol/v4-chain (proto/dydxprotocol/clob) and Cosmos SDK (proto/cosmos/tx/v1beta1), 2026-03.
"""

# ruff: noqa: RUF009  # the defaults of these fields are declarations, made once

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from enum import IntEnum, unique
from typing import TypeAlias

import attrs

from perpmaker import PayloadError

from . import proto

SHORT_TERM, CONDITIONAL, LONG_TERM = 0, 32, 64
"""Order flags."""

BUY, SELL = 1, 2
STOP_LOSS, TAKE_PROFIT = 1, 2
"""Condition types."""

MODE_DIRECT = 1
GAS_LIMIT = 1_000_000
"""Transactions about orders cost no gas; this is what the official client names."""

LEAST_NONCE = 2**40
"""A sequence from here on is a timestamp nonce: milliseconds since the epoch."""


@unique
class TimeInForce(IntEnum):
    """How long an order rests: until its end, never, or only where it takes nothing."""

    GTT = 0
    IOC = 1
    POST_ONLY = 2
    FOK = 3


@attrs.frozen
class SubaccountId:
    """One margin account of an owner."""

    owner: str = proto.text(1)
    number: int = proto.uint(2)


@attrs.frozen(kw_only=True)
class OrderId:
    """What the chain knows an order by."""

    subaccount: SubaccountId = proto.one(1, SubaccountId)
    client_id: int = proto.fixed32(2)
    flags: int = proto.uint(3)
    clob_pair: int = proto.uint(4)


@attrs.frozen(kw_only=True)
class Order:
    """An order in quantums and subticks. `good_til_block` is for short-term orders, `good_til_time` for all others."""

    order_id: OrderId = proto.one(1, OrderId)
    side: int = proto.uint(2)
    quantums: int = proto.uint(3)
    subticks: int = proto.uint(4)
    good_til_block: int = proto.uint(5)
    good_til_time: int = proto.fixed32(6)
    time_in_force: int = proto.uint(7)
    reduce_only: int = proto.uint(8)
    client_metadata: int = proto.uint(9)
    condition: int = proto.uint(10)
    trigger_subticks: int = proto.uint(11)
    twap: bytes = proto.data(12)
    builder: bytes = proto.data(13)
    router: str = proto.text(14)


@attrs.frozen(kw_only=True)
class PlaceOrder:
    """Place an order, or replace a short-term one of the same id."""

    order: Order = proto.one(1, Order)


@attrs.frozen(kw_only=True)
class CancelOrder:
    """Take an order off; its end must not be before the order's."""

    order_id: OrderId = proto.one(1, OrderId)
    good_til_block: int = proto.uint(2)
    good_til_time: int = proto.fixed32(3)


@attrs.frozen(kw_only=True)
class OrderBatch:
    """Short-term orders of one market, by client id."""

    clob_pair: int = proto.uint(1)
    client_ids: tuple[int, ...] = proto.packed(2)


@attrs.frozen(kw_only=True)
class BatchCancel:
    """Take short-term orders off."""

    subaccount: SubaccountId = proto.one(1, SubaccountId)
    batches: tuple[OrderBatch, ...] = proto.many(2, OrderBatch)
    good_til_block: int = proto.uint(3)


@attrs.frozen(kw_only=True)
class MarketLeverage:
    """The initial margin of one market, in millionths of the notional."""

    clob_pair: int = proto.uint(1)
    margin_ppm: int = proto.uint(2)


@attrs.frozen(kw_only=True)
class UpdateLeverage:
    """Set the leverage of markets."""

    subaccount: SubaccountId = proto.one(1, SubaccountId)
    markets: tuple[MarketLeverage, ...] = proto.many(2, MarketLeverage)


ChainMessage: TypeAlias = PlaceOrder | CancelOrder | BatchCancel | UpdateLeverage

URLS: dict[type[ChainMessage], str] = {
    PlaceOrder: "/dydxprotocol.clob.MsgPlaceOrder",
    CancelOrder: "/dydxprotocol.clob.MsgCancelOrder",
    BatchCancel: "/dydxprotocol.clob.MsgBatchCancel",
    UpdateLeverage: "/dydxprotocol.clob.MsgUpdateLeverage",
}
_KINDS = {url: kind for kind, url in URLS.items()}
_EXTENSION = "/dydxprotocol.accountplus.TxExtension"
_PUBLIC_KEY = "/cosmos.crypto.secp256k1.PubKey"


@attrs.frozen
class Any:
    """A message with its type."""

    type_url: str = proto.text(1)
    value: bytes = proto.data(2)


@attrs.frozen(kw_only=True)
class PublicKey:
    """A compressed secp256k1 key, 33 bytes."""

    key: bytes = proto.data(1)


@attrs.frozen(kw_only=True)
class Body:
    """What a transaction does. `critical` are extensions that the chain has to know."""

    messages: tuple[Any, ...] = proto.many(1, Any)
    memo: str = proto.text(2)
    timeout_height: int = proto.uint(3)
    critical: tuple[Any, ...] = proto.many(1023, Any)
    extensions: tuple[Any, ...] = proto.many(2047, Any)


@attrs.frozen(kw_only=True)
class Extension:
    """The authenticators that vouch for the messages, one for each."""

    authenticators: tuple[int, ...] = proto.packed(1)


@attrs.frozen(kw_only=True)
class _Single:
    mode: int = proto.uint(1)


@attrs.frozen(kw_only=True)
class _Mode:
    single: _Single = proto.one(1, _Single)


@attrs.frozen(kw_only=True)
class SignerInfo:
    """Who signs, how, and the sequence number or timestamp nonce."""

    public_key: Any = proto.one(1, Any)
    mode: _Mode = proto.one(2, _Mode)
    sequence: int = proto.uint(3)


@attrs.frozen(kw_only=True)
class Fee:
    """What a transaction pays."""

    coins: tuple[bytes, ...] = proto.many_data(1)
    gas_limit: int = proto.uint(2)
    payer: str = proto.text(3)
    granter: str = proto.text(4)


@attrs.frozen(kw_only=True)
class Authorization:
    """Signers and fee of a transaction."""

    signers: tuple[SignerInfo, ...] = proto.many(1, SignerInfo)
    fee: Fee = proto.one(2, Fee)


@attrs.frozen(kw_only=True)
class SignDoc:
    """What is signed."""

    body: bytes = proto.data(1)
    authorization: bytes = proto.data(2)
    chain_id: str = proto.text(3)
    account_number: int = proto.uint(4)


@attrs.frozen(kw_only=True)
class RawTransaction:
    """A transaction as it is sent."""

    body: bytes = proto.data(1)
    authorization: bytes = proto.data(2)
    signatures: tuple[bytes, ...] = proto.many_data(3)


@attrs.frozen(kw_only=True)
class Transaction:
    """A transaction as it is read. `messages` are those of unknown types too, as `Any`."""

    raw: RawTransaction
    body: Body
    messages: tuple[ChainMessage | Any, ...]
    public_key: bytes
    mode: int
    sequence: int
    fee: Fee
    authenticators: tuple[int, ...]

    @property
    def signature(self) -> bytes:
        """The only signature."""
        return self.raw.signatures[0]

    def sign_bytes(self, chain_id: str, account_number: int) -> bytes:
        """Return what was to be signed, from the bytes that were sent."""
        return sign_bytes(self.raw.body, self.raw.authorization, chain_id, account_number)


def sign_bytes(body: bytes, authorization: bytes, chain_id: str, account_number: int) -> bytes:
    """Return the bytes that a signature covers."""
    document = SignDoc(body=body, authorization=authorization, chain_id=chain_id, account_number=account_number)

    return proto.encode(document)


def write_transaction(
    messages: Sequence[ChainMessage],
    *,
    public_key: bytes,
    sequence: int,
    chain_id: str,
    account_number: int,
    sign: Callable[[bytes], bytes],
    authenticator: int | None = None,
    memo: str = "",
    timeout_height: int = 0,
) -> bytes:
    """Return a signed transaction.

    Args:
        messages: one short-term message alone, or several others.
        public_key: of the key that signs, 33 bytes.
        sequence: 0 for a short-term message, else a timestamp nonce.
        chain_id: the chain's name.
        account_number: the owner's.
        sign: signs bytes; 64 bytes.
        authenticator: the number under which the chain knows a key that is not the owner's.
        memo: a text for people.
        timeout_height: the last block that may carry the transaction; 0 where its messages say that themselves.
    """
    extensions: tuple[Any, ...] = ()

    if authenticator is not None:
        chosen = Extension(authenticators=(authenticator,) * len(messages))
        extensions = (Any(_EXTENSION, proto.encode(chosen)),)

    carried = tuple(Any(URLS[type(message)], proto.encode(message)) for message in messages)
    body = proto.encode(Body(messages=carried, memo=memo, timeout_height=timeout_height, extensions=extensions))
    key = Any(_PUBLIC_KEY, proto.encode(PublicKey(key=public_key)))
    signer = SignerInfo(public_key=key, mode=_Mode(single=_Single(mode=MODE_DIRECT)), sequence=sequence)
    authorization = proto.encode(Authorization(signers=(signer,), fee=Fee(gas_limit=GAS_LIMIT)))
    signature = sign(sign_bytes(body, authorization, chain_id, account_number))

    return proto.encode(RawTransaction(body=body, authorization=authorization, signatures=(signature,)))


def read_transaction(sent: bytes) -> Transaction:
    """Return a transaction of one signer as the chain reads it; PayloadError where it is none."""
    raw = proto.decode(RawTransaction, sent, strict=True)
    body = proto.decode(Body, raw.body, strict=True)
    authorization = proto.decode(Authorization, raw.authorization, strict=True)

    if len(authorization.signers) != 1 or len(raw.signatures) != 1 or not body.messages:
        raise PayloadError("a transaction has messages, one signer and one signature")

    signer = authorization.signers[0]
    known = [one for one in body.extensions if one.type_url == _EXTENSION]
    authenticators = proto.decode(Extension, known[0].value, strict=True).authenticators if known else ()

    return Transaction(
        raw=raw,
        body=body,
        messages=tuple(_read_message(message) for message in body.messages),
        public_key=proto.decode(PublicKey, signer.public_key.value, strict=True).key,
        mode=signer.mode.single.mode,
        sequence=signer.sequence,
        fee=authorization.fee,
        authenticators=authenticators,
    )


def read_flags(message: PlaceOrder | CancelOrder) -> int:
    """Return the flags of the order that a message is about."""
    return (message.order.order_id if isinstance(message, PlaceOrder) else message.order_id).flags


def transaction_hash(sent: bytes) -> str:
    """Return the name of a transaction: known before it is sent."""
    return hashlib.sha256(sent).hexdigest().upper()


def _read_message(message: Any) -> ChainMessage | Any:
    kind = _KINDS.get(message.type_url)

    return message if kind is None else proto.decode(kind, message.value, strict=True)
