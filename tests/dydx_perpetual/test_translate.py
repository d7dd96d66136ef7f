"""What the Indexer's words mean: orders and their ends, fills, positions and prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from perpmaker.errors import MarketClosedError, MarketRulesError, PayloadError, UnknownMarketError
from perpmaker.model.order import OrderStatus, OrderType, Side
from perpmaker.venue import RefusalReason, parser
from perpmaker_dydx_perpetual import messages
from perpmaker_dydx_perpetual.client_ids import TWIN, client_id_of, number_of, tag_of
from perpmaker_dydx_perpetual.market import check_subaccount, find_market, translate_market
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

I = payloads.INSTRUMENT  # noqa: E741  # one word for what every case needs
OPEN, OVER = OrderStatus.OPEN, OrderStatus.CANCELLED
LEAVING, FILLED = OrderStatus.CANCELLING, OrderStatus.FILLED


def read(kind: type[Any], payload: dict[str, Any], **changes: object) -> Any:
    """A row of the Indexer."""
    return parser(kind)(msgspec.json.encode({**payload, **changes}))


def order(**changes: object) -> messages.Order:
    """An order of ours."""
    row: messages.Order = read(messages.Order, payloads.ORDER, **changes)

    return row


STATUSES: dict[str, tuple[dict[str, Any], OrderStatus | None]] = {
    "resting": ({}, OPEN),
    "after a fill": ({"status": "OPEN", "totalFilled": "0.004"}, OPEN),
    "filled": ({"status": "FILLED", "totalFilled": "0.01"}, FILLED),
    "taken off by us, may still fill": ({"status": "BEST_EFFORT_CANCELED", "removalReason": "USER_CANCELED"}, LEAVING),
    "taken off by us, asked for": ({"status": "BEST_EFFORT_CANCELED"}, LEAVING),
    "taken off by a block": ({"status": "CANCELED", "removalReason": "USER_CANCELED"}, OVER),
    "expired": ({"status": "CANCELED", "removalReason": "ORDER_REMOVAL_REASON_EXPIRED"}, OVER),
    "would have taken": (
        {"status": "BEST_EFFORT_CANCELED", "removalReason": "POST_ONLY_WOULD_CROSS_MAKER_ORDER"},
        OVER,
    ),
    "immediate, nothing there": ({"status": "BEST_EFFORT_CANCELED", "timeInForce": "IOC"}, OVER),
    "immediate, a fill is coming": (
        {"status": "BEST_EFFORT_CANCELED", "timeInForce": "IOC", "totalOptimisticFilled": "0.004"},
        LEAVING,
    ),
    "cut, a fill is coming": (
        {
            "status": "BEST_EFFORT_CANCELED",
            "removalReason": "ORDER_REMOVAL_REASON_REDUCE_ONLY_RESIZE",
            "totalOptimisticFilled": "0.004",
        },
        LEAVING,
    ),
    "a target that one node has dropped": ({"status": "BEST_EFFORT_CANCELED", "orderFlags": "64"}, OPEN),
    "a stop that waits": ({"status": "UNTRIGGERED", "orderFlags": "32", "triggerPrice": "85000"}, OPEN),
    "a stop that works": ({"status": "OPEN", "orderFlags": "32", "triggerPrice": "85000"}, OPEN),
    "a word nobody knows": ({"status": "SOMETHING_NEW"}, None),
}


@pytest.mark.parametrize("name", STATUSES)
def test_what_is_proven_of_an_order(name: str) -> None:
    """A best-effort word is one node's; only a block or a height ends an order that may still be matched."""
    changes, status = STATUSES[name]
    full = {**changes, **_with_prefix(changes)}
    report = translate_order(order(**full), I, None, 5)

    assert report.status is status
    assert report.raw_status.startswith(str(full.get("status", "BEST_EFFORT_OPENED")))


def _with_prefix(changes: dict[str, Any]) -> dict[str, str]:
    reason = changes.get("removalReason")

    return (
        {}
        if reason is None
        else {"removalReason": f"ORDER_REMOVAL_REASON_{reason.removeprefix('ORDER_REMOVAL_REASON_')}"}
    )


@pytest.mark.parametrize(
    ("reason", "refusal"),
    [
        ("POST_ONLY_WOULD_CROSS_MAKER_ORDER", RefusalReason.POST_ONLY_WOULD_TAKE),
        ("IMMEDIATE_OR_CANCEL_WOULD_REST_ON_BOOK", None),
        ("EXPIRED", None),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("UNDERCOLLATERALIZED", RefusalReason.INSUFFICIENT_MARGIN),
                ("EQUITY_TIER", RefusalReason.TOO_MANY_ORDERS),
                ("SELF_TRADE_ERROR", None),
            )
        ),
    ],
)
def test_a_removal_after_the_nodes_yes_is_told_with_its_reason(reason: str, refusal: RefusalReason | None) -> None:
    """What a node took and then did not want is a refusal; by a rule or by time it is an end by the venue."""
    status = "CANCELED" if reason == "EXPIRED" else "BEST_EFFORT_CANCELED"
    report = translate_order(order(status=status, removalReason=f"ORDER_REMOVAL_REASON_{reason}"), I, None, 5)

    assert report.status is OVER
    assert report.ended_by_venue
    assert (report.refusal and report.refusal.reason) is refusal
    assert bool(report.ended_by_rule) is (reason == "SELF_TRADE_ERROR")


def test_an_order_is_ours_by_its_metadata() -> None:
    """The number alone says nothing: other programs count too."""
    own = translate_order(order(), I, None, 5)
    foreign = translate_order(order(clientMetadata="2"), I, None, 5)

    assert own.client_id == f"{tag_of(payloads.BOT)}-{payloads.NUMBER}"
    assert foreign.client_id == payloads.ORDER_ID
    assert (own.type, own.side, own.ticks, own.lots) == (OrderType.POST_ONLY, Side.BUY, 89000, 100)


def test_a_removal_that_says_little_is_completed_by_what_we_know() -> None:
    """Of an order that the Indexer has forgotten only its ids are told."""
    own = OwnOrders()
    kept = adopt(order(), I, own)
    names = ("id", "subaccountId", "clientId", "clobPairId", "orderFlags", "ticker")
    little = {name: payloads.ORDER[name] for name in names} | {"status": "CANCELED"}
    report = translate_order(read(messages.Order, little), I, kept, 5)

    assert (report.client_id, report.side, report.ticks, report.lots) == (kept and kept.client_id, Side.BUY, 89000, 100)
    assert adopt(read(messages.Order, little), I, OwnOrders()) is None


@pytest.mark.parametrize(
    ("kind", "forced"),
    [
        ("LIMIT", ""),
        ("LIQUIDATED", "liquidation"),
        ("OFFSETTING", "auto-deleveraging"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("LIQUIDATION", ""),
                ("TWAP_SUBORDER", ""),
                ("DELEVERAGED", "auto-deleveraging"),
            )
        ),
    ],
)
def test_dydx_D3_a_fill_against_a_liquidation_is_our_quotes(kind: str, forced: str) -> None:
    """LIQUIDATION is the maker's side of somebody else's; the other kinds are forced on us."""
    fill = translate_fill(read(messages.Fill, payloads.FILL, type=kind), "pm-c0ffee-1")

    assert (fill.forced, fill.client_id, fill.maker) == (forced, "pm-c0ffee-1", True)
    assert (fill.fee, fill.amount, fill.trade_id) == (Decimal("-0.0039"), Decimal("0.004"), payloads.FILL["id"])


def test_a_fill_of_an_unknown_kind_is_loud() -> None:
    """Nobody can say what it did to the position."""
    with pytest.raises(PayloadError, match="SOMETHING_NEW"):
        translate_fill(read(messages.Fill, payloads.FILL, type="SOMETHING_NEW"), "x")


def test_positions_and_what_is_owed_have_their_sign() -> None:
    """A short position, a flat one, and USDC that is owed."""
    held = translate_position(read(messages.Position, payloads.POSITION), None, 5)
    flat = translate_position(read(messages.Position, payloads.POSITION, status="CLOSED"), None, 5)
    better = translate_position(read(messages.Position, payloads.POSITION), Decimal(90), 5)

    assert (held.amount, held.entry, held.venue_ms) == (Decimal("-0.25"), Decimal("88000.5"), 5)
    assert (flat.amount, flat.entry) == (0, 0)
    assert better.entry == 90
    assert translate_asset(read(messages.Asset, payloads.USDC), 5).wallet == Decimal("-1599.624632")


def test_a_market_has_its_steps_and_its_units() -> None:
    """Ticks and lots, and what they are on the chain in whole numbers."""
    instrument, units = translate_market(read(messages.Market, payloads.MARKET))

    assert (instrument.base, instrument.quote, instrument.tick, instrument.lot) == ("BTC", "USDC", 1, Decimal("0.0001"))
    assert (instrument.max_leverage, instrument.funding_interval_h, instrument.has_hedge_mode) == (50, 1, False)
    assert (units.clob_pair, units.subticks, units.quantums) == (0, 100_000, 1_000_000)


def test_a_name_with_dashes_is_split_at_the_last_one() -> None:
    """Markets that anybody may open have long names."""
    ticker = "BUFFI,UNISWAP_V3,0X4C1B-A2D45-USD"
    instrument, _ = translate_market(read(messages.Market, payloads.MARKET, ticker=ticker))

    assert (instrument.symbol, instrument.base) == (ticker, ticker.removesuffix("-USD"))


def test_markets_that_cannot_be_traded_are_refused_with_words() -> None:
    """Unknown, closed, without a price, or isolated on the cross subaccount."""
    row = read(messages.Market, payloads.MARKET)
    closed = read(messages.Market, payloads.MARKET, status="FINAL_SETTLEMENT")
    silent = read(messages.Market, payloads.MARKET, oraclePrice=None)
    isolated = read(messages.Market, payloads.MARKET, marketType="ISOLATED")

    with pytest.raises(UnknownMarketError, match="BTC-USD"):
        find_market({"BTC-USD": row}, "BTC-USDT")

    for bad in (closed, silent):
        with pytest.raises(MarketClosedError):
            find_market({"BTC-USD": bad}, "BTC-USD")

    with pytest.raises(MarketRulesError, match="128"):
        check_subaccount(isolated, 0)

    check_subaccount(isolated, 128)
    check_subaccount(row, 0)


def test_price_and_funding_come_apart_and_are_told_together() -> None:
    """Funding is charged at each full hour."""
    mark, at_ms = MarkState(), 1_765_210_316_125
    assert mark.take(read(messages.MarketUpdate, {"nextFundingRate": "0.00001"}), at_ms) is None
    told = mark.take(read(messages.MarketUpdate, {"oraclePrice": "89947.12"}), at_ms)

    assert told is not None
    assert (told.mark, told.funding_rate) == (Decimal("89947.12"), Decimal("0.00001"))
    assert told.next_funding_ms == 1_765_213_200_000


def test_a_trade_between_two_ticks_is_left_out() -> None:
    """Deleveraging trades at prices that no order has."""
    assert translate_trade(read(messages.Trade, payloads.TRADE, price="2340.7442700369913687"), I) is None
    assert translate_trade(read(messages.Trade, payloads.TRADE), I) is not None


def test_an_id_and_its_second_order_are_one_name() -> None:
    """A stop has two orders; the number of the second has the highest bit too."""
    tag = tag_of(payloads.BOT)
    name = client_id_of(tag, 8193)

    assert client_id_of(tag, 8193 + TWIN) == name
    assert number_of(name) == 8193
    assert number_of(payloads.ORDER_ID) == 0
    assert 2 < tag < 2**32
