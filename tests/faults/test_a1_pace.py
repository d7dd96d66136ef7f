"""A1: an exit whose outcome is unknown at once is sent again slower and slower, and goes through when it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from perpmaker.engine.home import open_home
from perpmaker.testing.session import open_stage
from perpmaker.wire.fault import Fault, Reply

from .end_site import EXAMPLE, FAR_TARGET, fall, in_position, lots, until

pytestmark = pytest.mark.anyio

UNKNOWN = {
    "503": Reply(
        status=503, body='{"code":-1000,"msg":"Unknown error, please check your request or try again later."}'
    ),
    "a proxy": Reply(status=403, body="<html>Request blocked</html>"),
    "nonsense": Reply(status=200, body="<html>everything is fine</html>"),
}


@pytest.fixture
def anyio_backend(virtual_time: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Sessions on virtual time."""
    return virtual_time


@pytest.mark.parametrize("order", ["limit", "market"])
@pytest.mark.parametrize("reply", UNKNOWN.values(), ids=UNKNOWN)
async def test_A1_an_unknown_stop_is_no_storm_of_stops(tmp_path: Path, order: str, reply: Reply) -> None:
    """Every order is answered at once with what says nothing, for ten seconds: some tries, and through in 2 s."""
    home = open_home({"PERPMAKER_HOME": str(tmp_path)})
    keys = (f'stop_loss_order="{order}"', "venue_backstop=false", *FAR_TARGET)

    async with (
        open_stage(EXAMPLE, *keys, seed=3) as stage,
        stage.open_bot(home=home) as session,
        anyio.create_task_group() as group,
    ):
        group.start_soon(session.bot.run)
        await in_position(stage)
        faults = stage.sandbox.faults
        faults.add(Fault(method="POST", path="/fapi/v1/order", act="status", arg=reply, times=None))
        await fall(stage, 0.006)
        await anyio.sleep(10)
        assert 4 <= len(faults.fired) <= 20
        faults.clear()
        await until(lambda: not lots(stage), within_s=2.1)
        assert not stage.sandbox.oracle.violations
        group.cancel_scope.cancel()
