"""What the account is and holds, and what can be set: leverage, modes, a position's stop, disconnect protection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from perpmaker import PositionSide, Side
from perpmaker.venue import PositionMode
from perpmaker.venue.sandbox import Rejection, RejectionError, RequestParameters, plain
from perpmaker_bybit_perpetual.sandbox.account_rows import (
    MARGIN_MODE_WORDS,
    position_row,
    wallet_row,
)
from perpmaker_bybit_perpetual.sandbox.ledger import ledger_rows
from perpmaker_bybit_perpetual.sandbox.order_parameters import (
    check_stop,
    position_side_of,
    read_stop,
    watched,
)
from perpmaker_bybit_perpetual.sandbox.refusals import bad, refusal, translate_rejection
from perpmaker_bybit_perpetual.sandbox.venue import CATEGORY, Row, Venue, VenueEndpoint, query, setting

DAY_MS: Final = 86_400_000
UTA: Final = 5
MODES: Final = {"0": PositionMode.ONE_WAY, "3": PositionMode.HEDGE}
CREATED_MS: Final = 1_700_000_000_000


# --- questions -------------------------------------------------------------------------------------------------------


def wallet_balance(venue: Venue, parameters: RequestParameters) -> Row:
    """The account's totals and coins."""
    parameters.word("accountType", {"UNIFIED"})
    row = wallet_row(venue.reading.state())
    wanted = parameters.optional_text("coin")
    coins = row["coin"]
    assert isinstance(coins, list)  # noqa: S101  # as it was made

    return {"list": [{**row, "coin": [one for one in coins if wanted is None or one["coin"] in wanted.split(",")]}]}


def account_info(venue: Venue, _parameters: RequestParameters) -> Row:
    """The account-wide margin mode, and that it is a unified account."""
    return {
        "marginMode": MARGIN_MODE_WORDS[venue.reading.state().margin_mode],
        "unifiedMarginStatus": UTA,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
        "updatedTime": str(CREATED_MS),
    }


def user_settings(venue: Venue, _parameters: RequestParameters) -> Row:
    """How the account treats orders beyond the price band, and its self-match setting."""
    return {"lpaSpot": False, "lpaPerp": venue.rejects_out_of_band, "smpType": venue.options.smp_type}


def fee_rate(venue: Venue, parameters: RequestParameters) -> Row:
    """The account's fees."""
    is_asked = venue.is_asked(parameters, required=False)
    rules = venue.instrument
    row = {
        "symbol": rules.symbol,
        "baseCoin": "",
        "takerFeeRate": plain(rules.taker_fee),
        "makerFeeRate": plain(rules.maker_fee),
    }

    return {"category": CATEGORY, "list": [row] if is_asked else []}


def transaction_log(venue: Venue, parameters: RequestParameters) -> Row:
    """What moved the wallet, the newest first: of the last day, or of a window of a week at most."""
    parameters.word("accountType", {"UNIFIED"}, default="UNIFIED")
    since_ms, until_ms = (venue.shown_ms(at_ms) for at_ms in venue.between(parameters, default_ms=DAY_MS))
    kind, currency = parameters.optional_text("type"), parameters.optional_text("currency")
    rows = [
        row
        for row in ledger_rows(venue)
        if kind in {None, row["type"]}
        and currency in {None, row["currency"]}
        and since_ms <= int(str(row["transactionTime"])) <= until_ms
    ]

    return venue.page(rows, parameters, default=20, most=50)


def positions(venue: Venue, parameters: RequestParameters) -> Row:
    """The positions: with `symbol` flat ones too, one for each index of the mode."""
    is_asked = venue.is_asked(parameters)
    state, seen_ms = venue.reading.state(), venue.seen_ms
    rows = [
        position_row(one, state, venue.stops.level(one.side), venue.fills.sequence_at(one.side, seen_ms), venue)
        for one in state.positions
        if is_asked and (one.lots or "symbol" in parameters)
    ]

    return venue.page(rows, parameters, default=20, most=200)


def key_info(venue: Venue, _parameters: RequestParameters) -> Row:
    """What the key may do."""
    options = venue.options

    return {
        **dict.fromkeys(("apiKey", "secret", "note", "kycRegion", "rsaPublicKey"), ""),
        "id": "1",
        "readOnly": int(options.read_only),
        "permissions": {
            **{name: [] for name in ("Spot", "Options", "Derivatives", "Exchange")},
            "ContractTrade": ["Order", "Position"],
            "Wallet": ["AccountTransfer", *(["Withdraw"] if options.withdrawals else [])],
        },
        "ips": ["127.0.0.1"] if options.ip_restricted else ["*"],
        "type": 1,
        "deadlineDay": 365,
        "expiredAt": "2099-01-01T00:00:00Z",
        "createdAt": "2026-01-01T00:00:00Z",
        "uta": 1,
        "userID": 1,
        "isMaster": True,
        "parentUid": "0",
    }


def protection(venue: Venue, _parameters: RequestParameters) -> Row:
    """Disconnect protection: empty for an account that the venue has not enabled."""
    window_s = venue.dcp_window_s
    row = {"product": "DERIVATIVES", "dcpStatus": "ON", "timeWindow": str(window_s)}

    return {"dcpInfos": [row] if venue.options.has_dcp else []}


# --- settings --------------------------------------------------------------------------------------------------------


def set_leverage(venue: Venue, parameters: RequestParameters) -> Row:
    """Set the leverage; 110043 where it is so already."""
    venue.require_symbol(parameters)
    buy, sell = (parameters.decimal(f"{side}Leverage") for side in ("buy", "sell"))

    if buy != sell or buy != int(buy):
        raise bad("buy leverage invalid")

    if int(buy) == venue.exchange.account(venue.account).leverage:
        raise refusal(110043)

    return _set(venue, lambda: venue.exchange.set_leverage(venue.account, int(buy), venue.now_ms()), 110043)


def switch_mode(venue: Venue, parameters: RequestParameters) -> Row:
    """Set one or two positions a market; 110025 where it is so already."""
    venue.require_category(parameters)
    is_asked = parameters.optional_text("coin") == venue.instrument.quote or venue.require_symbol(parameters)
    mode = parameters.choice("mode", MODES)
    assert is_asked  # noqa: S101  # or it was refused

    return _set(venue, lambda: venue.exchange.set_position_mode(venue.account, mode, venue.now_ms()), 110025)


def set_limit_action(venue: Venue, parameters: RequestParameters) -> Row:
    """Set whether orders beyond the price band are moved to its edge, for the whole account."""
    venue.require_category(parameters)
    venue.rejects_out_of_band = not parameters.flag("modifyEnable", default=None)

    return {}


def trading_stop(venue: Venue, parameters: RequestParameters) -> Row:
    """Set the stop of a position, or with `0` take it away; the order that it becomes has no id of ours."""
    venue.require_symbol(parameters)
    side, stop = position_side_of(venue, parameters), read_stop(parameters)
    lots = venue.stops.lots(side)

    if "stopLoss" not in parameters:
        raise refusal(34040)

    if not lots:
        raise bad("can not set tp/sl/ts for zero position")

    if stop == venue.stops.level(side):
        raise refusal(34040)

    if stop is None:
        venue.stops.remove(side)
        return {}

    check_stop(venue, stop, Side.BUY if lots > 0 else Side.SELL, watched(venue, stop.watch))
    _check_target(venue, side, lots)
    venue.stops.set(side, stop)

    return {}


def protect(venue: Venue, parameters: RequestParameters) -> Row:
    """Set the window of disconnect protection, for an account that the venue has enabled."""
    if not venue.options.has_dcp:
        raise refusal(10005)

    product = parameters.word("product", {"OPTIONS", "DERIVATIVES", "SPOT"}, default="OPTIONS")
    window_s = parameters.integer("timeWindow")

    if not 3 <= window_s <= 300:  # noqa: PLR2004  # the venue's bounds
        raise bad("timeWindow invalid")

    if product == "DERIVATIVES":
        venue.dcp_window_s = window_s

    return {}


def _check_target(venue: Venue, side: PositionSide, lots: int) -> None:
    closing = Side.SELL if lots > 0 else Side.BUY
    is_held = venue.exchange.reduce_only_room(venue.account, closing, side) == 0

    if is_held and venue.options.refuses_stop_beside_target:
        raise refusal(110058)


def _set(venue: Venue, act: Callable[[], object], unchanged: int) -> Row:
    try:
        act()
    except RejectionError as error:
        if error.rejection is Rejection.UNCHANGED:
            raise refusal(unchanged) from None

        raise translate_rejection(error, venue.instrument, setting=True) from None

    return {}


ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    query("/v5/account/wallet-balance", wallet_balance, "wallet"),
    query("/v5/account/info", account_info, "info"),
    query("/v5/account/user-setting-config", user_settings, "setting-config"),
    query("/v5/account/fee-rate", fee_rate, "fee-rate"),
    query("/v5/account/transaction-log", transaction_log, "log"),
    query("/v5/account/query-dcp-info", protection, "dcp"),
    query("/v5/position/list", positions, "positions"),
    query("/v5/user/query-api", key_info, "key"),
    query("/v5/asset/coin/query-info", lambda _venue, _parameters: {"rows": []}, "coins"),
    setting("/v5/account/set-limit-px-action", set_limit_action, "set-limit-action"),
    setting("/v5/position/set-leverage", set_leverage, "leverage"),
    setting("/v5/position/switch-mode", switch_mode, "mode"),
    setting("/v5/position/trading-stop", trading_stop, "trading-stop"),
    setting("/v5/order/disconnected-cancel-all", protect, "dcp"),
)
