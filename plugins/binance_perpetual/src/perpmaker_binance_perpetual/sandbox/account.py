"""What the account is and did, and what can be set: leverage, margin type, modes, and the listenKey."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import attrs
import msgspec

from perpmaker.venue import IncomeKind, PositionMode
from perpmaker.venue import sandbox as kit
from perpmaker_binance_perpetual.sandbox import account_words
from perpmaker_binance_perpetual.sandbox.counts import WEIGHT
from perpmaker_binance_perpetual.sandbox.orders import WEEK_MS
from perpmaker_binance_perpetual.sandbox.refusals import refusal, refuse_first
from perpmaker_binance_perpetual.sandbox.venue import (
    SIGNED_PARAMETERS,
    SUCCESS,
    Handler,
    Venue,
    VenueEndpoint,
    query,
    signed,
)


def account(venue: Venue, _parameters: kit.RequestParameters) -> dict[str, object]:
    """Totals, the asset, and the positions that are not flat or have open orders."""
    state = venue.reading.state()
    positions = account_words.shown_positions(state, list(venue.reading.open_orders()))

    return {
        **account_words.totals(state),
        "assets": account_words.asset_rows(state, venue),
        "positions": [account_words.account_position(position, venue) for position in positions],
    }


def account_v2(venue: Venue, parameters: kit.RequestParameters) -> object:
    """The older form: with the account's settings, and leverage and margin mode at each position."""
    state = venue.reading.state()
    answer = account(venue, parameters)
    positions = {position.side: position for position in state.positions}
    settings = {
        "leverage": str(state.leverage),
        "isolated": account_words.MARGIN_MODE_WORDS[state.margin_mode] == "ISOLATED",
    }
    rows = [
        {**account_words.account_position(position, venue), **settings, "entryPrice": kit.plain(position.entry)}
        for position in positions.values()
    ]

    return {**config(venue, parameters), **answer, "positions": rows}


def position_risk(venue: Venue, parameters: kit.RequestParameters) -> object:
    """The positions that are not flat or have open orders: BOTH, or LONG and SHORT."""
    venue.has_symbol(parameters)
    orders = list(venue.reading.open_orders())

    return [
        account_words.risk_row(position, orders, venue)
        for position in account_words.shown_positions(venue.reading.state(), orders)
    ]


def config(venue: Venue, _parameters: kit.RequestParameters) -> dict[str, object]:
    """The account's settings and permissions to trade."""
    state = venue.reading.state()

    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": state.position_mode is PositionMode.HEDGE,
        "updateTime": 0,
        "multiAssetsMargin": state.assets.multi_assets,
        "tradeGroupId": -1,
    }


def symbol_config(venue: Venue, parameters: kit.RequestParameters) -> object:
    """Leverage and margin type of the market."""
    venue.has_symbol(parameters)
    state = venue.reading.state()

    return [
        {
            "symbol": venue.instrument.symbol,
            "marginType": account_words.MARGIN_MODE_WORDS[state.margin_mode],
            "isAutoAddMargin": False,
            "leverage": state.leverage,
            "maxNotionalValue": max_notional(venue, state),
        }
    ]


def max_notional(venue: Venue, state: kit.AccountState) -> str:
    """The largest position that the leverage allows."""
    caps = [tier.cap for tier in venue.instrument.tiers if tier.max_leverage >= state.leverage]

    return kit.plain(max(caps, default=Decimal(0)))


def brackets(venue: Venue, parameters: kit.RequestParameters) -> object:
    """The maintenance tiers, whose numbers are JSON numbers."""
    venue.has_symbol(parameters)
    rows = [
        {
            "bracket": number,
            "initialLeverage": tier.max_leverage,
            "notionalCap": _number(tier.cap),
            "notionalFloor": _number(tier.floor),
            "maintMarginRatio": _number(tier.maintenance_ratio),
            "cum": _number(tier.deduction),
        }
        for number, tier in enumerate(venue.instrument.tiers, start=1)
    ]

    return [{"symbol": venue.instrument.symbol, "brackets": rows}]


def commission(venue: Venue, parameters: kit.RequestParameters) -> object:
    """The account's fee rates."""
    return {
        "symbol": venue.require_symbol(parameters),
        "makerCommissionRate": kit.plain(venue.instrument.maker_fee),
        "takerCommissionRate": kit.plain(venue.instrument.taker_fee),
        "rpiCommissionRate": kit.plain(venue.instrument.maker_fee),
    }


def user_trades(venue: Venue, parameters: kit.RequestParameters) -> object:
    """Executions of the last week, of a window, or from a trade id on; oldest first."""
    venue.require_symbol(parameters)
    from_id = parameters.optional_integer("fromId")
    has_window = "startTime" in parameters or "endTime" in parameters

    if from_id is not None and has_window:
        raise refusal(-1128)

    order_id = parameters.optional_integer("orderId")
    limit = parameters.limit(default=500, most=1000)
    since_ms, until_ms = _window(venue, parameters)
    rows = [
        account_words.trade_row(execution, venue)
        for execution in venue.reading.executions(0 if from_id is not None else since_ms)
        if execution.now_ms <= until_ms
        and execution.trade_id >= (from_id or 0)
        and order_id in {None, execution.order_id}
    ]

    return rows[:limit] if from_id is not None or "startTime" in parameters else rows[-limit:]


def income(venue: Venue, parameters: kit.RequestParameters) -> object:
    """Everything that changed the wallet in the last week or a window; oldest first."""
    venue.has_symbol(parameters)
    kind = parameters.optional_text("incomeType")
    limit = parameters.limit(default=100, most=1000)
    since_ms, until_ms = _window(venue, parameters)
    rows = [
        account_words.income_row(row, venue)
        for row in venue.reading.income(since_ms)
        if row.now_ms <= until_ms
        and kind in {None, account_words.INCOME_WORDS[row.kind]}
        and not (row.kind is IncomeKind.TRANSFER and "symbol" in parameters)  # it is of no market
    ]

    return rows[:limit] if "startTime" in parameters else rows[-limit:]


def permissions(venue: Venue, _parameters: kit.RequestParameters) -> object:
    """What the key may do."""
    allowed = ("enableReading", "enableFutures")
    withheld = (
        "enableInternalTransfer",
        "enableMargin",
        "permitsUniversalTransfer",
        "enableVanillaOptions",
        "enableFixApiTrade",
        "enableFixReadOnly",
        "enableSpotAndMarginTrading",
        "enablePortfolioMarginTrading",
    )

    return {
        "ipRestrict": venue.options.ip_restricted,
        "createTime": 1_700_000_000_000,
        "enableWithdrawals": venue.options.withdrawals,
        **dict.fromkeys(allowed, True),
        **dict.fromkeys(withheld, False),
    }


def _window(venue: Venue, parameters: kit.RequestParameters) -> tuple[int, int]:
    since_ms = venue.asked_ms(parameters, "startTime")
    until_ms = venue.asked_ms(parameters, "endTime")

    if since_ms is None:
        end_ms = venue.now_ms() if until_ms is None else until_ms

        return end_ms - WEEK_MS, end_ms

    return since_ms, since_ms + WEEK_MS if until_ms is None else min(until_ms, since_ms + WEEK_MS)


def _number(value: Decimal) -> msgspec.Raw:
    return msgspec.Raw(kit.plain(value).encode())


def _balance(venue: Venue, _parameters: kit.RequestParameters) -> object:
    return account_words.balance_rows(venue.reading.state(), venue)


def _position_mode(venue: Venue, _parameters: kit.RequestParameters) -> object:
    return {"dualSidePosition": venue.reading.state().position_mode is PositionMode.HEDGE}


def _multi_assets(venue: Venue, _parameters: kit.RequestParameters) -> object:
    return {"multiAssetsMargin": venue.has_multi_assets}


def set_leverage(venue: Venue, parameters: kit.RequestParameters) -> object:
    """Set the leverage; the same again succeeds."""
    symbol = venue.require_symbol(parameters)
    leverage = parameters.integer("leverage")

    try:
        state = venue.exchange.set_leverage(venue.account, leverage, venue.now_ms())
    except kit.RejectionError as error:
        if error.rejection is kit.Rejection.LEVERAGE:
            raise refusal(-4028, leverage=leverage) from None

        raise

    return {"leverage": state.leverage, "maxNotionalValue": max_notional(venue, state), "symbol": symbol}


def set_margin_type(venue: Venue, parameters: kit.RequestParameters) -> object:
    """Set cross or isolated; -4046 when it is so already."""
    venue.require_symbol(parameters)
    mode = parameters.choice("marginType", account_words.MARGIN_MODES)
    refuse_first((-4168, lambda: venue.has_multi_assets))
    venue.exchange.set_margin_mode(venue.account, mode, venue.now_ms())

    return SUCCESS


def set_position_mode(venue: Venue, parameters: kit.RequestParameters) -> object:
    """Set one or two positions a market; -4059 when it is so already."""
    is_hedge = parameters.flag("dualSidePosition", default=None)
    mode = PositionMode.HEDGE if is_hedge else PositionMode.ONE_WAY
    venue.exchange.set_position_mode(venue.account, mode, venue.now_ms())

    return SUCCESS


def set_multi_assets(venue: Venue, parameters: kit.RequestParameters) -> object:
    """Set whether assets back each other; -4171 when it is so already."""
    wanted = parameters.flag("multiAssetsMargin", default=None)
    refuse_first((-4171, lambda: wanted is venue.has_multi_assets))
    assets = attrs.evolve(venue.exchange.assets(venue.account), multi_assets=wanted)
    venue.exchange.set_assets(venue.account, assets, venue.now_ms())

    return SUCCESS


def close_listen_key(venue: Venue, _parameters: kit.RequestParameters) -> object:
    """End the key, and with it every socket that listens under it."""
    venue.listen_keys.close()

    return {}


_LISTEN_KEY_CALLS: Final[Mapping[str, Handler]] = {
    "POST": lambda venue, _: {"listenKey": venue.listen_keys.create()},
    "PUT": lambda venue, _: {"listenKey": venue.listen_keys.renew()},
    "DELETE": close_listen_key,
}

_WINDOW: Final = ("startTime", "endTime", "limit")
_FILLS: Final = ("symbol", "orderId", "fromId", *_WINDOW)

ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    query("/fapi/v3/account", account, weight=5),
    query("/fapi/v2/account", account_v2, weight=5),
    query("/fapi/v3/balance", _balance, weight=5),
    query("/fapi/v2/balance", _balance, weight=5),
    query("/fapi/v3/positionRisk", position_risk, "symbol", weight=5),
    query("/fapi/v1/accountConfig", config, weight=5),
    query("/fapi/v1/symbolConfig", symbol_config, "symbol", weight=5),
    query("/fapi/v1/positionSide/dual", _position_mode, weight=30),
    query("/fapi/v1/multiAssetsMargin", _multi_assets, weight=30),
    query("/fapi/v1/leverageBracket", brackets, "symbol"),
    query("/fapi/v1/commissionRate", commission, "symbol", weight=20),
    query("/fapi/v1/userTrades", user_trades, *_FILLS, weight=5),
    query("/fapi/v1/income", income, "symbol", "incomeType", *_WINDOW, weight=30),
    query("/fapi/v1/rateLimit/order", lambda venue, _: venue.limits.describe_orders()),
    query("/sapi/v1/account/apiRestrictions", permissions),
    signed("POST", "/fapi/v1/leverage", set_leverage, "symbol", "leverage"),
    signed("POST", "/fapi/v1/marginType", set_margin_type, "symbol", "marginType"),
    signed("POST", "/fapi/v1/positionSide/dual", set_position_mode, "dualSidePosition"),
    signed("POST", "/fapi/v1/multiAssetsMargin", set_multi_assets, "multiAssetsMargin"),
    *(
        kit.ServedEndpoint(
            method=method,
            path="/fapi/v1/listenKey",
            handle=handle,
            access=kit.Access.KEYED,
            costs={WEIGHT: 1},
            # Clients send the key along, and some a time and a signature too; none of it is read.
            parameters=SIGNED_PARAMETERS | {"listenKey"},
        )
        for method, handle in _LISTEN_KEY_CALLS.items()
    ),
)
