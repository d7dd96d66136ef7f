"""What would it do if: a bot on a scripted market, on a clock that moves only when it is told to.

The bot is the one that trades (configuration, strategy, exits, risk modules and trader as the launcher builds them);
the venue is the simulated exchange, with real matching, margin and reduce-only rules. Nothing waits and nothing is
random: the same scenario is the same run, to the millisecond::

    scenario = Scenario({"bid_spread": 0.1, "ask_spread": 0.1, "order_amount": 1})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    assert scenario.quotes() == ["buy 1 at 99.9", "sell 1 at 100.1"]

Prices and amounts are texts or numbers, times seconds since the scenario began. Commands, their answers and the words
of the private stream take 5 ms each; feeds are alive until a scenario says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from perpmaker.model.event import Channel, ReferenceChanged, StopRequested
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionMode, PositionSide, Side
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.plugins.declarations import Declaration
from perpmaker.simulation.market import DEFAULT_SHAPE, SyntheticMarket
from perpmaker.testing.scenario_crowd import Ladder
from perpmaker.testing.scenario_play import Play
from perpmaker.testing.scenario_venue import START_MS
from perpmaker.testing.scenario_wire import LATENCY_S, Fault, Trip

Number: TypeAlias = str | int | float | Decimal
Levels: TypeAlias = Mapping[Any, Number]
"""Other people's amount by price."""

_THICK = "1000"


class Scenario(Play):
    """A bot, its market, and the verbs to play with them; the looks are those of `Look`.

    `configuration` has the keys of the TOML file, structured by the same code (ConfigurationError names every fault);
    what a run must have and the scenario does not say is a calm market at leverage 1 with quotes of 1 at 0.1 %.
    `plugins` are declarations (a strategy, a risk module) beside those installed. `instrument` are the market's rules,
    by default a tick of 0.01, a lot of 0.001, no fees and no minima. Without `caps_resting_exits` the venue takes a
    target for what it is, a plain limit order, which may exceed the position and open another;
    with `sizes_stops` each stop there closes an amount, and not whatever the position is; with `keeps_targets` it fires
    targets too, which it caps; with `amends` it moves resting orders, and commands that begin with `amend` are among
    those that are sent.
    """

    def __init__(
        self,
        configuration: Mapping[str, Any] | None = None,
        *,
        plugins: Sequence[Declaration] = (),
        instrument: Instrument | None = None,
        caps_resting_exits: bool = True,
        sizes_stops: bool = False,
        keeps_targets: bool = False,
        amends: bool = False,
    ) -> None:
        self._mark_follows = True
        self._ladder: dict[Side, Ladder] = {Side.BUY: (), Side.SELL: ()}
        super().__init__(
            configuration,
            plugins=plugins,
            instrument=instrument,
            caps_resting_exits=caps_resting_exits,
            sizes_stops=sizes_stops,
            keeps_targets=keeps_targets,
            amends=amends,
        )

    # --- the market

    def book(
        self,
        bid: Number | None = None,
        ask: Number | None = None,
        *,
        bids: Levels | None = None,
        asks: Levels | None = None,
    ) -> None:
        """Show other people's book: a thick level at `bid` and `ask`, or the amounts by price of `bids` and `asks`.

        A side that is not named stays as it is, an empty mapping empties it. What runs into an order of the bot trades
        with it. The mark price follows the middle until `mark` sets it. ValueError where the sides would cross.
        """
        named = {
            Side.BUY: bids if bid is None else {bid: _THICK},
            Side.SELL: asks if ask is None else {ask: _THICK},
        }

        for side, levels in named.items():
            if levels is not None:
                self._ladder[side] = self._levels(side, levels)

        self._venue.crowd.show(self._ladder[Side.BUY], self._ladder[Side.SELL])

        if self._mark_follows and all(self._ladder.values()):
            (best_bid, _), (best_ask, _) = self._ladder[Side.BUY][0], self._ladder[Side.SELL][0]
            self._venue.crowd.set_mark(self.instrument.price(best_bid + best_ask) / 2)

        self._settle()

    def market(self, seed: int, *, shape: str = DEFAULT_SHAPE, price: Number = 100) -> None:
        """Everybody else is from now on the sandbox's synthetic market of this seed, which begins at this price.

        `shape` is one of `[sandbox] shape`; it moves with `advance`.
        """
        self._mark_follows = False
        start_ms = START_MS + round(self.now * 1000)
        market = SyntheticMarket(self.instrument, price=_decimal(price), seed=seed, start_ms=start_ms, shape=shape)
        self._venue.crowd.follow(market)
        self._settle()

    def mark(self, price: Number) -> None:
        """Jump the mark price; from now on it stays where it is put."""
        self._mark_follows = False
        self._venue.crowd.set_mark(_decimal(price))
        self._settle()

    def funding(self, rate: Number, *, due_in: float | None = None) -> None:
        """Announce this rate, in percent, for the next payment, and that it comes in so many seconds.

        It is paid then, and every interval of the market after it. ValueError before there is a mark price.
        """
        if not self._venue.exchange.mark:
            raise ValueError("there is no mark price yet: show a book first")

        next_ms = None if due_in is None else START_MS + round((self.now + due_in) * 1000)
        self._venue.crowd.set_funding(_decimal(rate) / 100, next_ms)
        self._settle()

    def trade(self, taker: Literal["buy", "sell"], amount: Number, *, limit: Number | None = None) -> None:
        """Somebody takes so much from the book, orders of the bot included, no worse than the limit."""
        ticks = None if limit is None else self._ticks(limit)
        self._venue.crowd.sweep(Side(taker), self._lots(amount), ticks)
        self._settle()

    def reference(
        self,
        *,
        bid: Number | None = None,
        ask: Number | None = None,
        last: Number | None = None,
        price: Number | None = None,
    ) -> None:
        """The external price source speaks."""
        said = [None if word is None else _decimal(word) for word in (bid, ask, last, price)]
        self._event_queue.append(ReferenceChanged(bid=said[0], ask=said[1], last=said[2], price=said[3], at=self.now))
        self._settle()

    # --- the bot's orders

    def fill(self, name: str, amount: Number | None = None) -> None:
        """Somebody takes an order of the bot, wholly or so much of it, and nothing else; the book stays as it is.

        ValueError when no order of this name rests, or another one of the bot stands before it.
        """
        order = self._resting(name)
        self._venue.crowd.fill(order, order.remaining_lots if amount is None else self._lots(amount))
        self._settle()

    def refuse(
        self,
        command: str,
        reason: str | RefusalReason = RefusalReason.OTHER,
        *,
        times: int | None = 1,
        code: str = "",
        text: str = "as the scenario says",
        retry_after: float = 0.0,
    ) -> None:
        """The venue refuses the next `times` commands (None: all) that begin with this text.

        The texts are those of `sent`: `place`, `place buy`, `cancel take profit`. `reason` is a `RefusalReason`, `code`
        and `text` are the venue's own; `retry_after`: it says for how many seconds it takes nothing.
        """
        refusal = Refusal(reason=RefusalReason(reason), code=code, text=text, retry_after_s=retry_after)
        self._wire.spoil(Fault(prefix=command, left=times, refusal=refusal))

    def lose(self, command: str, when: Literal["before", "after"], *, times: int | None = 1) -> None:
        """The next `times` commands that begin with this text get no answer: lost before or after the venue took it."""
        self._wire.spoil(Fault(prefix=command, left=times, lost=when))

    def delay(
        self,
        command: str = "",
        *,
        requests: float = LATENCY_S,
        answers: float = LATENCY_S,
        stream: float | None = None,
    ) -> None:
        """From now on requests that begin with this text, and their answers, take so many seconds.

        `stream`: so does every word of the private stream. An answer that takes more than 2 s has not come in time.
        """
        self._wire.delay(command, Trip(requests_s=requests, answers_s=answers))

        if stream is not None:
            self._wire.stream_s = stream

    def heal(self) -> None:
        """Nothing is refused, lost or delayed any more; feeds stay as they are."""
        self._wire.heal()

    # --- other hands on the account

    def by_hand(
        self,
        side: Literal["buy", "sell"],
        amount: Number,
        *,
        at: Number,
        position: Literal["net", "long", "short"] = "net",
        quiet: bool = False,
    ) -> None:
        """A person trades on the bot's account at this price, with nobody on the book, which stays as it is.

        `quiet`: the stream tells the position, not the fill. DeniedError when the venue refuses: nothing has changed.
        """
        self._venue.trade_by_hand(Side(side), self._lots(amount), self._ticks(at), PositionSide(position), quiet=quiet)
        self._settle()

    def cancel_by_hand(self, name: str) -> None:
        """A person cancels an order of the bot, or its stop on the venue."""
        self._venue.end(self._resting_or_stop(name), by_venue=False)
        self._settle()

    def expire(self, name: str) -> None:
        """The venue ends an order of the bot, or its stop there, for a reason that it names."""
        self._venue.end(self._resting_or_stop(name), by_venue=True)
        self._settle()

    def set_by_hand(
        self,
        *,
        leverage: int | None = None,
        margin_mode: Literal["cross", "isolated"] | None = None,
        position_mode: Literal["One-way", "Hedge"] | None = None,
    ) -> None:
        """A person changes what the account is set to; DeniedError where orders or a position forbid it."""
        found = self._venue.settings()
        wanted = VenueSettings(
            leverage=found.leverage if leverage is None else leverage,
            margin_mode=found.margin_mode if margin_mode is None else MarginMode(margin_mode),
            position_mode=found.position_mode if position_mode is None else PositionMode(position_mode),
        )
        self._venue.set_by_hand(wanted)
        self._settle()

    # --- feeds and people

    def silence(self, feed: str) -> None:
        """A feed says nothing any more: `book`, `trades`, `mark`, `account` or `reference`; nobody says why."""
        self._wire.silence(Channel(feed))
        self._settle()

    def disconnect(self, feed: str) -> None:
        """A feed's connection ends, which the bot is told; it stays away until `restore`."""
        self._wire.disconnect(Channel(feed))
        self._settle()

    def restore(self, feed: str) -> None:
        """A feed speaks again; what was missed is not told later."""
        self._wire.restore(Channel(feed))
        self._settle()

    def stop(self, *, close: bool = False) -> None:
        """A person wants the bot to end; `close`: flat first."""
        self._event_queue.append(StopRequested(close=close))
        self._settle()

    def stall(self, seconds: float) -> None:
        """A plugin keeps the processor for so long in the next decision: until then nothing is heard, and nothing sent.

        As in a run, quotes that were decided more than a second ago are not sent any more.
        """
        self._stall_s = seconds

    # --- numbers

    def _ticks(self, price: Number) -> int:
        return self.instrument.exact_ticks(_decimal(price))

    def _lots(self, amount: Number) -> int:
        return self.instrument.exact_lots(_decimal(amount))

    def _levels(self, side: Side, levels: Levels) -> Ladder:
        """The ladder of a side, from the best outward."""
        ladder = [(self._ticks(price), self._lots(amount)) for price, amount in levels.items()]

        return tuple(sorted(ladder, reverse=side is Side.BUY))


def _decimal(number: Number) -> Decimal:
    return Decimal(str(number))
