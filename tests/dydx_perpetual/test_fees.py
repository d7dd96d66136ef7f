"""The owner's fees, as the chain tells them."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import anyio
import httpx
import pytest

from perpmaker.clock import LoopClock
from perpmaker.venue import RequestBudget, RestClient
from perpmaker.wire.exchange import Incoming, Outgoing
from perpmaker_dydx_perpetual import proto, rest
from perpmaker_dydx_perpetual.market import FIRST_TIER, fetch_fees


def tier(maker: int, taker: int) -> bytes:
    """The chain's answer: numbers of either sign are written so that small ones are short."""
    fields = b"".join(
        proto.varint(number << 3) + proto.varint(value << 1 if value >= 0 else (-value << 1) - 1)
        for number, value in ((5, maker), (6, taker))
    )

    return proto.varint(1 << 3) + proto.varint(3) + proto.varint(2 << 3 | 2) + proto.varint(len(fields)) + fields


def told(answer: bytes | None) -> tuple[Decimal, Decimal]:
    """The fees that a node with this answer tells; None: it does not answer."""
    asked: list[Any] = []

    async def exchange(request: Outgoing) -> Incoming:
        asked.append(json.loads(request.body))

        if answer is None:
            raise httpx.ConnectError("gone")

        response = {"code": 0, "value": base64.b64encode(answer).decode(), "height": "5"}
        body = {"jsonrpc": "2.0", "id": 1, "result": {"response": response}}

        return Incoming(status=200, headers={}, body=json.dumps(body).encode())

    async def ask() -> tuple[Decimal, Decimal]:
        clock = LoopClock()
        budget = RequestBudget("node", {rest.NODE_LIMIT: 10}, clock)
        node = RestClient(exchange, rest.NodeHttp(None), clock, budget=budget, place="node", patience_s=1)

        return await fetch_fees(node, "dydx1abc")

    found = anyio.run(ask)
    assert asked[0]["params"]["data"] == (b"\x0a\x08dydx1abc").hex()

    return found


@pytest.mark.parametrize(
    ("maker", "taker", "shares"),
    [(100, 500, ("0.0001", "0.0005")), (-110, 250, ("-0.00011", "0.00025")), (0, 300, ("0", "0.0003"))],
)
def test_fees_of_the_owners_tier(maker: int, taker: int, shares: tuple[str, str]) -> None:
    """In millionths of the notional; a rebate is negative."""
    assert told(tier(maker, taker)) == tuple(map(Decimal, shares))


@pytest.mark.parametrize("answer", [None, b"", b"\xff", b"\x12\x00"])
def test_without_a_word_the_first_tier_counts(answer: bytes | None) -> None:
    """It is the dearest one."""
    assert told(answer) == FIRST_TIER
