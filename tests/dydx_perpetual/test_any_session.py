"""Any session whatever on dYdX's sandbox: the stories of tests/end_to_end, with the words of a node and an Indexer."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from perpmaker.journal.state_dir import open_state_dir
from perpmaker.testing.virtual import virtual_backend
from perpmaker.wire.fault import Fault, Reply

from ..end_to_end import test_any_session as stories  # noqa: TID252  # tests are no package

EXAMPLE = Path(__file__).parents[2] / "examples" / "dydx_sandbox.toml"
SEEDS = int(os.environ.get("PERPMAKER_SEEDS", "1"))
RESTLESS = (
    'sandbox.shape="practice"',
    "bid_spread=0.05",
    "ask_spread=0.05",
    "order_refresh_time=5",
)
BOTS = (
    RESTLESS,
    (*RESTLESS, 'stop_loss_order="venue"'),
    (*RESTLESS, 'stop_loss_order="market"', "long_profit_taking_spread=2", "short_profit_taking_spread=2"),
    (*RESTLESS, 'when_in_position="pause"', "order_levels=3", "order_level_spread=0.02"),
    (*RESTLESS, "leverage=20", "filled_order_delay=0"),
)
BUSY = (
    Reply(status=502, body="<html>Bad Gateway</html>"),
    Reply(status=403, body="<html>Request blocked</html>"),
    Reply(status=500, body='{"errors":[{"msg":"Internal Server Error"}]}'),
)
CODES = (("clob", 2003), ("clob", 2001), ("clob", 3007), ("clob", 5001), ("clob", 47), ("clob", 10001), ("sdk", 32))
REFUSED = (
    *(
        Reply(body=f'{{"jsonrpc":"2.0","id":1,"result":{{"code":{code},"codespace":"{space}","log":"no"}}}}')
        for space, code in CODES
    ),
    Reply(body='{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Internal","data":"mempool is full"}}'),
    Reply(status=429, headers={"retry-after": "3"}, body="slow down"),
)


class Story(stories.Story):
    """The same story, in which a node refuses transactions; settings are nobody's but ours on this venue."""

    async def refuse(self) -> None:
        """The chain refuses what is broadcast; the leverage of a start is left alone."""
        reply, times = self.chance.choice(REFUSED), self.chance.choice([1, 2, 6])

        exchange = self.stage.sandbox.exchange

        if exchange.account(stories.ACCOUNT).leverage < exchange.instrument.max_leverage:
            self.add(Fault(act="status", arg=reply, path="/", contains="broadcast_tx_sync", times=times))

    async def set(self) -> None:
        """Nothing: a subaccount has no margin mode."""

    async def babble(self) -> None:
        """Nothing: a message of the account bears its number, so that none can be put between."""

    async def blackout(self) -> None:
        """The node answers nothing for a while, in which the market moves."""
        self.add(Fault(act="status", path="/", arg=self.chance.choice(BUSY), times=None))

        try:
            await self.move()
            await anyio.sleep(self.chance.choice([0.5, 4, 11]))
        finally:  # also when the process is killed in the middle of it
            self.stage.sandbox.faults.clear()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_to_a_session(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The faults are over: managed within 75 s, nothing violated, ended clean, and never clean without a stop."""
    words = {
        "FILE": EXAMPLE,
        "BOTS": BOTS,
        "BUSY": BUSY,
        "PATHS": ("/", "/v4/orders", "/v4/fills", "/v4/addresses", "/v4/height"),
        "STREAMS": ("/v4/ws",),
        "Story": Story,
    }

    for name, value in words.items():
        monkeypatch.setattr(stories, name, value)

    backend, options = virtual_backend()
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    faults = anyio.run(stories.play, seed, home, backend=backend, backend_options=options)
    assert [fault for fault in faults if not is_told_lack(fault)] == []


def is_told_lack(fault: str) -> bool:
    """Whether an end says that it leaves a stop and no target: faults have used up what the chain takes of an owner."""
    return "is open, without its target on the venue; on the venue: a stop that the venue fires" in fault
