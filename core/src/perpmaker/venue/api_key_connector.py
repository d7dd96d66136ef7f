"""What connectors do alike whose account is an API key: its name, the fence, settings, and what is handed on."""

from __future__ import annotations

from perpmaker.model.event import MarkChanged
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.venue.access import VenueAccess
from perpmaker.venue.market_settings import SettingsClient, apply_settings, check_leverage
from perpmaker.venue.order_client import CommandSender, OrderClient, OrderDialect

_NOW_MS = 2_000
"""Milliseconds: a price that is older by the venue's clock is none of now."""


class ApiKeyConnector:
    """The half of a `DerivativeConnector` that does not depend on the venue; its class adds questions and streams.

    Args:
        access: what leads to the venue.
        orders: the venue's words for commands about orders.
        sender: sends those commands; None for the client of `access`.
    """

    caps_resting_exits = False

    def __init__(self, access: VenueAccess, orders: OrderDialect, sender: CommandSender | None = None) -> None:
        self.account, self.access, self.client = access.account, access, access.client
        self.venue = access.client.venue
        """The venue's name, for people."""

        self.orders = OrderClient(sender or access.client, orders)
        self.set_to: VenueSettings | None = None
        """What the market is set to, as it was read last."""

        # What is done about orders is handed on as it is: nothing of it is decided here.
        self.venue_time = access.client.server_clock.venue_time
        self.place, self.cancel = self.orders.place, self.orders.cancel

    @property
    def fence_s(self) -> float:
        """See `VenueAccess`."""
        return self.access.fence_s

    @property
    def position_mode(self) -> PositionMode:
        """The position mode as it was read last; one-way before that."""
        return PositionMode.ONE_WAY if self.set_to is None else self.set_to.position_mode

    def settings_client(self, instrument: Instrument) -> SettingsClient:
        """Return what reads and sets the settings of a market, in the venue's words."""
        raise NotImplementedError

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None
    ) -> VenueSettings:
        """Set what differs and read it all back; MarketRulesError for a leverage above the market's maximum."""
        check_leverage(instrument, leverage, self.venue)
        client = self.settings_client(instrument)
        self.set_to = await apply_settings(
            client, leverage=leverage, position_mode=position_mode, margin_mode=margin_mode
        )

        return self.set_to

    async def fetch_settings(self, instrument: Instrument) -> VenueSettings:
        """Ask what the market of the account is set to; nothing is changed."""
        self.set_to = await self.settings_client(instrument).fetch()

        return self.set_to

    def of_now(self, mark: MarkChanged) -> MarkChanged | None:
        """Return a mark price that was asked for; None when it is old by the venue's own clock."""
        return mark if self.client.server_clock.ms() - mark.venue_ms <= _NOW_MS else None
