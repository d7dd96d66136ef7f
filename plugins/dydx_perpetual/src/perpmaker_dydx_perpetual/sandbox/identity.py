"""The names by which the Indexer shows things, and how it writes numbers and times."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeAlias
from uuid import UUID, uuid5

from perpmaker_dydx_perpetual.transactions import OrderId

Row: TypeAlias = dict[str, object]
"""What is encoded as a JSON object; nobody changes one after it was made."""

NAMESPACE: Final = UUID("0f9da948-a6fb-4c45-9edc-4685c3f3317d")


def subaccount_uuid(owner: str, number: int) -> str:
    """Return the Indexer's name of a subaccount."""
    return str(uuid5(NAMESPACE, f"{owner}-{number}"))


def order_uuid(order_id: OrderId) -> str:
    """Return the Indexer's name of an order, which all versions of it have."""
    parent = subaccount_uuid(order_id.subaccount.owner, order_id.subaccount.number)

    return str(uuid5(NAMESPACE, f"{parent}-{order_id.client_id}-{order_id.clob_pair}-{order_id.flags}"))


def event_id(height: int, event: int) -> str:
    """Return the name of a match: its block, the place of the transaction that matches in it, its place there."""
    return f"{height:08x}{2:08x}{event:08x}"


def derived_uuid(*parts: object) -> str:
    """Return the name of what an event made."""
    return str(uuid5(NAMESPACE, "-".join(map(str, parts))))


def number(value: Decimal | int) -> str:
    """Write a number without an exponent and without zeros at its end."""
    plain = f"{Decimal(value).normalize():f}"

    return "0" if plain == "-0" else plain


def moment(ms: int) -> str:
    """Write a time with its milliseconds."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
