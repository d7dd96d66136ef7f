"""Rows of orders, executions, positions and wallets, in the shape that the venue documents, to the core's words."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from perpmaker.errors import ConnectivityError, PayloadError
from perpmaker.model.event import (
    BalanceReported,
    FeedAlive,
    FundingPaid,
    MarkChanged,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    PositionReported,
    Traded,
)
from perpmaker.model.forced_closure import MarginCalled
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    CancelCause,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionMode,
    PositionSide,
    Side,
    StopTrigger,
)
from perpmaker.model.position import MarginMode, Position, VenueSettings
from perpmaker.model.refusal import RefusalReason
from perpmaker.venue import UnknownMessageError
from perpmaker_bybit_perpetual.rest import row_reader
from perpmaker_bybit_perpetual.streams import BookTranslator, MarketTranslator
from perpmaker_bybit_perpetual.translate import translate_order
from perpmaker_bybit_perpetual.user_messages import Order
from perpmaker_bybit_perpetual.user_stream import AccountTranslator

from .payloads import COIN, EXECUTION, NOW_MS, ORDER, POSITION, STOP, TICKER, TRADE, WALLET, book, message

D = Decimal


def settings(mode: PositionMode = PositionMode.ONE_WAY) -> VenueSettings:
    """What the market is set to."""
    return VenueSettings(leverage=10, position_mode=mode, margin_mode=MarginMode.CROSS)


def heard(instrument: Instrument, text: str, mode: PositionMode = PositionMode.ONE_WAY) -> list[Any]:
    """What a message of the private socket says."""
    return list(AccountTranslator(instrument, row_reader(), lambda: settings(mode)).translate(text))


def report(instrument: Instrument, **values: Any) -> OrderReport:
    """An order with these values, as it is asked for."""
    return translate_order(msgspec.convert(ORDER | values, Order, strict=False), instrument)


def test_an_order_is_told_as_it_is(instrument: Instrument) -> None:
    """Ids, side, price in ticks, amount in lots, how it executes, and when that was."""
    (event,) = heard(instrument, message("order.linear", ORDER | {"cumExecQty": "0.004"}))
    assert isinstance(event, OrderReported)
    told = event.report
    assert event.by_stream
    assert (told.client_id, told.venue_id) == ("pm-b-r1-1", ORDER["orderId"])
    assert (told.side, told.position_side, told.status) == (Side.BUY, PositionSide.NET, OrderStatus.OPEN)
    assert (told.ticks, told.lots, told.filled_lots, told.type) == (600_000, 10, 4, OrderType.POST_ONLY)
    assert (told.venue_ms, told.refusal, told.of_position) == (NOW_MS, None, False)


def test_each_position_has_its_index(instrument: Instrument) -> None:
    """0 is the net one, 1 the long and 2 the short one."""
    sides = {index: report(instrument, positionIdx=index).position_side for index in (0, 1, 2)}
    assert sides == {0: PositionSide.NET, 1: PositionSide.LONG, 2: PositionSide.SHORT}


def test_an_unknown_status_proves_nothing_and_is_kept(instrument: Instrument) -> None:
    """It is shown as it came."""
    told = report(instrument, orderStatus="Somewhere")
    assert (told.status, told.raw_status) == (None, "Somewhere")


def test_an_order_of_somebody_else_bears_the_venues_id(instrument: Instrument) -> None:
    """One that was placed by hand has none of its own, and may lie between two lots."""
    told = report(instrument, orderLinkId="", qty="0.0015", price="60000.05")
    assert told.client_id == told.venue_id
    assert (told.lots, told.ticks, told.remaining) == (None, None, D("0.0015"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"rejectReason": "EC_PerCancelRequest", "cancelType": "CancelByUser"}, (CancelCause.UNEXPLAINED, "")),
        ({"cancelType": "CancelByReduceOnly"}, (CancelCause.RULE, "knocked out by a reduce-only rule")),
        ({"rejectReason": "EC_BySelfMatch"}, (CancelCause.RULE, "self-match prevention")),
        ({"cancelType": "CancelAllBeforeLiq"}, (CancelCause.LIQUIDATION, "liquidation")),
        ({"rejectReason": "EC_NoImmediateQtyToFill"}, (CancelCause.VENUE, "EC_NoImmediateQtyToFill")),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ({"cancelType": "CancelBySmp"}, (CancelCause.RULE, "self-match prevention")),
                ({"cancelType": "CancelByDCP"}, (CancelCause.RULE, "disconnect protection")),
                ({"cancelType": "CancelByPrepareAdl"}, (CancelCause.LIQUIDATION, "auto-deleveraging")),
                ({"cancelType": "CancelByNews"}, (CancelCause.UNEXPLAINED, "")),
            )
        ),
    ],
)
def test_the_end_of_an_order_says_who_made_it(instrument: Instrument, values: Any, expected: Any) -> None:
    """By command, by a rule, by liquidation, or because nothing could be executed; what was filled stays filled."""
    ended = ORDER | {"orderStatus": "Cancelled", "cumExecQty": "0.004"} | values
    (event,) = heard(instrument, message("order.linear", ended))
    assert isinstance(event, OrderCancelled)
    assert ((event.cause, event.detail), event.filled_lots) == (expected, 4)


def test_a_refusal_after_the_gateways_yes_is_a_refusal(instrument: Instrument) -> None:
    """A post-only order that would have taken ends as Cancelled or as Rejected, and is a refusal in both."""
    for status in ("Cancelled", "Rejected"):
        values = {"orderStatus": status, "rejectReason": "EC_PostOnlyWillTakeLiquidity"}
        (event,) = heard(instrument, message("order.linear", ORDER | values))
        assert isinstance(event, OrderReported)
        assert event.report.refusal is not None
        assert event.report.refusal.reason is RefusalReason.POST_ONLY_WOULD_TAKE


def test_a_refused_amend_is_told_with_the_order_as_it_was(instrument: Instrument) -> None:
    """The order rests on; why it does is in the report. A second word on a filled order is none."""
    told = report(instrument, rejectReason="EC_PostOnlyWillTakeLiquidity")
    assert told.status is OrderStatus.OPEN
    assert told.refusal is not None
    raced = {"cancelType": "CancelByUser", "rejectReason": "EC_OrigClOrdIDDoesNotExist", "cumExecQty": "0.010"}
    filled = report(instrument, orderStatus="Filled", **raced)
    assert (filled.status, filled.refusal) == (OrderStatus.FILLED, None)


def test_bybit_B3_a_rejected_order_that_was_filled_in_part_counts(instrument: Instrument) -> None:
    """The filled part stands; the rest ends as that of a cancelled order."""
    values = {"orderStatus": "Rejected", "rejectReason": "EC_ReachRiskPriceLimit", "cumExecQty": "0.005"}
    (event,) = heard(instrument, message("order.linear", ORDER | values))
    told = report(instrument, **values)
    refused = report(instrument, orderStatus="Rejected", rejectReason="EC_ReachRiskPriceLimit")
    assert isinstance(event, OrderReported | OrderCancelled)
    assert (told.status, told.filled_lots) == (OrderStatus.CANCELLED, 5)
    assert getattr(event, "filled_lots", None) == 5
    assert refused.status is OrderStatus.REFUSED


def test_bybit_B1_the_positions_own_stop_is_known_through_all_its_steps(instrument: Instrument) -> None:
    """Untriggered, triggered, working, filled: never a person's order, and `Triggered` is a step as any other."""
    steps = []

    for status in ("Untriggered", "Triggered", "New", "Filled"):
        (event,) = heard(instrument, message("order.linear", STOP | {"orderStatus": status}))
        assert isinstance(event, OrderReported)
        told = event.report
        steps.append((told.status, told.triggered))
        assert (told.of_position, told.type, told.whole) == (True, OrderType.VENUE_STOP, True)
        assert told.client_id == told.venue_id == STOP["orderId"]
        assert (told.ticks, told.trigger) == (580_000, StopTrigger.MARK)

    opened, filled = OrderStatus.OPEN, OrderStatus.FILLED
    assert steps == [(opened, False), (opened, True), (opened, True), (filled, True)]


def test_bybit_B1_its_fill_is_the_positions(instrument: Instrument) -> None:
    """By the venue's id, of the position that it closes."""
    row = EXECUTION | {"orderLinkId": "", "orderId": STOP["orderId"], "stopOrderType": "StopLoss", "side": "Sell"}
    (net,) = heard(instrument, message("execution.linear", row))
    (long,) = heard(instrument, message("execution.linear", row | {"closedSize": "0.004"}), PositionMode.HEDGE)
    assert isinstance(net, OrderFilled)
    assert (net.fill.of_position, net.fill.client_id) == (True, STOP["orderId"])
    assert long.fill.position_side is PositionSide.LONG


def test_the_end_of_a_positions_stop_is_a_report(instrument: Instrument) -> None:
    """Cleared with its position, it has no id of ours by which its end could be told."""
    values = {"orderStatus": "Cancelled", "cancelType": "CancelByTpSlTsClear"}
    (event,) = heard(instrument, message("order.linear", STOP | values))
    assert isinstance(event, OrderReported)
    assert (event.report.status, event.report.triggered) == (OrderStatus.CANCELLED, False)


def test_bybit_B10_the_price_that_fires_a_stop_is_read_back(instrument: Instrument) -> None:
    """A stop of ours that the venue fires by the last trade is told as that."""
    for word, expected in [("LastPrice", StopTrigger.LAST), ("MarkPrice", StopTrigger.MARK), ("", None)]:
        assert report(instrument, **STOP | {"triggerBy": word}).trigger is expected


def test_a_fill_is_told_with_its_money(instrument: Instrument) -> None:
    """Price, amount, fee with its asset, side, maker, the venue's own profit, and when it was."""
    (event,) = heard(instrument, message("execution.linear", EXECUTION))
    assert isinstance(event, OrderFilled)
    fill = event.fill
    assert (fill.client_id, fill.trade_id, fill.venue_id) == ("pm-b-r1-1", "e-1", ORDER["orderId"])
    assert (fill.price, fill.amount, fill.fee, fill.fee_asset) == (D(60_000), D("0.004"), D("0.048"), "USDT")
    assert (fill.maker, fill.realized_pnl, fill.venue_ms) == (True, D(0), NOW_MS)


def test_in_hedge_what_an_execution_closed_tells_its_position(instrument: Instrument) -> None:
    """No field names the position: a sale that closes is of the long one, one that closes nothing of the short one."""
    for side, closed, expected in [
        ("Buy", "", PositionSide.LONG),
        ("Buy", "0.004", PositionSide.SHORT),
        ("Sell", "0", PositionSide.SHORT),
        ("Sell", "0.004", PositionSide.LONG),
    ]:
        text = message("execution.linear", EXECUTION | {"side": side, "closedSize": closed})
        (event,) = heard(instrument, text, PositionMode.HEDGE)
        assert event.fill.position_side is expected


def test_what_the_venue_does_by_force_says_so(instrument: Instrument) -> None:
    """Liquidation and deleveraging, by the kind of the execution."""
    for kind, words in [("BustTrade", "liquidation"), ("AdlTrade", "auto-deleveraging"), ("Trade", "")]:
        (event,) = heard(instrument, message("execution.linear", EXECUTION | {"execType": kind, "orderLinkId": ""}))
        assert event.fill.forced == words


def test_funding_among_the_executions_is_no_fill(instrument: Instrument) -> None:
    """What is paid is positive there, and negative from our side."""
    row = EXECUTION | {"execType": "Funding", "orderLinkId": "", "execFee": "0.024", "execId": "f-1"}
    assert heard(instrument, message("execution.linear", row)) == [
        FundingPaid(asset="USDT", amount=D("-0.024"), venue_ms=NOW_MS, funding_id="f-1")
    ]


def test_an_execution_of_an_unknown_kind_is_left_out_unless_it_is_ours(instrument: Instrument) -> None:
    """A split of shares is no fill of ours; what bears our id is one, whatever the venue calls it."""
    text = message("execution.linear", EXECUTION | {"execType": "ForwardSplitSettle", "orderLinkId": ""}, EXECUTION)
    assert [event.fill.trade_id for event in heard(instrument, text)] == ["e-1"]
    (ours,) = heard(instrument, message("execution.linear", EXECUTION | {"execType": "Later"}))
    assert ours.fill.client_id == "pm-b-r1-1"


def test_a_position_is_signed_and_dated(instrument: Instrument) -> None:
    """Long and short by its side, with its entry price; in Hedge each side for itself."""
    (net,) = heard(instrument, message("position.linear", POSITION))
    assert net == PositionReported(
        position=Position(side=PositionSide.NET, amount=D("0.004"), entry=D(60_000), venue_ms=1_767_225_600_125)
    )
    rows = [POSITION | {"positionIdx": 1}, POSITION | {"positionIdx": 2, "side": "Sell", "liqPrice": "70000"}]
    long, short = heard(instrument, message("position.linear", *rows), PositionMode.HEDGE)
    assert (long.position.side, long.position.amount) == (PositionSide.LONG, D("0.004"))
    assert (short.position.amount, short.position.liquidation) == (D("-0.004"), D(70_000))
    assert heard(instrument, message("position.linear", *rows)) == []  # of another mode than ours


def test_bybit_B12_a_flat_position_may_lack_most_of_its_fields(instrument: Instrument) -> None:
    """Market, side, size and index are all that is needed."""
    row = {"symbol": "BTCUSDT", "positionIdx": 0, "side": "", "size": "0", "entryPrice": "0", "liqPrice": ""}
    (event,) = heard(instrument, message("position.linear", row))
    assert event.position == Position(side=PositionSide.NET)


def test_a_position_under_liquidation_is_a_margin_call(instrument: Instrument) -> None:
    """As is an account whose maintenance rate comes near to 1."""
    _, call = heard(instrument, message("position.linear", POSITION | {"positionStatus": "Liq"}))
    assert isinstance(call, MarginCalled)
    *_, near = heard(instrument, message("wallet", WALLET | {"accountMMRate": "0.93"}))
    assert isinstance(near, MarginCalled)


def test_bybit_B9_the_wallet_holds_no_unrealised_profit(instrument: Instrument) -> None:
    """`equity` and `usdValue` hold it already; what was borrowed for spot trading is not our own."""
    coins = [COIN | {"spotBorrow": "100"}, {"coin": "BTC", "walletBalance": "0.1"}, {"coin": "ODD"}]
    usdt, btc = heard(instrument, message("wallet", WALLET | {"coin": coins}))
    assert isinstance(usdt, BalanceReported)
    assert (usdt.balance.wallet, btc.balance.wallet) == (D(900), D("0.1"))


def test_rows_of_other_markets_are_not_looked_into(instrument: Instrument) -> None:
    """Whatever they are; a row of ours that makes no sense ends the stream."""
    odd = {"symbol": "ETHUSDT", "orderLinkId": 7}
    assert heard(instrument, message("order.linear", odd, {}, ORDER))[0].report.client_id == "pm-b-r1-1"

    with pytest.raises(PayloadError):
        heard(instrument, message("order.linear", ORDER | {"qty": "NaN"}))

    assert heard(instrument, message("order.linear", ORDER | {"qty": "NaN", "orderLinkId": ""})) == []


def test_answers_and_heartbeats_are_no_events(instrument: Instrument) -> None:
    """A pong proves that the stream is alive; an unknown topic is named."""
    assert heard(instrument, '{"success":true,"ret_msg":"","op":"subscribe","req_id":"wallet","conn_id":"c"}') == []
    (alive,) = heard(instrument, '{"req_id":"","op":"pong","args":["1767225600000"],"conn_id":"c"}')
    assert isinstance(alive, FeedAlive)

    with pytest.raises(UnknownMessageError):
        heard(instrument, message("spread.order", ORDER))


def test_prices_and_trades_are_told(instrument: Instrument) -> None:
    """A ticker brings only what has changed; a block trade is not of the book."""
    translate = MarketTranslator(instrument).translate

    def ticker(kind: str, data: Any, ts: int) -> list[Any]:
        return list(translate(json.dumps({"topic": "tickers.BTCUSDT", "type": kind, "data": data, "ts": ts})))

    assert ticker("delta", {"symbol": "BTCUSDT", "lastPrice": "1"}, 1) == []  # before any mark price
    mark, _ = ticker("snapshot", TICKER, 2)
    moved, _ = ticker("delta", {"symbol": "BTCUSDT", "markPrice": "60010"}, 3)
    quiet = ticker("delta", {"symbol": "BTCUSDT", "bid1Size": "9"}, 4)
    expected = MarkChanged(
        mark=D("60001.2"), index=D("60002.3"), funding_rate=D("0.0001"), next_funding_ms=1_767_254_400_000, venue_ms=2
    )
    assert mark == expected
    assert (moved.mark, moved.index, moved.venue_ms) == (D(60_010), D("60002.3"), 3)
    assert [type(event) for event in quiet] == [FeedAlive, FeedAlive]

    rows = [TRADE, TRADE | {"BT": True}, TRADE | {"S": "Sell", "s": "ETHUSDT"}]
    told = translate(json.dumps({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 1, "data": rows}))
    assert list(told) == [Traded(ticks=600_001, lots=10, taker=Side.BUY, venue_ms=NOW_MS)]


def test_mutated_messages_raise_nothing_but_the_decoders_error(instrument: Instrument) -> None:
    """Fields that are missing, of another type, out of every range, and texts that are cut."""
    account = AccountTranslator(instrument, row_reader(), settings)
    market, depth = MarketTranslator(instrument), BookTranslator(instrument, "orderbook.50.BTCUSDT")
    whole: list[tuple[Callable[[str], Any], str]] = [
        (account.translate, message("order.linear", ORDER)),
        (account.translate, message("order.linear", STOP)),
        (account.translate, message("execution.linear", EXECUTION)),
        (account.translate, message("position.linear", POSITION)),
        (account.translate, message("wallet", WALLET)),
        (market.translate, json.dumps({"topic": "tickers.BTCUSDT", "type": "snapshot", "ts": 1, "data": TICKER})),
        (market.translate, json.dumps({"topic": "publicTrade.BTCUSDT", "ts": 1, "data": [TRADE]})),
        (depth.translate, book()),
    ]
    chance = random.Random(1)  # noqa: S311  # the same mutations each time

    for translate, text in whole:
        for _ in range(300):
            try:
                translate(mutated(text, chance))
            except (PayloadError, ConnectivityError):
                continue


ODD = (None, "", "NaN", "-1", "1e999", 0, -1, 2**80, 1.5, True, [], {}, [None], "x" * 50, "é")


def mutated(text: str, chance: random.Random) -> str:
    """A message with one value exchanged or left out, or cut somewhere."""
    if chance.random() < 0.1:
        return text[: chance.randrange(len(text))]

    value = json.loads(text)
    place: Any = value

    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = chance.choice(keys)
        deeper = place[key]

        if isinstance(deeper, dict | list) and deeper and chance.random() < 0.8:
            place = deeper
        elif chance.random() < 0.3:
            del place[key]
            return json.dumps(value)
        else:
            place[key] = chance.choice(ODD)
            return json.dumps(value)
