"""The way between bot and venue: how long everything takes, what is lost, what is refused, which feeds speak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import attrs

from perpmaker.model.command_event import AmendRefused, CancelRefused, Command, OrderRefused, OrderUnknown
from perpmaker.model.event import Channel, Event, FeedAlive, StreamLost, StreamRestored
from perpmaker.model.refusal import Refusal, RefusalReason
from perpmaker.testing.scenario_agenda import Agenda
from perpmaker.testing.scenario_venue import Venue

LATENCY_S = 0.005
"""How long a request, an answer and a word of the private stream take, unless a scenario says otherwise."""

TIMEOUT_S = 2.0
"""After so long without an answer a command's outcome is unknown."""

WINDOW_S = 2.0
"""The venue refuses what arrives later than this after it was sent."""

FENCE_S = 3.0
"""After so long a command that the venue does not know never arrives any more."""

_LATE = Refusal(reason=RefusalReason.TIMESTAMP, text="outside of the venue's window")


@attrs.frozen(kw_only=True)
class Trip:
    """How long the way there and back takes, in seconds."""

    requests_s: float = LATENCY_S
    answers_s: float = LATENCY_S


@attrs.define(kw_only=True)
class Fault:
    """What goes wrong with the commands that begin with `prefix`; `left` times more, None without end."""

    prefix: str
    left: int | None
    lost: Literal["before", "after"] | None = None
    refusal: Refusal | None = None


@attrs.define(kw_only=True)
class _Call:
    """A command under way: its answer counts until somebody has given up waiting for it. `number` is an amend's."""

    client_id: str
    command: Command
    sent_at: float
    run: int
    number: int = 0
    open: bool = True


class Wire:
    """Carries commands to the venue and its word back; `deliver` hands events to the bot."""

    def __init__(self, venue: Venue, agenda: Agenda, deliver: Callable[[Sequence[Event]], None]) -> None:
        self._venue = venue
        self._agenda = agenda
        self._deliver = deliver
        self._trips: list[tuple[str, Trip]] = []
        self._faults: list[Fault] = []
        self._quiet: set[Channel] = set()
        self._down: set[Channel] = set()
        self._run = 0
        self.stream_s = LATENCY_S

    # --- commands

    def command(
        self, text: str, client_id: str, command: Command, act: Callable[[], Event], *, number: int = 0
    ) -> None:
        """Send a command whose effect on the venue is `act`; `text` is what delays and faults are told by."""
        trip, fault = self._trip(text), self._fault(text)
        call = _Call(client_id=client_id, command=command, sent_at=self._agenda.now, run=self._run, number=number)
        self._agenda.after(TIMEOUT_S, lambda: self._give_up(call))

        if fault is not None and fault.refusal is not None:
            refused = _refused(call, fault.refusal)
            self._agenda.after(trip.requests_s + trip.answers_s, lambda: self._answer(call, refused))
        elif fault is None or fault.lost == "after":
            self._agenda.after(trip.requests_s, lambda: self._arrive(call, act, trip, answered=fault is None))

    def question(self, text: str, ask: Callable[[], Event]) -> None:
        """Ask the venue something that changes nothing; answered however long it takes."""
        trip = self._trip(text)

        run = self._run

        def arrive() -> None:
            answer = ask()
            self._agenda.after(trip.answers_s, lambda: self._hand_over([answer], run))

        self._agenda.after(trip.requests_s, arrive)

    def _arrive(self, call: _Call, act: Callable[[], Event], trip: Trip, *, answered: bool) -> None:
        late = self._agenda.now - call.sent_at > WINDOW_S
        answer = _refused(call, _LATE) if late else act()
        self.publish()

        if answered:
            self._agenda.after(trip.answers_s, lambda: self._answer(call, answer))

    def _answer(self, call: _Call, answer: Event) -> None:
        if call.open:
            call.open = False
            self._hand_over([answer], call.run)

    def _give_up(self, call: _Call) -> None:
        self._answer(
            call,
            OrderUnknown(
                client_id=call.client_id,
                command=call.command,
                detail="no answer in time",
                fence_at=call.sent_at + FENCE_S,
            ),
        )

    # --- what goes wrong

    def delay(self, prefix: str, trip: Trip) -> None:
        """From now on commands that begin with this text take so long; the last word on one counts."""
        self._trips.append((prefix, trip))

    def spoil(self, fault: Fault) -> None:
        """Something goes wrong with the next commands that begin with its text."""
        self._faults.append(fault)

    def heal(self) -> None:
        """Nothing goes wrong any more, and everything takes its usual time."""
        self._trips.clear()
        self._faults.clear()
        self.stream_s = LATENCY_S

    def _trip(self, text: str) -> Trip:
        return next((trip for prefix, trip in reversed(self._trips) if text.startswith(prefix)), Trip())

    def _fault(self, text: str) -> Fault | None:
        fault = next((fault for fault in self._faults if text.startswith(fault.prefix)), None)

        if fault is not None and fault.left is not None:
            fault.left -= 1

            if not fault.left:
                self._faults.remove(fault)

        return fault

    # --- feeds

    def publish(self) -> None:
        """Tell what happened on the venue: market data at once, private events after their time."""
        told = self._venue.take()
        market = [one.event for one in told if not one.private and self.is_alive(one.channel)]
        private = [one.event for one in told if one.private]

        if market:
            self._deliver(market)

        if private and self.is_alive(Channel.ACCOUNT):
            run = self._run
            self._agenda.after(self.stream_s, lambda: self._tell(private, run))

    def _tell(self, private: Sequence[Event], run: int) -> None:
        if self.is_alive(Channel.ACCOUNT):
            self._hand_over(private, run)

    def _hand_over(self, events: Sequence[Event], run: int) -> None:
        """Deliver what was meant for this run of the bot; an earlier one does not hear it any more."""
        if run == self._run:
            self._deliver(events)

    def tell_reference(self, events: Sequence[Event]) -> None:
        """Pass on what a price source says, while its feed speaks."""
        if self.is_alive(Channel.REFERENCE):
            self._deliver(events)

    def begin_run(self) -> None:
        """A new run of the bot connects: it hears the feeds that speak, and no answer to an earlier run."""
        self._run += 1
        channels = [channel for channel in Channel if self.is_alive(channel)]
        self._deliver([StreamRestored(channel=channel) for channel in channels])

        if self.is_alive(Channel.BOOK):
            self._deliver([self._venue.snapshot()])

        if self.is_alive(Channel.MARK):
            self._deliver(self._venue.mark_event())

    def is_alive(self, channel: Channel) -> bool:
        """Whether the channel speaks."""
        return channel not in self._quiet and channel not in self._down

    def prove_alive(self) -> None:
        """Each channel that speaks says so, with nothing new."""
        self._deliver([FeedAlive(channel=channel) for channel in Channel if self.is_alive(channel)])

    def silence(self, channel: Channel) -> None:
        """The channel says nothing any more, and nobody says why; what would have come is not told later."""
        self._deliver([FeedAlive(channel=channel)])
        self._quiet.add(channel)

    def disconnect(self, channel: Channel) -> None:
        """The channel's connection ends, and cannot be had again before it is restored."""
        self._down.add(channel)
        self._deliver([StreamLost(channel=channel, reason="the connection ended")])

    def restore(self, channel: Channel) -> None:
        """The channel is connected anew and speaks again: the book begins with a snapshot."""
        events: list[Event] = []

        if channel in self._quiet:
            events.append(StreamLost(channel=channel, reason="silent"))

        self._quiet.discard(channel)
        self._down.discard(channel)
        events.append(StreamRestored(channel=channel))
        self._deliver(events)

        if channel is Channel.BOOK:
            self._deliver([self._venue.snapshot()])

    def reconnect(self, channel: Channel) -> None:
        """The bot takes a silent channel for dead and connects anew; one whose venue is down stays down."""
        if channel not in self._down:
            self._quiet.add(channel)
            self._agenda.after(LATENCY_S, lambda: self.restore(channel))


def _refused(call: _Call, refusal: Refusal) -> Event:
    if call.command is Command.CANCEL:
        return CancelRefused(client_id=call.client_id, refusal=refusal)

    if call.command is Command.AMEND:
        return AmendRefused(client_id=call.client_id, refusal=refusal, number=call.number)

    return OrderRefused(client_id=call.client_id, refusal=refusal)
