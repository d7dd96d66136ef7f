"""`check` and `run` agree on every file: what one refuses the other refuses, in the same words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perpmaker.cli.check import _look
from perpmaker.clock import LoopClock
from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.connector.interface import ConnectorContext, DerivativeConnector, Environment, SandboxAccess
from perpmaker.connector.price_source import SourceContext
from perpmaker.errors import ConfigurationError, MarketRulesError, PerpmakerError
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.launch import prepare_run
from perpmaker.launch.preflight import refuse, survey
from perpmaker.model.event import ReferenceChanged
from perpmaker.plugins.catalog import Catalog, load_catalog
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration, PriceSourceDeclaration
from perpmaker.plugins.loading import LoadedPlugin, PluginState
from perpmaker.sandbox.server import SandboxSettings, open_sandbox
from perpmaker.secret import References
from perpmaker.testing.virtual import virtual_backend
from perpmaker.wire.memory import MemoryNetwork

VENUE = load_catalog().derivative_connector("binance_perpetual")


class Lacking:
    """The same venue as one that lacks some of its abilities, or has its own way of them."""

    def __init__(self, inner: DerivativeConnector, lacks: frozenset[str], says: Mapping[str, Any]) -> None:
        self._inner = inner
        self._lacks = lacks
        vars(self).update(says)

    def __getattr__(self, name: str) -> Any:
        if name in self._lacks:
            raise AttributeError(name)

        return getattr(self._inner, name)


def venue(name: str, *lacks: str, hedge_mode: bool = True, **says: Any) -> DerivativeConnectorDeclaration[Any]:
    """A connector to the sandbox that has all abilities but these."""

    @asynccontextmanager
    async def opened(settings: Any, context: ConnectorContext) -> AsyncIterator[DerivativeConnector]:
        async with VENUE.open(settings, context) as inner:
            yield Lacking(inner, frozenset(lacks), {"name": name, **says})  # type: ignore[misc]  # it has what the other has

    return attrs.evolve(VENUE, name=name, open=opened, hedge_mode=hedge_mode, distribution="")


@attrs.frozen
class Touch:
    """A price source that says the traded market's own best bid and ask."""

    context: SourceContext

    async def receive(self) -> ReferenceChanged:
        """The next ones."""
        market = self.context.traded
        assert market is not None
        book, price = await market.book(), market.instrument.price

        return ReferenceChanged(
            bid=price(book.best_bid or 0), ask=price(book.best_ask or 0), at=self.context.clock.now()
        )


@attrs.frozen
class NoSettings:
    """Nothing is set."""


@asynccontextmanager
async def open_touch(_: NoSettings, context: SourceContext) -> AsyncIterator[Touch]:
    """Nothing to connect to."""
    yield Touch(context)


TOUCH = PriceSourceDeclaration(
    name="touch",
    summary="The traded market's best prices",
    settings=NoSettings,
    open=open_touch,
    price_types=("mid_price",),
    reads_traded_book=True,
)

STOPS = ("allows_two_stops", "sizes_stops", "names_stops", "place_stops", "cancel_stops")
VENUES = {
    "whole": venue("whole"),
    "poor": venue("poor", *STOPS, "arm", "disarm", "amend", "fetch_key_rights", hedge_mode=False),
    "other": venue("other", "amend", sizes_stops=True, caps_resting_exits=False),
}
KEYS: Mapping[str, st.SearchStrategy[Any]] = {
    "leverage": st.sampled_from([1, 3, 20, 125, 126, 0]),
    "position_mode": st.sampled_from(["One-way", "Hedge"]),
    "margin_mode": st.sampled_from(["keep", "cross", "isolated"]),
    "bid_spread": st.sampled_from([0.01, 0.3, 5, 0]),
    "order_amount": st.sampled_from([0.01, 0.00001, 0.0001, 5000]),
    "order_levels": st.sampled_from([1, 3, 98, 99, 100, 200]),
    "order_level_spread": st.sampled_from([0.1, 2, 50]),
    "stop_loss_spread": st.sampled_from([0, 1, 30, 99]),
    "stop_loss_order": st.sampled_from(["limit", "market", "venue"]),
    "venue_backstop": st.sampled_from([True, False]),
    "price_ceiling": st.sampled_from([1, 70_000]),
    "price_source": st.sampled_from(["current_market", "touch", "custom_api"]),
    "price_type": st.sampled_from(["mid_price", "last_price", "custom"]),
    "when_in_position": st.sampled_from(["hold", "pause", "continue"]),
    "max_margin": st.sampled_from([1, 500]),
    "dead_man_switch_s": st.sampled_from([0, 3, 30]),
}
FILES = st.fixed_dictionaries({}, optional=KEYS)
TABLES = st.sampled_from(["", "[risk.exposure_limit]\nmax_position = 0.05\n", "[risk.exposure_limit]\n"])


def written(name: str, keys: Mapping[str, Any], tables: str) -> str:
    """A file for a venue with these keys, and what each needs."""
    given_keys: dict[str, Any] = {
        "strategy": "perpetual_market_making",
        "derivative": name,
        "market": "BTC-USDT",
        "leverage": 3,
        "bid_spread": 0.3,
        "ask_spread": 0.3,
        "order_amount": 0.01,
        "order_refresh_time": 15,
        "long_profit_taking_spread": 1,
        "short_profit_taking_spread": 1,
        **keys,
    }
    lines = [
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in given_keys.items()
    ]

    return "\n".join([*lines, tables])


def loaded(text: str) -> Configuration | str:
    """The configuration of a file, or what is wrong with it."""
    plugin = LoadedPlugin(
        name="venues",
        distribution="strangers",
        version="1",
        state=PluginState.LOADED,
        declarations=(*VENUES.values(), TOUCH),
    )

    with TemporaryDirectory() as folder:
        file = Path(folder) / "bot.toml"
        file.write_text(text, encoding="utf-8")

        try:
            return load_configuration(file, (), Catalog((*load_catalog().plugins, plugin)))
        except ConfigurationError as error:
            return str(error)


async def checked(configuration: Configuration, context: ConnectorContext) -> None:
    """What `check` does once the file is read."""
    async with AsyncExitStack() as stack:
        refuse((await _look(configuration, context, stack)).preflight)


async def run(configuration: Configuration, context: ConnectorContext) -> None:
    """What `run` does until the bot could begin."""
    prepared = prepare_run(plan_of(configuration), context, home=None, tell=lambda _: None, seed=1, trust_key=True)

    async with prepared as ready:
        connector, instrument = ready.market.connector, ready.market.instrument
        refuse(await ready.insist(lambda: survey(configuration, connector, instrument, context)))
        await ready.start()


async def outcomes(configuration: Configuration) -> list[str]:
    """What each of both comes to, on a sandbox of its own: the error, or nothing."""
    found = []

    for way in (checked, run):
        clock, network = LoopClock(), MemoryNetwork(latency_s=0.001)
        dialect = VENUE.sandbox and VENUE.sandbox()
        assert dialect is not None
        served = SandboxSettings(venue="binance_perpetual", market="BTC-USDT", seed=1)

        async with open_sandbox(dialect, served, clock=clock, listener=await network.listen()) as sandbox:
            line = sandbox.line
            context = ConnectorContext(
                clock=clock,
                connect=network.connect,
                signers=References(Path(), {}),
                environment=Environment.SANDBOX,
                sandbox=SandboxAccess(url=line.url, api_key=line.api_key, api_secret=line.api_secret),
            )

            try:
                await way(configuration, context)
            except PerpmakerError as error:
                found.append(f"{type(error).__name__} ({error.exit_code.name}): {error}")
            else:
                found.append("")

    return found


@pytest.mark.parametrize("name", VENUES)
@settings(max_examples=settings().max_examples // 5)
@given(keys=FILES, tables=TABLES)
def test_check_and_run_agree_on_every_file(name: str, keys: Mapping[str, Any], tables: str) -> None:
    """Whatever a venue can and cannot do: the same error with the same exit code and words, or none."""
    configuration = loaded(written(name, keys, tables))

    if isinstance(configuration, str):
        return

    backend, options = virtual_backend()
    of_check, of_run = anyio.run(outcomes, configuration, backend=backend, backend_options=options)

    assert of_check == of_run


def test_files_of_each_kind_are_among_those() -> None:
    """One that both take, one that the file refuses, and one that only a venue refuses."""
    backend, options = virtual_backend()
    good, refused = loaded(written("poor", {}, "")), loaded(written("poor", {"stop_loss_order": "venue"}, ""))
    assert isinstance(good, Configuration)
    assert isinstance(refused, Configuration)
    assert isinstance(loaded(written("poor", {"position_mode": "Hedge"}, "")), str)
    assert anyio.run(outcomes, good, backend=backend, backend_options=options) == ["", ""]
    touched = loaded(written("whole", {"price_source": "touch"}, ""))
    assert anyio.run(outcomes, touched, backend=backend, backend_options=options) == ["", ""]
    said = anyio.run(outcomes, refused, backend=backend, backend_options=options)
    assert [one.startswith(f"{MarketRulesError.__name__} (REFUSED): ") for one in said] == [True, True]
