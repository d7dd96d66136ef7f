"""Several bots in a table, and the pages that show one part of a status: funding, and the reasons of each level."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from perpmaker.report.preflight_wording import money, percent
from perpmaker.report.status import LevelStatus, PositionStatus, Status
from perpmaker.report.status_page import WIDTH, fitted
from perpmaker.report.status_words import between, clock, day_and_clock, gain, held, priced, span

_DETAIL = 12
_NAME = 30


def table(statuses: Sequence[Status]) -> Iterator[str]:
    """Yield a line for each bot, and one below it where there is something to say of it."""
    name = max(len("BOT"), *(min(_NAME, len(one.name)) for one in statuses))
    yield f"{'':<8}{'BOT':<{name}}{'PID':>9}  {'MODE':<8}{'PNL':>10}  POSITION"

    for one in statuses:
        mode = one.mode.upper() if one.running else "killed" if one.ended is None else "ended"
        result = "-" if one.pnl is None else f"{one.pnl.result:+z.2f}"
        held = ", ".join(_amount(position) for position in one.positions) or ("flat" if one.tick else "-")
        pid = str(one.pid) if one.pid is not None and one.running else "-"
        line = f"{one.environment:<8}{fitted(one.name, name):<{name}}{pid:>9}  {mode:<8}{result:>10}  {held}"
        yield fitted(line, WIDTH)

        if (why := _remark(one)) is not None:
            yield fitted(f"{'':<8}{why}", WIDTH)


def _amount(position: PositionStatus) -> str:
    return f"{'' if position.side == 'net' else f'{position.side} '}{position.amount:+f}"


def _remark(status: Status) -> str | None:
    """What there is to say of a bot beside its line; None for one that quotes."""
    if status.ended is not None:
        return f"ended at {day_and_clock(status.ended.at)}, exit code {status.ended.exit_code}: {status.ended.left}"

    if not status.running:
        return f"its last word is of {day_and_clock(status.at)}"

    return status.mode_reason or (f"no quotes: {status.no_quotes}" if status.no_quotes else None)


def funding_page(status: Status) -> Iterator[str]:
    """Yield the rate, the next payment, and what both cost the position as it is."""
    funding, quote = status.funding, status.quote
    yield f"{status.environment} {status.venue} {status.market}  funding at {clock(status.at)}"

    if funding is None or funding.rate is None:
        yield "  the venue tells no funding rate" if funding else "  not known yet: the venue has not been heard"
        return

    payer = "longs pay shorts" if funding.rate > 0 else "shorts pay longs" if funding.rate < 0 else "nobody pays"
    yield _row("rate", f"{percent(funding.rate)} each {funding.interval_h} h: {payer}")

    if funding.next_payment is not None and funding.next_in_s is not None:
        yield _row("next payment", f"{day_and_clock(funding.next_payment)}, in {span(funding.next_in_s)}")

    position = ", ".join(held(status, one) for one in status.positions) or "flat"
    yield _row("position", f"{position}, mark {priced(status, status.mark)}")

    if funding.cost_next is not None and funding.cost_a_day is not None and funding.cost_next:
        words = "it pays" if funding.cost_next > 0 else "it receives"
        yield _row("next", f"{words} {money(abs(funding.cost_next))} {quote}")
        yield _row("a day", f"{words} {money(abs(funding.cost_a_day))} {quote}")
    else:
        yield _row("a day", f"0.00 {quote}: there is no position" if not status.positions else f"0.00 {quote}")

    target = money(funding.min_daily_profit_target)
    yield _row(
        "break-even", f"{money(funding.break_even_a_day)} {quote} of profit a day, a target of {target} for safety"
    )
    paid = ", ".join(f"{gain(amount)} {asset}" for asset, amount in funding.paid_by_asset.items())

    if paid:
        yield _row("this run", f"{paid} booked")


def why_page(status: Status, levels: Iterable[LevelStatus]) -> Iterator[str]:
    """Yield each level with its whole chain of reasons, the last of which decides."""
    mode = status.mode.upper() if status.running else "NOT RUNNING"
    reason = f": {status.mode_reason}" if status.mode_reason and status.running else ""
    yield from _wrapped(f"{status.name}  {mode}{reason}  at {day_and_clock(status.at)}", "  ")

    for level in levels:
        yield ""
        yield from _wrapped(f"{level.level}  {_state(status, level)}", "  ")

        for link in level.reasons:
            yield from _wrapped(f"  {link}", "    ")

        if not level.reasons:
            yield "  no reason is known"


def _state(status: Status, level: LevelStatus) -> str:
    """What a level is: withheld, or its order."""
    if level.price is None and level.amount is None:
        left = "" if level.until is None else f" for another {span(between(status.at, level.until))}"
        return f"{level.state}{left}"

    amount = "" if level.amount is None else f"{level.amount:f} "
    at = "at market" if level.price is None else f"at {priced(status, level.price)}"
    done = f", {level.filled:f} of it filled" if level.filled else ""
    queue = "" if level.ahead is None else f", at most {level.ahead:f} ahead in the queue"
    since = "" if level.since is None else f", since {clock(level.since)}"

    return f"{level.state}: {level.side} {amount}{at}{done}{queue}{since}"


def _row(name: str, text: str) -> str:
    return f"  {name:<{_DETAIL}}  {text}"


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
