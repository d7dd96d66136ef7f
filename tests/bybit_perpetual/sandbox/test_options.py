"""Options of the sandbox that cannot be are refused in a sentence."""

from __future__ import annotations

import re
from typing import Any

import pytest

from perpmaker.venue.sandbox import parse_options
from perpmaker_bybit_perpetual.sandbox.options import Options


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"smp_type": 3}, 'smp_type must be "0" or "1" or "2" or "3", not 3'),
        ({"smp_type": "4"}, 'smp_type must be "0" or "1" or "2" or "3", not "4"'),
        ({"stops_count": 3}, "stops_count must be true or false, not 3"),
        ({"seed": "x"}, 'seed must be a whole number, not "x"'),
        ({"rhythm_ms": 0}, "'rhythm_ms' must be >= 1: 0"),
    ],
)
def test_a_value_that_an_option_does_not_take_is_refused_in_a_sentence(given: dict[str, Any], words: str) -> None:
    """It says what would be taken, as it is written, and nothing of how that is checked."""
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(words)}$"):
        parse_options(given, Options)
