"""What a price source hears in a test: a price somewhere, which can move, be no price, fall silent or be away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol

import anyio
import attrs

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import Environment
from perpmaker.connector.price_source import SourceContext, SourceRequest
from perpmaker.model.event import ReferenceChanged
from perpmaker.secret import References
from perpmaker.state.view import BookView
from perpmaker.strategy.reference import Reference, read_reference
from perpmaker.strategy.settings import PriceType
from perpmaker.testing.view import make_book, make_instrument, make_view
from perpmaker.wire.memory import MemoryNetwork
from perpmaker.wire.server import Request, Response, serve
from perpmaker.wire.websocket import WebSocket

HOST: Final = "127.0.0.1"
PORT: Final = 8080


class World(Protocol):
    """What one source hears, for as long as a test runs. Each method takes effect at once."""

    @property
    def context(self) -> SourceContext:
        """What the source is opened with: its clock is that of the test, its network in memory."""

    async def set_price(self, price: Decimal) -> None:
        """Let this be the price: best bid, best ask and last trade too, give or take less than a half."""

    async def talk_nonsense(self) -> None:
        """Answer with what is no price."""

    async def fall_silent(self) -> None:
        """Answer nothing more and tell nothing more; what is connected stays connected."""

    async def go_away(self) -> None:
        """Refuse every connection, and everything that is asked."""

    def connections(self) -> int:
        """How many connections the source has open."""


def make_context(network: MemoryNetwork, **changes: Any) -> SourceContext:  # noqa: ANN401  # any field of SourceContext
    """Return a context over a network in memory, for the market BTC-USDT. Call it inside the event loop."""
    plain: dict[str, Any] = {
        "clock": LoopClock(),
        "connect": network.connect,
        "signers": References(Path(), environ={}),
        "environment": Environment.SANDBOX,
        "request": SourceRequest(market="BTC-USDT"),
    }

    return SourceContext(**plain | changes)


@attrs.define(kw_only=True)
class HttpWorld:
    """An address that answers with a price, `http://127.0.0.1:8080`; see `World`. Open it with `open_http_world`.

    `body` writes an answer, `nonsense` is the one that is no price.
    """

    context: SourceContext
    network: MemoryNetwork
    body: Callable[[Decimal], bytes]
    nonsense: bytes
    stop: Callable[[], Awaitable[None]]
    price: Decimal = Decimal(100)
    is_sane: bool = True
    is_silent: bool = False

    async def set_price(self, price: Decimal) -> None:
        """See `World`."""
        self.price = price

    async def talk_nonsense(self) -> None:
        """See `World`."""
        self.is_sane = False

    async def fall_silent(self) -> None:
        """See `World`."""
        self.is_silent = True

    async def go_away(self) -> None:
        """See `World`."""
        await self.stop()
        await self.network.reset_connections()

    def connections(self) -> int:
        """See `World`."""
        return self.network.connections

    async def respond(self, _: Request) -> Response:
        """Answer a request."""
        if self.is_silent:
            await anyio.sleep_forever()

        return Response(body=self.body(self.price) if self.is_sane else self.nonsense)

    async def converse(self, _: Request, socket: WebSocket) -> None:
        """Close every WebSocket: there are none here."""
        await socket.close()


@asynccontextmanager
async def open_http_world(
    body: Callable[[Decimal], bytes],
    *,
    nonsense: bytes = b"<html>",
    **changes: Any,  # noqa: ANN401  # fields of SourceContext
) -> AsyncIterator[HttpWorld]:
    """Serve an address that answers with a price.

    Args:
        body: writes an answer.
        nonsense: the answer that is no price.
        changes: fields of `SourceContext`, such as its request.
    """
    network = MemoryNetwork()
    listener = await network.listen(HOST, PORT)
    context = make_context(network, **changes)
    world = HttpWorld(context=context, network=network, body=body, nonsense=nonsense, stop=listener.aclose)

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: serve(listener, world))
        yield world
        tasks.cancel_scope.cancel()


class TradedWorld:
    """The traded market's own book and nothing else; see `World`. It is for sources that are made of that."""

    def __init__(self, **changes: Any) -> None:  # noqa: ANN401  # any field of SourceContext
        self.instrument = make_instrument()
        self.context = make_context(MemoryNetwork(), traded=self, **changes)
        self._book: BookView = make_book(9999, 10001)
        self._changed = anyio.Event()
        self._changed.set()

    async def book(self) -> BookView:
        """See `TradedMarket`."""
        await self._changed.wait()
        self._changed = anyio.Event()

        return self._book

    async def set_price(self, price: Decimal) -> None:
        """See `World`."""
        ticks = self.instrument.exact_ticks(price)
        self._book = make_book(ticks - 1, ticks + 1)
        self._changed.set()

    async def talk_nonsense(self) -> None:
        """See `World`: a book without asks."""
        self._book = make_book(self._book.best_bid, None)
        self._changed.set()

    async def fall_silent(self) -> None:
        """See `World`: a book tells nothing while nothing changes."""

    async def go_away(self) -> None:
        """See `World`."""
        self._changed = anyio.Event()

    def connections(self) -> int:
        """See `World`: there are none."""
        return 0


class TradedReceiver:
    """What the core itself derives from the traded book, where a source is nothing else."""

    def __init__(self, context: SourceContext, price_type: PriceType) -> None:
        if context.traded is None:
            raise TypeError("the world has no traded market")

        self._market, self._price_type = context.traded, price_type

    async def receive(self) -> ReferenceChanged:
        """Return the price of the next book, or why there is none."""
        book = await self._market.book()
        view = make_view(instrument=self._market.instrument, book=book, last_trade=_middle(book))
        found = read_reference(view, self._price_type, 10.0)

        return (
            ReferenceChanged(price=found.price) if isinstance(found, Reference) else ReferenceChanged(doubt=str(found))
        )


def _middle(book: BookView) -> int | None:
    return None if book.best_bid is None else book.best_bid + 1


def price_of(word: ReferenceChanged, price_type: PriceType) -> Decimal | None:
    """Return the price that the core takes from a word; None where it takes none."""
    view = make_view(external_reference=True, reference=word)
    found = read_reference(view, price_type, 10.0, None)

    return found.price if isinstance(found, Reference) else None
