"""The fault matrix over whole sessions: the real connector and the sandbox, on virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import attrs
import pytest

from perpmaker.cli.run_end import halt_code_of
from perpmaker.errors import ExitCode
from perpmaker.model.order import OrderKind, OrderStatus, PositionSide
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.order import OrderState
from perpmaker.state.view import Mode
from perpmaker.testing.session import Session, open_session, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.testing.waiting import until
from perpmaker.wire.fault import Fault, Reply

FILE = Path(__file__).parents[1] / "practice.toml"
PLACE = {"method": "POST", "path": "/fapi/v1/batchOrders"}
PLACE_ONE = {"method": "POST", "path": "/fapi/v1/order"}
CANCEL = {"method": "DELETE", "path": "/fapi/v1/"}
LOCKED_OUT = Reply(status=401, body='{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}')


def run_virtual(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario on a virtual clock of its own."""
    name, options = virtual_backend()
    anyio.run(scenario, backend=name, backend_options=options)


@attrs.define
class Scene:
    """A session that trades in the background."""

    session: Session
    ended: anyio.Event = attrs.field(factory=anyio.Event)

    @property
    def bot(self) -> Supervisor:
        """The bot."""
        return self.session.bot

    def arm(self, fault: Fault) -> None:
        """Let the sandbox commit a fault."""
        self.session.sandbox.faults.add(fault)

    @property
    def fired(self) -> int:
        """How many faults have fired."""
        return len(self.session.sandbox.faults.fired)

    def quotes(self) -> int:
        """How many quotes rest on the venue."""
        return len(self.session.open_quotes())

    def statuses(self) -> set[OrderStatus]:
        """What the bot believes of its orders."""
        return {order.status for order in self.bot.trader.working()}

    async def trade(self) -> None:
        """Trade until asked to stop."""
        closing, _ = await self.session.run_bot(3600.0)
        assert closing.unproven is None
        self.ended.set()

    async def stop(self, *, close: bool = False, within_s: float = 10.0) -> None:
        """Ask to stop; it must be proven clean in time, and nothing may have been violated."""
        self.bot.request_stop(close=close)

        with anyio.fail_after(within_s):
            await self.ended.wait()

        assert self.quotes() == 0
        assert self.session.sandbox.oracle.violations == []


@asynccontextmanager
async def trading(*overrides: str, seed: int = 1, still: bool = True) -> AsyncIterator[Scene]:
    """A session whose quotes are about to be sent; `still` quotes so far away that nothing is filled."""
    far = ("bid_spread=2", "ask_spread=2") if still else ()

    async with open_session(FILE, *far, *overrides, seed=seed) as session, anyio.create_task_group() as group:
        scene = Scene(session)
        group.start_soon(scene.trade)
        yield scene
        group.cancel_scope.cancel()


def test_F01_a_venue_that_cannot_be_reached_is_tried_again_and_named() -> None:
    """One line a minute has host, port and key; waits are capped, and it trades once somebody answers."""

    async def scenario() -> None:
        async with open_stage(FILE, seed=1) as stage:
            host, port = stage.sandbox.line.url.removeprefix("http://").split(":")
            listener = stage.network._listeners[host, int(port)]
            stage.network.forget(host, int(port))
            told: list[str] = []

            async with anyio.create_task_group() as group:
                group.start_soon(_come_back, lambda: stage.network._listeners.update({(host, int(port)): listener}))

                async with stage.open_bot(told=told) as session:
                    closing, _ = await session.run_bot(10.0)

            tries = [line for line in told if "tried again" in line]
            assert 1 <= len(tries) <= 2
            assert all(f"{host}:{port} refused the connection" in line for line in tries)
            assert all(line.startswith('[binance_perpetual] environment = "sandbox": ') for line in tries)
            assert closing.unproven is None
            assert session.bot.count.placed[OrderKind.QUOTE] >= 2

    run_virtual(scenario)


async def _come_back(serve: Callable[[], None]) -> None:
    await anyio.sleep(60)
    serve()


@pytest.mark.each_value
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("F04 F05", {"act": "drop"}),
        ("F11", {"act": "status", "arg": Reply(status=503, body="<html>Service Unavailable</html>")}),
        ("F11", {"act": "status", "arg": Reply(status=500, body='{"code":-1007,"msg":"Timeout waiting"}')}),
        ("F18", {"act": "body", "arg": "<html>everything is fine</html>"}),
        ("F18", {"act": "body", "arg": '{"orderId":1,'}),
        ("F17", {"act": "reset"}),
    ],
)
def test_F04_F05_F11_F18_an_order_without_an_answer_is_unknown_and_never_sent_twice(
    row: str, fault: dict[str, object], when: str
) -> None:
    """Lost before or after the venue saw it: the slot is blocked until that is known, then there is one order each."""

    async def scenario() -> None:
        async with trading() as scene:
            scene.arm(Fault(when=when, **PLACE, **fault))  # type: ignore[arg-type]  # the fields of a fault, by name
            await until(lambda: scene.fired == 1)
            first = list(scene.bot.known.sent)
            await until(lambda: scene.quotes() == 2 and scene.statuses() == {OrderStatus.OPEN})
            arrived = [line for line in scene.session.trace if "accepted" in line and line.split()[2] in first]

            assert (list(scene.bot.known.sent) == first) is bool(arrived), f"{row}: what arrived is adopted"
            assert len(arrived) in {0, 2}
            await scene.stop()

    run_virtual(scenario)


def test_F04_an_order_that_never_arrived_is_sent_anew_only_after_its_fence() -> None:
    """The venue's "no such order" proves nothing before the request's own deadline has passed at the venue."""

    async def scenario() -> None:
        async with trading() as scene:
            scene.arm(Fault(act="drop", when="before", **PLACE))  # type: ignore[arg-type]  # the fields of a fault
            await until(lambda: scene.fired == 1)
            lost_at = anyio.current_time()
            await until(lambda: scene.quotes() == 2)

            assert anyio.current_time() - lost_at >= scene.bot.connector.fence_s
            await scene.stop()

    run_virtual(scenario)


@pytest.mark.parametrize(("late_s", "arrives"), [(1.0, True), (6.0, False)])
def test_F06_a_late_order_is_adopted_inside_its_window_and_refused_by_the_venue_after_it(
    late_s: float, arrives: bool
) -> None:
    """Asking too early would have sent a second order beside the late one; the fence makes that impossible."""

    async def scenario() -> None:
        async with trading() as scene:
            scene.arm(Fault(act="delay", when="before", arg=late_s, **PLACE))  # type: ignore[arg-type]  # as above
            await until(lambda: scene.fired == 1)
            first = set(scene.bot.known.sent)
            await until(lambda: scene.quotes() == 2)
            await anyio.sleep(10)
            accepted = {line.split()[2] for line in scene.session.trace if "accepted" in line}

            assert scene.quotes() == 2
            assert accepted & first == (first if arrives else set())
            await scene.stop()

    run_virtual(scenario)


def test_F07_an_order_whose_answer_is_lost_and_that_fills_at_once_is_found() -> None:
    """The close at market is filled although its answer never came: the position is flat, and nothing is sent twice."""

    async def scenario() -> None:
        async with trading(still=False) as scene:
            await until(lambda: scene.bot.trader.state.account.positions[PositionSide.NET].amount != 0)
            scene.arm(Fault(act="drop", when="after", contains="MARKET", **PLACE_ONE))  # type: ignore[arg-type]  # as above
            await scene.stop(close=True, within_s=30.0)
            orders = scene.session.sandbox.exchange.orders(ACCOUNT)

            assert scene.fired == 1
            assert [order.state for order in orders if order.ticks is None] == [OrderState.FILLED]
            assert scene.session.sandbox.exchange.account(ACCOUNT).positions[0].amount == 0
            assert scene.bot.trader.state.account.positions[PositionSide.NET].amount == 0

    run_virtual(scenario)


@pytest.mark.parametrize("when", ["before", "after"])
def test_F08_a_cancel_without_an_answer_keeps_the_slot_until_the_order_is_proven_gone(when: str) -> None:
    """While a refresh's cancel hangs, no second order takes the slot; the oracle sees at most one of each.

    The venue does not amend these orders any more, so that they are replaced.
    """

    async def scenario() -> None:
        async with trading("order_refresh_tolerance_pct=-1") as scene:
            await until(lambda: scene.quotes() == 2)
            spent = Reply(status=400, body='{"code":-5026,"msg":"Exceed maximum modify order limit."}')
            scene.arm(Fault(act="status", arg=spent, method="PUT", path="/fapi/v1/", times=None))
            cancel = Fault(act="drop", when=when, **CANCEL)  # type: ignore[arg-type]  # as above
            scene.arm(cancel)
            await until(lambda: cancel in scene.session.sandbox.faults.fired)

            if when == "after":  # the stream tells at once that they are gone, and others take their slots
                await until(lambda: scene.quotes() == 2)

            sent = len(scene.bot.known.sent)
            await anyio.sleep(2)
            assert len(scene.bot.known.sent) == sent
            await until(lambda: len(scene.bot.known.sent) > sent and scene.quotes() == 2)
            await scene.stop()

    run_virtual(scenario)


def test_F12_too_many_requests_pause_new_orders_and_never_the_way_out() -> None:
    """After a 429 nothing new is sent before its Retry-After; a stop meanwhile still cancels and proves."""

    async def scenario() -> None:
        async with trading() as scene:
            too_many = Reply(status=429, headers={"retry-after": "5"}, body='{"code":-1003,"msg":"Too many requests"}')
            scene.arm(Fault(act="status", arg=too_many, **PLACE))  # type: ignore[arg-type]  # as above
            await until(lambda: scene.fired == 1)
            refused_at = anyio.current_time()
            await until(lambda: scene.quotes() == 2)

            assert anyio.current_time() - refused_at >= 5
            scene.arm(Fault(act="status", arg=too_many, **PLACE))  # type: ignore[arg-type]  # as above
            await scene.stop()

    run_virtual(scenario)


def test_F14_a_key_that_is_refused_in_mid_run_halts_without_a_storm_of_requests() -> None:
    """Halted with the venue's words; at most one try in 30 s; what cannot be proven at the end is said."""

    async def scenario() -> None:
        far = ("bid_spread=2", "ask_spread=2")

        async with open_session(FILE, *far, seed=1) as session, anyio.create_task_group() as group:
            scene = Scene(session)
            ended: list[str | None] = []

            async def trade() -> None:
                closing, _ = await session.run_bot(3600.0)
                ended.append(closing.unproven)

            group.start_soon(trade)
            await until(lambda: scene.quotes() == 2)
            scene.arm(Fault(act="status", arg=LOCKED_OUT, path="/fapi/", times=None))
            await until(lambda: scene.bot.mode is Mode.HALT, 60.0)
            fired = scene.fired
            await anyio.sleep(120)

            assert scene.fired - fired <= 2 * 120 / 30 + 2
            assert scene.bot.halted is not None
            assert "Invalid API-key" in scene.bot.halted
            assert halt_code_of(scene.bot) is ExitCode.REFUSED
            scene.bot.request_stop()
            await until(lambda: bool(ended))
            assert ended != [None]

    run_virtual(scenario)


@pytest.mark.each_value
@pytest.mark.parametrize("path", ["/public", "/market", "/private"])
@pytest.mark.parametrize("code", [1000, 1001, 1006, 1008, 1011, 1012, 4000])
def test_F23_a_stream_that_is_closed_is_back_within_a_second(path: str, code: int) -> None:
    """Whatever the code: reconnected, resynchronised, quoting again."""

    async def scenario() -> None:
        async with trading() as scene:
            await until(lambda: scene.quotes() == 2 and scene.bot.mode is Mode.RUN)
            end = (
                Fault(act="reset", when="now", path=path)
                if code == 1006
                else Fault(act="close", when="now", arg=code, path=path)
            )
            await scene.session.sandbox.faults.inject(end)

            if path != "/market":
                await until(lambda: scene.bot.mode is not Mode.RUN, 1.0)

            await until(lambda: scene.bot.mode is Mode.RUN, 1.0)
            await until(lambda: scene.quotes() == 2, 3.0)
            await scene.stop()

    run_virtual(scenario)


def test_F24_a_silent_book_pulls_the_quotes_although_the_socket_is_open() -> None:
    """Pings are answered and data is not: quotes go, the stream is connected anew, and quoting begins again."""

    async def scenario() -> None:
        async with trading(still=False) as scene:
            await until(lambda: scene.quotes() == 2)
            scene.arm(Fault(act="drop", method="WS", path="/public", times=None))
            await until(lambda: scene.quotes() == 0 and scene.bot.mode is Mode.REDUCE, 11.0)
            scene.session.sandbox.faults.clear()
            await until(lambda: scene.bot.mode is Mode.RUN, 15.0)
            await until(lambda: scene.bot.trader.state.book.ok)
            await scene.stop()

    run_virtual(scenario)


def test_F35_a_fill_that_comes_before_the_answer_is_applied_and_the_answer_changes_nothing() -> None:
    """Answers are held for a second while the market trades: positions are right all the same."""

    async def scenario() -> None:
        async with trading(still=False) as scene:
            scene.arm(Fault(act="delay", when="after", arg=1.0, method="POST", path="/fapi/v1/", times=None))
            await anyio.sleep(40)
            scene.session.sandbox.faults.clear()
            await anyio.sleep(2)
            (position,) = scene.session.sandbox.exchange.account(ACCOUNT).positions

            assert scene.bot.trader.state.account.totals.fills == len(
                scene.session.sandbox.exchange.executions(ACCOUNT)
            )
            assert scene.bot.trader.state.account.totals.fills > 0
            assert scene.bot.trader.state.account.positions[PositionSide.NET].amount == position.amount
            await scene.stop()

    run_virtual(scenario)


@pytest.mark.each_value
@pytest.mark.parametrize("after_s", [0.0, 0.003, 0.01, 0.05, 0.5, 1.05, 1.5, 5.0, 7.3, 11.1])
@pytest.mark.parametrize("times", [1, 2])
def test_F70_a_stop_at_any_moment_leaves_no_quote_behind(after_s: float, times: int) -> None:
    """Once or twice, while connecting, quoting, refreshing or exiting: nothing new, all quotes gone, proven in time."""

    async def scenario() -> None:
        async with trading(still=False) as scene:
            await anyio.sleep(after_s)

            for _ in range(times):
                scene.bot.request_stop()

            with anyio.fail_after(10):
                await scene.ended.wait()

            accepted = len(scene.session.trace)
            await anyio.sleep(10)
            assert scene.quotes() == 0
            assert scene.session.sandbox.oracle.violations == []
            assert not [line for line in scene.session.trace[accepted:] if "accepted" in line]

    run_virtual(scenario)


def test_F70_a_stop_while_an_order_is_unknown_waits_for_its_fence() -> None:
    """The lost order might still arrive: it is proven that it cannot, or that it is gone, within ten seconds."""

    async def scenario() -> None:
        async with trading() as scene:
            scene.arm(Fault(act="delay", when="before", arg=1.5, **PLACE))  # type: ignore[arg-type]  # as above
            await until(lambda: scene.fired == 1)
            await scene.stop()
            await anyio.sleep(10)
            assert scene.quotes() == 0

    run_virtual(scenario)
