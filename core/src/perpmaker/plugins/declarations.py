"""What a plugin hands to `register`: frozen, keyword-only values that only declare.

`distribution` of each is filled in by the loading: the distribution that brought it, with its version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import attrs

from perpmaker.connector.interface import ConnectorContext, DerivativeConnector
from perpmaker.connector.price_source import ReferenceReceiver, SourceContext, SourceRequest
from perpmaker.model.instrument import Instrument
from perpmaker.plugins.observer import KINDS, Kind, Observer, ObserverContext
from perpmaker.risk.interface import RiskModule, RiskRequest
from perpmaker.strategy.interface import Strategy, StrategyTraits

if TYPE_CHECKING:
    from perpmaker.sandbox.dialect import Dialect  # with it comes the simulated exchange, which declaring does not need

_Settings = TypeVar("_Settings")
"""The attrs class of a plugin's table, which its factory is given one of."""

SOURCE_KEYS = ("price_source_derivative", "price_source_market", "price_source_custom_api")
"""The keys at the top of the file that are of use to some price sources only."""


@attrs.frozen(kw_only=True)
class DerivativeConnectorDeclaration(Generic[_Settings]):
    """A venue's connector.

    `settings` is an attrs class, structured from the TOML table of this name. `open(settings, context)` is an
    async context manager that yields the connector. `sandbox()` imports and returns the venue's dialect for
    `perpmaker sandbox`; None where there is none. `hedge_mode`: whether the venue has Hedge positions.
    """

    name: str
    summary: str
    settings: type[_Settings]
    open: Callable[[_Settings, ConnectorContext], AbstractAsyncContextManager[DerivativeConnector]]
    sandbox: Callable[[], Dialect] | None = None
    hedge_mode: bool = True
    distribution: str = attrs.field(default="", eq=False)


@attrs.frozen(kw_only=True)
class PriceSourceDeclaration(Generic[_Settings]):
    """A price source. Where it `is_traded_market`, the core derives the price from that market, and `open` is None.

    `needs` are the keys of `SOURCE_KEYS` that it cannot do without. `polls`: it asks every `custom_api_update_interval`
    seconds, so that its prices may be three times as old. `reads_traded_book`: its context has the traded book.
    `price_types` are the values of the key price_type that it can answer, the first being its default.
    `by_market`: it gives the price of the market that it is asked for, and is chosen by `price_source_derivative` of
    an external market, as connectors are. `sandbox()` imports and returns the dialect that serves such a market in
    environment sandbox. `check(settings, request)` yields (key, what is allowed) for what the file asks and must not.
    """

    name: str
    summary: str
    settings: type[_Settings]
    open: Callable[[_Settings, SourceContext], AbstractAsyncContextManager[ReferenceReceiver]] | None
    price_types: tuple[str, ...]
    needs: tuple[str, ...] = ()
    polls: bool = False
    reads_traded_book: bool = False
    by_market: bool = False
    is_traded_market: bool = False
    sandbox: Callable[[], Dialect] | None = None
    check: Callable[[_Settings, SourceRequest], Iterable[tuple[str, str]]] | None = None
    distribution: str = attrs.field(default="", eq=False)


@attrs.frozen(kw_only=True)
class RiskModuleDeclaration(Generic[_Settings]):
    """A risk module, pure: `build(settings, instrument)`. Settings from the table `[risk.NAME]`.

    `bounds_exposure`: it lets no quote lead to a position above a cap, which quoting beside a position asks for.
    `cap_key`: the key of its settings that is this cap in base asset, None where it has no such key; what stands there
    is `view.position_cap` for strategies and risk modules, the smallest of several.
    `changes_targets`: it has `target_factors`; one module of a file may. `check(settings, request)` yields (key of its
    table, what is allowed) for settings that make no sense beside the rest of the file.
    """

    name: str
    summary: str
    settings: type[_Settings]
    build: Callable[[_Settings, Instrument], RiskModule]
    bounds_exposure: bool = False
    cap_key: str | None = None
    changes_targets: bool = False
    check: Callable[[_Settings, RiskRequest], Iterable[tuple[str, str]]] | None = None
    distribution: str = attrs.field(default="", eq=False)


@attrs.frozen(kw_only=True)
class StrategyDeclaration(Generic[_Settings]):
    """A strategy, pure: `build(settings, instrument)`. Settings from the top level of the file.

    `traits(settings)` is what the core has to know of a strategy with these settings.
    """

    name: str
    summary: str
    settings: type[_Settings]
    build: Callable[[_Settings, Instrument], Strategy]
    traits: Callable[[_Settings], StrategyTraits] = lambda _: StrategyTraits()
    distribution: str = attrs.field(default="", eq=False)


@attrs.frozen(kw_only=True)
class ObserverDeclaration(Generic[_Settings]):
    """An observer, which lives in a thread of its own: `build(settings, context)`. Settings from `[observers.NAME]`.

    `kinds` are what it is given: what is not asked for costs nothing.
    """

    name: str
    summary: str
    settings: type[_Settings]
    build: Callable[[_Settings, ObserverContext], Observer]
    kinds: tuple[Kind, ...] = KINDS
    distribution: str = attrs.field(default="", eq=False)


Declaration: TypeAlias = (
    DerivativeConnectorDeclaration[Any]
    | PriceSourceDeclaration[Any]
    | RiskModuleDeclaration[Any]
    | StrategyDeclaration[Any]
    | ObserverDeclaration[Any]
)

_NAME = re.compile(r"[a-z0-9_]+")
_RESERVED = frozenset({"risk", "sandbox", "observers"})  # tables of the configuration file that are no plugin's


def declaration_faults(declaration: Any) -> Iterator[str]:  # noqa: ANN401  # of the right class, but attrs checks no field's type
    """Yield what is wrong with what a declaration says, in words for its author."""
    if not isinstance(declaration.name, str) or not _NAME.fullmatch(declaration.name):
        yield "its name must be made of a-z, 0-9 and _"

    if declaration.name in _RESERVED:
        yield f"the name is taken by the table [{declaration.name}] of the configuration file"

    if not isinstance(declaration.summary, str) or not declaration.summary.strip():
        yield "its summary must be a line of text"

    if not isinstance(declaration.settings, type) or not attrs.has(declaration.settings):
        yield "its settings must be an attrs class"

    if isinstance(declaration, RiskModuleDeclaration) and not _is_cap_key(declaration):
        yield "its cap_key must be a key of its settings, of one that bounds_exposure"

    yield from _callable_faults(declaration)


def _is_cap_key(declaration: RiskModuleDeclaration[Any]) -> bool:
    """Whether the key of the cap is one, or there is none."""
    key = declaration.cap_key

    if key is None:
        return True

    keys = [field.name for field in attrs.fields(declaration.settings)] if attrs.has(declaration.settings) else []

    return declaration.bounds_exposure and key in keys


def _callable_faults(declaration: Any) -> Iterator[str]:  # noqa: ANN401  # see above
    """What is wrong with the part that is called later."""
    has_sandbox = isinstance(declaration, (DerivativeConnectorDeclaration, PriceSourceDeclaration))
    optional = ("sandbox", "check") if has_sandbox else ("check",)
    is_source = isinstance(declaration, PriceSourceDeclaration)
    is_derived = is_source and declaration.is_traded_market is True

    for field in ("open", "build", "sandbox", "check", "traits"):
        value = getattr(declaration, field, ...)
        may_be_none = field in optional or (is_derived and field == "open")

        if value is not ... and not callable(value) and not (value is None and may_be_none):
            yield f"its {field} must be callable"

    if isinstance(declaration, ObserverDeclaration) and not (
        _is_texts(declaration.kinds) and set(declaration.kinds) <= set(KINDS)
    ):
        yield f"its kinds must be a tuple of these: {', '.join(KINDS)}"

    if isinstance(declaration, PriceSourceDeclaration) and not _is_texts(declaration.price_types):
        yield "its price_types must be a tuple of texts, the default first"

    if is_source and not (isinstance(declaration.needs, tuple) and set(declaration.needs) <= set(SOURCE_KEYS)):
        yield f"its needs must be a tuple of these: {', '.join(SOURCE_KEYS)}"


def _is_texts(value: object) -> bool:
    """Whether this is a tuple of at least one text."""
    return isinstance(value, tuple) and bool(value) and all(isinstance(item, str) for item in value)
