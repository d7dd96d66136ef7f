"""What can be set: leverage, margin type, position mode, multi-assets mode; and the listenKey."""

from __future__ import annotations

from typing import Final

import attrs

from perpmaker.model.order import PositionMode
from perpmaker.simulation.rejection import Rejection, RejectionError
from perpmaker_binance_perpetual.sandbox.account_wording import MARGIN_MODES
from perpmaker_binance_perpetual.sandbox.authentication import Security
from perpmaker_binance_perpetual.sandbox.denial import Asked, translate_denial
from perpmaker_binance_perpetual.sandbox.endpoint import SUCCESS, Endpoint, setting
from perpmaker_binance_perpetual.sandbox.parameter import Parameters
from perpmaker_binance_perpetual.sandbox.refusal import refusal
from perpmaker_binance_perpetual.sandbox.rest_account import max_notional
from perpmaker_binance_perpetual.sandbox.venue import Venue


def set_leverage(venue: Venue, parameters: Parameters) -> object:
    """Set the leverage; the same again succeeds."""
    symbol = venue.require_symbol(parameters)
    leverage = parameters.integer("leverage")

    try:
        state = venue.exchange.set_leverage(venue.account, leverage, venue.now_ms())
    except RejectionError as error:
        if error.denial is Rejection.LEVERAGE:
            raise refusal(-4028, leverage=leverage) from None

        raise translate_denial(error, Asked.LEVERAGE, venue.instrument) from None

    return {"leverage": state.leverage, "maxNotionalValue": max_notional(venue, state), "symbol": symbol}


def set_margin_type(venue: Venue, parameters: Parameters) -> object:
    """Set cross or isolated; -4046 when it is so already."""
    venue.require_symbol(parameters)
    mode = MARGIN_MODES[parameters.choice("marginType", MARGIN_MODES)]

    if venue.has_multi_assets:
        raise refusal(-4168)

    try:
        venue.exchange.set_margin_mode(venue.account, mode, venue.now_ms())
    except RejectionError as error:
        raise translate_denial(error, Asked.MARGIN_TYPE, venue.instrument) from None

    return SUCCESS


def set_position_mode(venue: Venue, parameters: Parameters) -> object:
    """Set one or two positions a market; -4059 when it is so already."""
    parameters.text("dualSidePosition")
    mode = PositionMode.HEDGE if parameters.flag("dualSidePosition") else PositionMode.ONE_WAY

    try:
        venue.exchange.set_position_mode(venue.account, mode, venue.now_ms())
    except RejectionError as error:
        raise translate_denial(error, Asked.POSITION_MODE, venue.instrument) from None

    return SUCCESS


def set_multi_assets(venue: Venue, parameters: Parameters) -> object:
    """Set whether assets back each other; -4171 when it is so already."""
    parameters.text("multiAssetsMargin")
    wanted = parameters.flag("multiAssetsMargin")

    if wanted is venue.has_multi_assets:
        raise refusal(-4171)

    assets = attrs.evolve(venue.exchange.assets(venue.account), multi_assets=wanted)
    venue.exchange.set_assets(venue.account, assets, venue.now_ms())

    return SUCCESS


def create_listen_key(venue: Venue, _parameters: Parameters) -> object:
    """The account's key, made or renewed."""
    return {"listenKey": venue.listen_keys.create()}


def renew_listen_key(venue: Venue, _parameters: Parameters) -> object:
    """Let the key live on; -1125 when there is none."""
    return {"listenKey": venue.listen_keys.renew()}


def close_listen_key(venue: Venue, _parameters: Parameters) -> object:
    """End the key, and with it every socket that listens under it."""
    venue.listen_keys.close()

    return {}


_LISTEN_KEY: Final = "/fapi/v1/listenKey"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    setting("/fapi/v1/leverage", set_leverage, "symbol", "leverage"),
    setting("/fapi/v1/marginType", set_margin_type, "symbol", "marginType"),
    setting("/fapi/v1/positionSide/dual", set_position_mode, "dualSidePosition"),
    setting("/fapi/v1/multiAssetsMargin", set_multi_assets, "multiAssetsMargin"),
    *(
        Endpoint(
            method=method,
            path=_LISTEN_KEY,
            handle=handle,
            security=Security.KEY,
            weight=1,
            # Clients send the key along, and some a time and a signature too; none of it is read.
            parameters=frozenset({"listenKey", "timestamp", "recvWindow", "signature"}),
        )
        for method, handle in (
            ("POST", create_listen_key),
            ("PUT", renew_listen_key),
            ("DELETE", close_listen_key),
        )
    ),
)
