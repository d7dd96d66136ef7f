"""A result in words: what a person looks for first, and what the result cannot say."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from perpmaker.backtest.result import BACKTEST, Assumptions, Result, Whose
from perpmaker.ledger.sums import ZERO
from perpmaker.page.figures import basis_points, exact, grouped, moment, plural, share, signed
from perpmaker.report.preflight_wording import percent
from perpmaker.report.status_words import span

SHOWN_ASSETS = 6


def labels(result: Result) -> Iterator[str]:
    """Yield what a person must know before they believe a figure."""
    whose = result.whose
    yield from _of_environment(whose)

    if whose.assumptions is not None:
        yield from _of_assumptions(whose.assumptions, result)

    if result.gaps:
        lost_s = sum(gap.until_ms - gap.from_ms for gap in result.gaps) / 1000
        yield f"{plural(len(result.gaps), 'gap')} in the data, {span(lost_s)} together: nothing is known of that time."

    yield from (f"{note[:1].upper()}{note[1:]}{'' if note.endswith('.') else '.'}" for note in result.notes)


def sentences(result: Result) -> Iterator[str]:
    """Yield the summary: the result, what it came from, its worst moment, fills and fees, quoting."""
    asset, pnl, money = result.whose.market.quote, result.pnl, result.money
    lasted = span(result.seconds)

    if pnl.total is None:
        yield f"Result: {signed(money.result)} {asset} booked in {lasted}; what is open is not known to be worth."
    else:
        yield f"Result: {signed(pnl.total)} {asset} in {lasted}{_of_equity(result)}."

    yield (
        f"It came from: spread {signed(pnl.spread)}, inventory {signed(pnl.inventory)}, fees {signed(pnl.fees)}, "
        f"funding {signed(pnl.funding)} {asset}{_open(result)}."
    )
    yield from _falls(result)
    yield _fills(result)

    if (others := _other_assets(result)) is not None:
        yield others

    yield from _quoting(result)


def _of_environment(whose: Whose) -> Iterator[str]:
    if whose.synthetic:
        yield (
            "Synthetic market: a generator made the prices. It shows how the bot works, and says nothing about profit."
        )
    elif whose.environment == "sandbox":
        yield "Sandbox: a simulated exchange over a recorded market. Nobody reacted to these orders."

    if whose.environment == "paper":
        yield "Paper: real market data, simulated fills. Whether these orders would have been filled is assumed."
    elif whose.environment == "testnet":
        yield "Testnet: its prices and participants are not those of the real market."
    elif whose.kind == BACKTEST:
        yield "Backtest: recorded data, simulated fills. Nobody reacted to these orders."


def _of_assumptions(taken: Assumptions, result: Result) -> Iterator[str]:
    yield f"Assumed: orders take {taken.order_latency}; market data {taken.feed_latency}; queue {taken.queue}."

    for trial in taken.trials:
        yield (
            f"At {trial.factor} times the latency: {signed(trial.total)} {result.whose.market.quote}, "
            f"{plural(trial.fills, 'fill')}."
        )
        total = result.pnl.total

        if total is not None and trial.total is not None and total > 0 >= trial.total:
            yield f"The profit does not survive {trial.factor} times the latency."

    if taken.not_shown:
        yield f"Not shown by any replay: {'; '.join(taken.not_shown)}."


def _of_equity(result: Result) -> str:
    equity, total = result.opening_equity, result.pnl.total

    if not equity or total is None:
        return ""

    return f", {'+' if total > 0 else ''}{percent(total / equity)} of {grouped(equity)}"


def _open(result: Result) -> str:
    pnl = result.pnl
    position = result.curve.columns.get("position", ())
    held = position[-1] if position else None

    if not held:
        return ""

    worth = "" if pnl.unrealized_pnl is None else f", {signed(pnl.unrealized_pnl)} of it not realised"

    return f"; it still holds {exact(held)} {result.whose.market.base}{worth}"


def _falls(result: Result) -> Iterator[str]:
    worst, fall, asset = result.worst, result.drawdown, result.whose.market.quote

    if worst is not None and worst.value < 0:
        yield f"Worst moment: {signed(worst.value)} {asset} at {moment(worst.at_ms)} UTC."

    if fall is not None:
        end = "not recovered" if fall.recovered_ms is None else f"recovered at {moment(fall.recovered_ms)}"
        yield (
            f"Largest fall: {grouped(fall.amount)} {asset}, from {moment(fall.from_ms)} to "
            f"{moment(fall.until_ms, with_day=fall.from_ms // 86_400_000 != fall.until_ms // 86_400_000)} UTC, {end}."
        )

    largest = result.largest_position

    if largest is not None:
        yield f"Largest position: {exact(largest.value)} {result.whose.market.base} at {moment(largest.at_ms)} UTC."


def _fills(result: Result) -> str:
    money, asset = result.money, result.whose.market.quote

    if not money.fills:
        return "No fills."

    own = [fill for fill in result.fills if fill.own]
    makers = f", {share(sum(fill.maker for fill in own), len(own))} of them as maker" if own else ""
    fees = f"fees {grouped(money.fees)} {asset} ({basis_points(money.fees, money.volume).lstrip('+')} bp)"

    return f"{plural(money.fills, 'fill')}{makers}: volume {grouped(money.volume)} {asset}, {fees}."


def _other_assets(result: Result) -> str | None:
    """What was paid in assets that the result is not in: it is never added to it."""
    asset = result.whose.market.quote
    others = [(name, -paid) for name, paid in result.money.fees_by_asset.items() if name != asset and paid]

    if not others:
        return None

    words = ", ".join(f"{signed_exact(amount)} {name}" for name, amount in others[:SHOWN_ASSETS])

    return f"Beside it, fees in other assets, which the result does not have: {words}."


def signed_exact(amount: Decimal) -> str:
    """Return an amount as it is, with its sign."""
    return f"+{exact(amount)}" if amount > ZERO else exact(amount)


def _quoting(result: Result) -> Iterator[str]:
    quoting = result.quoting
    whole = quoting.total_s

    if whole:
        yield (
            f"Quotes on both sides {share(quoting.both_s, whole)} of the time, on one "
            f"{share(quoting.bids_s + quoting.asks_s, whole)}, none {share(quoting.none_s, whole)}."
        )

    halted = [change for change in result.mode_changes if change.mode == "halt"]

    if halted:
        reason = f": {halted[-1].reason}" if halted[-1].reason else ""
        times = "once" if len(halted) == 1 else f"{len(halted)} times"
        yield f"HALT {times}, last at {moment(halted[-1].at_ms)} UTC{reason}."
