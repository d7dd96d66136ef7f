from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import PayloadError
from perpmaker.model.event import (
    AccountEvent,
    BalanceReported,
    FundingPaid,
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderReported,
    PositionReported,
)
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    CancelCause,
    NewOrder,
    OrderKind,
    OrderStatus,
    OrderType,
    PositionMode,
    PositionSide,
    Side,
    Slot,
)
from perpmaker_binance_perpetual.account import translate_account_update, translate_positions
from perpmaker_binance_perpetual.messages import (
    AggregateTrade,
    MarkPriceUpdate,
    Order,
    PositionRisk,
    PremiumIndex,
)
from perpmaker_binance_perpetual.orders import order_parameters
from perpmaker_binance_perpetual.rest import row_reader
from perpmaker_binance_perpetual.translate import (
    forced_by,
    translate_mark,
    translate_order,
    translate_order_update,
    translate_premium,
    translate_trade,
)
from perpmaker_binance_perpetual.user_messages import AccountUpdate, OrderTradeUpdate

ORDER_UPDATES = PayloadDecoder(OrderTradeUpdate)
ACCOUNT_UPDATES = PayloadDecoder(AccountUpdate)
ORDERS = PayloadDecoder(Order)

FILL = (
    b'{"e":"ORDER_TRADE_UPDATE","E":1767225600123,"T":1767225600120,"o":{"s":"BTCUSDT","c":"mm-0001_a","S":"BUY",'
    b'"o":"LIMIT","f":"GTX","q":"0.010","p":"60000.00","ap":"60000.00","sp":"0","x":"TRADE","X":"PARTIALLY_FILLED",'
    b'"i":22542179,"l":"0.004","z":"0.004","L":"60000.00","N":"USDT","n":"0.04800000","T":1767225600120,"t":98765,'
    b'"b":"360.00","a":"0","m":true,"R":false,"wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"BOTH","cp":false,"pP":false,'
    b'"si":0,"ss":0,"rp":"-0.5","V":"EXPIRE_MAKER","pm":"NONE","gtd":0,"er":"0"}}'
)
ACCOUNT = (
    b'{"e":"ACCOUNT_UPDATE","E":1767225600124,"T":1767225600120,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"1000.1",'
    b'"cw":"1000.1","bc":"0"}],"P":[{"s":"BTCUSDT","pa":"-0.004","ep":"60000.0","bep":"60012","cr":"0","up":"0",'
    b'"mt":"cross","iw":"0","ps":"BOTH"},{"s":"ETHUSDT","pa":"1","ep":"3000","ps":"BOTH"}]}}'
)
PLACED = (
    b'{"orderId":22542179,"symbol":"BTCUSDT","status":"NEW","clientOrderId":"mm-0001_a","price":"60000.00",'
    b'"origQty":"0.010","executedQty":"0.000","cumQty":"0.000","timeInForce":"GTX","type":"LIMIT","origType":"LIMIT",'
    b'"reduceOnly":false,"closePosition":false,"side":"BUY","positionSide":"BOTH","stopPrice":"0",'
    b'"workingType":"CONTRACT_PRICE","priceProtect":false,"priceMatch":"NONE","selfTradePreventionMode":"EXPIRE_MAKER",'
    b'"goodTillDate":0,"updateTime":1767225600050}'
)


def changed(payload: bytes, part: str, **values: Any) -> bytes:
    """A payload with values of one of its objects replaced, or removed where the value is None."""
    whole = msgspec.json.decode(payload)
    inner = whole[part] if part else whole

    for name, value in values.items():
        if value is None:
            del inner[name]
        else:
            inner[name] = value

    return msgspec.json.encode(whole)


def streamed(instrument: Instrument, **values: Any) -> list[Any]:
    """What an order update with these values translates to."""
    return list(translate_order_update(ORDER_UPDATES.decode(changed(FILL, "o", **values)).o, instrument))


def test_a_fill_comes_before_the_orders_new_state(instrument: Instrument) -> None:
    """A maker fill carries fee, profit, trade id and the order's cumulative amount."""
    filled, reported = streamed(instrument)

    assert isinstance(filled, OrderFilled)
    fill = filled.fill
    assert (fill.client_id, fill.venue_id, fill.trade_id) == ("mm-0001_a", "22542179", "98765")
    assert (fill.side, fill.position_side, fill.maker) == (Side.BUY, PositionSide.NET, True)
    assert (fill.price, fill.amount, fill.fee, fill.fee_asset) == (
        Decimal(60000),
        Decimal("0.004"),
        Decimal("0.048"),
        "USDT",
    )
    assert (fill.realized_pnl, fill.filled_lots, fill.venue_ms) == (Decimal("-0.5"), 4, 1767225600120)
    assert isinstance(reported, OrderReported)
    assert reported.by_stream
    assert (reported.report.status, reported.report.filled_lots) == (OrderStatus.OPEN, 4)
    assert (reported.report.ticks, reported.report.lots) == (600000, 10)


def test_a_fill_without_a_fee_costs_nothing(instrument: Instrument) -> None:
    """Fee and its asset are absent where there was none."""
    filled = streamed(instrument, n=None, N=None)[0]

    assert (filled.fill.fee, filled.fill.fee_asset) == (0, "USDT")


@pytest.mark.parametrize(
    ("execution", "status", "reason", "cause"),
    [
        ("CANCELED", "CANCELED", "0", CancelCause.UNEXPLAINED),
        ("EXPIRED", "EXPIRED", "0", CancelCause.VENUE),
        ("EXPIRED", "EXPIRED", 4, CancelCause.RULE),
        ("EXPIRED", "EXPIRED", "5", CancelCause.LIQUIDATION),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("EXPIRED", "EXPIRED_IN_MATCH", "1", CancelCause.RULE),
                ("CALCULATED", "CANCELED", "0", CancelCause.LIQUIDATION),
                ("EXPIRED", "EXPIRED", None, CancelCause.VENUE),
            )
        ),
    ],
)
def test_why_an_order_is_gone(
    instrument: Instrument, execution: str, status: str, reason: Any, cause: CancelCause
) -> None:
    """An end without a fill says who ended it, and how much had been filled before."""
    (gone,) = streamed(instrument, x=execution, X=status, er=reason, l="0")

    assert isinstance(gone, OrderCancelled)
    assert (gone.cause, gone.filled_lots) == (cause, 4)


def test_a_cancel_that_brings_a_last_fill_says_both(instrument: Instrument) -> None:
    """The execution is never swallowed by the end."""
    assert [type(event) for event in streamed(instrument, x="EXPIRED", X="EXPIRED")] == [OrderFilled, OrderCancelled]


def test_an_amended_order_rests_elsewhere(instrument: Instrument) -> None:
    """AMENDMENT gives the new price and total amount."""
    (amended,) = streamed(instrument, x="AMENDMENT", X="NEW", p="60001.00", q="0.020", l="0", z="0")

    assert isinstance(amended, OrderAmended)
    assert (amended.ticks, amended.lots) == (600010, 20)


@pytest.mark.parametrize(("status", "by_venue"), [("CANCELED", False), ("EXPIRED", True), ("EXPIRED_IN_MATCH", True)])
def test_an_order_that_was_asked_for_says_whether_the_venue_ended_it(
    instrument: Instrument, status: str, by_venue: bool
) -> None:
    """The status alone tells it: an answer has no reason."""
    asked = translate_order(ORDERS.decode(changed(PLACED, "", status=status)), instrument)

    assert (asked.status, asked.ended_by_venue) == (OrderStatus.CANCELLED, by_venue)


@pytest.mark.parametrize(
    "status",
    [
        "NEW_INSURANCE",
        "",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "NEW_ADL",
                "SOMETHING_ELSE",
            )
        ),
    ],
)
def test_F19_an_unknown_status_is_kept_and_proves_nothing(instrument: Instrument, status: str) -> None:
    """A status this version does not know is no status, with its text beside it, on the stream and in answers."""
    (reported,) = streamed(instrument, x="NEW", X=status, l="0")
    asked = translate_order(ORDERS.decode(changed(PLACED, "", status=status)), instrument)

    assert (reported.report.status, reported.report.raw_status) == (None, status)
    assert (asked.status, asked.raw_status) == (None, status)


@pytest.mark.parametrize(("field", "value"), [("S", "SIDEWAYS"), ("ps", "MIDDLE")])
def test_F19_an_unknown_side_is_an_error_naming_it(instrument: Instrument, field: str, value: str) -> None:
    """There is no default side."""
    with pytest.raises(PayloadError, match=value):
        streamed(instrument, **{field: value})


@pytest.mark.each_value
@pytest.mark.parametrize("field", ["q", "p", "z", "l", "L", "n", "rp"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "9" * 400, "", "x"])
def test_F21_no_field_of_a_fill_lets_garbage_through(instrument: Instrument, field: str, value: str) -> None:
    """Whatever number is none, the event is refused."""
    with pytest.raises(PayloadError):
        streamed(instrument, **{field: value})


def test_F20_numbers_and_texts_are_the_same(instrument: Instrument) -> None:
    """Bare numbers for texts, texts for ids, new fields: all the same event."""
    same = streamed(instrument, q=0.01, p=60000, i="22542179", t="98765", n=0.048, new_field=[1])

    assert same == streamed(instrument)


def test_liquidations_without_a_trade_id_are_still_told_apart(instrument: Instrument) -> None:
    """A forced fill without a trade id gets one from order and sum."""
    filled = streamed(instrument, x="CALCULATED", X="FILLED", t=0, c="autoclose-1")[0]

    assert filled.fill.trade_id == "22542179-4"


@pytest.mark.parametrize(
    ("client_id", "forced"),
    [
        ("autoclose-1700000000000001", "liquidation"),
        ("web_autoclose", ""),
        ("", ""),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("adl_autoclose", "auto-deleveraging"),
                ("settlement_autoclose-1", "settlement"),
                ("delivery_autoclose-1", "delivery"),
            )
        ),
    ],
)
def test_F53_orders_of_the_venue_s_own_are_known_by_their_client_id(
    instrument: Instrument, client_id: str, forced: str
) -> None:
    """On the stream; asked for, the client id comes from elsewhere and tells the same."""
    assert streamed(instrument, c=client_id)[0].fill.forced == forced
    assert forced_by(client_id) == forced


@given(data=st.data())
def test_F21_mutated_events_raise_nothing_but_payload_error(data: st.DataObject, instrument: Instrument) -> None:
    """Events with bytes cut, replaced and doubled translate to finite values or raise PayloadError."""
    payload = bytearray(data.draw(st.sampled_from([FILL, ACCOUNT])))

    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(payload)))
        payload[place : place + data.draw(st.integers(0, 5))] = data.draw(
            st.sampled_from([b"", b"-", b"9", b"NaN", b"1e999", b'"', b"{", b"null", b"\xff", b"0" * 50])
        )

    rules = instrument
    events: list[AccountEvent] = []

    with suppress(PayloadError):
        events.extend(translate_order_update(ORDER_UPDATES.decode(bytes(payload)).o, rules))

    with suppress(PayloadError):
        events.extend(
            translate_account_update(ACCOUNT_UPDATES.decode(bytes(payload)), rules, PositionMode.ONE_WAY, row_reader())
        )

    for event in events:
        if isinstance(event, OrderFilled):
            assert event.fill.price.is_finite()
            assert event.fill.price > 0
            assert event.fill.amount > 0


def account_events(payload: bytes, rules: Instrument) -> list[AccountEvent]:
    """What an account update says in One-way mode."""
    update = ACCOUNT_UPDATES.decode(payload)

    return list(translate_account_update(update, rules, PositionMode.ONE_WAY, row_reader()))


def test_account_changes_of_this_market_and_all_assets(instrument: Instrument) -> None:
    """Balances of every asset and positions of this market alone are reported."""
    update = ACCOUNT_UPDATES.decode(ACCOUNT)
    balance, position = translate_account_update(update, instrument, PositionMode.ONE_WAY, row_reader())

    assert isinstance(balance, BalanceReported)
    assert (balance.balance.asset, balance.balance.wallet) == ("USDT", Decimal("1000.1"))
    assert balance.balance.available is None
    assert isinstance(position, PositionReported)
    assert (position.position.amount, position.position.entry) == (Decimal("-0.004"), Decimal(60000))
    assert (position.position.side, position.position.venue_ms) == (PositionSide.NET, 1767225600120)


def test_rows_of_the_other_position_mode_mean_nothing(instrument: Instrument) -> None:
    """An idle BOTH row of a Hedge account is no net position."""
    update = ACCOUNT_UPDATES.decode(ACCOUNT)

    assert [
        type(event) for event in translate_account_update(update, instrument, PositionMode.HEDGE, row_reader())
    ] == [BalanceReported]


@pytest.mark.parametrize(("symbol", "paid"), [("BTCUSDT", True), ("ETHUSDT", False), (None, False)])
def test_funding_is_booked_for_its_market(instrument: Instrument, symbol: str | None, paid: bool) -> None:
    """A funding event of a cross position names its market; without a name it is nobody's."""
    values: dict[str, Any] = {"m": "FUNDING_FEE", "P": [], "B": [{"a": "USDT", "wb": "99", "bc": "-0.12"}]}
    payload = changed(ACCOUNT, "a", **(values | ({"S": symbol} if symbol else {})))
    events = list(
        translate_account_update(ACCOUNT_UPDATES.decode(payload), instrument, PositionMode.ONE_WAY, row_reader())
    )
    fundings = [event for event in events if isinstance(event, FundingPaid)]

    assert bool(fundings) is paid
    assert all(event.amount == Decimal("-0.12") and event.asset == "USDT" for event in fundings)


def test_F54_the_same_message_has_the_same_id_and_another_payment_another(instrument: Instrument) -> None:
    """Two Hedge positions at one settlement are two payments; a message that comes twice is one."""

    def funding_id(paid: str, wallet: str) -> str:
        values = {"m": "FUNDING_FEE", "P": [], "S": "BTCUSDT", "B": [{"a": "USDT", "wb": wallet, "bc": paid}]}
        payload = changed(ACCOUNT, "a", **values)
        (event,) = (
            event
            for event in translate_account_update(
                ACCOUNT_UPDATES.decode(payload), instrument, PositionMode.ONE_WAY, row_reader()
            )
            if isinstance(event, FundingPaid)
        )

        return event.funding_id

    assert funding_id("-0.12", "99") == funding_id("-0.12", "99")
    assert len({funding_id("-0.12", "99"), funding_id("-0.12", "98.88"), funding_id("0.12", "99")}) == 3


@pytest.mark.parametrize(
    ("mode", "sides"),
    [(PositionMode.ONE_WAY, [PositionSide.NET]), (PositionMode.HEDGE, [PositionSide.LONG, PositionSide.SHORT])],
)
def test_flat_positions_are_reported_too(mode: PositionMode, sides: list[PositionSide]) -> None:
    """A market without rows is flat on each side of the mode, as of the time of asking."""
    positions = translate_positions([], mode, 1234)

    assert [position.side for position in positions] == sides
    assert all(position.amount == 0 and position.venue_ms == 1234 for position in positions)


def test_hedge_positions_keep_their_sign_and_liquidation() -> None:
    """A short's amount is negative; the venue's own liquidation price is kept, 0 meaning none."""
    rows = [
        PositionRisk(symbol="BTCUSDT", positionSide="BOTH", positionAmt="0.0", entryPrice="0"),
        PositionRisk(
            symbol="BTCUSDT",
            positionSide="SHORT",
            positionAmt="-0.010",
            entryPrice="60000.0",
            liquidationPrice="75000.5",
            isolatedMargin="200",
            updateTime=99,
        ),
    ]
    long, short = translate_positions(rows, PositionMode.HEDGE, 1234)

    assert (long.amount, long.liquidation, long.venue_ms) == (Decimal(0), None, 1234)
    assert (short.amount, short.entry, short.liquidation) == (Decimal("-0.010"), Decimal(60000), Decimal("75000.5"))
    assert (short.isolated_margin, short.venue_ms) == (Decimal(200), 99)


def new_order(**values: Any) -> NewOrder:
    """An order to be sent, with a quote's values where a test says nothing."""
    kind = values.pop("kind", OrderKind.QUOTE)
    slot = Slot(kind, values.pop("side", Side.BUY), 0, values.pop("position_side", PositionSide.NET))
    usual: dict[str, Any] = {"client_id": "pm-a-1-1", "lots": 10, "ticks": 600001, "type": OrderType.POST_ONLY}

    return NewOrder(slot=slot, **(usual | values))


def test_a_quote_is_a_post_only_limit_order(instrument: Instrument) -> None:
    """Price and quantity are plain decimal text."""
    assert order_parameters(instrument, new_order()) == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "positionSide": "BOTH",
        "quantity": "0.010",
        "newClientOrderId": "pm-a-1-1",
        "type": "LIMIT",
        "timeInForce": "GTX",
        "price": "60000.1",
    }


@pytest.mark.parametrize(("kind", "time_in_force"), [(OrderType.LIMIT, "GTC"), (OrderType.IOC, "IOC")])
def test_other_limit_orders_differ_in_time_in_force(
    instrument: Instrument, kind: OrderType, time_in_force: str
) -> None:
    """LIMIT rests, IOC does not."""
    assert order_parameters(instrument, new_order(type=kind))["timeInForce"] == time_in_force


def test_a_market_order_carries_neither_price_nor_time_in_force(instrument: Instrument) -> None:
    """The venue refuses both there (-1106)."""
    parameters = order_parameters(instrument, new_order(type=OrderType.MARKET, ticks=None))

    assert parameters["type"] == "MARKET"
    assert not {"price", "timeInForce"} & set(parameters)


def test_a_limit_order_without_a_price_never_becomes_a_market_order(instrument: Instrument) -> None:
    """Our own mistake stays an error."""
    with pytest.raises(ValueError, match="needs a price"):
        order_parameters(instrument, new_order(ticks=None))


@pytest.mark.parametrize(
    ("position_side", "name", "flag"),
    [(PositionSide.NET, "BOTH", "true"), (PositionSide.LONG, "LONG", None), (PositionSide.SHORT, "SHORT", None)],
)
def test_closing_is_a_flag_in_one_way_and_the_position_side_in_hedge(
    instrument: Instrument, position_side: PositionSide, name: str, flag: str | None
) -> None:
    """Hedge refuses reduceOnly; there the position side itself keeps a close from opening anything."""
    order = new_order(kind=OrderKind.TAKE_PROFIT, position_side=position_side, reduce_only=True, type=OrderType.LIMIT)
    parameters = order_parameters(instrument, order)

    assert parameters["positionSide"] == name
    assert parameters.get("reduceOnly") == flag


def test_an_answer_to_a_placement(instrument: Instrument) -> None:
    """The order as the venue took it; fields that came and went with versions are not needed."""
    report = translate_order(ORDERS.decode(PLACED), instrument)

    assert (report.client_id, report.venue_id, report.status) == ("mm-0001_a", "22542179", OrderStatus.OPEN)
    assert (report.ticks, report.lots, report.filled_lots) == (600000, 10, 0)
    assert (report.type, report.side, report.venue_ms) == (OrderType.POST_ONLY, Side.BUY, 1767225600050)


def test_a_market_order_has_no_price(instrument: Instrument) -> None:
    """Price 0 means none."""
    report = translate_order(
        ORDERS.decode(changed(PLACED, "", price="0", type="MARKET", timeInForce="GTC")), instrument
    )

    assert (report.ticks, report.type) == (None, OrderType.MARKET)


def test_F59_an_order_between_two_ticks_is_read_without_a_price(instrument: Instrument) -> None:
    """Orders keep the tick that the market had when they came, and forced ones have any: the rest still counts."""
    report = translate_order(ORDERS.decode(changed(PLACED, "", price="60000.05")), instrument)
    filled, reported = streamed(instrument, p="60000.05")

    assert (report.ticks, report.lots, report.type) == (None, 10, OrderType.POST_ONLY)
    assert (filled.fill.price, reported.report.ticks, reported.report.filled_lots) == (Decimal(60000), None, 4)


def test_the_mark_price_carries_funding() -> None:
    """Mark, index, the rate to be charged and when."""
    mark = translate_mark(
        MarkPriceUpdate(p="60001.20", E=5, s="BTCUSDT", i="60010.00", r="-0.00010000", T=1767254400000)
    )

    assert (mark.mark, mark.index, mark.funding_rate) == (Decimal("60001.20"), Decimal(60010), Decimal("-0.0001"))
    assert (mark.next_funding_ms, mark.venue_ms) == (1767254400000, 5)


def test_a_market_without_funding_has_neither_rate_nor_time() -> None:
    """An empty rate and time 0 mean none."""
    mark = translate_mark(MarkPriceUpdate(p="60001.20", E=5, s="BTCUSDT", r="", T=0))

    assert (mark.index, mark.funding_rate, mark.next_funding_ms) == (None, None, None)


def test_the_mark_price_that_was_asked_for_says_the_same() -> None:
    """In the words of premiumIndex."""
    premium = PremiumIndex(
        symbol="BTCUSDT",
        markPrice="60001.20",
        indexPrice="60010.00",
        lastFundingRate="-0.00010000",
        nextFundingTime=1767254400000,
        time=5,
    )
    streamed_mark = MarkPriceUpdate(p="60001.20", E=5, s="BTCUSDT", i="60010.00", r="-0.00010000", T=1767254400000)

    assert translate_premium(premium) == translate_mark(streamed_mark)


@pytest.mark.parametrize(("buyer_is_maker", "taker"), [(True, Side.SELL), (False, Side.BUY)])
def test_trades_tell_who_took(instrument: Instrument, buyer_is_maker: bool, taker: Side) -> None:
    """When the buyer was the maker, the taker sold."""
    trade = AggregateTrade(s="BTCUSDT", p="60000.10", q="0.100", T=9, m=buyer_is_maker)
    traded = translate_trade(trade, instrument)

    assert (traded.ticks, traded.lots, traded.taker, traded.venue_ms) == (600001, 100, taker, 9)
