"""What a configuration asks of its price source, and what the source has to say to that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from perpmaker.config.chosen import Chosen
from perpmaker.config.settings import RunSettings
from perpmaker.connector.price_source import SourceRequest
from perpmaker.foreign_code import ForeignCode
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.declarations import SOURCE_KEYS, PriceSourceDeclaration, StrategyDeclaration
from perpmaker.strategy.interface import StrategyTraits


def traits_of(strategy: Chosen[StrategyDeclaration[Any]]) -> StrategyTraits:
    """Return what the core has to know of the strategy as it is set.

    PluginFaultError where the strategy does not say it.
    """
    declaration = strategy.declaration
    code = ForeignCode(kind="strategy", name=declaration.name, distribution=declaration.distribution)
    traits = code.prepare("traits", declaration.traits, strategy.settings)

    with code.blamed("traits"):
        if not isinstance(traits, StrategyTraits):
            raise TypeError(f"traits returned {type(traits).__name__}, not StrategyTraits")

        return traits


def source_request(run: RunSettings, traits: StrategyTraits) -> SourceRequest:
    """Return what the price source is asked for. `traits` are those of the strategy."""
    return SourceRequest(
        market=run.price_source_market or run.market,
        price_type=traits.price_type,
        url=run.price_source_custom_api,
        interval_s=run.custom_api_update_interval,
    )


def key_faults(source: PriceSourceDeclaration[Any], run: RunSettings, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield (key, what is allowed): a price source needs its keys, and those of others do nothing."""
    for key in SOURCE_KEYS:
        given = getattr(run, key) is not None

        if key in source.needs and not given:
            yield key, f'is missing: price_source = "{source.name}" needs it'

        if given and key not in source.needs:
            sources = map(catalog.price_source, catalog.names(PriceSourceDeclaration))
            users = " or ".join(f'"{one.name}"' for one in sources if key in one.needs)
            yield key, f"does nothing unless price_source = {users}: leave it out" if users else "does nothing"

    if (run.price_source_derivative, run.price_source_market) == (run.derivative, run.market):
        itself = f'that is price_source = "{catalog.traded_market}"'
        yield "price_source_market", f"must not be the traded market itself: {itself}"


def source_faults(
    source: PriceSourceDeclaration[Any], settings: object, values: Mapping[str, Any], request: SourceRequest | None
) -> Iterator[tuple[str, str]]:
    """Yield (key, what is allowed) for what a source cannot give.

    Without a request it is not asked itself.
    """
    wanted = values.get("price_type")

    if isinstance(wanted, str) and wanted.strip() and wanted not in source.price_types:
        yield "price_type", f"the price source {source.name} gives {', '.join(source.price_types)}"

    if source.by_market and values.get("price_source") == source.name:
        keys = f'price_source_derivative = "{source.name}", beside a price_source that needs it'
        yield "price_source", f"gives prices by market: {keys}"

    if source.check is not None and request is not None:
        code = ForeignCode(kind="price source", name=source.name, distribution=source.distribution)
        found = code.prepare("check", tuple, code.prepare("check", source.check, settings, request))

        with code.blamed("check"):
            yield from [(str(key), str(allowed)) for key, allowed in found]


def with_max_age(strategy: Any, source: PriceSourceDeclaration[Any], run: RunSettings) -> Any:  # noqa: ANN401  # of whichever settings class the strategy has
    """Let a price that is asked for every few seconds grow older than a streamed one, unless the file says."""
    age = getattr(strategy, "price_source_max_age", 0)

    if age is not None or not source.polls:
        return strategy

    return attrs.evolve(strategy, price_source_max_age=3 * run.custom_api_update_interval)
