"""What the suite's parts share: what a subclass says of its connector, and the opening of a room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

import pytest

from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.testing.contract.abilities_table import Seen
from perpmaker.testing.contract.room import Plan, Room, open_room
from perpmaker.testing.contract.spy import Route
from perpmaker.testing.virtual import virtual_asyncio, virtual_trio


@pytest.mark.anyio
class Suite:
    """The attributes that a subclass may set; `declaration` alone it must.

    Attributes:
        declaration: the connector's declaration, with its sandbox.
        market: a market of the sandbox.
        settings: values for the connector's settings, where the suite's waits want others than its defaults.
        options: options of the sandbox.
        routes: where commands go (`place`, `cancel`, `amend`), where it cannot be learned from what the connector
            sends, because other requests have the same method and path.
        lacks: names of tests about what the venue itself cannot do, each with the reason why it is skipped.
        leverage: what the market is set to.
        settle_s: seconds (virtual ones) after which the venue has told all that has happened.
        gone_s: seconds after which an order that was cancelled is certainly gone; None where that is `settle_s`.
    """

    declaration: ClassVar[DerivativeConnectorDeclaration[Any]]
    market: ClassVar[str] = "BTC-USDT"
    settings: ClassVar[Mapping[str, Any]] = {}
    options: ClassVar[Mapping[str, Any]] = {}
    routes: ClassVar[Mapping[str, Route]] = {}
    lacks: ClassVar[Mapping[str, str]] = {}
    leverage: ClassVar[int] = 5
    settle_s: ClassVar[float] = 2.0
    gone_s: ClassVar[float | None] = None

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(self, request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
        """Both event loops, on virtual time."""
        return virtual_asyncio() if request.param == "asyncio" else virtual_trio()

    @pytest.fixture(autouse=True)
    def _venue_can(self, request: pytest.FixtureRequest) -> Iterator[None]:
        """Skip what the venue cannot do; a name that is no test's is a mistake of the subclass."""
        properties = request.node.user_properties
        Seen().note(self.declaration.name, properties)
        unknown = [name for name in self.lacks if not hasattr(self, name)]
        assert not unknown, f"lacks names what is no test: {unknown}"
        name = request.function.__name__

        if name in self.lacks:
            pytest.skip(self.lacks[name])

        yield
        self.seen.note(self.declaration.name, properties)

    @property
    def seen(self) -> Seen:
        """What this test has seen of the connector."""
        seen: Seen = vars(self).setdefault("_seen", Seen())

        return seen

    def open_room(self, **options: object) -> AbstractAsyncContextManager[Room]:
        """Open the connector over its sandbox, which has these options too."""
        plan = Plan(
            declaration=self.declaration,
            market=self.market,
            settings=self.settings,
            options=self.options,
            routes=self.routes,
            leverage=self.leverage,
            settle_s=self.settle_s,
            seen=self.seen,
            gone_s=self.gone_s or self.settle_s,
        )

        return open_room(plan, **options)
