"""A replay in words and as JSON."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from perpmaker.decision.decision import Decision
from perpmaker.journal.words import WORDS
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import NewOrder
from perpmaker.model.quote import Reason
from perpmaker.replay.outcome import Decided, Difference, Outcome, ReplayedPart
from perpmaker.report.level_reasons import level_name

WIDTH = 80
_INDENT = " " * 10
_NOTHING = "nothing"


def page(outcome: Outcome) -> Iterator[str]:
    """Yield the lines of a replay: each run, and the first difference."""
    for part in outcome.runs:
        yield from _run_lines(part)

    if outcome.difference is not None:
        yield ""
        yield from _difference_lines(outcome.difference)


def as_json(outcome: Outcome, journal: str) -> dict[str, Any]:
    """Return the keys of `replay --json`."""
    return {
        "journal": journal,
        "runs": [
            {
                "run": part.run,
                "began": iso(part.began_ms),
                "market_data": part.market_data,
                "batches": part.batches,
                "decisions": part.decisions,
                "positions": part.positions,
                "apart": part.apart,
                "remark": part.remark,
                "versions": dict(part.versions),
                "notes": list(part.notes),
            }
            for part in outcome.runs
        ],
        "difference": None if outcome.difference is None else _difference_json(outcome.difference),
        "unread": [str(one) for one in outcome.unread],
    }


def iso(utc_ms: int) -> str:
    """Return a time as ISO 8601 in UTC, to the millisecond."""
    return f"{datetime.fromtimestamp(utc_ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{utc_ms % 1000:03d}Z"


def _run_lines(part: ReplayedPart) -> Iterator[str]:
    yield f"run       {part.run}, begun {iso(part.began_ms)}"

    if part.batches:
        yield from _wrapped("compared", _compared(part))

    for note in part.notes:
        yield from _wrapped("note", note)

    if part.remark:
        yield from _wrapped("but" if part.batches else "not", part.remark)


def _compared(part: ReplayedPart) -> str:
    if not part.market_data:
        return (
            f"the position, {_count(part.positions, 'time')} over {_count(part.batches, 'step')}. No decision: the "
            "journal has no market data of this run (journal_market_data = false), and each hangs on the book"
        )

    apart = f"; apart: {_count(part.apart, 'step')}, of an end without the trader" if part.apart else ""

    return f"{_count(part.decisions, 'decision')} of {_count(part.batches, 'batch', 'batches')}{apart}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{label:<9} "[: len(_INDENT)],
        subsequent_indent=_INDENT,
        break_on_hyphens=False,
        break_long_words=False,
    )


# --- a difference ----------------------------------------------------------------------------------------------------


def _difference_lines(found: Difference) -> Iterator[str]:
    where = f"run {found.run}, {iso(found.utc_ms)}, batch {found.batch:,}"
    yield from _wrapped("differs", where)

    if not found.own:
        yield from _wrapped("", "with the journal's own configuration it is decided as it was")

    yield from _wrapped("given", ", ".join(_given(found)) or "no event: only time has passed")

    for label, decided in (("then", found.then), ("now", found.now)):
        for number, line in enumerate(_decided_lines(decided, found.instrument)):
            yield from _wrapped(label if number == 0 else "", line)

    for label, decided in (("why then", found.then), ("why now", found.now)):
        for number, line in enumerate(_reasons(decided.decision, _slots_of(found))):
            yield from _wrapped(label if number == 0 else "", line)


def _given(found: Difference) -> Iterator[str]:
    """The events of the batch, those of one kind once."""
    for word, count in Counter(WORDS[type(event)] for event in found.events).items():
        yield word if count == 1 else f"{count} x {word}"


def _decided_lines(decided: Decided, instrument: Instrument) -> list[str]:
    if decided.content is None:
        return [_NOTHING, *_mode_lines(decided)]

    content = decided.content
    lines = [_action_words(word, action, instrument) for word, action in content.get("actions", ())]
    lines += [f"says: {notice}" for notice in content.get("notices", ())]
    lines += [f"position {side} {amount} {instrument.base}" for side, amount in content.get("positions", {}).items()]

    return [*(lines or [_NOTHING]), *_mode_lines(decided)]


def _mode_lines(decided: Decided) -> list[str]:
    if decided.content is not None:
        mode, reason = decided.content.get("mode", ("", ""))
    elif decided.decision is not None:
        mode, reason = decided.decision.mode.value, decided.decision.mode_reason
    else:
        return []

    return [f"mode {mode}{f': {reason}' if reason else ''}"] if mode else []


def _action_words(word: str, action: Mapping[str, Any], instrument: Instrument) -> str:
    if word in {"Place", "Amend"}:
        order = msgspec.convert(action["order"], NewOrder)
        at = "at market" if order.ticks is None else f"at {instrument.price(order.ticks):f}"

        return f"{word.lower()} {level_name(order.slot)}: {instrument.amount(order.lots):f} {instrument.base} {at}"

    told = action.get("client_id") or action.get("reason") or ""

    return f"{word.lower()} {told}".strip()


def _slots_of(found: Difference) -> frozenset[str]:
    """The names of the levels that are placed or moved, then or now."""
    contents = (one.content for one in (found.then, found.now) if one.content is not None)
    actions = (
        action for content in contents for word, action in content.get("actions", ()) if word in {"Place", "Amend"}
    )

    return frozenset(level_name(msgspec.convert(action["order"], NewOrder).slot) for action in actions)


def _reasons(decision: Decision | None, levels: frozenset[str]) -> Iterator[str]:
    """The chains of reasons of some levels, as far as a decision has them."""
    if decision is None or decision.wanted is None:
        return

    for quote in decision.wanted.quotes:
        if level_name(quote.slot) in levels:
            yield f"{level_name(quote.slot)}: {_chain(quote.reasons)}"

    for withheld in decision.wanted.withheld:
        if level_name(withheld.slot) in levels:
            yield f"{level_name(withheld.slot)} withheld: {_chain(withheld.reasons)}"

    for refused in decision.refused:
        yield f"{level_name(refused.quote.slot)} refused by {refused.module}: {refused.reason}"

    for want in () if decision.exits is None else decision.exits.exits:
        if level_name(want.slot) in levels:
            yield f"{level_name(want.slot)}: {_chain(want.reasons)}"


def _chain(reasons: Sequence[Reason]) -> str:
    return "; ".join(one.text if one.value is None else f"{one.text} ({one.value})" for one in reasons)


def _difference_json(found: Difference) -> dict[str, Any]:
    levels = _slots_of(found)

    return {
        "run": found.run,
        "time": iso(found.utc_ms),
        "batch": found.batch,
        "decision": found.step,
        "with_own_configuration": found.own,
        "given": [WORDS[type(event)] for event in found.events],
        "then": _decided_json(found.then, found.instrument, levels),
        "now": _decided_json(found.now, found.instrument, levels),
    }


def _decided_json(decided: Decided, instrument: Instrument, levels: frozenset[str]) -> dict[str, Any]:
    content = decided.content or {}

    return {
        "decided": decided.content is not None,
        "actions": [_action_words(word, action, instrument) for word, action in content.get("actions", ())],
        "notices": list(content.get("notices", ())),
        "positions": content.get("positions", {}),
        "mode": next(iter(_mode_lines(decided)), "").removeprefix("mode "),
        "reasons": list(_reasons(decided.decision, levels)),
    }
