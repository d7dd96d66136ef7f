"""What no document of Bybit says: the experiments of `perpmaker probe bybit_perpetual`."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from perpmaker import NewOrder, OrderKind, OrderReport, OrderType, Side
from perpmaker import venue as kit
from perpmaker_bybit_perpetual import rest
from perpmaker_bybit_perpetual.orders import order_parameters
from perpmaker_bybit_perpetual.stops import conditional_parameters

POST_ONLY_WITH_STOP = "post_only_with_stop"
YES, NO = "yes", "no"

_CONDITIONALS = 10  # that a market takes of an account
_SEEN_S = 5.0


def experiments(client: kit.RestClient, *, is_protected: bool) -> Sequence[kit.Experiment]:
    """Return those of the table at the end of docs/venues/bybit.md."""
    ours = (_post_only_with_stop(), _fill_stop_replaces(), _cut_first(), _crossing_amend(), _stops_count(client))
    shared = (kit.stop_meets_own_quote(), _self_match(client))

    return (*ours, *shared, kit.switch_takes_stops()) if is_protected else (*ours, *shared)


async def _bid(bench: kit.Bench, percent: int, stop_percent: int | None = None) -> NewOrder:
    """Return a post-only bid so many percent from the mark, with the stop that it carries."""
    lots, ticks = await bench.least_lots(), await bench.ticks(percent)
    order = bench.order(OrderKind.QUOTE, Side.BUY, lots, type=OrderType.POST_ONLY, ticks=ticks)

    return order if stop_percent is None else attrs.evolve(order, attached_stop=await bench.ticks(stop_percent))


# --- stops that orders carry ------------------------------------------------------------------------------------------


def _post_only_with_stop() -> kit.Experiment:
    return kit.Experiment(
        name=POST_ONLY_WITH_STOP,
        question="May a post-only order carry a stop?",
        does="rests a post-only bid 5 % below the mark that carries a stop 8 % below it",
        conclusions=(
            kit.Conclusion(YES, "quotes that open or add carry their stop"),
            kit.Conclusion(NO, "quotes carry none: what is filled while this program is gone is without a stop"),
        ),
        carry_out=_carry,
    )


async def _carry(bench: kit.Bench) -> kit.Finding:
    bid = await _bid(bench, -5, -8)
    outcome = await bench.send(bid)

    if isinstance(outcome, kit.Rejected):
        return kit.Finding(NO, f"refused: {outcome.refusal.code} {outcome.refusal.text}")

    if await bench.until(lambda: bench.rests(bid), bool, _SEEN_S):
        return kit.Finding(YES, "it rested, with its stop")

    report = await bench.look(bid)

    return kit.Finding(NO, "it was taken, and ended at once" if report else "it was taken, and is not shown")


def _fill_stop_replaces() -> kit.Experiment:
    return kit.Experiment(
        name="fill_stop_replaces",
        question="Does the stop of an order that is filled take the place of the one that the position has?",
        does="buys the smallest amount with a stop 5 % below the mark, and once more carrying one 3 % below it",
        conclusions=(
            kit.Conclusion(YES, "the position's stop is set again after each fill of a quote, as now"),
            kit.Conclusion(NO, "nothing changes: a stop that is at its level already is no fault"),
        ),
        carry_out=_fill_with_stop,
    )


async def _fill_with_stop(bench: kit.Bench) -> kit.Finding:
    lots = await bench.enter()
    far, near = await bench.ticks(-5), await bench.ticks(-3)
    await bench.place(bench.order(OrderKind.VENUE_STOP, Side.SELL, lots, type=OrderType.VENUE_STOP, ticks=far))
    buy = bench.order(OrderKind.QUOTE, Side.BUY, lots, type=OrderType.MARKET)
    await bench.place(attrs.evolve(buy, attached_stop=near))

    if await bench.until(bench.held_lots, lambda held: held > lots) <= lots:
        raise kit.InconclusiveError("the second order was not filled")

    triggers = await bench.until(lambda: _triggers(bench), lambda found: near in found, _SEEN_S)
    seen = ", ".join(str(bench.instrument.price(ticks)) for ticks in triggers) or "none"

    return kit.Finding(YES if near in triggers and far not in triggers else NO, f"stops at {seen} were left")


async def _triggers(bench: kit.Bench) -> Sequence[int]:
    reports = await bench.stops.fetch_open_stops(bench.instrument)

    return [report.ticks for report in reports if report.ticks is not None]


# --- reduce-only orders and amends ------------------------------------------------------------------------------------


def _cut_first() -> kit.Experiment:
    return kit.Experiment(
        name="cut_first",
        question="Which of two reduce-only orders is cut when the position becomes smaller?",
        does="buys twice the smallest amount, rests two targets of half of it each, and sells half at market",
        conclusions=(
            kit.Conclusion("older", "whichever is gone is placed again for what is left"),
            kit.Conclusion("newer", "whichever is gone is placed again for what is left"),
            kit.Conclusion("none", "what is too large is cancelled by the bot"),
        ),
        carry_out=_shrink,
    )


async def _shrink(bench: kit.Bench) -> kit.Finding:
    lots = await bench.least_lots()
    await bench.place(bench.order(OrderKind.QUOTE, Side.BUY, 2 * lots, type=OrderType.MARKET))
    await bench.until(bench.held_lots, lambda held: held == 2 * lots)
    targets = [await _target(bench, lots, percent) for percent in (5, 6)]
    # Not reduce-only itself: the two targets leave no room for a third such order.
    await bench.place(bench.order(OrderKind.QUOTE, Side.SELL, lots, type=OrderType.MARKET))
    await bench.until(bench.held_lots, lambda held: held == lots)
    older, newer = [await bench.goes(target, _SEEN_S) for target in targets]

    if older is newer:
        return kit.Finding("none", "both rested on" if not older else "both were gone")

    return kit.Finding("older" if older else "newer", f"the {'older' if older else 'newer'} one was gone")


async def _target(bench: kit.Bench, lots: int, percent: int) -> NewOrder:
    ticks = await bench.ticks(percent)
    target = bench.order(OrderKind.TAKE_PROFIT, Side.SELL, lots, type=OrderType.LIMIT, ticks=ticks)
    await bench.place(target)

    return target


def _crossing_amend() -> kit.Experiment:
    return kit.Experiment(
        name="crossing_amend",
        question="What becomes of a post-only order that is amended to where it would take?",
        does="rests a bid 5 % below the mark and amends it to 1 % above the best ask",
        conclusions=(
            kit.Conclusion("cancels", "the order ends, and the level is placed again"),
            kit.Conclusion("refuses", "the order rests as it was, and is amended again"),
        ),
        carry_out=_amend,
    )


async def _amend(bench: kit.Bench) -> kit.Finding:
    if not isinstance(bench.connector, kit.Amending):
        raise kit.InconclusiveError("the connector amends no orders")

    bid = await _bid(bench, -5)
    before = await bench.place(bid)
    _, ask = await bench.best()
    wanted = attrs.evolve(bid, ticks=ask + ask // 100)
    await bench.connector.amend(bench.instrument, [kit.AmendOrder(order=wanted, venue_id=before.venue_id, number=1)])

    if await bench.goes(bid, _SEEN_S):
        return kit.Finding("cancels", "the order was gone after the amend")

    after = await bench.look(bid)

    if after is None or after.ticks != before.ticks:
        raise kit.InconclusiveError(f"the order rests at {_price(bench, after)} after the amend")

    return kit.Finding("refuses", "the order rested where it was")


def _price(bench: kit.Bench, report: OrderReport | None) -> str:
    return "no price" if report is None or report.ticks is None else str(bench.instrument.price(report.ticks))


# --- limits -----------------------------------------------------------------------------------------------------------


def _stops_count(client: kit.RestClient) -> kit.Experiment:
    async def carry_out(bench: kit.Bench) -> kit.Finding:
        lots = await bench.enter()
        ticks = await bench.ticks(-5)
        await bench.place(bench.order(OrderKind.VENUE_STOP, Side.SELL, lots, type=OrderType.VENUE_STOP, ticks=ticks))

        for number in range(1, _CONDITIONALS + 1):
            ticks = await bench.ticks(-20 - number)
            stop = bench.order(OrderKind.VENUE_STOP, Side.SELL, lots, type=OrderType.VENUE_STOP, ticks=ticks)
            answer = await client.send(rest.PLACE_CONDITIONAL, conditional_parameters(bench.instrument, stop))

            if answer.refusal is not None and number == _CONDITIONALS:
                return kit.Finding(YES, f"beside it the tenth was refused: {answer.refusal.text}")

            if answer.refusal is not None:
                raise kit.InconclusiveError(f"conditional order {number} was refused: {answer.refusal.text}")

        return kit.Finding(NO, "ten of them were taken beside it")

    return kit.Experiment(
        name="stops_count",
        question="Does the position's own stop count among the ten conditional orders of a market?",
        does="buys the smallest amount, sets the position's stop, and rests ten conditional orders far below it",
        conclusions=(
            kit.Conclusion(NO, "the bot's stop has room, whatever others have there"),
            kit.Conclusion(YES, "leave room: ten conditional orders of others keep the bot's stop from its place"),
        ),
        carry_out=carry_out,
    )


# --- orders of one account that meet ----------------------------------------------------------------------------------

_MATCHES = {
    (False, False): ("trades", "they traded with each other"),
    (True, False): ("maker", "the one that rested was cancelled"),
    (False, True): ("taker", "the one that came was cancelled"),
    (True, True): ("both", "both were cancelled"),
}
_TRIES = 10
_SHOWN_S = 1.0


def _self_match(client: kit.RestClient) -> kit.Experiment:
    """The account's setting is a number whose meaning is nowhere told."""

    async def carry_out(bench: kit.Bench) -> kit.Finding:
        setting = (await client.read(rest.USER_SETTINGS)).smpType

        for _ in range(_TRIES):
            if (ended := await _meet(client, bench)) is not None:
                answer, words = _MATCHES[ended]

                return kit.Finding(answer, f"smpType {setting}: {words}")

            await bench.clean()

        raise kit.InconclusiveError("our two orders never met: others came first. Try again, or in a quieter market")

    rule = "orders of this bot say CancelMaker themselves: nothing changes. Those of a person, which say nothing, {}"

    return kit.Experiment(
        name="self_match",
        question="What does the account's self-match setting (smpType) do with two orders that meet and say nothing?",
        does="rests a bid of the smallest amount one tick below the best ask, and sells as much at its price",
        conclusions=(
            kit.Conclusion("trades", rule.format("trade with its quotes")),
            kit.Conclusion("maker", rule.format("take its quotes off, which are placed again")),
            kit.Conclusion("taker", rule.format("give way to its quotes")),
            kit.Conclusion("both", rule.format("take its quotes off, and go with them")),
        ),
        carry_out=carry_out,
    )


async def _meet(client: kit.RestClient, bench: kit.Bench) -> tuple[bool, bool] | None:
    """Let two orders of ours meet; whether each was cancelled, the resting one first. None where others came first."""
    _, ask = await bench.best()
    lots = await bench.least_lots()
    bid = bench.order(OrderKind.QUOTE, Side.BUY, lots, type=OrderType.POST_ONLY, ticks=ask - 1)

    is_refused = isinstance(await bench.send(bid), kit.Rejected)

    if is_refused or not await bench.until(lambda: bench.rests(bid), bool, _SEEN_S):
        return None

    sell = bench.order(OrderKind.QUOTE, Side.SELL, lots, type=OrderType.LIMIT, ticks=ask - 1)
    wanted = {**rest.LINEAR, **order_parameters(bench.instrument, sell)}
    await client.send(rest.PLACE, {name: value for name, value in wanted.items() if name != "smpType"})
    await bench.until(lambda: _ends(bench, bid, sell), any, _SEEN_S)
    ends = await bench.until(lambda: _ends(bench, bid, sell), all, _SHOWN_S)
    reports = [report for one in (bid, sell) if (report := await bench.look(one)) is not None]
    filled = [report.filled_lots for report in reports]

    if filled == [lots, lots]:
        return (False, False) if await _is_one_trade(bench, bid, sell) else None

    return ends if any(ends) and not any(filled) else None


async def _is_one_trade(bench: kit.Bench, *orders: NewOrder) -> bool:
    """Whether both were filled at one price in one moment; else others have taken the one, and the other met others."""
    fills = await bench.fills()
    first, second = [{(one.price, one.venue_ms) for one in fills if one.client_id == each.client_id} for each in orders]

    return bool(first) and first == second


async def _ends(bench: kit.Bench, *orders: NewOrder) -> tuple[bool, bool]:
    reports = [await bench.look(order) for order in orders]
    first, second = [report is not None and report.status is not None and report.status.is_final for report in reports]

    return first, second
