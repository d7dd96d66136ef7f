"""F19 and F20 on the private stream: words nobody knows, fields that are missing, and what may be otherwise."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from perpmaker.connector.payload import PayloadDecoder
from perpmaker.errors import PayloadError
from perpmaker.model.event import BalanceReported, OrderCancelled, OrderFilled, OrderReported
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import CancelCause, OrderStatus, PositionMode
from perpmaker_binance_perpetual.account import translate_account_update
from perpmaker_binance_perpetual.rest import row_reader
from perpmaker_binance_perpetual.stops import translate_stop_update
from perpmaker_binance_perpetual.translate import translate_order_update
from perpmaker_binance_perpetual.user_messages import AccountUpdate, ConditionalUpdate, OrderTradeUpdate

STRANGE = "SOMETHING_NEW"

ORDER: dict[str, Any] = {
    "s": "BTCUSDT",
    "c": "pm-1",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTX",
    "q": "0.010",
    "p": "60000.0",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "i": 7,
    "l": "0.004",
    "z": "0.004",
    "L": "60000.0",
    "N": "USDT",
    "n": "0.048",
    "T": 5,
    "t": 9,
    "m": True,
    "R": False,
    "ps": "BOTH",
    "rp": "0",
    "wt": "CONTRACT_PRICE",
    "ot": "LIMIT",
    "V": "EXPIRE_MAKER",
    "pm": "NONE",
    "er": "0",
}
POSITION: dict[str, Any] = {"s": "BTCUSDT", "pa": "0.004", "ep": "60000.0", "mt": "cross", "iw": "0", "ps": "BOTH"}
CHANGE: dict[str, Any] = {"m": "ORDER", "B": [{"a": "USDT", "wb": "5", "bc": "0"}], "P": [POSITION]}
STOP: dict[str, Any] = {
    "caid": "pm-2",
    "aid": 3,
    "at": "CONDITIONAL",
    "o": "STOP_MARKET",
    "s": "BTCUSDT",
    "S": "SELL",
    "ps": "BOTH",
    "X": "NEW",
    "tp": "59000.0",
    "q": "0",
    "wt": "CONTRACT_PRICE",
}

ORDERS, ACCOUNTS = PayloadDecoder(OrderTradeUpdate), PayloadDecoder(AccountUpdate)
STOPS = PayloadDecoder(ConditionalUpdate)


def order_events(instrument: Instrument, order: dict[str, Any]) -> list[Any]:
    """What an order update says."""
    update = ORDERS.decode(msgspec.json.encode({"e": "ORDER_TRADE_UPDATE", "E": 1, "T": 1, "o": order}))

    return list(translate_order_update(update.o, instrument))


def account_events(instrument: Instrument, change: dict[str, Any]) -> list[Any]:
    """What an account update says in One-way mode."""
    update = ACCOUNTS.decode(msgspec.json.encode({"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": change}))

    return list(translate_account_update(update, instrument, PositionMode.ONE_WAY, row_reader()))


def stop_report(instrument: Instrument, stop: dict[str, Any]) -> Any:
    """What a stop's update says."""
    update = STOPS.decode(msgspec.json.encode({"e": "ALGO_UPDATE", "E": 1, "T": 1, "o": stop}))

    return translate_stop_update(update.o, instrument, update.T)


@pytest.mark.parametrize(
    "field",
    [
        "x",
        "o",
        "N",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "f",
                "ot",
                "wt",
                "V",
                "pm",
                "er",
            )
        ),
    ],
)
def test_F19_an_unknown_word_about_an_order_neither_loses_its_fill_nor_ends_it(
    instrument: Instrument, field: str
) -> None:
    """The fill is booked and the order is open, whatever else the venue has to say about it."""
    filled, reported = order_events(instrument, {**ORDER, field: STRANGE})

    assert isinstance(filled, OrderFilled)
    assert isinstance(reported, OrderReported)
    assert reported.report.status is OrderStatus.OPEN


def test_F19_an_unknown_status_is_no_status_and_its_fill_is_booked_all_the_same(instrument: Instrument) -> None:
    """The order is asked for; it is never taken for cancelled."""
    filled, reported = order_events(instrument, {**ORDER, "X": STRANGE})

    assert isinstance(filled, OrderFilled)
    assert (reported.report.status, reported.report.raw_status) == (None, STRANGE)


@pytest.mark.parametrize("field", ["S", "ps"])
def test_F19_an_unknown_side_is_refused_and_names_itself(instrument: Instrument, field: str) -> None:
    """There is no default side; the stream ends, and the resync finds what happened."""
    with pytest.raises(PayloadError, match=STRANGE):
        order_events(instrument, {**ORDER, field: STRANGE})

    with pytest.raises(PayloadError, match=STRANGE):
        stop_report(instrument, {**STOP, field: STRANGE})


def test_F19_an_unknown_reason_of_an_expiry_is_the_venues_doing(instrument: Instrument) -> None:
    """And no liquidation."""
    (ended,) = order_events(instrument, {**ORDER, "x": "EXPIRED", "X": "EXPIRED", "l": "0", "er": "99"})

    assert isinstance(ended, OrderCancelled)
    assert ended.cause is CancelCause.VENUE


@pytest.mark.parametrize(("field", "place"), [("m", CHANGE), ("mt", POSITION)])
def test_F19_an_unknown_reason_of_a_change_still_changes_the_account(
    instrument: Instrument, field: str, place: dict[str, Any]
) -> None:
    """Wallet and position are what the venue says, and no funding is made of it."""
    change = {**CHANGE, "m": STRANGE} if place is CHANGE else {**CHANGE, "P": [{**POSITION, field: STRANGE}]}

    assert [type(event).__name__ for event in account_events(instrument, change)] == [
        "BalanceReported",
        "PositionReported",
    ]


def test_F19_a_position_of_an_unknown_side_is_refused(instrument: Instrument) -> None:
    """It may be ours: nothing is left out in silence."""
    with pytest.raises(PayloadError, match=STRANGE):
        account_events(instrument, {**CHANGE, "P": [{**POSITION, "ps": STRANGE}]})


@pytest.mark.parametrize("field", ["o", "at", "wt"])
def test_F19_other_unknown_words_about_a_stop_change_nothing(instrument: Instrument, field: str) -> None:
    """It waits as before."""
    assert stop_report(instrument, {**STOP, field: STRANGE}) == stop_report(instrument, STOP)


@pytest.mark.parametrize(
    "field",
    [
        "s",
        "p",
        "T",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "c",
                "S",
                "o",
                "q",
                "x",
                "X",
                "i",
                "z",
            )
        ),
    ],
)
def test_F20_a_missing_field_of_an_order_is_named(instrument: Instrument, field: str) -> None:
    """What nothing can be said without."""
    with pytest.raises(PayloadError, match=f"`{field}`"):
        order_events(instrument, {key: value for key, value in ORDER.items() if key != field})


@pytest.mark.parametrize(
    "field",
    [
        "caid",
        "X",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "aid",
                "s",
                "S",
            )
        ),
    ],
)
def test_F20_a_missing_field_of_a_stop_is_named(instrument: Instrument, field: str) -> None:
    """The same for conditional orders."""
    with pytest.raises(PayloadError, match=f"`{field}`"):
        stop_report(instrument, {key: value for key, value in STOP.items() if key != field})


@pytest.mark.parametrize(
    "field",
    [
        "f",
        "ot",
        "n",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "m",
                "R",
                "ps",
                "rp",
                "wt",
                "V",
                "pm",
                "er",
                "N",
            )
        ),
    ],
)
def test_F20_what_may_be_missing_may_be_missing(instrument: Instrument, field: str) -> None:
    """The fill is booked without it."""
    filled, _ = order_events(instrument, {key: value for key, value in ORDER.items() if key != field})

    assert isinstance(filled, OrderFilled)


@pytest.mark.parametrize("field", ["N", "n", "er"])
def test_F20_null_is_the_same_as_missing_where_the_venue_writes_it(instrument: Instrument, field: str) -> None:
    """A fill without a fee has null for it."""
    filled, _ = order_events(instrument, {**ORDER, field: None})

    assert isinstance(filled, OrderFilled)


def test_F20_order_of_keys_new_fields_and_the_spelling_of_numbers_say_nothing(instrument: Instrument) -> None:
    """Shuffled, extended, numbers as texts and texts as numbers: the same events."""
    keys = list(ORDER)
    random.Random(1).shuffle(keys)  # noqa: S311  # a shuffle that repeats, not a secret
    other = {key: ORDER[key] for key in keys} | {"new": [1, {"a": None}], "i": "7", "t": "9", "q": 0.01, "T": "5"}

    assert order_events(instrument, other) == order_events(instrument, ORDER)
    assert isinstance(account_events(instrument, {**CHANGE, "new": 1})[0], BalanceReported)
