"""What a market of the account must be set to before it is traded: set what differs, read all of it back."""

from __future__ import annotations

from perpmaker.errors import AuthenticationError, MarketRulesError, RefusedError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker_binance_perpetual.refusals import MARGIN_MODE_ALREADY_SET, POSITION_MODE_ALREADY_SET
from perpmaker_binance_perpetual.rest import Rest
from perpmaker_binance_perpetual.translate import MARGIN_MODE_NAMES, MARGIN_MODES, lookup

_LEVERAGE = frozenset({-2027, -2028, -4028, -4161, *range(-4209, -4201)})
_NOT_LOWERED = -4161  # an isolated position: its leverage may only rise
_IN_THE_WAY = {
    -4067: "open orders",
    -4068: "an open position",
    -4047: "open orders",
    -4048: "an open position",
}
_WANTS_OTHERWISE = frozenset({-4168, -4531, -4220})


async def prepare_market(
    rest: Rest,
    instrument: Instrument,
    leverage: int,
    position_mode: PositionMode,
    margin_mode: MarginMode | None,
) -> VenueSettings:
    """Set position mode, margin mode and leverage where they differ, and return what the venue then says they are.

    MarketRulesError, worded for the person whose configuration it is, where the venue will not have it.
    """
    check_leverage(instrument, leverage)
    before = await fetch_settings(rest, instrument)

    if before.position_mode is not position_mode:
        await _set_position_mode(rest, position_mode)

    if margin_mode is not None and before.margin_mode is not margin_mode:
        await _set_margin_mode(rest, instrument, margin_mode)

    if before.leverage != leverage:
        await _set_leverage(rest, instrument, leverage)

    return await fetch_settings(rest, instrument)


async def fetch_settings(rest: Rest, instrument: Instrument) -> VenueSettings:
    """What the market is set to; AuthenticationError when the key may not trade."""
    account = await rest.account_config()
    market = await rest.symbol_config(instrument.symbol)

    if not account.canTrade:
        raise AuthenticationError("this account, or its API key, may not trade futures: allow it on Binance's site")

    return VenueSettings(
        leverage=market.leverage,
        position_mode=PositionMode.HEDGE if account.dualSidePosition else PositionMode.ONE_WAY,
        margin_mode=lookup(MARGIN_MODES, market.marginType, "$.marginType"),
    )


def check_leverage(instrument: Instrument, leverage: int) -> None:
    """MarketRulesError naming the maximum when the leverage is above it."""
    if leverage > instrument.max_leverage:
        raise MarketRulesError(
            f"leverage = {leverage} is above the maximum of {instrument.market} on Binance USDⓈ-M, "
            f"which is {instrument.max_leverage}. Set leverage to at most {instrument.max_leverage}."
        )


async def _set_position_mode(rest: Rest, mode: PositionMode) -> None:
    try:
        await rest.set_position_mode(hedge=mode is PositionMode.HEDGE)
    except RefusedError as error:
        if error.code != str(POSITION_MODE_ALREADY_SET):
            raise _worded(error, f'position_mode to "{mode.value}"', "of the account, on any market,") from error


async def _set_margin_mode(rest: Rest, instrument: Instrument, mode: MarginMode) -> None:
    try:
        await rest.set_margin_type(instrument.symbol, MARGIN_MODE_NAMES[mode])
    except RefusedError as error:
        if error.code != str(MARGIN_MODE_ALREADY_SET):
            raise _worded(error, f'margin_mode of {instrument.market} to "{mode.value}"', "of this market") from error


async def _set_leverage(rest: Rest, instrument: Instrument, leverage: int) -> None:
    try:
        await rest.set_leverage(instrument.symbol, leverage)
    except RefusedError as error:
        if int(error.code) not in _LEVERAGE:
            raise

        wanted = "Write the leverage that is set there" if int(error.code) == _NOT_LOWERED else "Lower leverage"
        raise MarketRulesError(
            f"Binance does not set the leverage of {instrument.market} to {leverage}: {error.text.rstrip('.')}. "
            f"{wanted} in the configuration, or close what this market holds."
        ) from error


def _worded(error: RefusedError, what: str, whose: str) -> RefusedError | MarketRulesError:
    """The venue's refusal in words that say what to do; other refusals as they are."""
    code = int(error.code)

    if code in _IN_THE_WAY:
        return MarketRulesError(
            f"Binance cannot change {what} while there is {_IN_THE_WAY[code]} {whose} (code {code}). "
            "Cancel and close them first, or configure the mode that is set now."
        )

    if code in _WANTS_OTHERWISE:
        return MarketRulesError(f"Binance does not change {what}: {error.text} (code {code}).")

    return error
