"""What differs between the configuration that a bot goes by and another one, key by key, and when that counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, unique
from typing import Any, Final

import attrs

from perpmaker.config.chosen import Chosen
from perpmaker.config.configuration import Configuration
from perpmaker.config.description import Description, describe
from perpmaker.config.meanings import in_sections
from perpmaker.config.structure import is_secret, shown
from perpmaker.config.toml_text import toml_value
from perpmaker.strategy.settings import StrategySettings


@unique
class When(Enum):
    """When a change counts."""

    AT_ONCE = "live"
    AT_REFRESH = "at the next refresh"
    AT_START = "needs a restart"


AT_REFRESH: Final = frozenset(
    {
        *("bid_spread", "ask_spread", "order_amount", "order_amount_basis", "order_level_spread", "order_level_amount"),
        *("order_override", "order_refresh_time", "order_refresh_tolerance_pct", "max_margin"),
        *("order_optimization_enabled", "order_optimization_mode"),
        *("bid_order_optimization_depth", "ask_order_optimization_depth"),
        *("inventory_skew", "inventory_skew_distance", "skew_may_close_at_loss"),
    }
)
"""Keys of quotes that rest until they are looked at again."""

AT_ONCE: Final = frozenset(
    {
        *("minimum_spread", "order_levels", "price_ceiling", "price_floor", "filled_order_delay", "when_in_position"),
        *("price_source_max_age", "price_source_max_deviation", "stop_wait_s"),
    }
)
"""Keys of the top that count from the next decision on, those of the exits apart, which all do."""

_LEFT_OUT: Final = "not there"


@attrs.frozen(kw_only=True)
class Change:
    """A key that differs: what it is and what it would be, as a file has it, and when that counts.

    None instead of a value: it is not shown, because it may be secret.
    """

    key: str
    before: str | None
    after: str | None
    when: When


def changes(now: Configuration, wanted: Configuration) -> tuple[Change, ...]:
    """Return what differs, in the order of a file: settings are compared, not how they are written."""
    return (*_of_top(now, wanted), *_of_tables(now, wanted))


def _of_top(now: Configuration, wanted: Configuration) -> Iterator[Change]:
    names = ("run", "exits", "strategy")
    pairs = {
        key: (one, getattr(_part(now, name), key, None), getattr(_part(wanted, name), key, None), name)
        for name in names
        for key, one in _keys(_part(now, name)).items()
    }

    for keys in in_sections(pairs).values():
        for key in keys:
            one, before, after, name = pairs[key]

            if before != after:
                yield Change(
                    key=key,
                    before=_written((key,), now.document.values, one),
                    after=_written((key,), wanted.document.values, one),
                    when=_when(key, name, wanted),
                )


def _part(configuration: Configuration, name: str) -> Any:  # noqa: ANN401  # settings of whichever class
    part = getattr(configuration, name)

    return part.settings if isinstance(part, Chosen) else part


def _when(key: str, part: str, wanted: Configuration) -> When:
    if part == "exits":
        return When.AT_ONCE

    if part == "strategy" and not isinstance(wanted.strategy.settings, StrategySettings):
        return When.AT_START  # nobody knows what another strategy makes of a memory from other settings

    if key in AT_ONCE:
        return When.AT_ONCE

    return When.AT_REFRESH if key in AT_REFRESH else When.AT_START


def _of_tables(now: Configuration, wanted: Configuration) -> Iterator[Change]:
    """Tables: those of risk modules count at once, all others at a start."""
    both = now, wanted
    yield from _of_named(("risk",), [_named(each.risk) for each in both], both, When.AT_ONCE)
    plugins = [_named((each.connector, each.price_source, each.external)) for each in both]
    yield from _of_named((), plugins, both, When.AT_START)
    yield from _of_named(("observers",), [_named(each.observers) for each in both], both, When.AT_START)
    yield from _of_named((), [{"sandbox": each.sandbox} for each in both], both, When.AT_START)

    if now.environment is not wanted.environment:
        before, after = (toml_value(each.environment.value) for each in both)
        yield Change(key=f"{now.connector.name}.environment", before=before, after=after, when=When.AT_START)


def _named(chosen: Iterable[Chosen[Any] | None]) -> Mapping[str, Any]:
    return {one.name: one.settings for one in chosen if one is not None}


def _of_named(
    parent: tuple[str, ...], tables: Sequence[Mapping[str, Any]], both: Sequence[Configuration], when: When
) -> Iterator[Change]:
    """The tables of some names: whole ones that came or went, and the keys of those that are in both."""
    before, after = tables

    for name in dict.fromkeys((*before, *after)):
        path = (*parent, name)

        if name in before and name in after:
            yield from _of_table(path, (before[name], after[name]), both, when)
        elif parent or any(_table(path, each) for each in both):
            words = [_LEFT_OUT if name not in each else "there" for each in tables]
            yield Change(key=f"[{'.'.join(path)}]", before=words[0], after=words[1], when=when)


def _of_table(
    path: tuple[str, ...], settings: Sequence[Any], both: Sequence[Configuration], when: When
) -> Iterator[Change]:
    for key, one in _keys(settings[0]).items():
        if key != "environment" and getattr(settings[0], key, None) != getattr(settings[1], key, None):
            before, after = (_written((*path, key), each.document.values, one) for each in both)
            yield Change(key=".".join((*path, key)), before=before, after=after, when=when)


def _table(path: tuple[str, ...], configuration: Configuration) -> Mapping[str, Any]:
    values: Any = configuration.document.values

    for key in path:
        values = values.get(key, {}) if isinstance(values, dict) else {}

    return values if isinstance(values, dict) else {}


def _keys(settings: object) -> Mapping[str, Description]:
    return {one.key: one for one in describe(type(settings))}


def _written(path: tuple[str, ...], values: Mapping[str, Any], one: Description) -> str | None:
    """A value as the file has it, or the default; None for what may be secret."""
    if any(map(is_secret, path)):
        return None

    found: Any = values

    for key in path:
        found = found.get(key) if isinstance(found, dict) else None

    if found is None or found == "":
        return one.default or "not set"

    return toml_value(found) if not isinstance(found, str) or "://" not in found else shown(path, found)


def restarting(found: tuple[Change, ...]) -> tuple[Change, ...]:
    """Return the changes that count at a start only."""
    return tuple(change for change in found if change.when is When.AT_START)
