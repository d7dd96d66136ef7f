"""What a configuration asks of its price source, and what the source has to say to that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from perpmaker.config.settings import RunSettings
from perpmaker.connector.interface import SourceRequest
from perpmaker.foreign_code import ForeignCode
from perpmaker.plugins.declarations import PriceSourceDeclaration


def source_request(run: RunSettings, strategy: object) -> SourceRequest:
    """What the price source is asked for; `strategy` are the strategy's settings."""
    return SourceRequest(
        market=run.price_source_market or run.market,
        price_type=getattr(strategy, "price_type", "mid_price"),
        url=run.price_source_custom_api,
        interval_s=run.custom_api_update_interval,
    )


def source_faults(
    source: PriceSourceDeclaration, settings: object, values: Mapping[str, Any], request: SourceRequest | None
) -> Iterator[tuple[str, str]]:
    """Yield (key, what is allowed) for what a source cannot give; without a request it is not asked itself."""
    wanted = values.get("price_type")

    if isinstance(wanted, str) and wanted.strip() and wanted not in source.price_types:
        yield "price_type", f"the price source {source.name} gives {', '.join(source.price_types)}"

    if source.by_market and values.get("price_source") == source.name:
        keys = f'price_source = "external_market", price_source_derivative = "{source.name}"'
        yield "price_source", f"gives prices by market: {keys}"

    if source.check is not None and request is not None:
        code = ForeignCode(kind="price source", name=source.name, distribution=source.distribution)
        found = code.prepare("check", tuple, code.prepare("check", source.check, settings, request))

        with code.blamed("check"):
            yield from [(str(key), str(allowed)) for key, allowed in found]


def with_max_age(strategy: Any, run: RunSettings) -> Any:  # noqa: ANN401  # of whichever settings class the strategy has
    """Let a price that is asked for every few seconds grow older than a streamed one, unless the file says."""
    age = getattr(strategy, "price_source_max_age", 0)

    if age is not None or run.price_source != "custom_api":
        return strategy

    return attrs.evolve(strategy, price_source_max_age=3 * run.custom_api_update_interval)
