"""What a market of the account is set to, in Binance's words, and its refusals to change that, worded for a person."""

from __future__ import annotations

import attrs

from perpmaker.errors import AuthenticationError, MarketRulesError, RefusedError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.venue import apply_settings, check_leverage
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
    check_leverage(instrument, leverage, "Binance USDⓈ-M")

    return await apply_settings(
        _Client(rest, instrument), leverage=leverage, position_mode=position_mode, margin_mode=margin_mode
    )


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


@attrs.frozen
class _Client:
    """The settings of one market; see `SettingsClient`."""

    rest: Rest
    instrument: Instrument

    async def fetch(self) -> VenueSettings:
        return await fetch_settings(self.rest, self.instrument)

    async def set_position_mode(self, mode: PositionMode) -> None:
        try:
            await self.rest.set_position_mode(hedge=mode is PositionMode.HEDGE)
        except RefusedError as error:
            if error.code != str(POSITION_MODE_ALREADY_SET):
                raise _worded(error, f'position_mode to "{mode.value}"', "of the account, on any market,") from error

    async def set_margin_mode(self, mode: MarginMode) -> None:
        what = f'margin_mode of {self.instrument.market} to "{mode.value}"'

        try:
            await self.rest.set_margin_type(self.instrument.symbol, MARGIN_MODE_NAMES[mode])
        except RefusedError as error:
            if error.code != str(MARGIN_MODE_ALREADY_SET):
                raise _worded(error, what, "of this market") from error

    async def set_leverage(self, leverage: int) -> None:
        try:
            await self.rest.set_leverage(self.instrument.symbol, leverage)
        except RefusedError as error:
            code = int(error.code)

            if code not in _LEVERAGE:
                raise

            wanted = "Write the leverage that is set there" if code == _NOT_LOWERED else "Lower leverage"
            raise MarketRulesError(
                f"Binance does not set the leverage of {self.instrument.market} to {leverage}: "
                f"{error.text.rstrip('.')}. {wanted} in the configuration, or close what this market holds."
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
