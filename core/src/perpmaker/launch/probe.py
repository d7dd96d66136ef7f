"""Experiments on a venue's test network: made one by one on a market that is empty, and cleaned up after each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio
import attrs

from perpmaker.connector.abilities import SettingsReading
from perpmaker.connector.bench import Bench
from perpmaker.connector.interface import ConnectorContext, Environment, IdScheme
from perpmaker.connector.probing import Experiment, Finding, InconclusiveError, Probing
from perpmaker.errors import ConnectivityError, MarketRulesError, RefusedError, StopNotProvenError
from perpmaker.foreign_code import ForeignCode
from perpmaker.journal.state_dir import Key, StateDir
from perpmaker.launch.findings import Result
from perpmaker.launch.identity import bot_of, instance_of, run_id
from perpmaker.model.client_id import TextIds
from perpmaker.model.order import PositionMode
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.plugins.start import code_of
from perpmaker.runtime.opening import open_connector

WHERE = frozenset({Environment.SANDBOX, Environment.TESTNET})
"""The environments in which experiments are made; never with money."""


@attrs.frozen(kw_only=True)
class Laboratory:
    """A market of a venue, empty and held for this process, and the experiments that its connector knows."""

    bench: Bench
    code: ForeignCode
    experiments: Sequence[Experiment]

    async def carry_out(self, experiment: Experiment) -> Result:
        """Make one experiment and clean up after it, also where it is broken off.

        Raises:
            StopNotProvenError: an order or a position of it is left on the venue.
            PluginFaultError: the connector's code failed.
        """
        try:
            finding = await self._found(experiment)
        finally:
            with anyio.CancelScope(shield=True):
                left = await self.bench.clean()

            if left:
                raise StopNotProvenError(f"{experiment.name} has left {', '.join(left)} on the venue: close it there")

        return Result(
            experiment=experiment.name,
            answer=finding.answer,
            seen=finding.seen,
            at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )

    async def _found(self, experiment: Experiment) -> Finding:
        try:
            with anyio.fail_after(experiment.within_s):
                return await self.code.run(experiment.name, partial(experiment.carry_out, self.bench))
        except (InconclusiveError, ConnectivityError, RefusedError) as error:
            return Finding("", str(error))
        except TimeoutError:
            return Finding("", f"it was broken off after {experiment.within_s:.0f} s")


@asynccontextmanager
async def open_laboratory(
    declaration: DerivativeConnectorDeclaration[Any],
    settings: Any,  # noqa: ANN401  # an instance of declaration.settings
    context: ConnectorContext,
    market: str,
    home: StateDir,
) -> AsyncIterator[Laboratory]:
    """Open a market for experiments.

    Raises:
        MarketRulesError: the connector knows no experiments, or the market has a position or orders. Orders that a
            probe which died has left are taken off first.
        LockedError: a bot trades the market.
    """
    async with AsyncExitStack() as stack:
        connector, instrument = await open_connector(declaration, settings, context, market, stack=stack)

        if not isinstance(connector, Probing):
            raise MarketRulesError(f"{declaration.name} knows of nothing that would have to be tried out")

        account = instance_of(connector, context)
        key = Key(
            environment=context.environment.value, venue=declaration.name, account=account, market=instrument.market
        )
        stack.enter_context(home.lock(key))
        bot = bot_of(connector, instrument, "probe")
        ids = (
            await connector.open_client_ids(instrument, bot, lambda _: True)
            if isinstance(connector, IdScheme)
            else TextIds(bot, run_id(context.clock.utc_ms()))
        )
        mode = PositionMode.ONE_WAY

        if isinstance(connector, SettingsReading):
            mode = (await connector.fetch_settings(instrument)).position_mode

        bench = Bench(connector, instrument, ids, mode, context.clock)

        await bench.cancel_all()

        if found := await bench.remains():
            raise MarketRulesError(
                f"{instrument.market} of account {connector.account} has {', '.join(found)}: close and cancel what is "
                "there, or choose another market with --market"
            )

        yield Laboratory(bench=bench, code=code_of(declaration), experiments=connector.experiments())
