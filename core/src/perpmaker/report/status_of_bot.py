"""From a running bot to its status: read, and nothing changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

import attrs

from perpmaker.exits.settings import ExitSettings
from perpmaker.ledger.assets import without_idle
from perpmaker.model.account import AccountFacts
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderKind, PositionSide
from perpmaker.model.position import Position
from perpmaker.model.working_order import WorkingOrder
from perpmaker.report.funding_cost import funding_status
from perpmaker.report.level_reasons import Moment, mode_words, read_exits, read_quotes
from perpmaker.report.live import reference_of
from perpmaker.report.money import money_of
from perpmaker.report.position_status import position_status, share
from perpmaker.report.queue_ahead import QueueWatch
from perpmaker.report.status import (
    WITHHELD,
    Counters,
    MarginStatus,
    NoticeStatus,
    PnlStatus,
    PositionStatus,
    Status,
    iso,
)
from perpmaker.report.summary import unrealized
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.state.state import State
from perpmaker.state.view import Mode


@attrs.frozen(kw_only=True)
class BotFacts:
    """What is known of a bot before it has spoken to its venue: its name, its file, where and how it trades."""

    name: str
    file: Path
    environment: str
    venue: str
    market: str
    pid: int
    began_ms: int
    exits: ExitSettings


def starting_status(facts: BotFacts, now_ms: int, notices: Sequence[NoticeStatus]) -> Status:
    """Return the status of a bot that has not begun to trade: the last line it has told is why."""
    return Status(
        name=facts.name,
        environment=facts.environment,
        venue=facts.venue,
        market=facts.market,
        account=None,
        file=str(facts.file),
        pid=facts.pid,
        run_id=None,
        running=True,
        since=iso(facts.began_ms),
        at=iso(now_ms),
        mode="start",
        mode_reason=notices[-1].text if notices else "",
        notices=tuple(notices),
    )


def status_of(bot: Supervisor, facts: BotFacts, queue: QueueWatch, notices: Sequence[NoticeStatus]) -> Status:
    """Return how a bot stands now."""
    state, instrument, now_ms = bot.trader.state, bot.instrument, bot.clock.utc_ms()
    queue.look(state)
    moment = _moment(bot, queue, now_ms)
    levels, market, snapshot = read_quotes(moment), state.market, state.funds.snapshot
    positions = tuple(state.account.positions.values())
    quotes = tuple(level for level in levels if level.state != WITHHELD)

    return attrs.evolve(
        starting_status(facts, now_ms, notices),
        account=bot.connector.account,
        run_id=bot.known.client_ids.run,
        mode=bot.mode.value,
        mode_reason=bot.mode_reason,
        base=instrument.base,
        quote=instrument.quote,
        tick=instrument.tick.normalize(),
        reference=reference_of(state),
        mark=market.mark,
        best_bid=_price(instrument, state.book.best_bid),
        best_ask=_price(instrument, state.book.best_ask),
        basis=_basis(state),
        positions=tuple(_position(bot, facts, one) for one in positions if one.amount),
        margin=None if snapshot is None else margin_of(state.funds.facts, snapshot.available, moment.now),
        quotes=quotes,
        withheld=tuple(level for level in levels if level.state == WITHHELD),
        exits=read_exits(moment),
        no_quotes=None if quotes else _no_quotes(bot),
        pnl=_pnl(bot, positions),
        funding=funding_status(
            positions,
            mark=market.mark,
            rate=market.funding_rate,
            interval_h=instrument.funding_interval_h,
            next_ms=market.next_funding_ms,
            now_ms=now_ms,
            paid=without_idle(bot.ledger.funding.by_asset, keep=(instrument.quote,)),
        ),
        counters=_counters(bot),
    )


def margin_of(facts: AccountFacts, available: Decimal, now: float) -> MarginStatus:
    """Return what the venue said of the margin of an account; `now` is on the clock of its `asked_at`."""
    return MarginStatus(
        available=available,
        equity=facts.equity,
        initial_margin=facts.initial_margin,
        maintenance_margin=facts.maintenance_margin,
        free_share=share(facts.free_margin),
        maintenance_ratio=share(facts.margin_ratio),
        age_s=round(max(0.0, now - facts.asked_at), 1),
    )


def _moment(bot: Supervisor, queue: QueueWatch, now_ms: int) -> Moment:
    now = bot.clock.now()

    return Moment(
        trader=bot.trader,
        decided=bot.decided,
        placed=bot.placed,
        mode=bot.mode,
        mode_reason=bot.mode_reason,
        now=now,
        iso=lambda at: iso(now_ms + (at - now) * 1000),
        ahead=lambda order: queue.ahead(order, bot.trader.state),
    )


def _basis(state: State) -> Decimal | None:
    """How far the traded market is above what an external source says."""
    reference, bid, ask = reference_of(state), state.book.best_bid, state.book.best_ask

    if not state.external_reference or not reference or bid is None or ask is None:
        return None

    return share((state.instrument.price(bid + ask) / 2 - reference) / reference)


def _price(instrument: Instrument, ticks: int | None) -> Decimal | None:
    return None if ticks is None else instrument.price(ticks)


def _position(bot: Supervisor, facts: BotFacts, position: Position) -> PositionStatus:
    """One open position, with what rests to close it."""
    instrument, working = bot.instrument, bot.trader.working()

    return position_status(
        position,
        instrument=instrument,
        mark=bot.trader.state.market.mark,
        exits=facts.exits,
        target=_resting(instrument, working, OrderKind.TAKE_PROFIT, position.side),
        venue_stop=_resting(instrument, working, OrderKind.VENUE_STOP, position.side),
        fired=position.side in bot.trader.fired,
    )


def _resting(
    instrument: Instrument, orders: Iterable[WorkingOrder], kind: OrderKind, side: PositionSide
) -> Decimal | None:
    """The price of the exit of a kind that rests for a position."""
    mine = (order for order in orders if order.slot.kind is kind and order.slot.position_side is side)

    return next((_price(instrument, order.resting.ticks) for order in mine), None)


def _no_quotes(bot: Supervisor) -> str | None:
    """Why no quote rests."""
    if bot.mode is not Mode.RUN:
        return mode_words(bot.mode, bot.mode_reason)

    unquoted = bot.trader.unquoted.now

    return None if unquoted is None else unquoted.reason


def _pnl(bot: Supervisor, positions: Iterable[Position]) -> PnlStatus:
    state, quote = bot.trader.state, bot.instrument.quote
    money = money_of(state.account.totals, bot.before, bot.ledger)
    open_profit = unrealized(positions, state.market.mark)
    result = money.result(quote, open_profit)
    split, before = bot.ledger.statement.total(), bot.before_split
    spread = split.spread - before.spread

    return PnlStatus(
        asset=quote,
        realized_pnl=money.realized_pnl,
        unrealized_pnl=open_profit,
        spread=spread,
        inventory=money.realized_pnl + open_profit - spread,
        unsplit_fills=split.unsplit - before.unsplit,
        fees_by_asset=without_idle(money.fees, keep=(quote,)),
        funding_by_asset=without_idle(money.funding, keep=(quote,)),
        result=result[quote],
        result_by_asset=result,
    )


def _counters(bot: Supervisor) -> Counters:
    count, totals, before = bot.count, bot.trader.state.account.totals, bot.before

    return Counters(
        quotes_placed=count.placed[OrderKind.QUOTE],
        cancels=count.cancels,
        amends=count.amends,
        fills=totals.fills - before.fills,
        volume=totals.volume - before.volume,
        take_profits_placed=count.placed[OrderKind.TAKE_PROFIT],
        stops_placed=count.placed[OrderKind.STOP_LOSS],
        venue_stops_placed=count.placed[OrderKind.VENUE_STOP],
    )
