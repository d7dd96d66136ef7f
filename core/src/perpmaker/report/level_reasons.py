"""Every level of the ladder and every exit with its chain of reasons, whether it rests or is withheld."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import attrs

from perpmaker.decision.decision import Decision
from perpmaker.decision.exit_refusals import words_of
from perpmaker.decision.trader import Trader
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import PositionSide, Slot
from perpmaker.model.quote import Exit, Quote, Reason, Rule, Wanted
from perpmaker.model.working_order import WorkingOrder
from perpmaker.report.status import WITHHELD, LevelStatus, ReasonStatus
from perpmaker.state.view import Mode

_APART = "it would meet an order that closes the position, and this venue does not keep the two apart"
_NOT_FREE = "its place is not free yet: what became of the order before it is still to be told"


@attrs.frozen(kw_only=True)
class Moment:
    """What the levels are read from: the trader, its newest decision, and the mode; `iso` dates a time of its clock.

    `placed` are the quotes of this run that were sent last, by slot, with the reasons that they were sent for. `ahead`
    answers how much is before a resting quote at most.
    """

    trader: Trader
    decided: Decision
    placed: Mapping[Slot, Quote]
    mode: Mode
    mode_reason: str
    now: float
    iso: Callable[[float], str]
    ahead: Callable[[WorkingOrder], Decimal | None]

    @property
    def instrument(self) -> Instrument:
        """The market's rules."""
        return self.trader.state.instrument


def read_quotes(moment: Moment) -> tuple[LevelStatus, ...]:
    """Return the levels of the ladder, bids first, each from the market outward."""
    wanted = moment.decided.wanted or Wanted()
    working = _by_slot(order for order in moment.trader.working() if order.slot.kind.is_quote)
    slots = {*working, *(quote.slot for quote in wanted.quotes), *(one.slot for one in wanted.withheld)}
    ordered = sorted(slots, key=lambda slot: (-slot.side.sign, slot.level))

    return tuple(level for slot in ordered for level in _quotes_of(moment, slot, working.get(slot, ())))


def read_exits(moment: Moment) -> tuple[LevelStatus, ...]:
    """Return the exits that rest, that are to rest, and that are withheld."""
    exits = moment.decided.exits
    working = _by_slot(order for order in moment.trader.working() if order.slot.kind.is_exit)
    wants: Sequence[Exit] = () if exits is None else (*exits.exits, *exits.awaited)
    chains: dict[Slot, tuple[Reason, ...]] = {} if exits is None else {one.slot: one.reasons for one in exits.withheld}
    chains |= {want.slot: want.reasons for want in wants}

    return tuple(level for slot in {**working, **chains} for level in _exits_of(moment, slot, working, chains))


def level_name(slot: Slot) -> str:
    """Return what a level is called: `buy 0`, `target`, `stop on the venue (long)`."""
    if slot.kind.is_quote:
        return f"{slot.side.value} {slot.level}"

    return slot.kind.words + ("" if slot.position_side is PositionSide.NET else f" ({slot.position_side.value})")


def _by_slot(orders: Iterable[WorkingOrder]) -> dict[Slot, list[WorkingOrder]]:
    found: dict[Slot, list[WorkingOrder]] = {}

    for order in orders:
        found.setdefault(order.slot, []).append(order)

    return found


def _quotes_of(moment: Moment, slot: Slot, working: Sequence[WorkingOrder]) -> Iterator[LevelStatus]:
    """The orders of one level, or the level without any."""
    chain, until = _chain(moment, slot)

    if not working:
        why, later = _why_not(moment, slot, chain)
        yield _level(moment, slot, None, (*chain, *why), later if until is None else until)

    for order in working:
        yield _level(moment, slot, order, _sent_for(moment, order, chain), None)


def _sent_for(moment: Moment, order: WorkingOrder, chain: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """The reasons that an order rests for. A strategy does not know one of its own that a risk module has changed."""
    quote = moment.placed.get(order.slot)
    is_found = len(chain) == 1 and chain[0].rule is Rule.REFRESH

    if quote is None or not is_found or (quote.ticks, quote.lots) != (order.order.ticks, order.order.lots):
        return chain

    return quote.reasons


def _exits_of(
    moment: Moment,
    slot: Slot,
    working: Mapping[Slot, Sequence[WorkingOrder]],
    chains: Mapping[Slot, tuple[Reason, ...]],
) -> Iterator[LevelStatus]:
    for order in working.get(slot, ()) or (None,):
        yield _level(moment, slot, order, chains.get(slot, ()), None)


def _level(
    moment: Moment, slot: Slot, order: WorkingOrder | None, chain: Sequence[Reason], until: float | None
) -> LevelStatus:
    instrument = moment.instrument
    resting = None if order is None else order.resting
    ticks = None if resting is None else resting.ticks

    return LevelStatus(
        level=level_name(slot),
        side=slot.side.value,
        position_side=slot.position_side.value,
        state=WITHHELD if order is None else order.status.value,
        price=None if ticks is None else instrument.price(ticks),
        amount=None if resting is None else instrument.amount(resting.lots),
        filled=None if order is None else instrument.amount(order.filled_lots),
        ahead=None if order is None else moment.ahead(order),
        since=None if order is None else moment.iso(order.sent_at),
        until=None if until is None else moment.iso(until),
        reasons=tuple(_reason(one, instrument) for one in chain),
    )


def _reason(reason: Reason, instrument: Instrument) -> ReasonStatus:
    """A link as people and programs read it: a whole number is a price in ticks, but for a count of failures."""
    value = reason.value

    if type(value) is int and reason.rule is not Rule.VANISHED:
        value = instrument.price(value)

    return ReasonStatus(rule=reason.rule.value, text=reason.text, value=None if value is None else Decimal(value))


def _chain(moment: Moment, slot: Slot) -> tuple[tuple[Reason, ...], float | None]:
    """What the strategy and the risk modules said of a level, and until when that holds, if it is withheld."""
    decided = moment.decided
    wanted = decided.wanted or Wanted()

    for quote in (*decided.quotes, *wanted.quotes):  # as the risk modules have left it, before as it was wanted
        if quote.slot == slot:
            return quote.reasons, None

    withheld = next((one for one in wanted.withheld if one.slot == slot), None)

    return ((), None) if withheld is None else (withheld.reasons, withheld.until)


def _why_not(moment: Moment, slot: Slot, chain: Sequence[Reason]) -> tuple[tuple[Reason, ...], float | None]:
    """Why a level that the strategy may want has no order, and until when; nothing where its own chain says it."""
    decided, trader = moment.decided, moment.trader

    if moment.mode is not Mode.RUN:
        is_said = bool(chain) and chain[-1].rule is Rule.MODE
        return (() if is_said else (Reason(Rule.MODE, mode_words(moment.mode, moment.mode_reason)),)), None

    if chain and chain[-1].rule is Rule.VANISHED:  # the strategy knows that its order went, the venue said why
        return (Reason(Rule.VANISHED, f"the order before it {_end_words(trader, slot)}"),), None

    if decided.wanted is None or all(quote.slot != slot for quote in decided.wanted.quotes):
        return (), None

    until = trader.backoffs.until(slot, moment.now)
    refused = next((one for one in decided.refused if one.quote.slot == slot), None)

    if refused is not None:
        why, until = Reason(Rule.RISK, f"{refused.module}: {refused.reason}"), None
    elif {slot.position_side, PositionSide.NET} & trader.fired:
        why, until = Reason(Rule.STOPPED, "a stop loss has fired and the position is not flat yet"), None
    elif until is not None:
        why = Reason(Rule.VANISHED, f"the order before it {_end_words(trader, slot)}: it waits")
    elif trader.state.orders.is_blocked:
        why = Reason(Rule.MODE, "the outcome of an order is unknown: nothing new until it is proven")
    elif not any(quote.slot == slot for quote in decided.quotes):
        why = Reason(Rule.MODE, _APART)
    else:
        why = Reason(Rule.MODE, _NOT_FREE)

    return (why,), until


def mode_words(mode: Mode, reason: str) -> str:
    """Return a mode with its reason: `halt: the journal cannot be written`."""
    return f"{mode.value}: {reason}" if reason else str(mode.value)


def _end_words(trader: Trader, slot: Slot) -> str:
    """How the last order of a level ended, in words that follow `the order before it`."""
    ended = trader.state.orders.endings.by_slot.get(slot)

    if ended is None:
        return "was refused, as others were"

    if ended.refusal is not None:
        return f"was {words_of(ended.refusal)}"

    return f"ended ({ended.end.words}{f': {ended.detail}' if ended.detail else ''})"
