"""How messages are delivered: at once, in order, again after a failure, not too many, and never for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perpmaker import Happening
from perpmaker_observers.courier import MOST, PAUSES_S, Courier, UndeliveredError, merged


def happening(text: str = "bought", kind: Any = "fill") -> Happening:
    """Something that happened."""
    about = {"bot": "btc", "environment": "live", "venue": "moon", "market": "BTC-USDT", "account": "1"}

    return Happening(kind=kind, text=text, facts={}, at_ms=1_767_225_600_000, **about)


class Desk:
    """A courier on a clock of the test, whose deliveries are driven by hand."""

    def __init__(self, **limits: float) -> None:
        self.now = 0.0
        self.sent: list[str] = []
        self.told: list[str] = []
        self.fails: Callable[[], Exception | None] = lambda: None
        self.courier = Courier(
            self._send,
            self.told.append,
            most_per_minute=int(limits.get("most_per_minute", 20)),
            give_up_s=limits.get("give_up_s", 900.0),
            clock=lambda: self.now,
        )

    def _send(self, one: Happening) -> None:
        error = self.fails()

        if error is not None:
            raise error

        self.sent.append(one.text)

    def put(self, *texts: str, kind: str = "fill") -> None:
        """Hand messages over, and let what may go out go out."""
        for text in texts:
            self.courier.put(happening(text, kind))
            self.drive()

    def drive(self, until: float | None = None) -> None:
        """Deliver what is due by then, as the courier's thread does."""
        until = self.now if until is None else until

        while self.courier._waiting and self.now + self.courier.due_s() <= until:
            self.now += self.courier.due_s()
            self.courier.deliver()

        self.now = max(self.now, until)


def test_a_message_goes_out_at_once_and_by_itself() -> None:
    """Nothing is gathered while nothing hinders."""
    desk = Desk()
    desk.put("one", "two")
    assert (desk.sent, desk.now, desk.told) == (["one", "two"], 0.0, [])


def test_more_than_a_minutes_worth_goes_out_as_one_within_five_seconds() -> None:
    """At twenty a minute, thirty that come at once are twenty messages, and one of ten lines three seconds later."""
    desk = Desk()
    desk.put(*(f"fill {number}" for number in range(30)))
    assert len(desk.sent) == 20
    desk.drive(5.0)
    assert len(desk.sent) == 21
    assert desk.sent[-1].count("\n") == 9
    assert "00:00:00 fill 29" in desk.sent[-1]


def test_what_failed_is_tried_again_in_order_and_told_once() -> None:
    """After 1, 2, 4 ... 30 s; what came meanwhile goes with it; a person reads one line."""
    desk = Desk()
    tries: list[float] = []

    def fails() -> Exception | None:
        tries.append(desk.now)
        return UndeliveredError("HTTP 500") if desk.now < 40 else None

    desk.fails = fails
    desk.put("one", "two")
    desk.drive(100.0)
    assert tries == [0.0, 1.0, 3.0, 7.0, 15.0, 30.0, 60.0]
    assert [line.split(" ", 1)[1] for line in desk.sent[0].splitlines()] == ["one", "two"]
    assert set(desk.told) == {"HTTP 500: it is tried again for 900 s"}


def test_a_service_that_asks_for_a_pause_gets_it() -> None:
    """Retry-After counts, up to a minute."""
    desk = Desk()
    answers = [UndeliveredError("HTTP 429", wait_s=20), UndeliveredError("HTTP 429", wait_s=86_400), None]
    at: list[float] = []

    def fails() -> Exception | None:
        at.append(desk.now)
        return answers.pop(0)

    desk.fails = fails
    desk.put("one")
    desk.drive(200.0)
    assert at == [0.0, 20.0, 80.0]


@pytest.mark.parametrize("error", [UndeliveredError("HTTP 404", is_final=True), ValueError("a library's own")])
def test_what_another_try_would_not_change_is_dropped(error: Exception) -> None:
    """It is told, and the next message is tried."""
    desk = Desk()
    errors = [error, None]
    desk.fails = lambda: errors.pop(0)
    desk.put("one", "two")
    assert desk.sent == ["two"]
    assert desk.told[0].endswith("what it was to deliver is dropped")
    assert desk.courier.dropped == 1


def test_nothing_is_kept_for_longer_than_was_set() -> None:
    """Yesterday's fills are no news."""
    desk = Desk(give_up_s=50.0)
    desk.fails = lambda: UndeliveredError("no answer") if desk.now < 55 else None
    desk.put("old")
    desk.drive(45.0)
    desk.put("new")
    desk.drive(200.0)
    assert desk.sent == ["new"]
    assert desk.courier.dropped == 1


def test_a_halt_is_kept_where_fills_are_dropped() -> None:
    """What waits is bounded; the oldest of what matters least goes first."""
    desk = Desk()
    desk.fails = lambda: UndeliveredError("no answer")
    desk.put("halted", kind="halt")
    desk.put(*(f"fill {number}" for number in range(MOST + 50)))
    assert len(desk.courier._waiting) == MOST
    assert desk.courier._waiting[0].happening.kind == "halt"
    assert desk.courier.dropped == 51
    assert max(PAUSES_S) == 30


def test_many_as_one_has_the_kind_and_the_lines_that_matter_most() -> None:
    """The rest is counted by kind."""
    both = [happening(f"fill {number}") for number in range(30)] + [happening("margin call", "halt")]
    one = merged(both)
    assert one.kind == "halt"
    assert one.facts == {"merged": 31}
    assert one.text.splitlines()[-1] == "and 11 more (11 fill)"
    assert any("margin call" in line for line in one.text.splitlines())
    assert merged(both[:1]) is both[0]


def test_the_end_waits_for_what_is_on_its_way_and_says_what_is_left() -> None:
    """A last try of what waits, at once; what fails then is counted."""
    desk = Desk()
    desk.fails = lambda: UndeliveredError("no answer") if not desk.courier._is_closing else None
    desk.put("one")
    desk.courier.start()
    desk.courier.close(5.0)
    assert desk.sent == ["one"]

    lost = Desk()
    lost.fails = lambda: UndeliveredError("no answer")
    lost.put("one")
    lost.courier.start()
    lost.courier.close(5.0)
    assert lost.told[-1] == "1 messages were not delivered"
