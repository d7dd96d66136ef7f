"""A session from the first question to the last cancel, as the protocol reference has it."""

from __future__ import annotations

from typing import Any

import pytest

from perpmaker.model.order import Side

pytestmark = pytest.mark.anyio


async def test_a_quote_opens_fills_and_is_cancelled(open_venue: Any, make: Any) -> None:
    """Each step is told on the channel of its kind, with the ids that are known before."""
    async with open_venue() as venue, venue.listen_to_account() as account, venue.listen() as book:
        await book.subscribe("v4_orderbook", "BTC-USD")
        quote = await venue.quote(price=60000)
        await venue.ok(quote)
        opened = (await account.order("BEST_EFFORT_OPENED"))["contents"]["orders"][0]
        level = (await book.hear())["contents"]
        venue.market.take(Side.SELL, 4)
        filled = (await account.order("OPEN"))["contents"]
        after = (await account.hear())["contents"]
        await venue.ok(make.cancel(good_til_block=quote.order.good_til_block))
        removed = (await account.order("BEST_EFFORT_CANCELED"))["contents"]["orders"][0]

        assert (opened["clientId"], opened["postOnly"], opened["price"], opened["size"]) == (
            "1",
            True,
            "60000",
            "0.001",
        )
        assert level == {"bids": [["60000", "0.001"]]}
        assert (filled["fills"][0]["liquidity"], filled["fills"][0]["size"]) == ("MAKER", "0.0004")
        assert filled["fills"][0]["orderId"] == opened["id"] == filled["orders"][0]["id"] == removed["id"]
        assert filled["orders"][0]["totalFilled"] == "0.0004"
        assert after["assetPositions"][0]["side"] == "LONG"
        assert removed["removalReason"] == "ORDER_REMOVAL_REASON_USER_CANCELED"
        assert removed["totalOptimisticFilled"] == "0.0004"
