"""What a market of the account must be set to before it is traded: set what differs, read all of it back."""

from __future__ import annotations

from typing import Protocol

from perpmaker.errors import MarketRulesError
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings


class SettingsClient(Protocol):
    """Reads and sets the settings of one market, in the words of one venue.

    "Already so" is no error. A refusal is a MarketRulesError, worded for the person whose configuration it is.
    """

    async def fetch(self) -> VenueSettings:
        """Ask what is set now; AuthenticationError where the key may not trade."""

    async def set_position_mode(self, mode: PositionMode) -> None:
        """Set one-way or hedge."""

    async def set_margin_mode(self, mode: MarginMode) -> None:
        """Set cross or isolated."""

    async def set_leverage(self, leverage: int) -> None:
        """Set the leverage."""


async def apply_settings(
    client: SettingsClient, *, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None
) -> VenueSettings:
    """Set what differs, in the order in which one depends on the other, and return what the venue says is set then.

    Nothing is read again where nothing differs.

    Args:
        client: the venue's words.
        leverage: as the configuration has it.
        position_mode: the same.
        margin_mode: the same; None leaves it as it is.
    """
    before = await client.fetch()

    if before.position_mode is not position_mode:
        await client.set_position_mode(position_mode)

    if margin_mode is not None and before.margin_mode is not margin_mode:
        await client.set_margin_mode(margin_mode)

    if before.leverage != leverage:
        await client.set_leverage(leverage)

    wanted = (position_mode, margin_mode or before.margin_mode, leverage)

    return before if wanted == (before.position_mode, before.margin_mode, before.leverage) else await client.fetch()


def check_settings(
    instrument: Instrument,
    venue: str,
    *,
    leverage: int,
    position_mode: PositionMode,
    margin_mode: MarginMode | None,
    isolated: bool = True,
) -> None:
    """Raise MarketRulesError, worded for a person, for what a market cannot be set to.

    Args:
        instrument: the market, which knows its maximum leverage, and whether it has Hedge mode.
        venue: the venue's name.
        leverage: as the configuration has it.
        position_mode: the same.
        margin_mode: the same.
        isolated: whether the venue has isolated margin.
    """
    if position_mode is PositionMode.HEDGE and not instrument.has_hedge_mode:
        raise MarketRulesError(f'{venue} has no Hedge mode. Set position_mode to "{PositionMode.ONE_WAY.value}".')

    if margin_mode is MarginMode.ISOLATED and not isolated:
        raise MarketRulesError(f'{venue} has no isolated margin. Set margin_mode to "{MarginMode.CROSS.value}".')

    check_leverage(instrument, leverage, venue)


def check_leverage(instrument: Instrument, leverage: int, venue: str) -> None:
    """Raise MarketRulesError, naming the maximum, where a leverage is above that of the market."""
    if leverage > instrument.max_leverage:
        raise MarketRulesError(
            f"leverage = {leverage} is above the maximum of {instrument.market} on {venue}, "
            f"which is {instrument.max_leverage}. Set leverage to at most {instrument.max_leverage}."
        )
