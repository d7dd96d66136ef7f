"""What a connector and a price source offer the core, and what they are given.

A connector is opened by its declaration's `open(settings, context)`, an async context manager. It starts no tasks:
the supervisor runs one task per feed and one per dispatched command, and cancels them freely, so every method must
be safe to cancel. It knows no state of the core; it translates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum, unique
from typing import Protocol, TypeAlias, runtime_checkable

import attrs

from perpmaker.clock import Clock
from perpmaker.connector.shared import Shared
from perpmaker.connector.tape import Tape
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.client_id import ClientIds
from perpmaker.model.event import Channel, Event
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import Fill, NewOrder, OrderReport, PositionMode
from perpmaker.model.outcome import Outcome
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.secret import SignerSource
from perpmaker.wire.pipe import Connect


@unique
class Environment(Enum):
    """Where a run trades; the first word of every status line."""

    SANDBOX = "sandbox"
    PAPER = "paper"
    TESTNET = "testnet"
    LIVE = "live"


@attrs.frozen(kw_only=True)
class SandboxAccess:
    """How to reach a sandbox that is already serving: its base URL and its test keys (no secrets: made up).

    `instance` tells a sandbox that a run has started for itself from others that have served at its address.
    """

    url: str
    api_key: str
    api_secret: str
    instance: str = ""


@attrs.frozen(kw_only=True)
class ConnectorContext:
    """What the core hands a connector: time, the network, keys. Nothing else is reachable from it."""

    clock: Clock
    connect: Connect
    signers: SignerSource
    environment: Environment
    sandbox: SandboxAccess | None = None
    source_sandbox: SandboxAccess | None = None
    """A sandbox of the market that `price_source_derivative` and `price_source_market` name, beside the traded one."""

    findings: Mapping[str, str] = attrs.field(factory=dict)
    """What `perpmaker probe` has found out about the venue: by the name of the experiment, the word of its answer."""

    shared: Shared | None = None
    """What connectors of several markets of this process have in common; None where there is one market."""

    tape: Tape | None = None
    """Where public data goes as it comes, for a recording: then no key is used. None everywhere else."""


@attrs.frozen(kw_only=True)
class CancelOrder:
    """An order to be cancelled; `urgent` may use the part of the rate limit kept for cancels and exits."""

    client_id: str
    venue_id: str | None = None
    urgent: bool = True


@attrs.frozen(kw_only=True)
class AmendOrder:
    """An order to be moved: `order` is what it is to be, with its new price and its new total amount, fills included.

    `number` tells the amends of this order apart, where the venue carries one; 1 for the first.
    """

    order: NewOrder
    venue_id: str | None
    number: int

    @property
    def client_id(self) -> str:
        """Our own id of the order, which it keeps."""
        return self.order.client_id


BeginRun: TypeAlias = Callable[[str], bool]
"""Writes the name of a run down for good; JournalError when it cannot, and then no id of it may be used.

False where the journal knows the run already: another one has to be drawn, for ids of this one may have been used.
"""


class EventReceiver(Protocol):
    """An open stream of events."""

    async def receive(self) -> Sequence[Event]:
        """Wait for the next events (at least one), in order.

        Raises ConnectivityError when the stream ended or cannot be continued; the supervisor then reopens it.
        Cancelling it must not lose an event that a later call would have to return.
        """


class Feed(Protocol):
    """One stream that a connector offers for a market."""

    @property
    def channels(self) -> frozenset[Channel]:
        """The channels this feed keeps alive; none where it only carries commands, which then have another way too."""

    @property
    def stall_s(self) -> float | None:
        """Silence, in seconds, after which the feed is taken for dead; None where silence means nothing."""

    def open(self) -> AbstractAsyncContextManager[EventReceiver]:
        """Connect and subscribe; what arrives after that is received."""


class DerivativeConnector(Protocol):
    """A venue, for one account. Errors are those of `perpmaker.errors`; order outcomes are values, never errors."""

    @property
    def name(self) -> str:
        """The name it is declared under."""

    @property
    def account(self) -> str:
        """A short public name of the account (for the journal and the lock), free of secrets."""

    @property
    def fence_s(self) -> float:
        """Seconds after signing from which on a command that the venue does not know cannot arrive any more.

        The venue's own window plus the uncertainty of the clock plus the lag of its reads.
        """

    @property
    def caps_resting_exits(self) -> bool:
        """Whether the venue itself never lets a resting exit exceed its position.

        Where it does not, a target rests alone: never beside a quote of its side or an order of unknown outcome, and
        not at an end. A stop is then sent as IOC, reduce-only.
        """

    async def fetch_instrument(self, market: str) -> Instrument:
        """The market's rules, fees and tiers, read again every few minutes while it is traded.

        UnknownMarketError with the nearest names when there is none; MarketClosedError while it takes no orders.
        """

    async def prepare(
        self, instrument: Instrument, leverage: int, position_mode: PositionMode, margin_mode: MarginMode | None
    ) -> VenueSettings:
        """Set what differs (margin mode None: leave it) and read it all back; "already set" is success."""

    def feeds(self, instrument: Instrument) -> Sequence[Feed]:
        """The streams to run for a market: book, mark (and trades), account."""

    async def place(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Send new orders, in the venue's batches where it has them; one outcome for each, in order."""

    async def cancel(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take orders off; Accepted once the venue says the order is gone, one outcome for each, in order."""

    async def fetch_order(self, instrument: Instrument, client_id: str, venue_id: str | None) -> OrderReport | None:
        """What the venue knows of an order; None when it says that it knows none of that id."""

    async def fetch_open_orders(self, instrument: Instrument) -> Sequence[OrderReport]:
        """All open orders of the market, ours and foreign."""

    async def fetch_fills(self, instrument: Instrument, since_ms: int) -> Sequence[Fill]:
        """All fills of the market from a venue time on (inclusive), oldest first."""

    async def fetch_account(self, instrument: Instrument) -> AccountSnapshot:
        """One picture of the account: positions of the market, what is free for margin, assets; see the class.

        Its parts are read side by side or in one request, so that they belong to the same moment.
        """


@runtime_checkable
class IdScheme(Protocol):
    """A connector whose venue has no room for ids of text: it makes the ids of our orders, and knows them again."""

    async def open_client_ids(self, instrument: Instrument, bot: str, begin_run: BeginRun) -> ClientIds:
        """The ids of a new start of this bot, of a run that no open order of the venue bears.

        `bot` is six hexadecimal digits, the same for this account and market for ever. `begin_run` makes a run durable;
        it is called before the first id of each run is handed out, also of a later one, when a sequence is used up.
        """
