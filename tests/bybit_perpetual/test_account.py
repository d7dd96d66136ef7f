"""What is asked about the account: positions, assets, fills, income and the key."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from perpmaker.errors import PayloadError
from perpmaker.model.account import AssetMode
from perpmaker.model.income import IncomeKind
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderStatus, PositionMode, PositionSide
from perpmaker_bybit_perpetual.account import fetch_account, fetch_income, fetch_key_rights
from perpmaker_bybit_perpetual.orders import OrderQuestions
from perpmaker_bybit_perpetual.rest import row_reader

from .clients import Asked, Venue, client_of
from .payloads import COIN, EXECUTION, LOG, NOW_MS, ORDER, POSITION, STOP, WALLET

pytestmark = pytest.mark.anyio
D = Decimal
DAY_MS = 86_400_000
ASKED = {name: value for name, value in POSITION.items() if name != "entryPrice"} | {"avgPrice": "60000"}


def venue_with(*coins: dict[str, Any], margin: str = "REGULAR_MARGIN", orders: Any = (), **values: Any) -> Venue:
    """A venue with one position and these coins."""
    return Venue(
        {
            "/v5/position/list": {"list": [ASKED | values]},
            "/v5/account/wallet-balance": {"list": [WALLET | {"coin": list(coins) or [COIN]}]},
            "/v5/account/info": {"marginMode": margin, "unifiedMarginStatus": 5},
            "/v5/order/realtime": {"list": list(orders)},
        }
    )


def questions(venue: Venue, mode: PositionMode = PositionMode.ONE_WAY) -> OrderQuestions:
    """What asks it about orders and fills."""
    return OrderQuestions(client_of(venue), row_reader(), lambda: mode)


async def test_bybit_B9_what_is_available_counts_a_loss_once(instrument: Instrument) -> None:
    """The venue's own figure, in which unrealised profit is already; the wallet is without it."""
    found = await fetch_account(client_of(venue_with()), row_reader(), instrument)
    (usdt,) = found.assets
    (net,) = found.positions
    assert (found.available, usdt.wallet, found.asset_mode) == (D(776), D(1000), AssetMode.SINGLE)
    assert (net.side, net.amount, net.entry) == (PositionSide.NET, D("0.004"), D(60_000))


async def test_in_isolated_margin_only_the_settlement_coin_counts(instrument: Instrument) -> None:
    """Less what its positions and orders bind; in cross margin other coins stand behind it too."""
    bound = COIN | {"totalOrderIM": "100", "locked": "10"}
    venue = venue_with(bound, margin="ISOLATED_MARGIN", orders=[ORDER])
    found = await fetch_account(client_of(venue), row_reader(), instrument)
    assert (found.available, found.order_margin) == (D(1000 - 24 - 100 - 10), D(100))
    shared = venue_with(COIN, {"coin": "BTC", "walletBalance": "1"})
    assert (await fetch_account(client_of(shared), row_reader(), instrument)).asset_mode is AssetMode.MULTI
    whole = venue_with(margin="PORTFOLIO_MARGIN")
    assert (await fetch_account(client_of(whole), row_reader(), instrument)).asset_mode is AssetMode.PORTFOLIO


async def test_equity_and_margin_are_of_all_collateral_in_cross_margin(instrument: Instrument) -> None:
    """What the venue measures its rates by; a total that it leaves empty is not told."""
    found = await fetch_account(client_of(venue_with()), row_reader(), instrument)
    assert (found.equity, found.initial_margin, found.maintenance_margin) == (D(800), D(24), D("1.2"))
    empty = dict.fromkeys(("totalMarginBalance", "totalInitialMargin", "totalMaintenanceMargin"), "")
    venue = venue_with()
    venue.answers["/v5/account/wallet-balance"] = {"list": [WALLET | empty]}
    found = await fetch_account(client_of(venue), row_reader(), instrument)
    assert (found.equity, found.initial_margin, found.maintenance_margin) == (None, None, None)


async def test_equity_and_margin_are_the_coins_in_isolated_margin(instrument: Instrument) -> None:
    """There the totals mean nothing; its equity holds the unrealised loss already."""
    venue = venue_with(COIN | {"totalOrderIM": "100"}, margin="ISOLATED_MARGIN", orders=[ORDER])
    found = await fetch_account(client_of(venue), row_reader(), instrument)
    assert (found.equity, found.initial_margin, found.maintenance_margin) == (D(800), D(124), D("1.2"))


async def test_the_margin_of_orders_is_shared_by_notional(instrument: Instrument) -> None:
    """The venue tells one figure for all markets of a coin; closing orders bind none."""
    elsewhere = ORDER | {"symbol": "ETHUSDT", "price": "6000", "qty": "0.3"}
    closing = ORDER | {"reduceOnly": True, "side": "Sell"}
    venue = venue_with(COIN | {"totalOrderIM": "80"}, orders=[ORDER, elsewhere, closing])
    found = await fetch_account(client_of(venue), row_reader(), instrument)
    assert (found.order_margin, found.bids, found.asks) == (D(20), D(600), D(0))


async def test_bybit_B12_flat_rows_that_lack_fields_stop_nothing(instrument: Instrument) -> None:
    """Nor do rows of others; but a market without any row cannot be told."""
    venue = venue_with()
    lean = {"symbol": "BTCUSDT", "positionIdx": 0, "side": "", "size": "0", "avgPrice": "0", "liqPrice": ""}
    venue.answers["/v5/position/list"] = {"list": [{}, {"symbol": "ETHUSDT", "size": None}, lean]}
    (flat,) = (await fetch_account(client_of(venue), row_reader(), instrument)).positions
    assert (flat.amount, flat.venue_ms) == (D(0), 0)
    venue.answers["/v5/position/list"] = {"list": []}

    with pytest.raises(PayloadError):
        await fetch_account(client_of(venue), row_reader(), instrument)


async def test_bybit_B2_a_fired_stop_is_found_by_its_id(instrument: Instrument) -> None:
    """It has left the list of what waits: asked for by id, without a filter, then among older orders."""

    def realtime(said: Asked) -> Any:
        return {"list": [] if "orderFilter" in said else [STOP | {"orderStatus": "New"}]}

    venue = Venue({"/v5/order/realtime": realtime})
    asked = questions(venue)
    assert await asked.list_open(instrument, "StopOrder") == []
    found = await asked.find(instrument, {"orderId": STOP["orderId"]})
    assert found is not None
    assert (found.status, found.triggered, found.of_position) == (OrderStatus.OPEN, True, True)

    done = STOP | {"orderStatus": "Filled", "cumExecQty": "0.010"}
    venue = Venue({"/v5/order/realtime": {"list": []}, "/v5/order/history": {"list": [done]}})
    filled = await questions(venue).find(instrument, {"orderId": STOP["orderId"]})
    assert filled is not None
    assert filled.status is OrderStatus.FILLED
    assert venue.paths() == ["/v5/order/realtime", "/v5/order/history"]
    assert await questions(Venue()).find(instrument, {"orderId": "x"}) is None


async def test_all_open_orders_are_read_over_all_pages(instrument: Instrument) -> None:
    """What has ended meanwhile is none; pages that repeat themselves are an error, and never complete."""
    pages: list[Any] = [
        {"list": [ORDER, ORDER | {"orderId": "2", "orderStatus": "Filled"}], "nextPageCursor": "a"},
        {"list": [ORDER | {"orderId": "3", "orderLinkId": ""}], "nextPageCursor": ""},
    ]
    found = await questions(Venue({"/v5/order/realtime": pages})).fetch_open_orders(instrument)
    assert [one.client_id for one in found] == ["pm-b-r1-1", "3"]
    again = Venue({"/v5/order/realtime": {"list": [ORDER], "nextPageCursor": "a"}})

    with pytest.raises(PayloadError, match="repeat"):
        await questions(again).fetch_open_orders(instrument)


async def test_bybit_B11_a_history_is_read_in_adjoining_windows_to_the_end(instrument: Instrument) -> None:
    """Each of less than a week, by its cursor; a row that is on two pages counts once, the oldest comes first."""
    since_ms, now_ms = NOW_MS - 20 * DAY_MS, NOW_MS + 1000
    rows = [EXECUTION | {"execId": f"e-{day}", "execTime": str(NOW_MS - (20 - day) * DAY_MS)} for day in (0, 6, 19, 20)]

    def executions(said: Asked) -> Any:
        span = range(int(said["startTime"]), int(said["endTime"]) + 1)
        inside = [row for row in reversed(rows) if int(row["execTime"]) in span]
        first = int(said.get("cursor", "0"))
        cursor = str(first + 1) if inside[first + 1 :] else ""

        return {"list": inside[max(0, first - 1) : first + 1], "nextPageCursor": cursor}

    venue = Venue({"/v5/execution/list": executions})
    found = await questions(venue).fetch_fills(instrument, since_ms, now_ms)
    assert [fill.trade_id for fill in found] == ["e-0", "e-6", "e-19", "e-20"]
    windows = [(int(one["startTime"]), int(one["endTime"])) for _, one in venue.asked if "cursor" not in one]
    assert windows[0][0] == since_ms
    assert all(end - start < 7 * DAY_MS for start, end in windows)
    assert [start for start, _ in windows[1:]] == [end + 1 for _, end in windows[:-1]]
    assert windows[-1][1] >= now_ms


async def test_funding_and_foreign_rows_are_no_fills_of_ours(instrument: Instrument) -> None:
    """Payments of funding are left out, rows that make no sense too unless they are ours."""
    funding = EXECUTION | {"execType": "Funding", "orderLinkId": "", "execId": "f"}
    odd = EXECUTION | {"execQty": "NaN", "orderLinkId": "", "execId": "o"}
    venue = Venue({"/v5/execution/list": {"list": [funding, odd, {}, EXECUTION]}})
    found = await questions(venue).fetch_fills(instrument, NOW_MS, NOW_MS)
    assert [fill.trade_id for fill in found] == ["e-1"]
    venue = Venue({"/v5/execution/list": {"list": [EXECUTION | {"execQty": "NaN"}]}})

    with pytest.raises(PayloadError):
        await questions(venue).fetch_fills(instrument, NOW_MS, NOW_MS)


async def test_income_is_signed_and_told_apart(instrument: Instrument) -> None:
    """One row may book profit and fee at once; funding is money and positive where received; `id` is the only key.

    A row of a liquidation without a trade is what it cost beside the trade, or what the insurance fund paid.
    """
    funding = LOG | {"id": "s", "type": "SETTLEMENT", "funding": "-0.5", "fee": "0", "cashFlow": "0"}
    interest = LOG | {"id": "i", "type": "INTEREST", "cashFlow": "", "fee": "", "change": "-0.1", "symbol": "BTCUSDT"}
    forced = LOG | {"id": "l", "type": "LIQUIDATION"}
    insurance = forced | {"id": "n", "fee": "0", "cashFlow": "7", "tradeId": ""}
    rows = [insurance, forced, interest, funding, LOG, LOG, LOG | {"id": "x", "symbol": "ETHUSDT"}, {}]
    venue = Venue({"/v5/account/transaction-log": {"list": rows}})
    found = await fetch_income(client_of(venue), row_reader(), instrument.symbol, NOW_MS, NOW_MS)
    assert [(one.kind, one.amount) for one in found] == [
        (IncomeKind.REALIZED, D("2.5")),
        (IncomeKind.FEE, D("-0.33")),
        (IncomeKind.FUNDING, D("-0.5")),
        (IncomeKind.OTHER, D("-0.1")),
        (IncomeKind.REALIZED, D("2.5")),
        (IncomeKind.FEE, D("-0.33")),
        (IncomeKind.LIQUIDATION_FEE, D(7)),
    ]
    assert len({(one.word, one.income_id) for one in found}) == len(found)


async def test_what_the_key_may_do_is_told() -> None:
    """Trading needs both permissions of contracts and a key that may write; money may leave by two ways."""
    rights = {"ContractTrade": ["Order", "Position"], "Wallet": [], "Spot": ["SpotTrade"]}
    for changes, permissions, expected in [
        ({}, {}, (True, False, False, True)),
        ({"readOnly": 1}, {}, (False, False, False, True)),
        ({}, {"ContractTrade": ["Order"]}, (False, False, False, True)),
        ({}, {"Wallet": ["Withdraw", "AccountTransfer"]}, (True, True, True, True)),
        ({"ips": ["*"]}, {}, (True, False, False, False)),
    ]:
        said = {"readOnly": 0, "ips": ["1.2.3.4"], "permissions": rights | permissions} | changes
        found = await fetch_key_rights(client_of(Venue({"/v5/user/query-api": said})))
        assert (found.can_trade, found.can_withdraw, found.can_transfer, found.ip_restricted) == expected
