"""What a trader was given comes back from the journal exactly, whatever it was."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from math import inf
from random import Random
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import pytest

from perpmaker.execution.action import Action
from perpmaker.journal.inputs import INTENT, Batch, decode_batches, encode_batches
from perpmaker.journal.words import WORDS
from perpmaker.model.event import BookChanged, Event
from perpmaker.model.order import NewOrder, OrderKind, OrderType, PositionSide, Side, Slot

EACH = 20
TEXTS = ("", "pm-b-r1-7", "a longer text with ünïcode ✓", '{"quoted": "\\u0000"}')
NUMBERS = (Decimal("0.10"), Decimal("-1E+3"), Decimal("59981.90"), Decimal(0), Decimal("0E-8"))
FLOATS = (0.0, 0.1 + 0.2, -inf, inf, 1764539415.000001)


def made(kind: Any, chance: Random) -> Any:  # whatever a type stands for
    """A value of a type, as its annotations say."""
    origin, inner = get_origin(kind), get_args(kind)

    if origin in {Union, UnionType}:
        return made(chance.choice(inner), chance)

    if origin is tuple:
        kinds = [inner[0]] * chance.randint(0, 3) if inner[-1] is Ellipsis else inner
        return tuple(made(one, chance) for one in kinds)

    if attrs.has(kind):
        hints = get_type_hints(kind)
        return kind(**{one.alias: made(hints[one.name], chance) for one in attrs.fields(kind) if one.init})

    if issubclass(kind, Enum):
        return chance.choice(list(kind))

    choices = {
        Decimal: NUMBERS,
        float: FLOATS,
        str: TEXTS,
        bool: (True, False),
        int: (0, -7, 599_811, 2**53 + 1),
        type(None): (None,),
    }

    return chance.choice(choices[kind])


@pytest.mark.parametrize("kind", get_args(Event))
def test_every_event_comes_back_as_it_was(kind: Any) -> None:
    """Each of its fields, to the last digit: also what JSON cannot carry."""
    chance = Random(1)  # noqa: S311  # examples, nothing to keep secret
    batch = Batch(at=0.1 + 0.2, events=tuple(made(kind, chance) for _ in range(EACH)))

    (back,) = decode_batches(encode_batches([batch]))

    assert back == batch
    assert [type(event) for event in back.events] == [kind] * EACH
    assert repr(back) == repr(batch)  # 0.10 is not 0.1


def test_what_was_asked_learned_and_interrupted_comes_back() -> None:
    """Beside the events, where there was any."""
    slot = Slot(OrderKind.TAKE_PROFIT, Side.SELL, 0, PositionSide.LONG)
    order = NewOrder(client_id="a", slot=slot, lots=7, ticks=599_900, type=OrderType.LIMIT, reduce_only=True)
    batches = [
        Batch(at=1.0, events=()),
        Batch(at=1.5, events=(), sends=False),
        Batch(
            at=2.0,
            events=(BookChanged(bids=((1, 2),), asks=(), venue_ms=3),),
            asked=((INTENT, "a", order), (INTENT, "b", None), ("ours", "c", True), ("strange", "d", False)),
            learned=(("v", "c"),),
            interrupted=("the strategy x failed in decide (it did not come back)",),
        ),
    ]

    assert decode_batches(encode_batches(batches)) == batches


def test_what_is_no_row_of_inputs_is_said() -> None:
    """Damaged, empty, or in words that only another version knows."""
    good = encode_batches([Batch(at=1.0, events=(BookChanged(bids=(), asks=(), venue_ms=3),))])

    for payload in (b"", b"\0" * 9, good[:-3], good[1:], encode_other()):
        with pytest.raises(ValueError, match="the inputs cannot be read"):
            decode_batches(payload)


def encode_other() -> bytes:
    """A row with an event of another version."""
    batch = Batch(at=1.0, events=(made(get_args(Event)[2], Random(1)),))  # noqa: S311  # the same

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(WORDS, get_args(Event)[2], "SomethingNew")  # type: ignore[arg-type]  # a mapping in the code

        return encode_batches([batch])


def test_words_are_of_one_length_at_least() -> None:
    """The short words of inputs are no event's or action's."""
    assert not {"b", "t"} & set(WORDS.values())
    assert len(get_args(Action)) + len(get_args(Event)) == len(WORDS)


def test_a_message_takes_few_bytes() -> None:
    """Books that change by a few levels, in rows as long as a quiet market makes them."""
    chance = Random(3)  # noqa: S311  # the same
    batches = [
        Batch(
            at=round(number * 0.1, 3),
            events=(
                BookChanged(
                    bids=tuple((599_800 - chance.randrange(40), chance.randrange(900)) for _ in range(3)),
                    asks=tuple((599_811 + chance.randrange(40), chance.randrange(900)) for _ in range(3)),
                    venue_ms=1_767_225_600_100 + number * 100,
                ),
            ),
        )
        for number in range(256)
    ]

    assert len(encode_batches(batches)) / len(batches) < 60
