"""What every venue's sandbox has: an exchange seen through a clock, a lag and chance, and sockets."""

from __future__ import annotations

from random import Random

import attrs

from perpmaker.clock import Clock
from perpmaker.sandbox.latency import DelayLine, Latency
from perpmaker.simulation.exchange import Exchange
from perpmaker.venue.sandbox.lagged_account import LaggedAccount
from perpmaker.venue.sandbox.options import VenueOptions
from perpmaker.venue.sandbox.sockets import SocketHub, SocketRules
from perpmaker.venue.sandbox.venue_clock import VenueClock


@attrs.frozen(kw_only=True)
class SandboxParts:
    """The parts of one sandbox.

    Args:
        exchange: the simulated exchange.
        options: how slow, late, strict or forgetful the venue is.
        clock: the venue's.
        account: what queries see of the exchange's first account.
        hub: the open sockets.
        feed: what market data go through on their way to the sockets.
        commands: what commands go through that a gateway has answered already.
        order_s: seconds that a command is under way.
        chance: what decides of everything that is random.
    """

    exchange: Exchange
    options: VenueOptions
    clock: VenueClock
    account: LaggedAccount
    hub: SocketHub
    feed: DelayLine
    commands: DelayLine
    order_s: float
    chance: Random


def make_parts(
    exchange: Exchange, clock: Clock, options: VenueOptions, latency: Latency, rules: SocketRules
) -> SandboxParts:
    """Make the parts of a sandbox over an exchange."""
    venue_clock = VenueClock(clock, options.server_time_offset_ms)
    feed = DelayLine(clock, latency.feed_ms)
    order_ms = latency.order_ms + options.late_match_ms

    return SandboxParts(
        exchange=exchange,
        options=options,
        clock=venue_clock,
        account=LaggedAccount(
            exchange, venue_clock.now_ms, lag_ms=options.read_lag_ms, hidden_for_ms=options.hidden_for_ms
        ),
        hub=SocketHub(clock, rules, feed),
        feed=feed,
        commands=DelayLine(clock, order_ms),
        order_s=order_ms / 1000,
        chance=Random(options.seed),  # noqa: S311  # chance that a seed repeats, not a secret
    )
