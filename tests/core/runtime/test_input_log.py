"""What a trader is given waits for the next step, and not for long; what cannot be kept never stops trading."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from perpmaker.errors import PluginFaultError
from perpmaker.journal.inputs import Batch, decode_batches
from perpmaker.model.event import Channel, Event, FeedAlive
from perpmaker.runtime.input_log import LONGEST_S, MOST, InputLog, LoggedIds

ALIVE: Sequence[Event] = (FeedAlive(channel=Channel.BOOK),)


def log_of(told: list[str] | None = None, **answers: Any) -> InputLog:
    """A log of a bot whose orders are answered for so."""
    ids = SimpleNamespace(is_ours=lambda client_id: client_id.startswith("pm-"), next=lambda: "pm-1")
    known = SimpleNamespace(client_ids=ids, sent={}, intent=lambda _: None, is_strange=lambda _: False, **answers)

    return InputLog(cast("Any", known), [].append if told is None else told.append)


def taken(log: InputLog) -> list[Batch]:
    """The batches that it gives."""
    inputs = log.take()

    return [] if inputs is None else decode_batches(inputs)


def test_batches_wait_until_they_are_many_or_old() -> None:
    """So that a killed process takes few of them along, and a busy market makes few rows."""
    log = log_of()

    for number in range(MOST):
        assert not log.is_full
        log.add(ALIVE, number * 0.001)

    assert log.is_full
    assert len(taken(log)) == MOST
    assert not log.is_full

    log.add(ALIVE, 10.0)
    log.add(ALIVE, 10.0 + LONGEST_S - 0.1)
    assert not log.is_full
    log.add(ALIVE, 10.0 + LONGEST_S)
    assert log.is_full
    assert taken(log)
    assert taken(log) == []


def test_an_answer_is_kept_with_its_batch_and_once() -> None:
    """Again only when it has become another one."""
    log = log_of()
    ids = LoggedIds(log.known.client_ids, log)

    assert ids.is_ours("pm-1") is True
    assert log.is_strange("pm-1") is False
    assert log.intent("pm-1") is None
    log.add(ALIVE, 1.0)
    assert ids.is_ours("pm-1") is True
    log.add(ALIVE, 2.0)
    log.known = cast("Any", SimpleNamespace(is_strange=lambda _: True))
    assert log.is_strange("pm-1") is True
    log.add(ALIVE, 3.0, sends=False)

    assert [(batch.asked, batch.sends) for batch in taken(log)] == [
        ((("ours", "pm-1", True), ("strange", "pm-1", False), ("intent", "pm-1", None)), True),
        ((), True),
        ((("strange", "pm-1", True),), False),
    ]


def test_only_interruptions_are_kept_of_faults() -> None:
    """What a plugin raises by itself it raises again. Every fault is reported on."""
    log, reported = log_of(), list[PluginFaultError]()
    report = log.reporting(reported.append)
    report(PluginFaultError("raised"))
    report(PluginFaultError("interrupted", interrupted=True))
    log.add(ALIVE, 1.0)

    assert [batch.interrupted for batch in taken(log)] == [("interrupted",)]
    assert [str(fault) for fault in reported] == ["raised", "interrupted"]


def test_an_event_that_cannot_be_kept_ends_the_keeping_and_nothing_else() -> None:
    """It is said once, and memory stays as it is."""
    told: list[str] = []
    log = log_of(told)
    log.add(cast("Any", (object(),)), 1.0)
    assert log.take() is None

    for number in range(2 * MOST):
        log.is_ours(f"pm-{number}")
        log.add(ALIVE, 2.0)

    assert log.take() is None
    assert not log.is_full
    assert [line.partition(" (")[0] for line in told] == ["the journal keeps no market data any more"]
