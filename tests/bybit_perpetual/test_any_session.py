"""Any session whatever on Bybit's sandbox: the stories of the end-to-end tests, with this venue's words for trouble.

With --full there are 200 seeds.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import anyio
import pytest

from perpmaker.journal.state_dir import open_state_dir
from perpmaker.testing.virtual import virtual_backend
from perpmaker.wire.fault import Fault, Reply

from ..end_to_end import test_any_session as stories  # noqa: TID252  # they stand with the sessions

SEEDS = int(os.environ.get("PERPMAKER_SEEDS", "1"))


def no(code: int, text: str) -> Reply:
    """The venue's no, which comes with HTTP 200."""
    said = {"retCode": code, "retMsg": text, "result": {}, "retExtInfo": {}, "time": 0}

    return Reply(status=200, body=json.dumps(said))


BUSY = (
    no(10016, "Server error"),
    no(10000, "Server Timeout"),
    Reply(status=502, body="<html>Bad Gateway</html>"),
    Reply(status=403, body="<html>Request blocked</html>"),
    Reply(status=503, body=""),
)
REFUSED = (
    no(110003, "Price is out of permissible range."),
    no(110017, "Reduce-only rule not satisfied"),
    no(110007, "ab not enough for new order"),
    no(110023, "Currently you can only reduce your position"),
    no(10006, "Too many visits!"),
    no(10001, "can not set tp/sl/ts for zero position"),
    no(10001, "StopLoss set for Buy position should lower than base_price"),
)
ORDERS = ("/v5/order", "/v5/position/trading-stop")
FOREIGN = {"symbol": "ETHUSDT", "orderLinkId": "x", "side": "Buy", "qty": "abc"}


class Story(stories.Story):
    """A story whose blackouts are of this venue's paths."""

    async def blackout(self) -> None:
        """No order is taken for a while, in which the market moves."""
        self.add(Fault(act="status", method="POST", path="/v5", arg=self.chance.choice(BUSY), times=None))

        try:
            await self.move()
            await anyio.sleep(self.chance.choice([0.5, 4, 11]))
        finally:  # also when the process is killed in the middle of it
            self.stage.sandbox.faults.clear()


@pytest.fixture(autouse=True)
def bybit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stories speak this venue's words."""
    told = {"topic": "order.linear", "id": "1", "creationTime": 1, "data": [FOREIGN]}
    words = {
        "FILE": Path(__file__).with_name("session.toml"),
        "BUSY": BUSY,
        "REFUSED": REFUSED,
        "ORDERS": ORDERS,
        "PATHS": ("/v5", *ORDERS, "/v5/account/transaction-log", "/v5/position"),
        "STREAMS": ("/v5/public", "/v5/private", "/v5/trade"),
        "FOREIGN": json.dumps(told),
        "Story": Story,
    }

    for name, value in words.items():
        monkeypatch.setattr(stories, name, value)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_to_a_session(tmp_path: Path, seed: int) -> None:
    """The faults are over: managed within 75 s, nothing violated, ended clean, and never clean without a stop."""
    name, options = virtual_backend()
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    assert anyio.run(stories.play, seed, home, backend=name, backend_options=options) == []
