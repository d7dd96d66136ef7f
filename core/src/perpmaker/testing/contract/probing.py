"""A suite for connectors that know experiments: each settles its question on the venue's sandbox, set either way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest

from perpmaker.clock import LoopClock
from perpmaker.connector.interface import ConnectorContext, Environment, SandboxAccess
from perpmaker.connector.probing import Experiment
from perpmaker.journal.state_dir import StateDir
from perpmaker.launch.findings import Result
from perpmaker.launch.probe import Laboratory, open_laboratory
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.sandbox.server import SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.wire.memory import MemoryNetwork

SHAPE = "thin"
"""The market of the sandbox: as on test networks, where the mark goes its own way."""


@asynccontextmanager
async def laboratory(
    declaration: DerivativeConnectorDeclaration[Any], market: str, home: Path, **options: object
) -> AsyncIterator[Laboratory]:
    """Serve a venue's sandbox in memory, set so, and open a laboratory on it."""
    assert declaration.sandbox is not None, f"{declaration.name} declares no sandbox"
    network, clock, dialect = MemoryNetwork(latency_s=0.001), LoopClock(), declaration.sandbox()
    wanted = SandboxSettings(venue=declaration.name, market=market, shape=SHAPE, options=options)
    error: BaseException | None = None

    async with AsyncExitStack() as stack:
        serving = open_sandbox(dialect, wanted, clock=clock, listener=await network.listen())
        sandbox = await stack.enter_async_context(serving)
        context = ConnectorContext(
            clock=clock,
            connect=network.connect,
            signers=References(Path(), environ={}),
            environment=Environment.SANDBOX,
            sandbox=SandboxAccess(
                url=sandbox.line.url, api_key=sandbox.keys.api_key, api_secret=sandbox.keys.api_secret
            ),
        )

        try:
            async with open_laboratory(declaration, declaration.settings(), context, market, StateDir(home)) as opened:
                yield opened
        except (Exception, pytest.fail.Exception) as raised:  # noqa: BLE001  # raised again below: task groups would wrap it
            error = raised

    if error is not None:
        raise error


class ProbingContract:
    """What every experiment does. A subclass says which connector's, and what its sandbox answers either way.

    `as_it_is`: by the name of each experiment, what the sandbox answers as it is. `other_way`: with which options it
    answers otherwise, and what.
    """

    declaration: ClassVar[DerivativeConnectorDeclaration[Any]]
    market: ClassVar[str] = "BTC-USDT"
    as_it_is: ClassVar[Mapping[str, str]]
    other_way: ClassVar[Mapping[str, tuple[Mapping[str, object], str]]]

    @pytest.fixture
    def anyio_backend(self, virtual_time: Any) -> Any:  # noqa: ANN401  # whatever the fixture says
        """Virtual time."""
        return virtual_time

    @pytest.mark.anyio
    async def test_every_experiment_settles_its_question(self, tmp_path: Path) -> None:
        """On the sandbox as it is, each after the other; nothing is left on the venue."""
        async with laboratory(self.declaration, self.market, tmp_path) as lab:
            found = {one.name: await carried_out(lab, one) for one in lab.experiments}

        assert {name: one.answer for name, one in found.items()} == dict(self.as_it_is), found

    @pytest.mark.anyio
    async def test_every_experiment_sees_the_other_answer(self, tmp_path: Path) -> None:
        """On a sandbox that is set the other way."""
        for name, (options, answer) in self.other_way.items():
            async with laboratory(self.declaration, self.market, tmp_path, **options) as lab:
                experiment = next(one for one in lab.experiments if one.name == name)
                found = await carried_out(lab, experiment)

            assert found.answer == answer, found


async def carried_out(lab: Laboratory, experiment: Experiment) -> Result:
    """Make an experiment; what it answers is one of its conclusions, and the market is empty afterwards."""
    with anyio.fail_after(2 * experiment.within_s):
        found = await lab.carry_out(experiment)

    assert experiment.conclusion(found.answer) is not None, found
    assert not await lab.bench.remains()

    return found
