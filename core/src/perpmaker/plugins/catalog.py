"""What can be named in a configuration: a declaration for each name, and words for a name that has none."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

import attrs

from perpmaker.errors import PluginError
from perpmaker.plugins.declarations import (
    Declaration,
    DerivativeConnectorDeclaration,
    ObserverDeclaration,
    PriceSourceDeclaration,
    RiskModuleDeclaration,
    StrategyDeclaration,
)
from perpmaker.plugins.loading import LoadedPlugin, PluginState, load_plugins, normalised, unknown_in_environment

KINDS: Mapping[type, str] = {
    DerivativeConnectorDeclaration: "derivative connector",
    PriceSourceDeclaration: "price source",
    RiskModuleDeclaration: "risk module",
    StrategyDeclaration: "strategy",
    ObserverDeclaration: "observer",
}

FIRST_PARTY: Mapping[type, Mapping[str, str]] = {
    DerivativeConnectorDeclaration: {
        "binance_perpetual": "perpmaker-binance-perpetual",
        "bybit_perpetual": "perpmaker-bybit-perpetual",
        "dydx_perpetual": "perpmaker-dydx-perpetual",
    },
    PriceSourceDeclaration: dict.fromkeys(
        ("current_market", "external_market", "custom_api", "binance"), "perpmaker-price-sources"
    ),
    RiskModuleDeclaration: dict.fromkeys(
        (
            "exposure_limit",
            "loss_limit",
            "margin_guard",
            "liquidation_guard",
            "funding_guard",
            "volatility_guard",
            "order_rate_limit",
            "leverage_advice",
        ),
        "perpmaker-risk-modules",
    ),
    StrategyDeclaration: {"perpetual_market_making": "perpmaker"},
    ObserverDeclaration: dict.fromkeys(("webhook", "apprise", "metrics"), "perpmaker-observers"),
}
"""The names that perpmaker's own distributions bring, so that a missing one can be said with what to install."""

_NEAR = 0.6
"""How alike a name and its suggestion have to be, and their first words for themselves (difflib's ratio)."""

_Declared = TypeVar("_Declared", bound=Declaration)


@attrs.frozen(kw_only=True)
class _Provided:
    """A declaration and who brought it."""

    declaration: Declaration
    plugin: LoadedPlugin


class Catalog:
    """The declarations of the loaded plugins by kind and name; a name that two bring belongs to neither.

    `environ` are the variables that the plugins were loaded by.
    """

    def __init__(self, plugins: tuple[LoadedPlugin, ...], environ: Mapping[str, str] | None = None) -> None:
        self.plugins = plugins
        self._environ = environ or {}
        self._provided: dict[tuple[type, str], list[_Provided]] = defaultdict(list)

        for plugin in plugins:
            for declaration in plugin.declarations:
                provided = _Provided(declaration=declaration, plugin=plugin)
                self._provided[type(declaration), declaration.name].append(provided)

    def derivative_connector(self, name: str) -> DerivativeConnectorDeclaration[Any]:
        """The connector of this name; PluginError says what to do when there is none, or two."""
        return self._find(DerivativeConnectorDeclaration, name)

    def price_source(self, name: str) -> PriceSourceDeclaration[Any]:
        """The price source of this name; PluginError says what to do when there is none, or two."""
        return self._find(PriceSourceDeclaration, name)

    def risk_module(self, name: str) -> RiskModuleDeclaration[Any]:
        """The risk module of this name; PluginError says what to do when there is none, or two."""
        return self._find(RiskModuleDeclaration, name)

    def strategy(self, name: str) -> StrategyDeclaration[Any]:
        """The strategy of this name; PluginError says what to do when there is none, or two."""
        return self._find(StrategyDeclaration, name)

    def observer(self, name: str) -> ObserverDeclaration[Any]:
        """The observer of this name; PluginError says what to do when there is none, or two."""
        return self._find(ObserverDeclaration, name)

    @property
    def traded_market(self) -> str:
        """The name of the price source that is the traded market itself; what ours is called, where none is there."""
        ours = next(iter(FIRST_PARTY[PriceSourceDeclaration]))
        sources = map(self.price_source, self.names(PriceSourceDeclaration))
        known = [source.name for source in sources if source.is_traded_market]

        return ours if ours in known or not known else known[0]

    def names(self, kind: type) -> tuple[str, ...]:
        """The names of a kind that can be chosen, sorted."""
        return tuple(sorted(name for (of, name), all_of in self._provided.items() if of is kind and len(all_of) == 1))

    def conflict(self, declaration: Declaration) -> str | None:
        """Why a declared name is withheld: who else declares it; None when nobody does."""
        return self._conflict(type(declaration), declaration.name)

    def warnings(self) -> Iterator[str]:
        """One line for each plugin that was dropped, each withheld name, and each name that looks like an imitation."""
        for plugin in self.plugins:
            if plugin.state is PluginState.FAILED:
                yield f"plugin {plugin.name} of {plugin.distribution} {plugin.version} is not loaded: {plugin.reason}"

            if plugin.arithmetic:
                yield (
                    f"plugin {plugin.name} of {plugin.distribution} {plugin.version} changed how decimals are "
                    f"calculated ({plugin.arithmetic}): that is put back, and nothing of the bot is calculated so"
                )

        for kind, name in sorted(self._provided, key=lambda pair: (KINDS[pair[0]], pair[1])):
            conflict = self._conflict(kind, name)

            if conflict is not None:
                yield conflict

        yield from unknown_in_environment(self.plugins, self._environ)

        for distribution in sorted({plugin.distribution for plugin in self.plugins}):
            known = imitated(distribution)

            if known is not None:
                yield f"{distribution} is installed: its name is nearly that of {known}; is it what you meant?"

    def _find(self, kind: type[_Declared], name: str) -> _Declared:
        provided = self._provided.get((kind, name), [])

        if len(provided) == 1 and isinstance(provided[0].declaration, kind):
            return provided[0].declaration

        raise PluginError(self._conflict(kind, name) or self._missing(kind, name))

    def _conflict(self, kind: type, name: str) -> str | None:
        provided = self._provided.get((kind, name), [])

        if len(provided) < 2:  # noqa: PLR2004  # one name, one provider
            return None

        providers = " and ".join(one.plugin.provider for one in provided)

        return f"The {KINDS[kind]} {name!r} is declared by {providers}: neither is used. Uninstall one of them."

    def _missing(self, kind: type, name: str) -> str:
        """Words for a name that nobody declares."""
        return self._not_loaded_first_party(kind, name) or " ".join(self._unknown(kind, name))

    def _not_loaded_first_party(self, kind: type, name: str) -> str | None:
        """Words for one of our own names: what to install, or why the installed one does not bring it."""
        distribution = FIRST_PARTY[kind].get(name)

        if distribution is None:
            return None

        installed = [plugin for plugin in self.plugins if normalised(plugin.distribution) == distribution]

        if not installed:
            return (
                f"The {KINDS[kind]} {name!r} comes with {distribution}, which is not installed. In a clone of "
                f"perpmaker's repository: pip install {folder_of(distribution)}"
            )

        lost = next((plugin for plugin in installed if plugin.state is not PluginState.LOADED), None)

        if lost is not None:
            return f"The {KINDS[kind]} {name!r} is not loaded: {lost.provider}: {lost.reason}"

        return f"The {KINDS[kind]} {name!r} is not in {distribution} {installed[0].version}: it needs a later version."

    def _unknown(self, kind: type, name: str) -> Iterator[str]:
        """The sentences for a name that nobody knows."""
        names = self.names(kind)
        yield f"No {KINDS[kind]} is named {name!r}."
        yield f"Installed: {', '.join(names) or 'none'}."
        near = get_close_matches(name, [one for one in names if _begins_alike(name, one)], 1)

        if near:
            yield f"Did you mean {near[0]!r}?"

        lost = [plugin for plugin in self.plugins if plugin.state is not PluginState.LOADED]

        if lost:
            yield f"Not loaded: {', '.join(f'{plugin.name} ({plugin.reason})' for plugin in lost)}."


def folder_of(distribution: str) -> str:
    """The folder of one of our own distributions in a clone of the repository, as pip takes it."""
    name = distribution.removeprefix("perpmaker").removeprefix("-")

    return f"./plugins/{name.replace('-', '_')}" if name else "./core"


def _begins_alike(name: str, other: str) -> bool:
    """Whether the first words of two names are nearly the same, so that one venue is no suggestion for another."""
    return bool(get_close_matches(name.partition("_")[0], [other.partition("_")[0]], 1, _NEAR))


def imitated(distribution: str) -> str | None:
    """The distribution of ours whose name is exactly one edit away from this one; None when there is none."""
    own = normalised(distribution)
    known = {name for names in FIRST_PARTY.values() for name in names.values()}

    return None if own in known else next((name for name in sorted(known) if _is_one_edit(own, name)), None)


def _is_one_edit(left: str, right: str) -> bool:
    """Whether one inserted, deleted or replaced character, or two swapped ones, turn one text into the other."""
    short, long = sorted((left, right), key=len)
    start = next((at for at, (one, other) in enumerate(zip(short, long, strict=False)) if one != other), len(short))
    rest, other = short[start:], long[start:]

    if len(short) < len(long):
        return rest == other[1:]

    swapped = rest[1:2] + rest[:1] + rest[2:]

    return rest != other and (rest[1:] == other[1:] or swapped == other)


def load_catalog(environ: Mapping[str, str] | None = None) -> Catalog:
    """The catalog of this installation; `environ` (by default the process's) may leave plugins out."""
    environ = os.environ if environ is None else environ

    return Catalog(load_plugins(environ), environ)
