"""A session with fills, a stop loss and a lost connection, on virtual time, and its journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import msgspec

from perpmaker.journal.file import Row, append, claim, connect, last_hash
from perpmaker.journal.reading import JournalReader, find_journals
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.plugins.catalog import load_catalog
from perpmaker.replay.outcome import Outcome
from perpmaker.replay.recorded_plans import RecordedPlans
from perpmaker.replay.replay import Replay
from perpmaker.simulation.market import SyntheticMarket
from perpmaker.testing.session import Session, open_stage
from perpmaker.testing.virtual import virtual_backend
from perpmaker.wire.fault import Fault

PRACTICE = Path(__file__).parents[2] / "practice.toml"
NEAR = ("stop_loss_spread=0.2", 'stop_loss_order="market"', "filled_order_delay=0")


async def _trade(home: StateDir, overrides: Sequence[str]) -> None:
    """Two runs on one sandbox: the second finds what the first has left."""
    async with open_stage(PRACTICE, *NEAR, *overrides, seed=3) as stage:
        for seconds in (8.0, 3.0):
            async with stage.open_bot(home=home) as session, anyio.create_task_group() as group:
                group.start_soon(_shake, session)
                await session.run(seconds)
                group.cancel_scope.cancel()


async def _shake(session: Session) -> None:
    """The market jumps, so that a position is stopped out, and the private stream is lost in the middle of it."""
    market = session.sandbox.market
    assert isinstance(market, SyntheticMarket)
    await anyio.sleep(3)
    market.jump(0.995)
    await anyio.sleep(1.5)
    await session.sandbox.faults.inject(Fault(act="reset", when="now", path="/private"))
    market.jump(1.004)


def traded(home: Path, *overrides: str) -> Path:
    """The journal of such a session."""
    name, options = virtual_backend()
    home.mkdir(mode=0o700, exist_ok=True)
    state = open_state_dir({"PERPMAKER_HOME": str(home)})
    anyio.run(_trade, state, overrides, backend=name, backend_options=options)
    (found,) = find_journals(home).journals

    return found.path


def replayed(path: Path, *overrides: str, only: str | None = None) -> Outcome:
    """What the replay of a journal comes to."""
    return Replay(reader=JournalReader(path), plans=RecordedPlans(load_catalog(), overrides), only=only).run()


def rewritten(path: Path, target: Path, change: Callable[[int, Row], Row | None], number: int = 1) -> Path:
    """A file whose rows prove each other, with each row as `change` makes it of its number; None leaves it out.

    `number` is that of the file in its journal.
    """
    reader = JournalReader(path)
    rows = [changed for place, row in enumerate(reader.rows()) if (changed := change(place, row)) is not None]

    with closing(connect(target)) as connection:
        claim(connection, str(reader.key()), target, number=number)
        append(connection, rows, last_hash(connection)[1])

    return target


def content(row: Row) -> Any:
    """What a row says."""
    return msgspec.json.decode(row.payload)
