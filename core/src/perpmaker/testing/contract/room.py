"""A connector over its sandbox in memory, and what the suite's tests do with it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import attrs
import pytest
from anyio.abc import TaskGroup, TaskStatus

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import (
    CancelOrder,
    ConnectorContext,
    DerivativeConnector,
    Environment,
    Feed,
    IdScheme,
    SandboxAccess,
)
from perpmaker.model.client_id import ClientIds, TextIds
from perpmaker.model.event import Channel
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import (
    NewOrder,
    OrderKind,
    OrderReport,
    OrderStatus,
    OrderType,
    PositionMode,
    PositionSide,
    Side,
    Slot,
)
from perpmaker.model.outcome import Accepted, Outcome, Rejected
from perpmaker.model.refusal import RefusalReason
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.sandbox.server import ACCOUNT, Sandbox, SandboxSettings, open_sandbox, rules_for
from perpmaker.secret import References
from perpmaker.simulation.statement import AccountState
from perpmaker.testing.contract.abilities_table import Seen, facts_of
from perpmaker.testing.contract.heard import Heard, follow
from perpmaker.testing.contract.market import GAP, LEVELS, Stage
from perpmaker.testing.contract.spy import Route, Spy, SpyDialect
from perpmaker.wire.fault import Act, Reply, When
from perpmaker.wire.memory import MemoryNetwork

BOT: Final = "c0ffee"
LATENCY_S: Final = 0.001
SPARE_LOTS: Final = 10
"""A quote has at least so many lots, so that it can fill in parts."""


@attrs.frozen(kw_only=True)
class Plan:
    """What a room is made of; see the attributes of `ConnectorContract`."""

    declaration: DerivativeConnectorDeclaration[Any]
    market: str
    settings: Mapping[str, Any]
    options: Mapping[str, Any]
    routes: Mapping[str, Route]
    leverage: int
    settle_s: float
    gone_s: float
    seen: Seen = attrs.field(factory=Seen)


@attrs.define(kw_only=True, eq=False)
class Room:
    """A connector that is open, the sandbox behind it, and the market on it, which stands still until it is moved."""

    plan: Plan
    sandbox: Sandbox
    connector: DerivativeConnector
    context: ConnectorContext
    clock: LoopClock
    network: MemoryNetwork
    spy: Spy
    stage: Stage
    tasks: TaskGroup
    instrument: Instrument
    ids: ClientIds
    began_ms: int
    _placed: int = 0
    _routes: dict[str, Route] = attrs.field(factory=dict)

    # --- time and the venue -------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Wait until the venue has told what it has to tell, on a market that is never quite still."""
        for _ in range(2):
            self.stage.stir()
            await anyio.sleep(self.plan.settle_s / 2)

    async def see_off(self) -> None:
        """Wait until an order that was cancelled is certainly gone."""
        for _ in range(math.ceil(self.plan.gone_s / self.plan.settle_s)):
            await self.settle()

    @property
    def account(self) -> AccountState:
        """The account as the venue itself has it."""
        return self.sandbox.exchange.account(ACCOUNT)

    def require(self, ability: type[Any]) -> Any:  # noqa: ANN401  # the connector, as what the ability is
        """Return the connector where it has an optional ability; else the test is skipped."""
        self.plan.seen.asked.add(ability.__name__)

        if not isinstance(self.connector, ability):
            pytest.skip(f"{self.connector.name} does not offer {ability.__name__}")

        return self.connector

    # --- orders -------------------------------------------------------------------------------------------------------

    @property
    def lots(self) -> int:
        """The lots of a quote, which the market's rules allow at any price near the middle."""
        rules, price = self.instrument, self.instrument.price(self.stage.middle)
        amount = max(rules.min_amount, rules.min_notional * 2 / price)

        return max(SPARE_LOTS, math.ceil(amount / rules.lot))

    def order(
        self,
        side: Side = Side.BUY,
        *,
        away: int | None = None,
        lots: int | None = None,
        kind: OrderKind = OrderKind.QUOTE,
        type: OrderType = OrderType.POST_ONLY,  # noqa: A002  # as it is called in the order
        reduce_only: bool = False,
        position_side: PositionSide = PositionSide.NET,
    ) -> NewOrder:
        """Make an order `away` ticks from the middle, negative where it takes; without it, beyond all others."""
        self._placed += 1
        away = GAP * (LEVELS + 5) + self._placed if away is None else away
        ticks = None if type is OrderType.MARKET else self.stage.middle - side.sign * away

        return NewOrder(
            client_id=self.ids.next(),
            slot=Slot(kind, side, 0 if kind.is_exit else self._placed, position_side),
            lots=self.lots if lots is None else lots,
            ticks=ticks,
            type=type,
            reduce_only=reduce_only,
        )

    async def place(self, *orders: NewOrder) -> Sequence[Outcome]:
        """Place orders."""
        return await self.connector.place(self.instrument, orders)

    async def rest(self, order: NewOrder | None = None) -> NewOrder:
        """Place an order and see that it rests."""
        order = order or self.order()
        (outcome,) = await self.place(order)
        assert isinstance(outcome, Accepted), outcome
        report = await self.report(order)
        assert report is not None
        assert report.status is OrderStatus.OPEN, report

        return order

    async def hold(self, lots: int | None = None, side: Side = Side.BUY) -> NewOrder:
        """Open a position at market."""
        order = self.order(side, lots=lots, type=OrderType.MARKET)
        (outcome,) = await self.place(order)
        assert isinstance(outcome, Accepted), outcome
        await self.settle()

        return order

    async def report(self, order: NewOrder, status: OrderStatus | None = None) -> OrderReport | None:
        """Ask for an order until it is there, and has this status, or the venue has told what it has to tell."""
        until = self.clock.now() + self.plan.settle_s

        while True:
            report = await self.connector.fetch_order(self.instrument, order.client_id, None)
            is_there = report is not None and status in {None, report.status}

            if is_there or self.clock.now() > until:
                return report

            await anyio.sleep(self.plan.settle_s / 10)

    async def cancel(self, *orders: NewOrder) -> Sequence[Outcome]:
        """Cancel orders by their own ids."""
        asked = [CancelOrder(client_id=order.client_id) for order in orders]

        return await self.connector.cancel(self.instrument, asked)

    async def open_ids(self) -> list[str]:
        """The client ids of the orders that the venue lists as open."""
        return [report.client_id for report in await self.connector.fetch_open_orders(self.instrument)]

    async def refusal(self, order: NewOrder, outcome: Outcome, heard: Heard) -> RefusalReason | None:
        """Why an order was refused: by its outcome or, where a gateway answered first, by what was told later."""
        if isinstance(outcome, Rejected):
            return outcome.refusal.reason

        await self.settle()
        told = heard.refusals(order.client_id)
        asked = await self.report(order)

        if told or asked is None or asked.refusal is None:
            return told[0] if told else None

        return asked.refusal.reason

    # --- streams ------------------------------------------------------------------------------------------------------

    def feed(self, channel: Channel) -> Feed:
        """The feed that keeps a channel alive."""
        found = [feed for feed in self.connector.feeds(self.instrument) if channel in feed.channels]
        assert len(found) == 1, f"{len(found)} feeds keep {channel.value} alive"

        return found[0]

    async def listen(self, channel: Channel) -> Heard:
        """Open a feed and hear what it says until the room is left, or the feed ends."""
        heard = Heard()
        await self.tasks.start(self._follow, channel, heard)

        return heard

    async def _follow(self, channel: Channel, heard: Heard, *, task_status: TaskStatus[None]) -> None:
        before = Counter(self.spy.sockets)

        def opened() -> None:
            (heard.path,) = Counter(self.spy.sockets) - before
            task_status.started()

        await follow(self.feed(channel), heard, opened)

    # --- where what is asked goes -------------------------------------------------------------------------------------

    async def route(self, what: str, ask: Callable[[], Awaitable[object]]) -> Route:
        """Learn where a question or a command goes: its last request, unless the suite's subclass has named it."""
        known = self.plan.routes.get(what) or self._routes.get(what)

        if known is not None:
            return known

        await ask()  # what is asked once only, as the venue's time, has been asked then
        before = len(self.spy.asked)
        await ask()
        await self.settle()
        asked = self.spy.asked[before:]
        assert asked, f"the connector asked nothing for {what}"
        self._routes[what] = asked[-1].route

        return self._routes[what]

    async def place_route(self) -> Route:
        """Where placements go."""
        return await self.route("place", lambda: self.place(self.order()))

    async def cancel_route(self) -> Route:
        """Where cancels go."""
        orders = [await self.rest(), await self.rest()]

        return await self.route("cancel", lambda: self.cancel(orders.pop()))

    def fault(self, route: Route, act: Act, *, when: When = "before", arg: float | str | Reply | None = None) -> None:
        """Arm a fault of what is asked there, once."""
        self.sandbox.faults.add(route.fault(act, when=when, arg=arg))


@asynccontextmanager
async def open_room(plan: Plan, **options: object) -> AsyncIterator[Room]:
    """Serve the sandbox with these options, open the connector to it, and learn the market."""
    network, clock, spy = MemoryNetwork(latency_s=LATENCY_S), LoopClock(), Spy()
    declaration, error = plan.declaration, None
    assert declaration.sandbox is not None, f"{declaration.name} declares no sandbox"
    dialect = SpyDialect(declaration.sandbox(), spy)
    wanted = SandboxSettings(venue=declaration.name, market=plan.market, options={**plan.options, **options})
    stage = Stage(rules_for(dialect, wanted), clock)

    async with AsyncExitStack() as stack:
        serving = open_sandbox(dialect, wanted, clock=clock, listener=await network.listen(), market=stage.script)
        sandbox = await stack.enter_async_context(serving)
        stage.exchange = sandbox.exchange
        context = _context(sandbox, clock, network)
        opening = declaration.open(declaration.settings(**plan.settings), context)
        connector = await stack.enter_async_context(opening)
        plan.seen.facts.update(facts_of(connector, hedge_mode=declaration.hedge_mode))
        instrument = await connector.fetch_instrument(plan.market)
        await connector.prepare(instrument, plan.leverage, PositionMode.ONE_WAY, None)
        tasks = await stack.enter_async_context(anyio.create_task_group())

        try:
            yield Room(
                plan=plan,
                sandbox=sandbox,
                connector=connector,
                context=context,
                clock=clock,
                network=network,
                spy=spy,
                stage=stage,
                tasks=tasks,
                instrument=instrument,
                ids=await _open_ids(connector, instrument),
                began_ms=clock.utc_ms(),
            )
        except (Exception, pytest.fail.Exception, pytest.skip.Exception) as raised:  # noqa: BLE001  # raised again below: task groups would wrap it
            error = raised

        tasks.cancel_scope.cancel()

    if error is not None:
        raise error


def _context(sandbox: Sandbox, clock: LoopClock, network: MemoryNetwork) -> ConnectorContext:
    return ConnectorContext(
        clock=clock,
        connect=network.connect,
        signers=References(Path(), environ={}),
        environment=Environment.SANDBOX,
        sandbox=SandboxAccess(url=sandbox.line.url, api_key=sandbox.keys.api_key, api_secret=sandbox.keys.api_secret),
    )


async def _open_ids(connector: DerivativeConnector, instrument: Instrument) -> ClientIds:
    if isinstance(connector, IdScheme):
        return await connector.open_client_ids(instrument, BOT, lambda _: True)

    return TextIds(BOT, "r1")
