"""What a connector may be able to do besides the contract: small protocols, each looked for by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import attrs

from perpmaker.connector.interface import AmendOrder, CancelOrder
from perpmaker.model.event import MarkChanged
from perpmaker.model.income import IncomeRecord
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder, OrderReport
from perpmaker.model.outcome import Outcome
from perpmaker.model.position import VenueSettings


@attrs.frozen
class VenueTime:
    """What the venue's clock shows, in milliseconds since the epoch, and by how much that may be wrong."""

    ms: int
    uncertainty_s: float


@runtime_checkable
class Timekeeping(Protocol):
    """A connector that measures its venue's clock, so that no time which lies ahead of it is believed."""

    def venue_time(self, at: float) -> VenueTime | None:
        """What the venue's clock shows at a moment of the engine's; None while it has not been measured."""


@runtime_checkable
class SettingsReading(Protocol):
    """A connector that can tell what a market is set to without setting anything."""

    async def fetch_settings(self, instrument: Instrument) -> VenueSettings:
        """What the market of the account is set to; nothing is changed."""


@runtime_checkable
class PriceReading(Protocol):
    """A connector that can be asked for the mark price, beside its stream."""

    async def fetch_mark(self, instrument: Instrument) -> MarkChanged | None:
        """The mark price and funding of now; None when the venue's answer is not of the last two seconds."""


@runtime_checkable
class Amending(Protocol):
    """A connector whose venue moves a resting order atomically: it is never off the book, nor there twice."""

    async def amend(self, instrument: Instrument, orders: Sequence[AmendOrder]) -> Sequence[Outcome]:
        """Move resting limit orders, in the venue's batches where it has them; one outcome for each, in order.

        Accepted once the venue says that it was done; `report` is the order afterwards, also where the amend has ended
        it. Rejected: the order stays as it was. UNCHANGED where it is already like this, NOT_FOUND where it is final,
        AMEND_PENDING where the venue has not finished another amend of it.
        """


@runtime_checkable
class VenueStops(Protocol):
    """A connector whose venue keeps stops: conditional orders that close the whole position when they are triggered.

    They live in a namespace of their own and are known by client id. `ticks` of an order is its trigger; its lots are
    only what the position was, unless the venue sizes stops. Outcomes are three-valued as those of all orders. The
    fills of the order that a triggered stop becomes carry the stop's client id.
    """

    @property
    def allows_two_stops(self) -> bool:
        """Whether a new stop may rest beside the old one of the same position, so that neither is ever missing."""

    @property
    def sizes_stops(self) -> bool:
        """Whether a stop closes just its lots: it is then sent again whenever the position has another amount.

        `whole` of every order is then False, and several stops of one position may rest beside each other.
        """

    @property
    def names_stops(self) -> bool:
        """Whether a stop bears our client id.

        Where it does not, reports and fills of stops are `of_position`, and everything that becomes of one is told by
        a report: the one that follows our call tells the venue's id. The venue keeps one such stop of a position, and
        a new one takes the place of the old one: `allows_two_stops` is True there.
        """

    async def place_stops(self, instrument: Instrument, orders: Sequence[NewOrder]) -> Sequence[Outcome]:
        """Send stops; one outcome for each, in order. WOULD_TRIGGER when the price is beyond the trigger already.

        STOP_EXISTS when one that closes the whole position rests in that direction, and the venue takes no second one.
        """

    async def cancel_stops(self, instrument: Instrument, orders: Sequence[CancelOrder]) -> Sequence[Outcome]:
        """Take stops off; one outcome for each, in order."""

    async def fetch_stop(
        self, instrument: Instrument, client_id: str, venue_id: str | None = None
    ) -> OrderReport | None:
        """What the venue knows of a stop; None when it says that it knows none of that id.

        `venue_id` is the venue's own id, None until it is known.
        """

    async def fetch_open_stops(self, instrument: Instrument) -> Sequence[OrderReport]:
        """All stops of the market that wait or work, ours and foreign."""


@runtime_checkable
class VenueTargets(Protocol):
    """A connector whose venue fires targets as it does stops, and caps them at the position then."""

    @property
    def keeps_targets(self) -> bool:
        """Whether what is done with stops may be done with targets (`OrderType.VENUE_TARGET`, with `limit`) too.

        Where a resting exit is not capped at its position, such a one is left at an end beside the stop.
        """


@runtime_checkable
class AttachedStops(Protocol):
    """A connector whose venue takes a stop with an order that opens a position: filled, it is the position's stop."""

    @property
    def attaches_stops(self) -> bool:
        """Whether quotes are to carry theirs (`NewOrder.attached_stop`): nothing takes them off when we are gone.

        Each fill, also in part, sets the position's stop anew, in place of the one that it had. The stop is no order
        of ours; the exits place their own after it, as after every change of a position.
        """


@runtime_checkable
class UnguardedStops(Protocol):
    """A connector whose venue takes no word against self-trades for stops that it keeps."""

    @property
    def stops_meet_quotes(self) -> bool:
        """Whether such a stop may trade with our own quotes, which then go before it fires."""


@runtime_checkable
class AccountRemarks(Protocol):
    """A connector that tells what a person has to know of the account, and cannot see in the configuration."""

    async def fetch_remarks(self, instrument: Instrument) -> Sequence[str]:
        """What the account is set to, for every bot and person that trades there; nothing is changed."""


@runtime_checkable
class FundingHistory(Protocol):
    """A connector whose venue keeps a history of what it has booked to the account, each row with an id."""

    async def fetch_income(self, instrument: Instrument, since_ms: int) -> Sequence[IncomeRecord]:
        """Everything booked for the market, and transfers, from a venue time on (inclusive), oldest first.

        In every asset. `symbol` of a transfer is empty: it belongs to no market.
        """


@runtime_checkable
class DeadManSwitch(Protocol):
    """A connector whose venue cancels the market's orders when it has not heard of us for a while."""

    @property
    def switch_takes(self) -> str:
        """What the switch cancels besides our quotes, for a person."""

    async def arm(self, instrument: Instrument, seconds: float) -> None:
        """Start the countdown, or start it anew; when it ends the venue cancels."""

    async def disarm(self, instrument: Instrument) -> None:
        """Stop the countdown."""


@runtime_checkable
class ExpiringQuotes(Protocol):
    """A connector whose venue ends quotes by itself: the connector renews them for as long as it lives."""

    @property
    def quotes_last(self) -> str:
        """How long a quote rests once nobody renews it, for a person: `about 6 s (10 blocks)`."""


@attrs.frozen(kw_only=True)
class KeyRights:
    """What an API key may do. `can_transfer`: money may leave for another account of the venue."""

    can_read: bool
    can_trade: bool
    can_withdraw: bool
    can_transfer: bool
    ip_restricted: bool


@runtime_checkable
class KeyPermissions(Protocol):
    """A connector whose venue tells what the key may do."""

    async def fetch_key_rights(self) -> KeyRights | None:
        """What the key may do; None where this environment does not tell."""
