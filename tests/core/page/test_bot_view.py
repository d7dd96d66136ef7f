"""The card of a bot says what its status says."""

from __future__ import annotations

from decimal import Decimal

import attrs
from tests.core.page.bots import ENDED, card, level, status

from perpmaker.page.bot_view import bot_view
from perpmaker.report.status import PnlStatus, Status

STATUS = status(card())


def rows(of: Status, title: str) -> dict[str, str]:
    """The lines of a section."""
    (section,) = [one for one in bot_view(of).sections if one.title == title]

    return {row.label: row.words for row in section.rows}


def test_each_figure_of_the_status_is_on_the_card() -> None:
    """Prices, the position with its ways out, the split, margin, funding, counters: in the words of the command."""
    assert rows(STATUS, "Market") == {
        "best bid": "59999.9", "best ask": "60000.2", "reference": "60000.3", "mark": "60000.7",
    }  # fmt: skip
    assert rows(STATUS, "Position") == {
        "position": "-0.020 BTC at 60000.1, value 1199.97 USDT",
        "not realised": "-1.53 USDT",
        "entry": "60000.1",
        "target": "59901.5",
        "stop": "60601.5 (1.23 % away)",
        "stop on the venue": "60752.5",
        "liquidation": "70003.5 (16.67 % away)",
    }
    assert rows(STATUS, "Result of this run") == {
        "result": "+1.33 USDT",
        "spread": "+2.54 USDT",
        "inventory": "-0.8600 USDT",
        "realised": "+3.21 USDT",
        "not realised": "-1.53 USDT",
        "fees paid": "0.2512 USDT, 0.0013 BNB",
        "funding": "-0.1014 USDT",
    }
    assert rows(STATUS, "Account and funding") == {
        "available": "9001.25 USDT",
        "free margin": "26.11 % of 10002.50 USDT",
        "maintenance ratio": "1.07 %",
        "funding rate": "0.0117 % each 8 h, next in 2 h 05 min, brings 0.4200 USDT a day",
    }
    assert rows(STATUS, "Counted")["quotes"] == "31 placed, 11 moved, 7 cancelled"
    assert rows(STATUS, "Counted")["fills"] == "3, volume 2399.94 USDT"


def test_levels_have_their_reasons_and_stand_as_on_a_screen() -> None:
    """Asks above bids, the nearest in the middle; what decides first, the whole chain behind it."""
    names = ("buy 0", "buy 1", "sell 0", "sell 1")
    view = bot_view(attrs.evolve(STATUS, quotes=tuple(level(name, "open", "1") for name in names), withheld=()))
    assert [one.level for one in view.levels] == ["sell 1", "sell 0", "buy 0", "buy 1"]
    view = bot_view(STATUS)
    withheld, quote = view.levels
    assert (withheld.state, withheld.price, withheld.why) == ("withheld", "", "position held: a position is open")
    assert (quote.price, quote.amount, quote.ahead) == ("59990.5", "0.01", "1.25")
    assert quote.reasons == ("reference: middle of the book", "spread: 0.1 % below")
    assert [one.level for one in view.exits] == ["target"]
    assert [(one.at, one.text) for one in view.notices] == [("12:00:59Z", "quote: sold 0.02 at 60000.1")]


def test_what_is_bad_is_red_and_says_so_in_words() -> None:
    """A loss has a minus, a stop that has fired says FIRED, little free margin is marked."""
    fired = attrs.evolve(STATUS.positions[0], stop_fired=True)
    assert STATUS.margin is not None
    margin = attrs.evolve(STATUS.margin, free_share=Decimal("0.19"))
    view = bot_view(attrs.evolve(STATUS, positions=(fired,), margin=margin))
    tones = {row.label: (row.tone, row.words) for section in view.sections for row in section.rows}
    assert tones["stop"] == ("bad", "FIRED, 60601.5 (1.23 % away)")
    assert tones["free margin"][0] == "bad"
    assert tones["spread"][0] == "good"
    assert bot_view(STATUS).sections[3].rows[1].tone == "warn"


def test_headlines_say_how_a_bot_stands_or_how_it_ended() -> None:
    """Running with its reason, ended with what is left, killed without a word, and one that only begins."""
    view = bot_view(attrs.evolve(STATUS, mode="halt", mode_reason="loss limit"))
    assert view.headline == "HALT for 1 min 0 s, pid 4701, account 8f3a. halt: loss limit."
    view = bot_view(attrs.evolve(STATUS, running=False, ended=ENDED))
    assert (view.mode, view.headline) == (
        "ended", "Ended by signal at 2026-01-01 12:01:01Z, exit code 0. Left on the venue: nothing.",
    )  # fmt: skip
    view = bot_view(attrs.evolve(STATUS, running=False))
    assert view.mode == "dead"
    assert "look at the venue" in view.headline
    begun = Status(
        name="b", environment="live", venue="v", market="BTC-USDT", account=None, file="f", pid=1, run_id=None,
        running=True, since=STATUS.since, at=STATUS.at, mode="start", mode_reason="connecting",
    )  # fmt: skip
    view = bot_view(begun)
    assert view.headline == "START for 1 min 0 s, pid 1, no account yet. start: connecting."
    assert (view.sections, view.result, view.levels) == ((), "", ())


def test_a_bot_without_a_position_is_flat_and_money_has_its_asset() -> None:
    """Nothing is left open; a result of nought has no colour."""
    flat = PnlStatus(
        asset="USDT", realized_pnl=Decimal(0), unrealized_pnl=Decimal(0), fees_by_asset={}, funding_by_asset={},
        result=Decimal(0), result_by_asset={},
    )  # fmt: skip
    view = bot_view(attrs.evolve(STATUS, positions=(), pnl=flat, no_quotes="filled delay"))
    assert (view.result, view.result_tone, view.no_quotes) == ("+0.00 USDT", "", "filled delay")
    assert rows(attrs.evolve(STATUS, positions=()), "Position") == {"position": "flat"}
