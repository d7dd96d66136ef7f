"""Experiments that several venues need: what becomes of a stop that rests on the venue beside other things.

A connector lists those that its venue's documents leave open (see `Probing`). Each begins with a position of the
smallest amount, and its stop rests far from the market unless it is meant to fire.
"""

from __future__ import annotations

from collections.abc import Container
from decimal import Decimal
from functools import partial
from typing import Final

from perpmaker.connector.abilities import DeadManSwitch
from perpmaker.connector.bench import Bench, refusal_words
from perpmaker.connector.probing import Conclusion, Experiment, Finding, InconclusiveError
from perpmaker.model.order import NewOrder, OrderKind, OrderReport, OrderType, Side
from perpmaker.model.outcome import Accepted, Rejected

SWITCH_TAKES_STOPS: Final = "switch_takes_stops"
STOP_BESIDE_TARGET: Final = "stop_beside_target"
STOP_WHEN_FLAT: Final = "stop_when_flat"
STOP_MEETS_OWN_QUOTE: Final = "stop_meets_own_quote"

YES: Final = "yes"
NO: Final = "no"

COUNTDOWN_S = 5.0
_FAR = Decimal(5)
"""Percent from the mark at which what must not execute rests."""

_ROUNDS = 20
_FIRES_WITHIN_S = 4.0
_SHOWN_S = 1.0


async def _stop(bench: Bench, lots: int, percent: Decimal) -> NewOrder:
    ticks = await bench.ticks(percent)

    return bench.order(OrderKind.VENUE_STOP, Side.SELL, lots, type=OrderType.VENUE_STOP, ticks=ticks)


async def _quote(bench: Bench, percent: Decimal) -> NewOrder:
    ticks, lots = await bench.ticks(percent), await bench.least_lots()

    return bench.order(OrderKind.QUOTE, Side.BUY, lots, type=OrderType.POST_ONLY, ticks=ticks)


# --- the dead-man switch ----------------------------------------------------------------------------------------------


async def _arm(bench: Bench) -> Finding:
    switch = bench.connector

    if not isinstance(switch, DeadManSwitch):
        raise InconclusiveError("there is no dead-man switch")

    lots = await bench.enter()
    stop, quote = await _stop(bench, lots, -_FAR), await _quote(bench, -_FAR)
    await bench.place(stop)
    await bench.place(quote)
    await switch.arm(bench.instrument, COUNTDOWN_S)

    if not await bench.goes(quote, COUNTDOWN_S + 15):
        raise InconclusiveError(f"the quote still rested 15 s after a countdown of {COUNTDOWN_S:.0f} s had ended")

    if await bench.goes(stop, 5):
        return Finding(YES, "the stop went with the quote when the countdown ended")

    return Finding(NO, "the quote went when the countdown ended, and the stop still rested 5 s later")


def switch_takes_stops() -> Experiment:
    """Whether the dead-man switch takes stops that rest on the venue."""
    return Experiment(
        name=SWITCH_TAKES_STOPS,
        question="Does the dead-man switch take stops that rest on the venue?",
        does=(
            f"buys the smallest amount at market, rests a stop and a bid {_FAR} % below the mark, lets a countdown of "
            f"{COUNTDOWN_S:.0f} s end, and looks what is left"
        ),
        conclusions=(
            Conclusion(NO, "the switch may be armed beside stops: they outlive it"),
            Conclusion(
                YES,
                "a live run with the switch is refused, for it would take the stops: set dead_man_switch_s = 0",
                refuses_live=True,
                only_with="dead_man_switch_s",
            ),
        ),
        carry_out=_arm,
    )


# --- a stop beside other orders ---------------------------------------------------------------------------------------


async def _beside_target(bench: Bench) -> Finding:
    lots = await bench.enter()
    ticks = await bench.ticks(_FAR)
    target = bench.order(OrderKind.TAKE_PROFIT, Side.SELL, lots, type=OrderType.LIMIT, ticks=ticks)
    await bench.place(target)
    stop = await _stop(bench, lots, -_FAR)
    outcome = await bench.send(stop)

    if isinstance(outcome, Rejected):
        return Finding(NO, f"the stop was refused beside a target of the whole position: {refusal_words(outcome)}")

    if not await bench.until(lambda: bench.rests(stop), bool):
        return Finding(NO, "the stop was taken, and the venue does not show it")

    if await bench.goes(target, 3):
        return Finding(NO, "the target went when the stop came")

    return Finding(YES, "both rested 3 s beside each other")


def stop_beside_target() -> Experiment:
    """Whether a stop may rest beside a target of the whole position."""
    return Experiment(
        name=STOP_BESIDE_TARGET,
        question="May a stop rest beside a reduce-only target of the whole position?",
        does=f"buys the smallest amount at market, rests a target {_FAR} % above the mark and a stop {_FAR} % below it",
        conclusions=(
            Conclusion(YES, "target and stop rest beside each other, as they do now"),
            Conclusion(NO, "live runs are refused: a position would be without one of its exits", refuses_live=True),
        ),
        carry_out=_beside_target,
    )


async def _when_flat(bench: Bench) -> Finding:
    stop = await _stop(bench, await bench.enter(), -_FAR)
    await bench.place(stop)
    await bench.leave()

    if await bench.goes(stop, 10):
        return Finding(YES, "the stop was gone within 10 s of the position")

    return Finding(NO, "the stop still rested 10 s after the position was closed")


def stop_when_flat() -> Experiment:
    """Whether the venue takes a stop off when its position is closed."""
    return Experiment(
        name=STOP_WHEN_FLAT,
        question="Does the venue take a stop off when its position is closed?",
        does=f"buys the smallest amount at market, rests a stop {_FAR} % below the mark, and closes the position",
        conclusions=(
            Conclusion(YES, "a stop that goes with its position is no event; what is left is cancelled all the same"),
            Conclusion(NO, "the bot cancels it, as it does now"),
        ),
        carry_out=_when_flat,
    )


# --- a stop that fires ------------------------------------------------------------------------------------------------


async def _best_bid(bench: Bench) -> NewOrder | None:
    """Rest a bid one tick below the best ask, twice the position; None where the market had moved by then."""
    _, ask = await bench.best()
    lots = 2 * await bench.least_lots()
    bid = bench.order(OrderKind.QUOTE, Side.BUY, lots, type=OrderType.POST_ONLY, ticks=ask - 1)

    return bid if isinstance(await bench.send(bid), Accepted) else None


async def _fires(bench: Bench, lots: int) -> bool:
    """Rest a stop a tick below the mark, and return whether the mark has come by in time."""
    ticks = await bench.ticks(Decimal(0)) - 1
    stop = bench.order(OrderKind.VENUE_STOP, Side.SELL, lots, type=OrderType.VENUE_STOP, ticks=ticks)

    if isinstance(await bench.send(stop), Rejected):
        return False

    await bench.until(partial(bench.look, stop), bool, _SHOWN_S)

    return _is_over(await bench.until(partial(bench.look, stop), _is_over, _FIRES_WITHIN_S))


def _is_over(report: OrderReport | None) -> bool:
    return report is not None and (report.triggered or (report.status is not None and report.status.is_final))


async def _own_quote(bench: Bench) -> Finding:
    for _ in range(_ROUNDS):
        lots = await bench.held_lots() or await bench.enter()
        before = {one.trade_id for one in await bench.fills()}
        bid = await _best_bid(bench)

        if bid is not None and await _fires(bench, lots):
            await bench.until(bench.held_lots, lambda held: not held, 3)
            finding = await _met(bench, bid, before)

            if finding is not None:
                return finding

            await bench.clean()

        await bench.cancel_all()

    raise InconclusiveError("the stop never met our bid first: try again, or in a livelier market")


async def _met(bench: Bench, bid: NewOrder, before: Container[str]) -> Finding | None:
    """What the stop that fired and our bid did to each other; None where the stop met others first."""
    fills = [one for one in await bench.fills() if one.trade_id not in before]
    price = bench.instrument.price(bid.ticks or 0)
    report = await bench.look(bid)

    if report is None:
        return None

    if report.filled_lots and any(one.side is Side.SELL and one.price == price for one in fills):
        return Finding(YES, "the stop that fired traded with our own bid")

    if report.status is not None and report.status.is_final and not report.filled_lots:  # nobody else has cancelled it
        return Finding(NO, "our bid was taken off when the stop fired, and did not trade with it")

    return None


def stop_meets_own_quote() -> Experiment:
    """Whether a stop that fires trades with our own resting quote."""
    return Experiment(
        name=STOP_MEETS_OWN_QUOTE,
        question="Does a stop that fires trade with our own resting quote?",
        does=(
            "buys the smallest amount at market, rests a bid of twice that one tick below the best ask and a stop one "
            f"tick below the mark; again, up to {_ROUNDS} times, where the stop meets others first"
        ),
        conclusions=(
            Conclusion(NO, "the venue's self-match rule holds for stops too"),
            Conclusion(YES, "a stop that fires may fill our own quotes: fees are paid twice, nothing else is lost"),
        ),
        carry_out=_own_quote,
        within_s=600.0,
    )
