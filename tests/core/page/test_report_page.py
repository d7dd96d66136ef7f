"""The report as a page: what it says, that it needs nothing else, and that no text of others becomes part of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import attrs
from tests.core.page.results import T0, WHOSE, backtested, long_result

from perpmaker.backtest.result import ModeChange, Result, Told
from perpmaker.page.assets import digest
from perpmaker.page.report_page import report_page
from perpmaker.page.summary import labels, sentences

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>"\'><b onclick=x()>\u202e&amp;'


class Parsed(HTMLParser):
    """A page as a browser takes it: its elements with their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action", "data", "srcset"}]
        self._inside = tag if tag in {"script", "style"} and ("type", "application/json") not in attrs else ""

        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, _: str) -> None:
        """Leave a script or a style."""
        self._inside = ""

    def handle_data(self, data: str) -> None:
        """Note a text, or what a script says."""
        if self._inside == "script":
            self.scripts[-1] += data
        elif not self._inside:
            self.text += f"{data} "


def saying(value: Any, words: str) -> Any:
    """The same value with these words for each text in it, but for our own that decide what a figure is."""
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        plain = {"format", "kind", "what", "side", "line", "position_side", "level"}
        changes = {
            name: getattr(value, name) if name in plain else saying(getattr(value, name), words) for name in names
        }

        return type(value)(**changes)

    if isinstance(value, str):
        return words

    if isinstance(value, Mapping):
        return {
            name if isinstance(one, tuple) or name == "USDT" else f"{words}{name}": saying(one, words)
            for name, one in value.items()
        }

    return tuple(saying(one, words) for one in value) if isinstance(value, tuple) else value


def worded(result: Result) -> Result:
    """With words of others: why it halted, what was told, what a file is called."""
    changes = (ModeChange(at_ms=T0, mode="halt", reason="loss limit"),)

    return attrs.evolve(backtested(result), mode_changes=changes, told=(Told(at_ms=T0, text="halted"),))


def test_no_text_of_others_becomes_a_part_of_the_page() -> None:
    """Names, accounts, reasons, notes, settings and files of a hostile mind: the same elements, with other texts."""
    made = worded(long_result(30))
    pages = []

    for words in ("words", HOSTILE):
        result = saying(made, words)
        market = attrs.evolve(result.whose.market, quote="USDT")
        result = attrs.evolve(result, whose=attrs.evolve(result.whose, market=market))
        assert result.whose.name == result.notes[0] == result.told[0].text == result.modes[0].mode == words
        pages.append(report_page(result))

    one, other = map(Parsed, pages)
    assert other.elements == one.elements
    assert other.scripts[1:] == one.scripts[1:]
    assert "onerror=alert(1)" in other.text
    assert "\u202e" not in pages[1]


def test_texts_of_fills_are_not_part_of_the_page_either() -> None:
    """A venue's word for a forced fill, or the asset of a fee, comes from outside too."""
    plain = long_result(30)
    fills = tuple(attrs.evolve(fill, what=HOSTILE, fee_asset=HOSTILE) for fill in plain.fills)
    page = Parsed(report_page(attrs.evolve(plain, fills=fills)))
    assert page.elements == Parsed(report_page(plain)).elements


def test_the_page_asks_nobody_for_anything() -> None:
    """No address leads out of it, its policy allows none, and every script and style of it has its hash there."""
    page = report_page(long_result(30))
    parsed = Parsed(page)
    assert all(one.startswith(("#", "data:")) for one in parsed.addresses)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|EventSource|WebSocket|import\(", page)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src &#x27;none&#x27;" in policy
    assert "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 3
    assert all(digest(script).replace("'", "&#x27;") in policy for script in scripts)


def test_the_page_stays_small_whatever_the_run_was() -> None:
    """Under 200 KB with many hundred fills, notices and steps; of what was left out it says how much."""
    result = long_result(700, levels=1)
    told = tuple(Told(at_ms=T0, text="w" * 500) for _ in range(500))
    result = attrs.evolve(result, told=told)
    page = report_page(result)
    assert len(page.encode()) < 200_000
    assert f"of {result.money.fills:,}" in page
    assert len(page.encode()) > 100_000, "it has charts"


def test_result_split_fills_and_fees_stand_at_its_top() -> None:
    """In words, before any chart, as the summary of the command has them."""
    result = backtested(long_result(60))
    text = Parsed(report_page(result)).text
    first = text.index("Over time")

    for sentence in (*sentences(result), *labels(result)):
        assert sentence in text
        assert text.index(sentence) < first


def test_labels_say_what_a_result_cannot() -> None:
    """Synthetic, paper, testnet, a recorded sandbox, a backtest: each with its own; live money needs none."""
    plain = long_result(5)

    def said(**changes: Any) -> str:
        return " ".join(labels(attrs.evolve(plain, whose=attrs.evolve(WHOSE, **changes))))

    assert said(environment="live") == ""
    assert "simulated fills" in said(environment="paper")
    assert "says nothing about profit" in said(environment="sandbox", synthetic=True)
    assert "recorded market" in said(environment="sandbox")
    assert "Testnet" in said(environment="testnet")
    words = " ".join(labels(backtested(plain)))
    assert "orders take 100 ms, 1000 ms in the busiest seconds (no journal was named); market data as recorded" in words
    assert "queue risk-averse." in words
    assert "1 gap in the data, 1 min 1 s together" in words
    assert "Not shown by any replay: refusals; own impact." in words
    assert "The last file is cut." in words


def test_a_profit_that_a_longer_latency_takes_away_is_said() -> None:
    """The sign flips at three times the latency, or it does not."""
    result = long_result(60, seed=4)
    won = attrs.evolve(result, pnl=attrs.evolve(result.pnl, total=abs(result.pnl.total or 1)))
    assert "The profit does not survive 3 times the latency." in list(labels(backtested(won, total="-1")))
    assert "The profit does not survive 3 times the latency." not in list(labels(backtested(won, total="1")))


def test_charts_have_their_figures_as_tables() -> None:
    """Who cannot see a chart reads a table beside it: each has a caption, and each row a head."""
    page = report_page(long_result(60))

    for caption in (
        "Result over time", "Prices and our quotes over time", "Position over time", "Drawdown over time",
        "Markouts: what fills were worth later", "Quotes by level", "Time in each mode", "Time with quotes",
        "Funding and other payments", "Fills", "Where the result came from", "Booked by day",
    ):  # fmt: skip
        assert re.search(f"<caption>{caption}", page), caption

    assert page.count("<table>") == page.count("<caption>")
    levels = [element for element, _ in Parsed(page).elements if re.fullmatch(r"h\d", element)]
    assert levels[0] == "h1"
    assert set(levels[1:]) == {"h2"}
