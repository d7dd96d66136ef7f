"""Messages to events, and the chores that are done while messages are waited for."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Sequence
from typing import Any

import anyio
import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import ConnectivityError, PayloadError, RateLimitedError, RefusedError
from perpmaker.model.event import BookChanged, BookLost, BookSnapshot, MarketEvent
from perpmaker.model.instrument import Instrument
from perpmaker.venue import (
    BookSync,
    LevelTranslator,
    Message,
    RecurringChore,
    SnapshotChore,
    StreamEndedError,
    Tolerance,
    TranslatingReceiver,
    UnknownMessageError,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Seconds pass in a moment."""
    return virtual_time


@attrs.define
class Script:
    """A connection that brings a message every tenth of a second, and is silent then; keeps what is sent."""

    messages: deque[str]
    sent: list[tuple[float, Message]] = attrs.field(factory=list)

    async def receive(self) -> str:
        """The next message."""
        if not self.messages:
            await anyio.sleep_forever()

        await anyio.sleep(0.1)

        return self.messages.popleft()

    async def send(self, message: Message) -> None:
        """Keep a message."""
        self.sent.append((anyio.current_time(), message))


def count(message: Message) -> Sequence[int]:
    """A dialect of numbers: `skip` says nothing, `news` is not known, `end` is the end."""
    match message:
        case "skip":
            return ()
        case "news":
            raise UnknownMessageError("news")
        case "end":
            raise ConnectivityError("the venue says goodbye")

    try:
        return (int(message),)
    except ValueError:
        raise PayloadError("no number") from None


@attrs.define
class Alarm:
    """A chore of every second that brings a negative number, or fails."""

    due_at: float = 1.0
    fault: Exception | None = None

    async def run(self) -> Sequence[int]:
        """Ring."""
        self.due_at += 1.0

        if self.fault is not None:
            raise self.fault

        return (-1,)


def receiver(*messages: str, most: int = 0, chores: Sequence[Any] = ()) -> TranslatingReceiver[int]:
    """A receiver over a script."""
    clock = LoopClock()

    return TranslatingReceiver(
        Script(deque(messages)), count, clock, tolerance=Tolerance(clock, most=most), chores=chores
    )


async def receive_all(source: TranslatingReceiver[Any], within_s: float = 5.05) -> list[Any]:
    """Everything that comes within some seconds."""
    items: list[Any] = []

    with anyio.move_on_after(within_s):
        while True:
            items.extend(await source.receive())

    return items


async def test_messages_that_say_nothing_are_waited_over() -> None:
    """What is received is never empty."""
    source = receiver("skip", "1", "skip", "2")

    assert [await source.receive(), await source.receive()] == [(1,), (2,)]


async def test_unreadable_messages_are_left_out_until_there_are_too_many() -> None:
    """Two are borne, a third ends the stream; those of unknown kinds do not count."""
    source = receiver("x", "1", "news", "y", "2", "z", most=2)

    assert [await source.receive(), await source.receive()] == [(1,), (2,)]
    assert (source.tolerance.malformed, dict(source.tolerance.unknown)) == (2, {"news": 1})

    with pytest.raises(ConnectivityError, match="cannot be understood"):
        await source.receive()


async def test_a_dialect_may_end_the_stream() -> None:
    """Venues announce their ends."""
    with pytest.raises(ConnectivityError, match="goodbye"):
        await receiver("end").receive()


async def test_chores_are_done_while_messages_are_waited_for() -> None:
    """On a silent stream too, each at its time."""
    assert await receive_all(receiver("1", chores=(Alarm(),))) == [1, -1, -1, -1, -1, -1]


async def test_chores_that_fall_due_together_lose_nothing() -> None:
    """What the first brings is handed out before the second is done."""
    assert await receive_all(receiver(chores=(Alarm(), Alarm()))) == [-1] * 10


async def test_a_chore_whose_answer_cannot_be_read_counts_as_a_message() -> None:
    """After one too many the stream is of no use."""
    with pytest.raises(ConnectivityError, match="cannot be understood"):
        await receive_all(receiver(most=2, chores=(Alarm(fault=PayloadError("no")),)))


async def test_a_chore_that_fails_ends_the_stream() -> None:
    """Whoever keeps the stream opens it again."""
    with pytest.raises(RefusedError):
        await receive_all(receiver(chores=(Alarm(fault=RefusedError("no")),)))


async def test_a_heartbeat_is_sent_at_its_times_and_no_message_is_lost() -> None:
    """Every two seconds, whatever comes meanwhile."""
    clock = LoopClock()
    script = Script(deque(str(number) for number in range(30)))
    chore = RecurringChore(lambda: script.send('{"op":"ping"}'), clock, every_s=2.0)
    source = TranslatingReceiver(script, count, clock, tolerance=Tolerance(clock, most=0), chores=(chore,))

    assert await receive_all(source, 7.0) == list(range(30))
    assert [round(at) for at, _ in script.sent] == [2, 4, 6]


# --- a book whose snapshots are asked for ----------------------------------------------------------------------------


@attrs.define
class Quarry:
    """The made-up venue's book: differences are numbered, snapshots are asked for and answered in order."""

    sync: BookSync
    answers: deque[int | Exception]
    asked_at: list[float] = attrs.field(factory=list)

    def translate(self, message: Message) -> Sequence[MarketEvent]:
        """One difference."""
        number = json.loads(message)

        return self.sync.offer(number, number, number - 1, (("100", "1"),), (), venue_ms=number)

    async def ask(self) -> Sequence[MarketEvent]:
        """One snapshot; the last answer stands for ever."""
        self.asked_at.append(anyio.current_time())
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.popleft()

        if isinstance(answer, Exception):
            raise answer

        return self.sync.restore(answer, (("99", "1"),), (("101", "1"),), venue_ms=answer)


def book(
    instrument: Instrument, numbers: Sequence[int], *answers: int | Exception, delay_s: float = 0.0
) -> tuple[TranslatingReceiver[MarketEvent], Quarry]:
    """A receiver of that book."""
    clock = LoopClock()
    quarry = Quarry(BookSync(LevelTranslator(instrument), counts_updates=True), deque(answers))
    chore = SnapshotChore(quarry.sync, quarry.ask, clock, delay_s=delay_s)
    source = TranslatingReceiver(
        Script(deque(map(str, numbers))),
        quarry.translate,
        clock,
        tolerance=Tolerance(clock, most=5),
        chores=(chore,),
    )

    return source, quarry


async def test_a_snapshot_is_asked_for_at_once_and_after_each_gap(instrument: Instrument) -> None:
    """The differences that came meanwhile are joined to it."""
    source, quarry = book(instrument, [1, 2, 5, 6], 1, 5)
    events = await receive_all(source)

    assert [type(event) for event in events] == [BookSnapshot, BookChanged, BookLost, BookSnapshot, BookChanged]
    assert [round(at, 1) for at in quarry.asked_at] == [0.0, 1.0]


async def test_snapshots_are_asked_for_later_where_the_venue_wants_fewer(instrument: Instrument) -> None:
    """At most once a second, and as late as it says."""
    source, quarry = book(instrument, [1], RateLimitedError("slow down", retry_after_s=3.0), 0)
    await receive_all(source)

    assert [round(at, 1) for at in quarry.asked_at] == [0.0, 3.0]


async def test_a_stream_that_brings_its_snapshot_is_given_time(instrument: Instrument) -> None:
    """Asking again is for a snapshot that does not come."""
    source, quarry = book(instrument, [], 0, delay_s=2.5)
    await receive_all(source)

    assert [round(at, 1) for at in quarry.asked_at] == [2.5]


async def test_nothing_is_due_while_the_book_is_known(instrument: Instrument) -> None:
    """No time is looked at then."""
    sync = BookSync(LevelTranslator(instrument))
    chore = SnapshotChore(sync, Quarry(sync, deque()).ask, LoopClock())
    before = chore.due_at
    sync.reset(1, (("100", "1"),), (), venue_ms=1)

    assert (before, chore.due_at) == (0.0, math.inf)


# --- what is done again and again


@attrs.define
class Task:
    """Something that fails in these ways, one after the other, and then succeeds; when it was done is kept."""

    errors: deque[Exception | float]
    done_at: list[float] = attrs.field(factory=list)

    async def __call__(self) -> None:
        """Do it; a number of seconds is how long it takes."""
        self.done_at.append(anyio.current_time())

        if self.errors:
            error = self.errors.popleft()

            if isinstance(error, Exception):
                raise error

            await anyio.sleep(error)


async def gaps(task: Task, seconds: float, **options: Any) -> list[float]:
    """After how many seconds each time it was done, over a silent stream."""
    clock = LoopClock()
    started = clock.now()
    chore = RecurringChore(task, clock, every_s=100.0, **options)
    stream = TranslatingReceiver(Script(deque()), count, clock, tolerance=Tolerance(clock, most=0), chores=[chore])

    with anyio.move_on_after(seconds):
        await stream.receive()

    return [round(at - before) for before, at in zip([started, *task.done_at], task.done_at, strict=False)]


async def test_a_chore_is_done_again_and_again() -> None:
    """The first time after the same while."""
    assert await gaps(Task(deque()), 350) == [100, 100, 100]


async def test_a_chore_that_fails_is_tried_again_sooner() -> None:
    """A refusal, an answer that makes no sense, or none in time."""
    task = Task(deque([RefusedError("no"), PayloadError("?"), 60.0]))

    assert await gaps(task, 300, retry_s=30.0, patience_s=2.0) == [100, 30, 30, 30, 100]
    assert not task.errors


async def test_too_many_failures_in_a_row_end_the_stream() -> None:
    """A success begins the count anew."""
    failures = [ConnectivityError("away")] * 2
    await gaps(Task(deque([*failures, 0.0, *failures])), 500, most_failures=2)

    with pytest.raises(ConnectivityError, match="the permit could not be renewed"):
        await gaps(Task(deque([*failures, *failures])), 500, most_failures=2, name="the permit")


async def test_a_chore_may_say_that_the_stream_is_over() -> None:
    """Then nothing is tried again."""
    with pytest.raises(StreamEndedError, match="over"):
        await gaps(Task(deque([StreamEndedError("over")])), 500)
