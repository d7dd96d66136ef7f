"""What no document of dYdX says: the experiments of `perpmaker probe dydx_perpetual`."""

from __future__ import annotations

from functools import partial

import attrs

from perpmaker import NewOrder, OrderKind, OrderReport, OrderType, Side
from perpmaker.venue import (
    AmendOrder,
    Bench,
    Conclusion,
    Experiment,
    Finding,
    InconclusiveError,
    RefusalReason,
    Rejected,
)

from . import rest
from . import transactions as chain
from .client_ids import number_of
from .commands import Commands

REFUSED_REPLACEMENT = "refused_replacement"
STAYS, GOES = "stays", "goes"

_BLOCKS = 60
"""After so many blocks the chain has forgotten what an id has filled, if it forgets that."""

_FIRES_WITHIN_S = 60.0
_SEEN_S = 6.0
_SOON_S = 2.0
_OVER = frozenset({"FILLED", "CANCELED"})


def experiments(commands: Commands) -> tuple[Experiment, ...]:
    """Return those of the table at the end of docs/venues/dydx.md."""
    return (
        _fill_memory(commands),
        _refused_replacement(commands),
        _crossing_post_only(),
        _stop_without_position(commands),
        _failing_batch(commands),
    )


# --- what an id has filled --------------------------------------------------------------------------------------------


def _fill_memory(commands: Commands) -> Experiment:
    return Experiment(
        name="fill_memory",
        question=f"Does the chain forget what a short-term id has filled, {_BLOCKS} blocks later?",
        does=f"buys the smallest amount, waits {_BLOCKS} blocks, and sends the same order with the same id again",
        conclusions=(
            Conclusion("forgets", "a quote that was filled in part is not renewed past that memory, as now"),
            Conclusion("remembers", "nothing changes: not renewing it is the safe side"),
        ),
        carry_out=partial(_fill_twice, commands),
        within_s=180.0,
    )


async def _fill_twice(commands: Commands, bench: Bench) -> Finding:
    writer, instrument = commands.writer, bench.instrument
    order = await _taking(bench)
    await bench.place(order)
    held = await bench.until(bench.held_lots, lambda lots: lots > 0)
    own = writer.own.first(order.client_id)

    if own is None or held < order.lots:
        raise InconclusiveError(f"bought {instrument.amount(held)} of {instrument.amount(order.lots)}: try again")

    for _ in range(_BLOCKS):
        await writer.blocks.pass_height(writer.blocks.height, patience_s=30)

    _, ask = await bench.best()
    again = attrs.evolve(own, ends_at=writer.blocks.expected + writer.life, ticks=ask + _room(ask))
    answer = await commands.node.send(rest.PLACE, {"messages": (writer.place(instrument, again),)})
    now = await bench.until(bench.held_lots, lambda lots: lots > held)

    if now > held:
        return Finding("forgets", "the same id was filled a second time")

    refused = "" if answer.refusal is None else f": {answer.refusal.code} {answer.refusal.text}"

    return Finding("remembers", f"the same id was not filled again{refused}")


async def _taking(bench: Bench) -> NewOrder:
    """Return an order for the smallest amount that takes, at a price with some room."""
    _, ask = await bench.best()
    lots = await bench.least_lots()

    return bench.order(OrderKind.QUOTE, Side.BUY, lots, type=OrderType.IOC, ticks=ask + _room(ask))


def _room(ticks: int) -> int:
    return max(1, ticks // 200)


# --- post-only orders that would take ---------------------------------------------------------------------------------


def _refused_replacement(commands: Commands) -> Experiment:
    return Experiment(
        name=REFUSED_REPLACEMENT,
        question="Does a replacement that is refused as post-only take the old order off too?",
        does="rests a bid 5 % below the mark, replaces it by one that would take, and looks what is left",
        conclusions=(
            Conclusion(GOES, "the quote counts as ended"),
            Conclusion(STAYS, "the quote counts as resting, and is replaced or taken off again"),
        ),
        carry_out=partial(_replace, commands),
    )


async def _replace(commands: Commands, bench: Bench) -> Finding:
    instrument = bench.instrument
    bid = bench.order(
        OrderKind.QUOTE, Side.BUY, await bench.least_lots(), type=OrderType.POST_ONLY, ticks=await bench.ticks(-5)
    )
    await bench.place(bid)
    _, ask = await bench.best()
    wanted = AmendOrder(order=attrs.evolve(bid, ticks=ask + _room(ask)), venue_id=None, number=1)
    (outcome,) = await commands.amend(instrument, [wanted])

    if not isinstance(outcome, Rejected) or outcome.refusal.reason is not RefusalReason.POST_ONLY_WOULD_TAKE:
        raise InconclusiveError("the replacement was not refused as post-only: it is refused later, or was no crossing")

    if await bench.goes(bid, _SOON_S):  # nobody renews it: later it is gone by itself
        return Finding(GOES, "the old order was gone after the refusal")

    return Finding(STAYS, f"the old order still rested {_SOON_S:.0f} s after the refusal")


def _crossing_post_only() -> Experiment:
    return Experiment(
        name="crossing_post_only",
        question="Is a post-only order that would take refused at once, or taken and then cancelled?",
        does="sends a post-only bid above the best ask",
        conclusions=(
            Conclusion("refused", "the refusal is the answer"),
            Conclusion("cancelled", "the report that follows is the answer"),
        ),
        carry_out=_cross,
    )


async def _cross(bench: Bench) -> Finding:
    _, ask = await bench.best()
    lots, ticks = await bench.least_lots(), ask + _room(ask)
    outcome = await bench.send(bench.order(OrderKind.QUOTE, Side.BUY, lots, type=OrderType.POST_ONLY, ticks=ticks))

    if isinstance(outcome, Rejected):
        return Finding("refused", f"refused at once: {outcome.refusal.code} {outcome.refusal.text}")

    if await bench.until(bench.held_lots, bool, _SEEN_S):
        raise InconclusiveError("the post-only order was filled")

    return Finding("cancelled", "the node took it, and it neither rested nor was filled")


# --- a stop without a position ----------------------------------------------------------------------------------------


def _stop_without_position(commands: Commands) -> Experiment:
    return Experiment(
        name="stop_without_position",
        question="What becomes of a reduce-only conditional order that fires without a position?",
        does="rests a stop one tick below the oracle's price without a position, and waits until it fires",
        conclusions=(
            Conclusion("refused", "no stop is sent without a position: nothing changes"),
            Conclusion(STAYS, "it is cancelled by us, as now"),
            Conclusion(GOES, "the chain takes it off: our cancel finds nothing, which is no error"),
        ),
        carry_out=partial(_fire_idle, commands),
        within_s=180.0,
    )


async def _fire_idle(commands: Commands, bench: Bench) -> Finding:
    ticks = await bench.ticks(0) - 1
    lots = await bench.least_lots()
    stop = bench.order(OrderKind.VENUE_STOP, Side.SELL, lots, type=OrderType.VENUE_STOP, ticks=ticks)
    outcome = await bench.send(stop)

    if isinstance(outcome, Rejected):
        if outcome.refusal.reason is RefusalReason.WOULD_TRIGGER:
            raise InconclusiveError("the oracle's price had moved beyond the trigger: try again")

        return Finding("refused", f"{outcome.refusal.code} {outcome.refusal.text}")

    report = await bench.until(partial(bench.look, stop), _has_fired, _FIRES_WITHIN_S)

    if not _has_fired(report):
        raise InconclusiveError(f"the oracle's price did not come by in {_FIRES_WITHIN_S:.0f} s: try again")

    is_gone = await bench.until(partial(_is_gone, commands, stop), bool, _SEEN_S)

    return Finding(GOES, "it was gone after it had fired") if is_gone else Finding(STAYS, "it stayed, fired")


async def _is_gone(commands: Commands, stop: NewOrder) -> bool:
    """Whether the first order of a stop is over, by the Indexer: the second waits for its own trigger."""
    own = commands.writer.own.first(stop.client_id)
    row = None if own is None else await commands.questions.client.find(rest.at(rest.ORDER, id=own.venue_id))

    return row is None or row.status in _OVER


def _has_fired(report: OrderReport | None) -> bool:
    return report is not None and (report.triggered or (report.status is not None and report.status.is_final))


# --- cancels that all fail --------------------------------------------------------------------------------------------


def _failing_batch(commands: Commands) -> Experiment:
    return Experiment(
        name="failing_batch",
        question="Which code does a batch of cancels have when every cancel in it fails?",
        does="sends a batch that cancels two orders which are not there, and trades nothing",
        conclusions=(
            Conclusion("zero", "nothing is concluded from a batch's yes, as now"),
            Conclusion("told", "nothing changes: a batch's no is an answer too"),
        ),
        carry_out=partial(_cancel_nothing, commands),
    )


async def _cancel_nothing(commands: Commands, bench: Bench) -> Finding:
    writer = commands.writer
    units = writer.units[bench.instrument.symbol]
    numbers = tuple(number_of(bench.ids.next()) for _ in range(2))
    message = chain.BatchCancel(
        subaccount=chain.SubaccountId(writer.identity.owner, writer.identity.subaccount),
        batches=(chain.OrderBatch(clob_pair=units.clob_pair, client_ids=numbers),),
        good_til_block=writer.blocks.expected + writer.life,
    )
    answer = await commands.node.send(rest.TELL, {"messages": (message,)}, urgent=True)

    if answer.refusal is None:
        return Finding("zero", "code 0")

    return Finding("told", f"code {answer.refusal.code}: {answer.refusal.text}")
