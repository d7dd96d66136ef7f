"""A1: an outage of the venue's orders while the market falls through the stop, with real processes.

They are measured in seconds of a real clock: `pytest tests/faults/test_a1_outage.py --full`, an hour for each venue.
The same rule on virtual time: test_a1_ends.py, test_a1_last_try.py and test_a1_close.py.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from random import Random

import attrs
import pytest

from .outage_site import BODIES, Outage, suffer
from .venue_site import VenueWords

pytestmark = pytest.mark.long

QUICK = (
    Outage(seconds=1, way="stop", order="venue", blind=True, seed=1025),
    Outage(seconds=1, way="kill", order="limit", backstop=False, side=-1, seed=2),
)


def drawn() -> list[Outage]:
    """Every way through an outage, each with an answer of the venue's and a moment of its own."""
    ways = product([1.0, 9.0, 11.0, 30.0], ["limit", "market", "venue"], [True, False], [1, -1])
    outages = []

    for number, ((seconds, order, backstop, side), way) in enumerate(product(ways, ["stop", "stop twice", "kill"])):
        chance = Random(number)  # noqa: S311  # moments, nothing to keep secret
        outages.append(
            Outage(
                seconds=seconds,
                way=way,  # type: ignore[arg-type]  # one of its words
                order=order,
                backstop=backstop,
                side=side,
                blind=chance.random() < 0.5,
                fall=chance.choice([0.0055, 0.006, 0.02]),
                body=chance.choice(BODIES),
                when=chance.choice(["before", "before", "after"]),
                seed=number,
            )
        )

    return outages


def words(outage: Outage) -> str:
    """An outage as the name of a test."""
    backstop = "backstop" if outage.backstop else "no backstop"

    return f"{outage.seconds:g} s, {outage.way}, {outage.order}, {backstop}, {'long' if outage.side > 0 else 'short'}"


@pytest.mark.full
@pytest.mark.parametrize("outage", QUICK, ids=words)
def test_A1_no_outage_leaves_a_position_bare_or_calls_it_clean(
    tmp_path: Path, outage: Outage, venue: VenueWords
) -> None:
    """Ended in between by a person or by kill -9: honest, and safe 2 s after venue and next process answer."""
    outcome = suffer(attrs.evolve(outage, words=venue), tmp_path)
    assert outcome.faults == (), f"{outcome.words}\n{outcome.next_words}"


@pytest.mark.full
@pytest.mark.parametrize("outage", drawn(), ids=words)
def test_A1_no_outage_of_the_whole_matrix_does(tmp_path: Path, outage: Outage, venue: VenueWords) -> None:
    """The same for four lengths, three stop orders, backstop or none, long and short, three ways to end."""
    outcome = suffer(attrs.evolve(outage, words=venue), tmp_path)
    assert outcome.faults == (), f"{outcome.words}\n{outcome.next_words}"
