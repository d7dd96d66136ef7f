"""Every level that is placed or withheld says why, whatever took its order away."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from perpmaker.decision.decision import Decision
from perpmaker.model.event import BookSnapshot
from perpmaker.model.order import Side, Slot
from perpmaker.model.quote import Quote
from perpmaker.report.level_reasons import Moment, read_exits, read_quotes
from perpmaker.report.queue_ahead import QueueWatch
from perpmaker.report.status import LevelStatus
from perpmaker.state.book import Book
from perpmaker.state.view import Mode
from perpmaker.testing.scenario import Scenario


class Watched(Scenario):
    """A scenario that keeps the newest decision, as a running bot does."""

    decided = Decision()
    newest = Decision()
    placed: ClassVar[dict[Slot, Quote]] = {}

    def _note(self, decision: Decision) -> None:
        self.newest = decision
        self.placed = {**self.placed, **decision.placed}
        self.decided = self.decided if decision.wanted is None else decision
        super()._note(decision)

    def moment(self, queue: QueueWatch | None = None) -> Moment:
        """What a status is read from now."""
        return Moment(
            trader=self._trader,
            decided=self.decided,
            placed=self.placed,
            mode=Mode(self.newest.mode),
            mode_reason=self.newest.mode_reason,
            now=self.now,
            iso=lambda at: f"{at:.1f}",
            ahead=lambda order: None if queue is None else queue.ahead(order, self._trader.state),
        )

    def levels(self) -> dict[str, LevelStatus]:
        """The ladder by the names of its levels."""
        return {level.level: level for level in read_quotes(self.moment())}


def quoting(**settings: Any) -> Watched:
    """A bot with two levels a side that quotes."""
    scenario = Watched({"order_levels": 2, "stop_loss_spread": 3, "long_profit_taking_spread": 1, **settings})
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    return scenario


def chain(level: LevelStatus) -> list[str]:
    """Its reasons as a person reads them."""
    return [str(link) for link in level.reasons]


def test_a_placed_level_says_what_made_its_price() -> None:
    """From the reference over the spread to the rounded price, with the order that rests."""
    scenario = quoting()
    bid = scenario.levels()["buy 1"]
    assert (bid.state, bid.price, bid.amount, bid.filled) == ("open", Decimal("98.9"), Decimal(1), Decimal(0))
    assert [link.rule for link in bid.reasons] == ["reference", "spread", "rounding", "rounding"]
    assert chain(bid)[0] == "reference: mid (100)"
    assert [*scenario.levels()] == ["buy 0", "buy 1", "sell 0", "sell 1"]


def test_a_withheld_level_says_what_withholds_it_and_until_when() -> None:
    """A position is held, and afterwards the filled delay runs for a known time."""
    scenario = quoting(filled_order_delay=20)
    scenario.fill("buy 0")
    scenario.advance(1)
    held = scenario.levels()["sell 0"]
    assert (held.state, held.price, held.until) == ("withheld", None, None)
    assert chain(held)[-1] == "position held: a position is open (hold) (1)"
    scenario.fill("take profit")
    scenario.advance(1)
    delayed = scenario.levels()["buy 0"]
    assert chain(delayed)[-1] == "filled delay: a complete fill: nothing new for this many seconds (20)"
    assert delayed.until == "21.0"


def test_a_refused_level_says_what_the_venue_said() -> None:
    """The venue's own words, and when it is tried again."""
    scenario = quoting()
    scenario.refuse("place sell 0", "insufficient_margin", times=100)
    scenario.trade("buy", 1, limit="100.1")
    scenario.cancel_by_hand("sell 0")
    scenario.advance(40)
    refused = scenario.levels()["sell 0"]
    assert refused.state == "withheld"
    assert chain(refused)[-2:] == [
        "vanished: its order vanished so many times in a row: it waits (5)",
        "vanished: the order before it was refused (as the scenario says)",
    ]
    assert refused.until is not None


def test_a_level_that_waits_for_the_venue_says_until_when() -> None:
    """A venue that takes no orders for a while holds back what the strategy wants."""
    scenario = quoting()
    scenario.refuse("place", "busy", times=100)
    scenario.book(bid="99.8", ask="100")
    scenario.advance(15.2)
    waiting = [level for level in scenario.levels().values() if level.state == "withheld"]
    assert waiting

    for level in waiting:
        assert level.reasons[-1].text in {
            "the order before it was refused (as the scenario says): it waits",
            "the order before it was refused (as the scenario says)",
        }
        assert level.until is not None


def test_a_level_that_a_risk_module_refuses_names_the_module() -> None:
    """The reason is the module's, and the chain up to it is the strategy's."""
    scenario = quoting(risk={"exposure_limit": {"max_position": 1}})
    refused = scenario.levels()["buy 1"]
    assert refused.state == "withheld"
    assert chain(refused)[0] == "reference: mid (100)"
    assert refused.reasons[-1].rule == "risk"
    assert "exposure_limit" in refused.reasons[-1].text


def test_a_level_that_a_risk_module_cuts_keeps_the_reasons_it_was_sent_for() -> None:
    """Also in later decisions, in which the strategy finds another amount than it wanted."""
    scenario = quoting(risk={"exposure_limit": {"max_position": 1.5}})
    scenario.advance(5)
    cut = scenario.levels()["buy 1"]
    assert (cut.state, cut.amount) == ("open", Decimal("0.5"))
    assert chain(cut)[0] == "reference: mid (100)"
    assert cut.reasons[-1].rule == "risk"
    assert "exposure_limit" in cut.reasons[-1].text


def test_without_certainty_every_level_says_the_mode() -> None:
    """The mode with its reason is the last link, once."""
    scenario = quoting()
    scenario.disconnect("account")
    scenario.advance(0.5)

    for level in scenario.levels().values():
        modes = [link for link in level.reasons if link.rule == "mode"]
        assert [link.text for link in modes] == [f"reduce: {scenario.newest.mode_reason}"]
        assert level.reasons[-1] is modes[0]

    scenario.restore("account")
    scenario.advance(3)
    scenario.stop()
    scenario.advance(1)
    assert {chain(level)[-1] for level in scenario.levels().values()} == {"mode: stop: stopping"}


def test_a_fired_stop_is_the_reason_of_all() -> None:
    """Nothing is quoted until the position is gone, and the stop's own chain is there."""
    scenario = quoting()
    scenario.fill("buy 0")
    scenario.advance(1)
    exits = {level.level: level for level in read_exits(scenario.moment())}
    assert exits["target"].price == Decimal("100.9")
    assert chain(exits["target"])[0] == "profit taking: average entry price (99.9)"
    assert exits["stop on the venue"].price == Decimal("96.15")
    assert chain(exits["stop on the venue"]) == ["stop loss: backstop on the venue (96.15)"]
    scenario.lose("place stop loss", "after")
    scenario.silence("account")
    scenario.book(bid="96.8", ask="97")
    scenario.advance(0.1)
    assert {level.reasons[-1].rule for level in scenario.levels().values()} == {"stop loss"}
    fired = {level.level: level for level in read_exits(scenario.moment())}
    assert any("the stop has fired" in str(link) for link in fired["stop loss"].reasons)


def test_the_queue_is_bounded_by_what_others_ever_had_at_the_price() -> None:
    """The bound comes down with what others have, never goes up again, and begins anew with another order."""
    scenario, queue = quoting(), QueueWatch()

    def ahead() -> Decimal | None:
        queue.look(scenario._trader.state)
        levels = {level.level: level for level in read_quotes(scenario.moment(queue))}
        return levels["buy 0"].ahead

    scenario.book(bids={"99.9": 5, "99.8": 5, "98": 5}, asks={"100.1": 5})
    scenario.advance(0.1)
    assert ahead() == Decimal(5)
    scenario.book(bids={"99.9": 2, "99.8": 5, "98": 5}, asks={"100.1": 5})
    scenario.advance(0.1)
    assert ahead() == Decimal(2)
    scenario.book(bids={"99.9": 9, "99.8": 5, "98": 5}, asks={"100.1": 5})
    scenario.advance(0.1)
    assert ahead() == Decimal(2)
    scenario.book(bids={"99.8": 5, "98": 5}, asks={"100.1": 5})
    scenario.advance(0.1)
    assert ahead() == Decimal(0)


def test_beyond_the_last_level_of_the_book_no_queue_is_known() -> None:
    """What a book of so many levels does not show is no empty queue; what it shows as empty is one."""
    book = Book()
    book.snapshot(BookSnapshot(bids=((100, 5), (98, 3)), asks=((102, 4),), venue_ms=1), 0.0)
    assert [book.others_at(Side.BUY, ticks) for ticks in (101, 100, 99, 98, 97)] == [0, 5, 0, 3, None]
    assert [book.others_at(Side.SELL, ticks) for ticks in (101, 102, 103)] == [0, 4, None]
    book.lose()
    assert book.others_at(Side.BUY, 100) is None
