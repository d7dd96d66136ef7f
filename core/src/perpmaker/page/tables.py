"""The tables of a report: the same figures as the charts, for who reads instead of looks, and what no chart has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from perpmaker.backtest.result import Result
from perpmaker.ledger.markouts import HORIZONS_S
from perpmaker.ledger.sums import ZERO
from perpmaker.model.order import OrderKind
from perpmaker.page.figures import MISSING, basis_points, exact, grouped, moment, share, signed, tone
from perpmaker.page.html import Html, joined, tag
from perpmaker.page.series import thinned, with_drawdown
from perpmaker.report.history import MarkoutHistory
from perpmaker.report.status_words import span

ROWS_OF_CURVE: Final = 24
"""Times at which a table of the curve shows it."""

_WHAT: Final = {kind.value: kind.words for kind in OrderKind}
_BAR: Final = 90


def what_words(what: str) -> str:
    """Return what an order was for, as people call it."""
    return _WHAT.get(what, what) or "unknown"


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, words: Sequence[int] = (), empty: str = ""
) -> Html:
    """Return a table in a frame of its own; `words` are the columns of text. `empty` is said where it has no rows."""
    body = [
        tag(
            "tr",
            *(
                tag("th", cell, scope="row") if number == 0 else tag("td", cell, class_=_class(number, words))
                for number, cell in enumerate(row)
            ),
        )
        for row in rows
    ]

    if not body:
        return tag("p", f"{caption}: {empty or 'nothing'}.", class_="soft")

    heads = (tag("th", name, scope="col", class_=_class(number, words)) for number, name in enumerate(head))

    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption),
            tag("thead", tag("tr", *heads)),
            tag("tbody", *body),
        ),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def _class(number: int, words: Sequence[int]) -> str | None:
    return "words" if number in words else None


def toned(amount: Decimal | None, text: str | None = None) -> Html:
    """Return money in the colour of what it means; its sign says the same."""
    return tag("span", signed(amount) if text is None else text, class_=tone(amount))


def bar(part: float, whole: float, color: str = "var(--accent)") -> Html:
    """Return a bar that is as long as the share; it says nothing that the figure beside it does not."""
    width = 0 if whole <= 0 else max(0.0, min(1.0, part / whole)) * _BAR
    rect = tag("rect", width=f"{width:.1f}", height="9", fill=color)

    return tag("span", tag("svg", rect, width=str(_BAR), height="9"), class_="bar", aria_hidden="true")


def _two_sided(value: Decimal, largest: Decimal) -> Html:
    """A bar from the middle, to the right where something was won."""
    half = _BAR / 2
    width = 0.0 if not largest else float(abs(value) / largest) * half
    left = half if value >= 0 else half - width
    color = "var(--good)" if value >= 0 else "var(--bad)"
    rect = tag("rect", x=f"{left:.1f}", width=f"{width:.1f}", height="9", fill=color)
    middle = tag("rect", x=f"{half:.1f}", width="1", height="9", fill="var(--soft)")

    return tag("span", tag("svg", rect, middle, width=str(_BAR), height="9"), class_="bar", aria_hidden="true")


# --- money -----------------------------------------------------------------------------------------------------------


def split_table(result: Result) -> Html:
    """Where the result came from."""
    pnl, volume, asset = result.pnl, result.money.volume, result.whose.market.quote
    rows = [
        (name, toned(amount), basis_points(amount, volume))
        for name, amount in (
            ("spread: won against the middle at the fill", pnl.spread),
            ("inventory: what the market did afterwards", pnl.inventory),
            ("fees", pnl.fees),
            ("funding", pnl.funding),
            ("result", pnl.total),
        )
    ]

    return table(f"Where the result came from, in {asset}", ("", asset, "bp of volume"), rows)


def assets_table(result: Result) -> Html:
    """Everything by asset."""
    money = result.money
    lines = (
        ("profit realised", money.realized_by_asset, 1),
        ("fees", money.fees_by_asset, -1),
        ("funding", money.funding_by_asset, 1),
        ("liquidation", money.liquidation_by_asset, 1),
        ("other", money.other_by_asset, 1),
        ("by hand (not the bot's)", money.by_hand_by_asset, 1),
        ("transfers", money.transfers_by_asset, 1),
    )
    rows = [
        (name, asset, toned(sign * amount, exact(sign * amount)))
        for name, by_asset, sign in lines
        for asset, amount in by_asset.items()
        if amount
    ]

    return table("What the venue booked, by asset", ("line", "asset", "amount"), rows, empty="nothing was booked")


def days_table(result: Result) -> Html:
    """The sums of each day."""
    rows = [
        (day.day, str(day.fills), grouped(day.volume), toned(day.realized_pnl), toned(-day.fees), toned(day.funding))
        for day in result.days[-60:]
    ]

    return table("Booked by day (UTC)", ("day", "fills", "volume", "realised", "fees", "funding"), rows)


def markouts_table(result: Result) -> Html:
    """What fills were worth later, in basis points of their volume, and as bars."""
    found = {(one.what, one.after_s): one for one in result.markouts}
    kinds = sorted({what for what, _ in found}, key=lambda what: (what != OrderKind.QUOTE.value, what))
    largest = max((abs(one.bp) for one in found.values()), default=ZERO)
    rows = [
        (what_words(what), *_markout_cells([found.get((what, after_s)) for after_s in HORIZONS_S], largest))
        for what in kinds
    ]
    head = ("order", "fills", "at the fill", *(f"after {after_s} s" for after_s in HORIZONS_S))
    caption = "Markouts: what fills were worth later, in bp of their volume"

    return table(caption, head, rows, empty="no fill was followed for a second")


def _markout_cells(marked: Sequence[MarkoutHistory | None], largest: Decimal) -> list[str]:
    first = next(one for one in marked if one is not None)
    cells = [str(first.fills), basis_points(first.at_fill, first.volume)]

    for one in marked:
        if one is None:
            cells.append(MISSING)
        else:
            figure = toned(one.amount, basis_points(one.amount, one.volume))
            cells.append(joined(_two_sided(one.bp, largest), " ", figure))

    return cells


def payments_table(result: Result) -> Html:
    """Funding and whatever else was booked beside trades, the newest last."""
    rows = [(moment(one.at_ms), one.line, toned(one.amount, exact(one.amount)), one.asset) for one in result.payments]

    return table(
        _newest("Funding and other payments", len(rows) + result.payments_left_out, 30),
        ("UTC", "line", "amount", "asset"),
        rows[-30:],
        empty="none were booked",
    )


# --- orders ----------------------------------------------------------------------------------------------------------


def levels_table(result: Result) -> Html:
    """What became of the quotes of each level."""
    highest = max((one.fill_rate or 0.0 for one in result.levels), default=0.0)
    rows = [
        (
            one.level,
            str(one.placed),
            str(one.filled),
            joined(bar(one.fill_rate or 0.0, highest or 1.0), " ", share(one.filled, one.placed)),
            exact(one.amount_filled),
            str(one.cancelled),
            str(one.refused),
            str(one.amended),
            span(one.rested_s / one.placed) if one.placed else MISSING,
        )
        for one in result.levels
    ]
    base = result.whose.market.base
    head = ("level", "quotes", "filled", "fill rate", f"{base} filled", "cancelled", "refused", "moved", "rested each")

    return table("Quotes by level", head, rows, empty="no quotes were placed")


def fills_table(result: Result, most: int) -> Html:
    """The newest fills."""
    own = [fill for fill in result.fills if fill.own][-most:]
    rows = [
        (
            moment(fill.at_ms),
            what_words(fill.what) + ("" if fill.level is None else f" {fill.level}"),
            f"{fill.side} {exact(fill.amount)}",
            exact(fill.price),
            toned(fill.profit),
            f"{exact(fill.fee)} {fill.fee_asset}",
            "maker" if fill.maker else "taker",
            toned(fill.markout_10s),
        )
        for fill in own
    ]
    head = ("UTC", "order", "amount", "price", "realised", "fee", "as", "after 10 s")

    return table(_newest("Fills", result.money.fills, most), head, rows, empty="there were none")


# --- time ------------------------------------------------------------------------------------------------------------


def modes_table(result: Result) -> Html:
    """How long the bot was in each mode, and had quotes."""
    whole = sum(one.seconds for one in result.modes)
    rows = [
        (
            tag("span", one.mode, class_=f"badge {one.mode}" if one.mode.isalpha() else "badge"),
            span(one.seconds),
            joined(bar(one.seconds, whole), " ", share(one.seconds, whole)),
            str(one.times),
        )
        for one in result.modes
    ]

    return table("Time in each mode", ("mode", "time", "share", "times"), rows, empty="no mode is known")


def quoting_table(result: Result) -> Html:
    """How long there were quotes."""
    quoting = result.quoting
    lines = (
        ("both sides", quoting.both_s),
        ("bids alone", quoting.bids_s),
        ("asks alone", quoting.asks_s),
        ("none", quoting.none_s),
    )
    rows = [
        (name, span(seconds), joined(bar(seconds, quoting.total_s), " ", share(seconds, quoting.total_s)))
        for name, seconds in lines
        if quoting.total_s
    ]

    return table("Time with quotes", ("quotes on", "time", "share"), rows, empty="not known")


def changes_table(result: Result) -> Html:
    """How the mode changed, the newest last."""
    rows = [(moment(one.at_ms), one.mode, one.reason) for one in result.mode_changes[-30:]]
    caption = _newest("Changes of the mode", len(result.mode_changes) + result.mode_changes_left_out, 30)

    return table(caption, ("UTC", "mode", "reason"), rows, words=(1, 2))


def told_table(result: Result, most: int) -> Html:
    """What a person was told, the newest last."""
    rows = [(moment(one.at_ms), one.text) for one in result.told[-most:]]
    caption = _newest("What was told", len(result.told) + result.told_left_out, most)

    return table(caption, ("UTC", "line"), rows, words=(1,))


def runs_table(result: Result) -> Html:
    """The runs of the journal."""
    rows = [
        (
            run.run,
            moment(run.began_ms),
            "runs still, or was killed" if run.ended_ms is None else moment(run.ended_ms),
            MISSING if run.ended_ms is None else span((run.ended_ms - run.began_ms) / 1000),
        )
        for run in result.runs[-40:]
    ]

    return table(_newest("Runs", len(result.runs), 40), ("run", "began (UTC)", "ended (UTC)", "lasted"), rows)


def gaps_table(result: Result) -> Html:
    """Times without data."""
    rows = [
        (moment(gap.from_ms), moment(gap.until_ms), span((gap.until_ms - gap.from_ms) / 1000), gap.reason)
        for gap in result.gaps[:40]
    ]

    return table(
        _first("Gaps in the data", len(result.gaps), 40), ("from (UTC)", "until", "time", "why"), rows, words=(3,)
    )


# --- the curve and the market ----------------------------------------------------------------------------------------


def curve_table(result: Result, caption: str, names: Sequence[tuple[str, str]]) -> Html:
    """Some columns of the curve at few times, first and last among them."""
    at_ms, columns = thinned(with_drawdown(result.curve), ROWS_OF_CURVE * 40)
    last = len(at_ms) - 1
    picked = (
        sorted({round(number * last / (ROWS_OF_CURVE - 1)) for number in range(ROWS_OF_CURVE)}) if last >= 0 else []
    )
    known = [(key, label) for key, label in names if any(one is not None for one in columns.get(key, ()))]
    rows = [(moment(at_ms[index]), *(_cell(key, columns[key][index]) for key, _ in known)) for index in picked]

    return table(caption, ("UTC", *(label for _, label in known)), rows)


def _cell(key: str, value: Decimal | None) -> str:
    if value is None:
        return MISSING

    return signed(value) if key in {"total", "spread", "inventory", "fees", "funding", "drawdown"} else exact(value)


def market_table(result: Result) -> Html:
    """The market and its rules in short."""
    whose = result.whose
    market = whose.market
    lines = (
        ("market", market.market),
        ("venue's name of it", market.symbol),
        ("connector", whose.connector),
        ("account", whose.account),
        ("strategy", whose.strategy),
        ("perpmaker", whose.program),
        ("tick", exact(market.tick)),
        ("lot", exact(market.lot)),
        ("least notional", exact(market.min_notional)),
        ("maker fee", MISSING if market.maker_fee is None else f"{exact(market.maker_fee * 100)} %"),
        ("taker fee", MISSING if market.taker_fee is None else f"{exact(market.taker_fee * 100)} %"),
        ("funding each", MISSING if market.funding_interval_h is None else f"{market.funding_interval_h} h"),
        ("read from", ", ".join(whose.sources)),
    )

    return table("Market and source", ("", ""), [line for line in lines if line[1] not in {"", MISSING}], words=(1,))


def settings_table(result: Result) -> Html:
    """The configuration's own keys."""
    rows = sorted(result.whose.settings.items())

    return table("Configuration of the newest run", ("key", "value"), rows, words=(1,), empty="not kept")


def _newest(caption: str, number: int, most: int) -> str:
    return caption if number <= most else f"{caption}: the newest {most} of {number:,}"


def _first(caption: str, number: int, most: int) -> str:
    return caption if number <= most else f"{caption}: the first {most} of {number:,}"
