"""Any session whatever: the real connector on a sandbox that fails, moves and is shared, and processes that die.

Each seed is a story of up to three processes. When the faults are over, the last of them knows what the venue knows,
its position has a stop, and its end is proven clean. With --full there are 200 seeds.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest

from perpmaker.journal.reading import JournalReader, find_journals
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.model.order import PositionSide, Side
from perpmaker.model.position import MarginMode
from perpmaker.plugins.catalog import load_catalog
from perpmaker.replay.recorded_plans import RecordedPlans
from perpmaker.replay.replay import UNBEGUN, Replay
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.simulation.order import OrderRequest
from perpmaker.simulation.rejection import RejectionError
from perpmaker.state.view import Mode
from perpmaker.testing.crash import Doom, live
from perpmaker.testing.session import Session, Stage, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.wire.fault import Fault, Reply

FILE = Path(__file__).parents[1] / "practice.toml"
SEEDS = int(os.environ.get("PERPMAKER_SEEDS", "1"))

BOTS: Sequence[Sequence[str]] = (
    (),
    ('stop_loss_order="venue"',),
    ('stop_loss_order="market"', "long_profit_taking_spread=2", "short_profit_taking_spread=2"),
    ('when_in_position="pause"', "order_levels=3", "order_level_spread=0.02"),
    ('position_mode="Hedge"', "order_levels=2", "order_level_spread=0.02"),
    ("leverage=50", "stop_loss_spread=0.5", "filled_order_delay=0"),
)
BUSY = (
    Reply(status=503, body='{"code":-1000,"msg":"Unknown error, please check your request or try again later."}'),
    Reply(status=503, body="Service Unavailable."),
    Reply(status=503, body='{"code":-1008,"msg":"Server is currently overloaded."}'),
    Reply(status=502, body="<html>Bad Gateway</html>"),
    Reply(status=403, body="<html>Request blocked</html>"),
)
REFUSED = (
    Reply(status=400, body='{"code":-4131,"msg":"The counterparty\'s best price does not meet."}'),
    Reply(status=400, body='{"code":-2022,"msg":"ReduceOnly Order is rejected."}'),
    Reply(status=400, body='{"code":-2019,"msg":"Margin is insufficient."}'),
    Reply(status=400, body='{"code":-2021,"msg":"Order would immediately trigger."}'),
    Reply(status=400, body='{"code":-4140,"msg":"Invalid symbol status for opening position."}'),
    Reply(status=429, headers={"retry-after": "3"}, body='{"code":-1003,"msg":"Too many requests"}'),
)
ORDERS = ("/fapi/v1/order", "/fapi/v1/batchOrders", "/fapi/v1/algoOrder")
PATHS = ("/fapi", *ORDERS, "/fapi/v1/income", "/fapi/v3")
STREAMS = ("/public", "/market", "/private")
FOREIGN = '{"e":"ORDER_TRADE_UPDATE","E":1,"T":1,"o":{"s":"ETHUSDT","c":"x","S":"BUY","sp":null,"q":"abc"}}'


class Story:
    """What happens to one stage, drawn from a seed."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.chance = Random(seed)  # noqa: S311  # a story, nothing to keep secret
        self.isolates = seed % 2 == 0
        self.acts: Sequence[Callable[[], Awaitable[None]]] = (
            self.move, self.move, self.move, self.fail, self.fail, self.refuse, self.lose, self.silence, self.cut,
            self.trade, self.rest, self.set, self.heal, self.wait, self.wait, self.babble, self.blackout,
        )  # fmt: skip

    async def go_on(self, session_s: float) -> None:
        """Let things happen for so long."""
        until = anyio.current_time() + session_s

        while anyio.current_time() < until:
            await self.chance.choice(self.acts)()
            await anyio.sleep(self.chance.choice([0.003, 0.05, 0.3, 1, 3, 8]))

    async def move(self) -> None:
        """The market jumps."""
        market = self.stage.sandbox.market
        assert isinstance(market, SyntheticMarket)
        market.jump(1 + self.chance.choice([-1, 1]) * self.chance.choice([0.0003, 0.0008, 0.003, 0.006, 0.02]))

    async def fail(self) -> None:
        """Requests are answered by nobody or by a proxy, before or after the venue saw them."""
        when: Any = self.chance.choice(["before", "before", "after"])
        self.arm(act="status", arg=self.chance.choice(BUSY), when=when, times=self.chance.choice([1, 3, 20]))

    async def refuse(self) -> None:
        """The venue refuses orders and amends."""
        path, reply, times = self.chance.choice(ORDERS), self.chance.choice(REFUSED), self.chance.choice([1, 2, 6])

        for method in ("POST", "PUT"):
            self.add(Fault(act="status", arg=reply, method=method, path=path, times=times))

    async def lose(self) -> None:
        """Requests or answers are lost, or late."""
        when: Any = self.chance.choice(["before", "after"])

        if self.chance.random() < 0.5:
            self.arm(act="drop", when=when, times=self.chance.choice([1, 3]))
        else:
            self.arm(act="delay", when=when, arg=self.chance.choice([0.4, 1.5, 4.0]), times=self.chance.choice([1, 5]))

    async def silence(self) -> None:
        """A stream is open and says nothing for a while."""
        self.add(
            Fault(act="drop", method="WS", path=self.chance.choice(STREAMS), times=self.chance.choice([1, 20, 200]))
        )

    async def cut(self) -> None:
        """A stream is closed."""
        path = self.chance.choice(STREAMS)
        await self.stage.sandbox.faults.inject(Fault(act="close", when="now", arg=1011, path=path))

    async def babble(self) -> None:
        """A private message comes as one of another market that no one can read."""
        self.add(Fault(act="body", method="WS", path="/private", arg=FOREIGN, times=1))

    async def trade(self) -> None:
        """A person trades at market."""
        self.by_hand(OrderRequest(side=self.side, amount=Decimal("0.005"), position_side=self.position_side))

    async def rest(self) -> None:
        """An order of a person rests: one that only reduces, or any."""
        market = self.stage.sandbox.market
        assert isinstance(market, SyntheticMarket)
        side, where = self.side, self.position_side
        price = Decimal(round(market.price * (1 - side.sign * self.chance.choice([0.001, 0.004]))))
        reduces = where is PositionSide.NET and self.chance.random() < 0.5
        amount = Decimal("0.006")
        self.by_hand(OrderRequest(side=side, amount=amount, price=price, position_side=where, reduce_only=reduces))

    async def set(self) -> None:
        """A person changes a setting: one of two, as an isolated position forbids a lower leverage."""
        exchange, now_ms = self.stage.sandbox.exchange, self.stage.clock.utc_ms()

        with self.stage.sandbox.oracle.person(), suppress(RejectionError):
            if self.isolates:
                exchange.set_margin_mode(ACCOUNT, MarginMode.ISOLATED, now_ms)
            else:
                exchange.set_leverage(ACCOUNT, self.chance.choice([2, 5]), now_ms)

    async def blackout(self) -> None:
        """No order is taken for a while, in which the market moves."""
        self.add(Fault(act="status", method="POST", path="/fapi", arg=self.chance.choice(BUSY), times=None))

        try:
            await self.move()
            await anyio.sleep(self.chance.choice([0.5, 4, 11]))
        finally:  # also when the process is killed in the middle of it
            self.stage.sandbox.faults.clear()

    async def heal(self) -> None:
        """Everything is answered again."""
        self.stage.sandbox.faults.clear()

    async def wait(self) -> None:
        """Nothing happens."""

    # --- with what

    @property
    def side(self) -> Side:
        """One of them."""
        return self.chance.choice(list(Side))

    @property
    def position_side(self) -> PositionSide:
        """One that the account has."""
        return self.chance.choice([one.side for one in self.stage.sandbox.exchange.account(ACCOUNT).positions])

    def arm(self, **words: Any) -> None:  # the fields of a fault
        """Arm a fault on some path."""
        method = words.pop("method", None) or self.chance.choice([None, "GET", "POST", "DELETE"])
        self.add(Fault(path=self.chance.choice(PATHS), method=method, **words))

    def add(self, fault: Fault) -> None:
        """Arm a fault."""
        self.stage.sandbox.faults.add(fault)

    def by_hand(self, request: OrderRequest) -> None:
        """A person sends an order, which the venue may refuse."""
        with self.stage.sandbox.oracle.person(), suppress(RejectionError):
            self.stage.sandbox.exchange.place(ACCOUNT, request, self.stage.clock.utc_ms())

    def calm_down(self) -> None:
        """The faults are over, and nobody else has orders or settings of his own."""
        exchange, now_ms = self.stage.sandbox.exchange, self.stage.clock.utc_ms()
        self.stage.sandbox.faults.clear()

        with self.stage.sandbox.oracle.person():
            for order in exchange.open_orders(ACCOUNT):
                if not order.client_id.startswith("pm-"):
                    exchange.cancel(ACCOUNT, order_id=order.order_id, now_ms=now_ms)


def knows(session: Session) -> bool:
    """Whether the bot quotes or holds what the venue says, and each position that has size has a stop."""
    exchange = session.sandbox.exchange
    positions = exchange.account(ACCOUNT).positions
    believed = {side: one.amount for side, one in session.bot.trader.state.account.positions.items()}
    stops = {one.position_side for one in exchange.conditional_orders(ACCOUNT)}

    return (
        session.bot.mode is Mode.RUN
        and all(believed.get(one.side) == one.amount for one in positions)
        and all(one.side in stops for one in positions if one.amount)
    )


async def play(seed: int, home: StateDir) -> list[str]:
    """Play a story: what was wrong at its end."""
    chance = Random(seed)  # noqa: S311  # as above
    wrong: list[str] = []

    async with open_stage(FILE, *BOTS[seed % len(BOTS)], seed=seed) as stage:
        story = Story(stage, seed)
        mode = stage.configuration.run.position_mode  # with an order of a person's there, no run could set it

        with suppress(RejectionError):  # it is set already
            stage.sandbox.exchange.set_position_mode(ACCOUNT, mode, stage.clock.utc_ms())

        for _ in range(chance.randint(0, 2)):
            await one_life(stage, home, story, seconds=chance.uniform(3, 20))

        await last_life(stage, home, story, wrong)
        wrong += map(str, stage.sandbox.oracle.violations)

    return wrong + [f"replay: {one}" for one in replayed(home)]


def replayed(home: StateDir) -> list[object]:
    """What is decided otherwise when the journal of each process is replayed, and what of it cannot be."""
    plans, wrong = RecordedPlans(load_catalog()), list[object]()

    for journal in find_journals(home.root).journals:
        outcome = Replay(reader=JournalReader(journal.path), plans=plans).run()
        wrong += [outcome.difference] if outcome.difference is not None else []
        wrong += [run.remark for run in outcome.runs if run.remark not in {"", UNBEGUN}]  # some are killed at once
        wrong += outcome.unread

    return wrong


async def one_life(stage: Stage, home: StateDir, story: Story, *, seconds: float) -> None:
    """A process that is killed in the middle of things."""
    doom = Doom()

    async with anyio.create_task_group() as group:
        group.start_soon(story.go_on, seconds)
        await live(stage, home, doom, seconds)
        group.cancel_scope.cancel()


async def last_life(stage: Stage, home: StateDir, story: Story, wrong: list[str]) -> None:
    """A process that trades through faults, finds its way back when they are over, and ends; what is wrong is added."""
    for is_last in (False, True):
        told: list[str] = []

        async with stage.open_bot(home=home, told=told, resume=True) as session, anyio.create_task_group() as group:
            closings: list[Any] = []

            async def run(session: Session = session, closings: list[Any] = closings) -> None:
                closings.append(await session.bot.run())

            group.start_soon(run)

            if not is_last:
                await story.go_on(story.chance.uniform(3, 20))
                story.calm_down()
            else:
                with anyio.move_on_after(75):
                    while not knows(session):  # noqa: ASYNC110  # the state of bot and venue, not an event
                        await anyio.sleep(0.05)

                if not knows(session):
                    wrong.append(f"not managed in 75 s: {session.bot.mode} ({session.bot.mode_reason}), {told[-6:]}")

            session.bot.request_stop()

            with anyio.move_on_after(60):
                while not closings:  # noqa: ASYNC110  # as above
                    await anyio.sleep(0.05)

            if not closings:
                wrong.append(f"not ended in 60 s: {told[-6:]}")
            elif is_last and closings[0].unproven is not None:
                wrong.append(f"not clean: {closings[0].unproven}")
            elif closings[0].unproven is None:
                wrong += bare(stage)

            group.cancel_scope.cancel()


def bare(stage: Stage) -> list[str]:
    """Positions that were left without a stop."""
    exchange = stage.sandbox.exchange
    stops = {one.position_side for one in exchange.conditional_orders(ACCOUNT)}
    positions = exchange.account(ACCOUNT).positions

    return [
        f"'clean' with a bare {one.side.value} position" for one in positions if one.amount and one.side not in stops
    ]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_to_a_session(tmp_path: Path, seed: int) -> None:
    """Managed within 75 s of the last fault, nothing violated, ended clean, never without a stop; a replay agrees."""
    name, options = virtual_backend()
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    assert anyio.run(play, seed, home, backend=name, backend_options=options) == []
