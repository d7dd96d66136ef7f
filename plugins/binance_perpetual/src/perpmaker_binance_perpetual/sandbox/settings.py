"""What can be set: leverage, margin type, position mode, multi-assets mode; and the listenKey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from perpmaker.model.order import PositionMode
from perpmaker.simulation.rejection import Rejection, RejectionError
from perpmaker.venue.sandbox import Endpoint, Parameters, Security
from perpmaker_binance_perpetual.sandbox.account import max_notional
from perpmaker_binance_perpetual.sandbox.account_words import MARGIN_MODES
from perpmaker_binance_perpetual.sandbox.counts import WEIGHT
from perpmaker_binance_perpetual.sandbox.refusals import refusal, refuse_first
from perpmaker_binance_perpetual.sandbox.venue import SIGNED_PARAMETERS, SUCCESS, Handler, Venue, VenueEndpoint, signed


def set_leverage(venue: Venue, parameters: Parameters) -> object:
    """Set the leverage; the same again succeeds."""
    symbol = venue.require_symbol(parameters)
    leverage = parameters.integer("leverage")

    try:
        state = venue.exchange.set_leverage(venue.account, leverage, venue.now_ms())
    except RejectionError as error:
        if error.denial is Rejection.LEVERAGE:
            raise refusal(-4028, leverage=leverage) from None

        raise

    return {"leverage": state.leverage, "maxNotionalValue": max_notional(venue, state), "symbol": symbol}


def set_margin_type(venue: Venue, parameters: Parameters) -> object:
    """Set cross or isolated; -4046 when it is so already."""
    venue.require_symbol(parameters)
    mode = parameters.choice("marginType", MARGIN_MODES)
    refuse_first((-4168, lambda: venue.has_multi_assets))
    venue.exchange.set_margin_mode(venue.account, mode, venue.now_ms())

    return SUCCESS


def set_position_mode(venue: Venue, parameters: Parameters) -> object:
    """Set one or two positions a market; -4059 when it is so already."""
    is_hedge = parameters.flag("dualSidePosition", default=None)
    mode = PositionMode.HEDGE if is_hedge else PositionMode.ONE_WAY
    venue.exchange.set_position_mode(venue.account, mode, venue.now_ms())

    return SUCCESS


def set_multi_assets(venue: Venue, parameters: Parameters) -> object:
    """Set whether assets back each other; -4171 when it is so already."""
    wanted = parameters.flag("multiAssetsMargin", default=None)
    refuse_first((-4171, lambda: wanted is venue.has_multi_assets))
    assets = attrs.evolve(venue.exchange.assets(venue.account), multi_assets=wanted)
    venue.exchange.set_assets(venue.account, assets, venue.now_ms())

    return SUCCESS


def close_listen_key(venue: Venue, _parameters: Parameters) -> object:
    """End the key, and with it every socket that listens under it."""
    venue.listen_keys.close()

    return {}


_LISTEN_KEY_CALLS: Final[Mapping[str, Handler]] = {
    "POST": lambda venue, _: {"listenKey": venue.listen_keys.create()},
    "PUT": lambda venue, _: {"listenKey": venue.listen_keys.renew()},
    "DELETE": close_listen_key,
}

ENDPOINTS: Final[tuple[VenueEndpoint, ...]] = (
    signed("POST", "/fapi/v1/leverage", set_leverage, "symbol", "leverage"),
    signed("POST", "/fapi/v1/marginType", set_margin_type, "symbol", "marginType"),
    signed("POST", "/fapi/v1/positionSide/dual", set_position_mode, "dualSidePosition"),
    signed("POST", "/fapi/v1/multiAssetsMargin", set_multi_assets, "multiAssetsMargin"),
    *(
        Endpoint(
            method=method,
            path="/fapi/v1/listenKey",
            handle=handle,
            security=Security.KEY,
            costs={WEIGHT: 1},
            # Clients send the key along, and some a time and a signature too; none of it is read.
            parameters=SIGNED_PARAMETERS | {"listenKey"},
        )
        for method, handle in _LISTEN_KEY_CALLS.items()
    ),
)
