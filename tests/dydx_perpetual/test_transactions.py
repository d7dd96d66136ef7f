"""Messages of the chain and signed transactions, byte for byte as other implementations write them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from perpmaker.errors import PayloadError
from perpmaker_dydx_perpetual import proto
from perpmaker_dydx_perpetual import transactions as tx
from perpmaker_dydx_perpetual.client_ids import order_uuid, subaccount_uuid
from perpmaker_dydx_perpetual.signing import is_signature, read_key

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text("ascii"))
ROWS: list[dict[str, Any]] = VECTORS["transactions"]
OWNER = tx.SubaccountId(VECTORS["keys"]["first"]["address"], 0)


def order_id(client_id: int, flags: int = tx.SHORT_TERM, pair: int = 0) -> tx.OrderId:
    """An id of the first subaccount."""
    return tx.OrderId(subaccount=OWNER, client_id=client_id, flags=flags, clob_pair=pair)


BUY = tx.PlaceOrder(
    order=tx.Order(
        order_id=order_id(123456789),
        side=tx.BUY,
        quantums=10_000_000,
        subticks=9_000_000_000,
        good_til_block=1_000_020,
        time_in_force=tx.TimeInForce.POST_ONLY,
    )
)
MESSAGES: dict[str, tx.ChainMessage] = {
    "A": BUY,
    "B": tx.PlaceOrder(
        order=tx.Order(
            order_id=order_id(1, tx.LONG_TERM, 1),
            side=tx.SELL,
            quantums=500_000_000,
            subticks=3_000_000_000,
            good_til_time=1_767_225_600,
        )
    ),
    "C": tx.CancelOrder(order_id=order_id(123456789), good_til_block=1_000_020),
    "D": tx.BatchCancel(
        subaccount=OWNER,
        batches=(
            tx.OrderBatch(clob_pair=0, client_ids=(1, 300)),
            tx.OrderBatch(clob_pair=1, client_ids=(123456789,)),
        ),
        good_til_block=1_000_020,
    ),
    "E": tx.UpdateLeverage(subaccount=OWNER, markets=(tx.MarketLeverage(clob_pair=0, margin_ppm=100_000),)),
    "F": tx.CancelOrder(order_id=order_id(1, tx.LONG_TERM, 1), good_til_time=1_767_225_600),
    "G": BUY,
    "H": tx.PlaceOrder(
        order=tx.Order(
            order_id=order_id(77, tx.CONDITIONAL),
            side=tx.SELL,
            quantums=10_000_000,
            subticks=8_075_000_000,
            good_til_time=1_767_225_600,
            time_in_force=tx.TimeInForce.IOC,
            reduce_only=1,
            client_metadata=1,
            condition=tx.STOP_LOSS,
            trigger_subticks=8_500_000_000,
        )
    ),
}


@pytest.fixture(params=ROWS, ids=[row["letter"] for row in ROWS])
def row(request: pytest.FixtureRequest) -> Any:
    """A known transaction."""
    return request.param


def test_a_message_is_written_as_others_write_it(row: Any) -> None:
    """Fields in their order, zeros left out, ids as fixed32."""
    assert proto.encode(MESSAGES[row["letter"]]).hex() == row["message"]


def test_a_transaction_is_written_and_signed_as_others_do(row: Any) -> None:
    """Body, authorization, signature and hash are known before anything is sent."""
    key = read_key(VECTORS["keys"][row["key"]]["private"])
    sent = tx.write_transaction(
        (MESSAGES[row["letter"]],),
        public_key=key.public_key,
        sequence=row["sequence"],
        chain_id=VECTORS["chain_id"],
        account_number=VECTORS["account_number"],
        sign=key.sign,
        authenticator=row["authenticator"],
    )

    assert sent.hex() == row["transaction"]
    assert tx.transaction_hash(sent) == row["hash"]


def test_a_transaction_is_read_as_it_was_written(row: Any) -> None:
    """The messages, who signed, by which sequence, and what was signed."""
    read = tx.read_transaction(bytes.fromhex(row["transaction"]))
    signed = read.sign_bytes(VECTORS["chain_id"], VECTORS["account_number"])

    assert read.messages == (MESSAGES[row["letter"]],)
    assert read.sequence == row["sequence"]
    assert read.authenticators == (() if row["authenticator"] is None else (row["authenticator"],))
    assert hashlib.sha256(signed).hexdigest() == row["sign_sha256"]
    assert read.signature.hex() == row["signature"]
    assert is_signature(read.public_key, signed, read.signature)
    assert not is_signature(read.public_key, signed + b"x", read.signature)


def test_ids_of_the_indexer_are_known_before_sending() -> None:
    """They are made of address, subaccount, number, market and flags."""
    subaccount = subaccount_uuid(OWNER.owner, 0)

    assert subaccount == VECTORS["order"]["subaccount"]
    assert order_uuid(subaccount, 123456789, 0, tx.SHORT_TERM) == VECTORS["order"]["order"]


def test_broken_bytes_are_no_transaction(row: Any) -> None:
    """Whatever is changed, cut or added: it is read, or it is a PayloadError."""
    chance = Random(row["hash"])  # noqa: S311  # which byte is changed
    whole = bytes.fromhex(row["transaction"])

    for _ in range(300):
        broken = bytearray(whole)

        for _ in range(chance.randrange(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)

        try:
            tx.read_transaction(bytes(broken[: chance.randrange(1, len(broken) + 1)]))
        except PayloadError:
            continue


def test_unknown_fields_are_refused_as_the_chain_does() -> None:
    """A strict reading knows every field; another one leaves unknown ones out."""
    known = proto.encode(OWNER)
    more = known + proto.varint(9 << 3) + proto.varint(5)

    assert proto.decode(tx.SubaccountId, more) == OWNER

    with pytest.raises(PayloadError):
        proto.decode(tx.SubaccountId, more, strict=True)


def test_repeated_numbers_may_come_alone() -> None:
    """Packed or not, both are valid."""
    alone = proto.varint(2 << 3) + proto.varint(7) + proto.varint(2 << 3) + proto.varint(300)

    assert proto.decode(tx.OrderBatch, alone).client_ids == (7, 300)


@pytest.mark.parametrize(
    "broken",
    [
        b"\xff" * 11,
        b"\x08",
        b"\x0a\x05ab",
        b"\x0b",
        b"\x02",
        b"\x0a\x02\xff\xfe",
        b"\x15\x01\x02\x03\x04",
        *(pytest.param(one, marks=pytest.mark.full) for one in (b"\x12\x02\xff\xfe",)),
    ],
)
def test_what_is_no_protobuf_is_a_payload_error(broken: bytes) -> None:
    """Numbers without an end, sizes beyond the end, unknown wire types, texts that are none."""
    with pytest.raises(PayloadError):
        proto.decode(tx.SubaccountId, broken)
