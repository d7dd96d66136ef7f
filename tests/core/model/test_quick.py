"""Values made quickly are those that attrs would have made."""

from __future__ import annotations

from copy import copy, deepcopy
from decimal import Decimal

import attrs
import pytest

from perpmaker.model.order import OrderKind, Side, Slot
from perpmaker.model.quick import quick
from perpmaker.model.quote import Quote, Reason, Rule


@attrs.frozen(kw_only=True)
class Plain:
    """As attrs makes it."""

    first: int
    second: tuple[int, ...] = ()
    third: dict[str, int] = attrs.field(factory=dict)


@quick
@attrs.frozen(kw_only=True)
class Quick:
    """As it is made quickly."""

    first: int
    second: tuple[int, ...] = ()
    third: dict[str, int] = attrs.field(factory=dict)


def test_fields_defaults_and_factories_are_the_same() -> None:
    """Each object has a dictionary of its own, and says the same of itself."""
    plain, made, other = Plain(first=1), Quick(first=1), Quick(first=1)

    assert attrs.asdict(made) == attrs.asdict(plain)
    assert repr(made).removeprefix("Quick") == repr(plain).removeprefix("Plain")
    assert made == other
    assert made.third is not other.third
    assert attrs.evolve(made, second=(2,)) == Quick(first=1, second=(2,))


def test_it_cannot_be_changed_and_is_of_its_class() -> None:
    """Neither by assignment nor by deletion; a copy is equal."""
    reason = Reason(Rule.SPREAD, "1 % below", Decimal("0.01"))
    quote = Quote(slot=Slot(OrderKind.QUOTE, Side.BUY), ticks=1, lots=2, generation=3, reasons=(reason,))

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        quote.ticks = 2  # type: ignore[misc]

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del quote.ticks

    assert type(quote) is Quote
    assert copy(quote) == deepcopy(quote) == quote
    assert hash(reason) == hash(Reason(Rule.SPREAD, "1 % below", Decimal("0.01")))


def test_arguments_are_checked_as_ever() -> None:
    """A field that is missing, and one that there is not."""
    with pytest.raises(TypeError, match="first"):
        Quick()  # type: ignore[call-arg]

    with pytest.raises(TypeError, match="fourth"):
        Quick(first=1, fourth=2)  # type: ignore[call-arg]


def test_what_it_would_leave_out_is_refused() -> None:
    """A validator or a converter would not be called."""

    @attrs.frozen
    class Checked:
        """One with a validator."""

        first: int = attrs.field(validator=attrs.validators.gt(0))

    with pytest.raises(TypeError, match=r"Checked\.first"):
        quick(Checked)
