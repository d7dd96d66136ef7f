"""RequestParameters are read strictly, and refused in the venue's words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.venue.sandbox import ParameterRefusals, RefusalError, RequestParameters, form_values, json_values

WORDS = ParameterRefusals(
    missing=lambda name: RefusalError(1, name),
    empty=lambda name: RefusalError(2, name),
    malformed=lambda name, legal: RefusalError(3, f"{name} {legal}"),
    unfit=lambda name: RefusalError(4, name),
    unread=lambda read, sent: RefusalError(5, f"{read} of {sent}"),
)
SIDES = {"up": 1, "down": -1}


def parameters(**values: str) -> RequestParameters:
    """RequestParameters that were sent."""
    return RequestParameters(values, WORDS)


@pytest.mark.parametrize(
    ("text", "read", "code"),
    [
        (None, lambda p: p.decimal("x"), 1),
        (None, lambda p: p.choice("x", SIDES), 1),
        (None, lambda p: p.flag("x", default=None), 1),
        ("", lambda p: p.optional_integer("x"), 2),
        ("", lambda p: p.flag("x"), 2),
        ("", lambda p: p.choice("x", SIDES, default="up"), 2),
        ("-1", lambda p: p.integer("x"), 3),
        ("yes", lambda p: p.flag("x"), 4),
        ("Up", lambda p: p.choice("x", SIDES), 4),
        ("[", lambda p: p.json_list("x", most=2), 4),
        ("[]", lambda p: p.json_list("x", most=2), 4),
        ("1", lambda p: p.element("x", 1), 4),
        ("1", lambda p: p.refuse_unread({"y"}), 5),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                (None, lambda p: p.text("x"), 1),
                (None, lambda p: p.integer("x"), 1),
                ("", lambda p: p.optional_text("x"), 2),
                ("1.0", lambda p: p.integer("x"), 3),
                ("1e3", lambda p: p.decimal("x"), 3),
                (".5", lambda p: p.optional_decimal("x"), 3),
                ("NaN", lambda p: p.optional_decimal("x"), 3),
                ("up", lambda p: p.word("x", {"left"}), 4),
                ("[1,2,3]", lambda p: p.json_list("x", most=2), 4),
                ("{}", lambda p: p.json_list("x", most=2), 4),
                ("[" * 100_000, lambda p: p.json_list("x", most=2), 4),
            )
        ),
    ],
)
def test_what_cannot_be_read_is_refused(text: str | None, read: Callable[[RequestParameters], Any], code: int) -> None:
    """Each kind of fault has a word of its own."""
    with pytest.raises(RefusalError) as raised:
        read(parameters() if text is None else parameters(x=text))

    assert raised.value.code == code


@pytest.mark.parametrize("limit", ["0", "11"])
def test_a_limit_has_bounds(limit: str) -> None:
    """From one to the most, or what is usual."""
    assert parameters().limit(default=5, most=10) == 5
    assert parameters(limit="10").limit(default=5, most=10) == 10

    with pytest.raises(RefusalError, match="limit"):
        parameters(limit=limit).limit(default=5, most=10)


def test_what_was_sent_is_read_exactly() -> None:
    """Numbers keep their digits, flags may be in any case, and a word stands for what it means."""
    read = parameters(price="60000.10", count="007", yes="TRUE", no="false", side="down")

    assert str(read.decimal("price")) == "60000.10"
    assert read.integer("count") == 7
    assert (read.flag("yes"), read.flag("no"), read.flag("other", default=True)) == (True, False, True)
    assert (read.choice("side", SIDES), read.choice("other", SIDES, default="up")) == (-1, 1)
    assert read.word("other", {"a"}, default="a") == "a"
    assert "price" in read
    assert read.optional_decimal("amount") is None


def test_a_form_is_decoded_and_an_object_of_json_read_as_one() -> None:
    """Percent, plus, and repeated names, of which the last counts; null is as if it had not been sent."""
    assert form_values("a=%41+b&c&a=2&&=3") == {"a": "2", "c": "", "": "3"}
    assert json_values({"a": 0.5, "b": True, "c": "x", "d": None, "e": [1, {"f": "g"}]}) == {
        "a": "0.5",
        "b": "true",
        "c": "x",
        "e": '[1,{"f":"g"}]',
    }
    assert parameters().element("batch", {"a": 1.50, "b": "1.50"}).decimal("b") == Decimal("1.50")


@given(st.text(max_size=30), st.sampled_from(["integer", "decimal", "flag"]))
def test_any_text_is_read_or_refused(text: str, method: str) -> None:
    """No other error leaves a reader."""
    read = getattr(parameters(x=text), method)

    with suppress(RefusalError):
        assert read("x") >= 0
