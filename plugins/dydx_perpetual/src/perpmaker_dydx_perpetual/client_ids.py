"""Ids of orders: 32 bits of number and, in the metadata that the chain carries along, 32 bits that say whose it is."""

from __future__ import annotations

from uuid import UUID, uuid5

TWIN = 2**31
"""Added to a stop's number it names the second order of the same stop."""

IDS_OF_RUN = 2**12
RUNS = TWIN // IDS_OF_RUN
_MARK = 0x70 << 24
_BOT_BITS = 24
_INDEXER = UUID("0f9da948-a6fb-4c45-9edc-4685c3f3317d")
"""The Indexer's namespace (indexer/packages/postgres, getOrderId)."""


def subaccount_uuid(address: str, number: int) -> str:
    """Return the Indexer's id of a subaccount."""
    return str(uuid5(_INDEXER, f"{address}-{number}"))


def order_uuid(subaccount: str, number: int, clob_pair: int, flags: int) -> str:
    """Return the Indexer's id of an order, which is known before the order is sent."""
    return str(uuid5(_INDEXER, f"{subaccount}-{number}-{clob_pair}-{flags}"))


def tag_of(bot: str) -> int:
    """Return the metadata of a bot's orders; the venue's own front ends use small numbers."""
    return _MARK | int(bot, 16) & (1 << _BOT_BITS) - 1


def client_id_of(tag: int, number: int) -> str:
    """Return the core's text for an order of ours; the second order of a stop has that of the first."""
    return f"{tag}-{number % TWIN}"


def is_own_tag(metadata: object) -> bool:
    """Whether metadata is one that this program writes, for whichever bot."""
    return isinstance(metadata, int) and metadata >> _BOT_BITS << _BOT_BITS == _MARK


def number_of(client_id: str) -> int:
    """Return the number within an id of ours; 0, which is no order's, within anybody else's."""
    number = client_id.rpartition("-")[2]

    return int(number) if number.isascii() and number.isdigit() else 0
