"""Price sources for perpmaker: where the reference price of a strategy's quotes comes from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import attrs

from perpmaker import PriceSourceDeclaration, Register, hookimpl

if TYPE_CHECKING:
    from perpmaker import ReferenceReceiver, SourceContext, SourceRequest
    from perpmaker.venue.sandbox import Dialect
    from perpmaker_price_sources.binance.settings import Settings as BinanceSettings
    from perpmaker_price_sources.custom_api.settings import Settings as CustomApiSettings

__plugin_api__ = 1

_OF_A_MARKET = ("mid_price", "last_price", "last_own_trade_price", "best_bid", "best_ask")


@attrs.frozen(kw_only=True)
class CurrentMarketSettings:
    """The traded market's own book needs no settings beyond the strategy's."""


@attrs.frozen(kw_only=True)
class ExternalMarketSettings:
    """Another market is named at the top of the file; what reaches it has a table of its own."""


@hookimpl
def register_price_sources(register: Register[PriceSourceDeclaration[Any]]) -> None:
    """Declare the sources; `current_market` is derived from the traded book by the engine, and so never opened."""
    register(
        PriceSourceDeclaration(
            name="current_market",
            summary="The traded market's own book, without our orders, and its trades",
            settings=CurrentMarketSettings,
            open=None,
            price_types=_OF_A_MARKET,
            is_traded_market=True,
        )
    )
    register(
        PriceSourceDeclaration(
            name="external_market",
            summary="Another market, of an installed connector or of a source such as binance",
            settings=ExternalMarketSettings,
            open=_open_external_market,
            price_types=_OF_A_MARKET,
            needs=("price_source_derivative", "price_source_market"),
        )
    )
    register(_custom_api())
    register(_binance())


def _custom_api() -> PriceSourceDeclaration[CustomApiSettings]:
    from perpmaker_price_sources.custom_api.settings import Settings  # noqa: PLC0415  # nothing before it is needed

    return PriceSourceDeclaration(
        name="custom_api",
        summary="A price that any web address answers with",
        settings=Settings,
        open=_open_custom_api,
        price_types=("custom", "mid_price"),
        needs=("price_source_custom_api",),
        polls=True,
        check=_check_custom_api,
    )


def _binance() -> PriceSourceDeclaration[BinanceSettings]:
    from perpmaker_price_sources.binance.settings import NAME, Settings  # noqa: PLC0415  # the same

    return PriceSourceDeclaration(
        name=NAME,
        summary="Binance's spot markets, for external_market",
        settings=Settings,
        open=_open_binance,
        price_types=_OF_A_MARKET,
        by_market=True,
        sandbox=_binance_sandbox,
    )


def _open_external_market(
    _: ExternalMarketSettings, context: SourceContext
) -> AbstractAsyncContextManager[ReferenceReceiver]:
    from perpmaker_price_sources.external_market import open_external_market  # noqa: PLC0415  # the same

    return open_external_market(context)


def _open_custom_api(
    settings: CustomApiSettings, context: SourceContext
) -> AbstractAsyncContextManager[ReferenceReceiver]:
    from perpmaker_price_sources.custom_api.source import open_custom_api  # noqa: PLC0415  # httpx alone costs 0.1 s

    return open_custom_api(settings, context)


def _check_custom_api(settings: CustomApiSettings, request: SourceRequest) -> Iterator[tuple[str, str]]:
    from perpmaker_price_sources.custom_api.settings import request_faults  # noqa: PLC0415  # as above

    return request_faults(settings, request)


def _open_binance(settings: BinanceSettings, context: SourceContext) -> AbstractAsyncContextManager[ReferenceReceiver]:
    from perpmaker_price_sources.binance.source import open_binance  # noqa: PLC0415  # httpx alone costs 0.1 s

    return open_binance(settings, context)


def _binance_sandbox() -> Dialect:
    from perpmaker_price_sources.binance.sandbox import dialect  # noqa: PLC0415  # only a sandbox needs it

    return dialect()
