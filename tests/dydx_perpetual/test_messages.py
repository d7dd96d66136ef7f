"""Each type of message in the shape that it has, and changed: what cannot be read is a PayloadError, nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from perpmaker.errors import PayloadError
from perpmaker.venue import parser
from perpmaker_dydx_perpetual import messages, rest
from perpmaker_dydx_perpetual.market import translate_market
from perpmaker_dydx_perpetual.own_orders import OwnOrders
from perpmaker_dydx_perpetual.translate import (
    MarkState,
    adopt,
    translate_asset,
    translate_fill,
    translate_order,
    translate_position,
    translate_trade,
)

from . import payloads

ODD: tuple[Any, ...] = (None, "", "NaN", "1e999", -1, 0, 2**70, [], {}, True, "SOMETHING_NEW", "9" * 40, "0.00001")
I = payloads.INSTRUMENT  # noqa: E741  # one word for what every case needs

READERS: dict[str, tuple[Any, Callable[[bytes], object]]] = {
    "market": (payloads.MARKET, lambda raw: translate_market(parser(messages.Market)(raw))),
    "order": (payloads.ORDER, lambda raw: _order(parser(messages.Order)(raw))),
    "stop": (
        {**payloads.ORDER, "orderFlags": "32", "status": "UNTRIGGERED", "triggerPrice": "85000", "goodTilBlock": None,
         "goodTilBlockTime": "2026-03-01T00:00:00.000Z", "timeInForce": "IOC", "reduceOnly": True},
        lambda raw: _order(parser(messages.Order)(raw)),
    ),
    "fill": (payloads.FILL, lambda raw: translate_fill(parser(messages.Fill)(raw), "pm-c0ffee-1")),
    "position": (payloads.POSITION, lambda raw: translate_position(parser(messages.Position)(raw), None, 5)),
    "asset": (payloads.USDC, lambda raw: translate_asset(parser(messages.Asset)(raw), 5)),
    "subaccount": ({"subaccount": payloads.SUBACCOUNT_ROW}, parser(messages.SubaccountAnswer)),
    "funding": (payloads.FUNDING, parser(messages.FundingPayment)),
    "trade": (payloads.TRADE, lambda raw: translate_trade(parser(messages.Trade)(raw), I)),
    "book": ({"bids": [{"price": "89947", "size": "0.0002"}], "asks": []}, parser(messages.Book)),
    "book update": ({"bids": [["27773", "1.98"]]}, parser(messages.BookUpdate)),
    "price": (
        {"oraclePrice": "89947.1", "effectiveAt": "2025-12-08T16:11:57.001Z", "effectiveAtHeight": "1"},
        lambda raw: MarkState().take(parser(messages.MarketUpdate)(raw), 5),
    ),
    "height": ({"height": "66624132", "time": "2025-12-08T16:11:57.001Z"}, parser(messages.Height)),
    "next height": ({"blockHeight": "66624133", "time": "2025-12-08T16:11:58.001Z"}, parser(messages.Height)),
    "time": ({"iso": "2025-12-08T16:11:56.125Z", "epoch": 1765210316.125}, rest.TIME.parse),
    "refusal": ({"errors": [{"msg": "No subaccount found", "param": "address"}]}, parser(messages.Refused)),
    "envelope": ({"type": "channel_data", "connection_id": "c", "message_id": 2, "id": "BTC-USD",
                  "channel": "v4_orderbook", "version": "1.0.0", "contents": {}}, parser(messages.Envelope)),
    "status": ({"jsonrpc": "2.0", "id": 1, "result": payloads.STATUS}, rest.STATUS.parse),
    "query": ({"jsonrpc": "2.0", "id": 1, "result": {"response": {"code": 0, "value": "CgJkeA==", "height": "5"}}},
              rest.QUERY.parse),
    "broadcast": ({"jsonrpc": "2.0", "id": 1, "result": {"code": 0, "data": "", "log": "[]", "codespace": "",
                                                         "hash": "CB"}}, rest.was_taken),
}  # fmt: skip


def _order(row: messages.Order) -> object:
    own = adopt(row, I, OwnOrders())

    return translate_order(row, I, own, 5)


@pytest.mark.parametrize("name", READERS)
def test_a_message_is_read_as_it_comes(name: str) -> None:
    """Every documented shape, and with a field that is new."""
    payload, read = READERS[name]
    read(json.dumps(payload).encode())
    read(json.dumps({**payload, "addedYesterday": {"of": ["some", "kind"]}}).encode())


@pytest.mark.parametrize("name", READERS)
def test_a_changed_message_is_read_or_is_a_payload_error(name: str) -> None:
    """One field at a time: left out, or something else; then any byte of the whole."""
    payload, read = READERS[name]
    changed = [json.dumps({**payload, field: odd}).encode() for field in payload for odd in ODD]
    changed += [
        json.dumps({key: value for key, value in payload.items() if key != field}).encode() for field in payload
    ]
    whole, chance = json.dumps(payload).encode(), Random(name)  # noqa: S311  # which byte is changed

    for _ in range(200):
        broken = bytearray(whole)
        broken[chance.randrange(len(broken))] = chance.randrange(256)
        changed.append(bytes(broken[: chance.randrange(1, len(broken) + 1)]))

    for raw in changed:
        try:
            read(raw)
        except PayloadError:
            continue
