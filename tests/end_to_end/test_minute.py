"""The first minute of each venue's example, on any seed: what the README promises is what a person gets.

With --full there are 200 seeds of each venue.
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import anyio
import attrs
import pytest

from perpmaker.model.income import IncomeKind
from perpmaker.model.order import OrderKind
from perpmaker.report.summary import Summary
from perpmaker.sandbox.server import ACCOUNT
from perpmaker.testing.session import Session, open_session
from perpmaker.testing.virtual import virtual_backend

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = {"Binance": "sandbox.toml", "Bybit": "bybit_sandbox.toml", "dYdX": "dydx_sandbox.toml"}
SEEDS = int(os.environ.get("PERPMAKER_SEEDS", "1"))
MINUTE_S = 60.0
QUOTED_S = 5.0
"""Seconds after the first connection within which quotes of both sides rest."""

SHARE = Decimal("0.95")
"""The share of the seeds in which something is filled, and a profit-taking order placed for it, within the minute."""

BALANCE = Decimal(10_000)


@attrs.frozen(kw_only=True)
class Minute:
    """What a minute came to: `faults` must be in no minute, `fills` and `targets` may be missing in a few."""

    fills: int
    targets: int
    faults: tuple[str, ...]


def play(file: str, seed: int) -> Minute:
    """Trade a minute of virtual time on the market of this seed, and judge it by the venue's own books."""

    async def session() -> Minute:
        async with open_session(EXAMPLES / file, seed=seed) as session, anyio.create_task_group() as group:
            quoted_s: list[float] = []
            group.start_soon(_note_quotes, session, quoted_s)
            summary = await session.run(MINUTE_S)
            group.cancel_scope.cancel()

        return Minute(
            fills=summary.fills,
            targets=session.bot.count.placed[OrderKind.TAKE_PROFIT],
            faults=(*_faults(session, summary), *(() if quoted_s else (f"no quotes within {QUOTED_S:g} s",))),
        )

    name, options = virtual_backend()

    return anyio.run(session, backend=name, backend_options=options)


async def _note_quotes(session: Session, quoted_s: list[float]) -> None:
    """Write down when quotes of both sides rest for the first time, if that is in time."""
    began = session.clock.now()

    with anyio.move_on_after(QUOTED_S):
        while len(session.open_quotes()) < 2:  # noqa: ASYNC110  # the state of the venue, not an event
            await anyio.sleep(0.05)

        quoted_s.append(session.clock.now() - began)


def _faults(session: Session, summary: Summary) -> tuple[str, ...]:
    """What is wrong with the end of a session, each in a few words."""
    exchange = session.sandbox.exchange
    account, executions = exchange.account(ACCOUNT), exchange.executions(ACCOUNT)
    income = {kind: sum(one.amount for one in exchange.income(ACCOUNT) if one.kind is kind) for kind in IncomeKind}
    pairs = {
        "realised profit": (summary.realized_pnl, income[IncomeKind.REALIZED]),
        "fees": (summary.fees, -income[IncomeKind.FEE]),
        "funding": (summary.funding, income[IncomeKind.FUNDING]),
        "result": (summary.result - summary.unrealized_pnl, account.wallet - BALANCE),
        "position": (summary.position, sum(one.amount for one in account.positions)),
        "unrealised profit": (summary.unrealized_pnl, _unrealized(session)),
        "fills": (summary.fills, len(executions)),
        "volume": (summary.volume, sum(one.price * one.amount for one in executions)),
    }

    return (
        *(f"{name}: {ours}, the venue has {theirs}" for name, (ours, theirs) in pairs.items() if ours != theirs),
        *(f"quote left: {client_id}" for client_id in session.open_quotes()),
        *(f"violated: {violation}" for violation in session.sandbox.oracle.violations),
        *(() if session.bot.unproven is None else (f"unproven: {session.bot.unproven}",)),
        *(() if session.bot.halted is None else (f"halted: {session.bot.halted}",)),
    )


def _unrealized(session: Session) -> Decimal:
    """What the venue's positions have won at the mark price that the bot has heard last."""
    mark = session.bot.trader.state.market.mark or Decimal(0)
    held = [one for one in session.sandbox.exchange.account(ACCOUNT).positions if one.amount]

    return sum((one.amount * (mark - one.entry) for one in held), Decimal(0))


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_the_example_of_each_venue_keeps_its_promises_on_any_seed(file: str) -> None:
    """Quotes in 5 s, the account to the last digit, nothing left; nearly always a fill and its target."""
    minutes = {seed: play(file, seed) for seed in range(1, 1 + SEEDS)}
    assert {seed: one.faults for seed, one in minutes.items() if one.faults} == {}
    assert sum(one.fills > 0 and one.targets > 0 for one in minutes.values()) >= SHARE * SEEDS
