"""What a venue plugin brings so that the core can serve that venue's sandbox."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import attrs

from perpmaker.clock import Clock
from perpmaker.model.instrument import Instrument
from perpmaker.sandbox.latency import AT_ONCE, Latency
from perpmaker.simulation.exchange import Exchange
from perpmaker.simulation.recording_reader import CaptureTranslator
from perpmaker.wire.server import App


@attrs.frozen(kw_only=True)
class TestKeys:
    """Keys that only a sandbox accepts. Made up, shown on purpose."""

    __test__ = False

    api_key: str
    api_secret: str


class VenueApp(App, Protocol):
    """The venue's wire protocol over a simulated exchange."""

    async def run(self) -> None:
        """Whatever the dialect does by itself (pushing depth, expiring keys), until cancelled."""


class Dialect(Protocol):
    """A venue's sandbox dialect."""

    @property
    def keys(self) -> TestKeys:
        """The keys that it accepts."""

    def symbol(self, market: str) -> str:
        """Return the venue's name of a market (`BTC-USDT` -> `BTCUSDT`)."""

    def app(self, exchange: Exchange, clock: Clock, options: dict[str, Any], latency: Latency = AT_ONCE) -> VenueApp:
        """Return the app that speaks the venue's protocol over an exchange. Commands and data are late by `latency`."""


@runtime_checkable
class ReadsCaptures(Protocol):
    """A dialect that knows the recorded streams of its venue."""

    def capture(self, instrument: Instrument) -> CaptureTranslator:
        """Begin the translation of a capture of that market."""


@runtime_checkable
class KnowsOwnIds(Protocol):
    """A dialect of a venue that has no room for ids of text: it tells by a client id whether an order is ours."""

    def is_own_id(self, client_id: str) -> bool:
        """Whether this program has sent the order, for whichever bot."""
