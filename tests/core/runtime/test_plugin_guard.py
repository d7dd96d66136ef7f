"""The guard around a plugin's connector."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs
import pytest

from perpmaker.clock import LoopClock
from perpmaker.errors import PluginFaultError
from perpmaker.foreign_code import ForeignCode
from perpmaker.model.event import ReferenceChanged
from perpmaker.model.outcome import Accepted
from perpmaker.runtime.plugin_guard import GuardedSource, guarded_connector

pytestmark = pytest.mark.anyio


class Part:
    """What a connector may be composed of."""

    async def place(self, _: object, orders: Sequence[object]) -> Sequence[object]:
        """Answer with what is asked."""
        return orders


class Composed:
    """A connector that hands on a method of its part."""

    def __init__(self) -> None:
        self.place = Part().place


async def test_a_method_that_a_connector_hands_on_is_guarded_as_its_own_are() -> None:
    """What it answers is checked, and a fault names the plugin."""
    connector = guarded_connector(ForeignCode(kind="connector", name="composed"), Composed())
    outcome = Accepted(client_id="a")

    assert await connector.place(None, [outcome]) == (outcome,)  # type: ignore[arg-type]  # no market is needed

    with pytest.raises(PluginFaultError, match="composed"):
        await connector.place(None, ["done"])  # type: ignore[arg-type,list-item]  # the same


@attrs.frozen
class Source:
    """A price source of one word."""

    word: ReferenceChanged

    async def receive(self) -> ReferenceChanged:
        """Say it."""
        return self.word


@pytest.mark.parametrize("what", [{"price": Decimal(1)}, {"doubt": "no price today"}])
async def test_a_price_that_bears_no_time_is_dated_when_it_is_received(what: dict[str, Decimal | str]) -> None:
    """Before the run too; one that bears its time keeps it."""
    clock, code = LoopClock(), ForeignCode(kind="price source", name="moon")
    began_at = clock.now()
    undated = GuardedSource(code, Source(ReferenceChanged(**what)), clock, strict=True)
    dated = GuardedSource(code, Source(ReferenceChanged(**what, at=began_at - 5)), clock)

    assert began_at <= (await undated.receive()).at <= clock.now()
    assert (await dated.receive()).at == began_at - 5
