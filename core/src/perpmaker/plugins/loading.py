"""Find, check and register plugins, each by itself, so that a broken one costs nobody else anything.

pluggy loads entry points in bulk and stops at the first that cannot be imported, and in a plain hook call one raising
implementation hides the others; so both are done here one at a time. What is wrong with a plugin ends up as the
`reason` of its `LoadedPlugin`, and nothing that it declared counts.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import Enum, unique
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import PurePath
from typing import Any

import attrs
import pluggy

from perpmaker.errors import PerpmakerError, PluginFaultError
from perpmaker.foreign_code import ForeignCode, interrupts_noted, raise_if_meant
from perpmaker.plugins import hookspecs
from perpmaker.plugins.declarations import (
    Declaration,
    DerivativeConnectorDeclaration,
    ObserverDeclaration,
    PriceSourceDeclaration,
    RiskModuleDeclaration,
    StrategyDeclaration,
    declaration_faults,
)
from perpmaker.plugins.hookspecs import PLUGIN_API, PROJECT
from perpmaker.plugins.shipped import declaration as perpetual_market_making

WITHOUT = "PERPMAKER_WITHOUT_PLUGINS"
"""Environment variable: `1` leaves every installed plugin out, a comma list the named ones."""

ONLY = "PERPMAKER_ONLY_PLUGINS"
"""Environment variable: when set, a comma list of the only plugins that may be imported."""

DECLARED_BY: Mapping[str, type[Declaration]] = {
    "register_derivative_connectors": DerivativeConnectorDeclaration,
    "register_price_sources": PriceSourceDeclaration,
    "register_risk_modules": RiskModuleDeclaration,
    "register_strategies": StrategyDeclaration,
    "register_observers": ObserverDeclaration,
}

_WIDEST = 300


@unique
class PluginState(Enum):
    """What became of a plugin."""

    LOADED = "loaded"
    FAILED = "failed"
    LEFT_OUT = "left out"


@attrs.frozen(kw_only=True)
class LoadedPlugin:
    """A plugin that was found: the entry point's name, where it comes from, what became of it and, if bad, why.

    `declarations` is everything it declared, and empty unless it is loaded. `arithmetic` is what it changed of how
    decimals are calculated, which was put back.
    """

    name: str
    distribution: str
    version: str
    state: PluginState
    reason: str = ""
    declarations: tuple[Declaration, ...] = ()
    arithmetic: str = ""

    @property
    def provider(self) -> str:
        """Who it is, for a person: distribution, version and entry point."""
        return f"{self.distribution} {self.version} (entry point {self.name})"


class _BuiltIn:
    """What the core brings itself; it enters by the hooks that everybody uses."""

    __plugin_api__ = PLUGIN_API

    @hookspecs.hookimpl
    def register_strategies(self, register: hookspecs.Register[StrategyDeclaration[Any]]) -> None:
        """Declare the strategy."""
        register(perpetual_market_making())


BUILT_IN = _BuiltIn()


class _BrokenError(Exception):
    """What is wrong with a plugin, in words for a person."""


def load_plugins(environ: Mapping[str, str] | None = None) -> tuple[LoadedPlugin, ...]:
    """Return every plugin: the built-in one, then by distribution and name. Nothing is raised for one.

    `environ` (by default the process's) may leave plugins out: see WITHOUT and ONLY.
    """
    environ = os.environ if environ is None else environ
    manager = new_manager()
    built_in = EntryPoint(name="perpetual_market_making", value=f"{__name__}:BUILT_IN", group=PROJECT)
    found = [_load(manager, built_in, PROJECT, importlib.metadata.version(PROJECT))]

    with interrupts_noted():
        for entry_point, distribution in sorted(_entry_points(), key=lambda pair: (pair[1].name, pair[0].name)):
            origin = (distribution.name, distribution.version or "?")
            reason = _left_out(entry_point.name, distribution.name, environ)

            if reason:
                found.append(_record(entry_point.name, *origin, state=PluginState.LEFT_OUT, reason=reason))
            else:
                found.append(_load(manager, entry_point, *origin))

    return tuple(found)


def new_manager() -> pluggy.PluginManager:
    """Return a plugin manager that knows the hooks and no plugin."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)

    return manager


def _entry_points() -> Iterator[tuple[EntryPoint, Distribution]]:
    """All entry points of our group; a distribution that is on the path twice counts where it is first found."""
    seen: set[str] = set()

    for distribution in distributions():
        try:
            ours = distribution.entry_points.select(group=PROJECT)
            name = normalised(distribution.name) if ours else ""
        except Exception:  # noqa: BLE001, S112  # somebody's unreadable metadata, which need not even be a plugin's
            continue

        if name and name not in seen:
            seen.add(name)
            yield from ((entry_point, distribution) for entry_point in ours)


def normalised(distribution: str) -> str:
    """Return a distribution's name as package indexes compare it: `Perpmaker_Moon` -> `perpmaker-moon`."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _left_out(name: str, distribution: str, environ: Mapping[str, str]) -> str:
    """Why the environment leaves a plugin out (by entry point's or distribution's name); empty when it does not."""
    own = {name, normalised(distribution)}
    without = environ.get(WITHOUT, "")

    if without == "1" or own & _listed(without):
        return f"left out by {WITHOUT}"

    if ONLY in environ and not own & _listed(environ[ONLY]):
        return f"not listed in {ONLY}"

    return ""


def unknown_in_environment(plugins: Iterable[LoadedPlugin], environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each name in the variables that leave plugins out which is that of no installed plugin."""
    known = {name for plugin in plugins for name in (plugin.name, normalised(plugin.distribution))}

    for variable in (WITHOUT, ONLY):
        for name in dict.fromkeys(part.strip() for part in environ.get(variable, "").split(",")):
            if name and name != "1" and not {name, normalised(name)} & known:
                yield f"{variable} names {printable(name)!r}, and no installed plugin or distribution has that name"


def _listed(text: str) -> set[str]:
    """The names of a comma list, as written and as distributions' names."""
    names = {name.strip() for name in text.split(",")} - {""}

    return names | {normalised(name) for name in names}


def _record(name: str, distribution: str, version: str, **rest: Any) -> LoadedPlugin:  # noqa: ANN401  # of attrs' init
    """A record; what the plugin's author wrote is data, so it is made printable."""
    return LoadedPlugin(name=printable(name), distribution=distribution, version=version, **rest)


def _load(manager: pluggy.PluginManager, entry_point: EntryPoint, distribution: str, version: str) -> LoadedPlugin:
    """Import one plugin, compare it with the hooks, and let it declare."""
    origin = (entry_point.name, distribution, version)
    code = ForeignCode(kind="plugin", name=printable(entry_point.name), distribution=f"{distribution} {version}")

    try:
        plugin = _imported(code, entry_point)
        _check_api(plugin)
        _check_hooks(manager, plugin)
        manager.register(plugin, f"{distribution}:{entry_point.name}")
        declarations = tuple(_declared(code, manager, plugin))
        _check_unique(declarations)
    except (_BrokenError, ValueError, pluggy.PluginValidationError) as error:
        return _record(*origin, state=PluginState.FAILED, reason=printable(str(error)))
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  # the seam
        raise_if_meant(error)  # a plugin may be any object: looking at it may raise

        return _record(*origin, state=PluginState.FAILED, reason=printable(_said(error)))

    return _record(*origin, state=PluginState.LOADED, declarations=declarations, arithmetic=code.arithmetic.changed)


def _imported(code: ForeignCode, entry_point: EntryPoint) -> object:
    """What the entry point names."""
    try:
        return code.call("import", entry_point.load)
    except (PerpmakerError, MemoryError) as error:
        raise _BrokenError(f"import: {_reason(error, is_short=isinstance(error.__cause__, ImportError))}") from error


def _check_api(plugin: object) -> None:
    """The plugin was written for the API that this perpmaker has."""
    api = getattr(plugin, "__plugin_api__", None)

    if api is None:
        raise _BrokenError(f"has no __plugin_api__; its module needs the line: __plugin_api__ = {PLUGIN_API}")

    if type(api) is not int or api != PLUGIN_API:
        raise _BrokenError(
            f"was written for plugin API {api!r}, this perpmaker has {PLUGIN_API}: install versions that match"
        )


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Every marked function is a hook, takes `register` and is an ordinary function; and there is one at all."""
    marked = {name: manager.parse_hookimpl_opts(plugin, name) for name in dir(plugin)}
    marked = {name: options for name, options in marked.items() if options is not None}

    for name, options in marked.items():
        _check_hook((options and options.get("specname")) or name, getattr(plugin, name))

    forgotten = sorted(set(DECLARED_BY) & set(dir(plugin)) - set(marked))

    if forgotten:
        raise _BrokenError(f"{forgotten[0]} is not marked: put @hookimpl (from perpmaker) above it")

    if not marked:
        raise _BrokenError(f"implements no hook; there are {', '.join(DECLARED_BY)}")


def _check_hook(name: str, function: Callable[..., object]) -> None:
    """One marked function against the hook that it names."""
    if name not in DECLARED_BY:
        near = get_close_matches(name, DECLARED_BY, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(DECLARED_BY)}"
        raise _BrokenError(f"no hook is named {name!r}{hint}")

    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise _BrokenError(f"{name} must be an ordinary function: it only declares, so it neither awaits nor yields")

    signature = inspect.signature(function)

    if list(signature.parameters) != ["register"]:
        raise _BrokenError(f"{name} must take exactly one argument, `register`; it takes {signature}")


def _declared(code: ForeignCode, manager: pluggy.PluginManager, plugin: object) -> Iterator[Declaration]:
    """Call the plugin's hooks one by one and check what each hands over."""
    for caller in manager.get_hookcallers(plugin) or ():
        handed_over: list[object] = []

        for implementation in caller.get_hookimpls():
            if implementation.plugin is plugin:
                _call(code, caller.name, implementation.function, handed_over.append)

        for declaration in handed_over:
            yield attrs.evolve(_checked(caller.name, declaration), distribution=code.distribution)


def _call(code: ForeignCode, hook: str, function: Callable[..., object], register: Callable[[object], None]) -> None:
    """Call one implementation; what it raises and what it returns instead of registering is its fault."""
    try:
        returned = code.call(hook, function, register)
    except (PerpmakerError, MemoryError) as error:
        raise _BrokenError(f"{hook} raised {_reason(error, is_short=False)}") from error

    if returned is None:
        return

    if inspect.iscoroutine(returned):
        returned.close()

    raise _BrokenError(f"{hook} returned a {type(returned).__name__}: hand each declaration to `register` instead")


def _checked(hook: str, handed_over: object) -> Declaration:
    """The declaration, if it is one of the right kind and says what it has to."""
    expected = DECLARED_BY[hook]

    if not isinstance(handed_over, expected):
        raise _BrokenError(f"{hook} handed over a {type(handed_over).__name__}, not a {expected.__name__}")

    fault = next(declaration_faults(handed_over), None)

    if fault is not None:
        raise _BrokenError(f"{hook} declared {handed_over.name!r}: {fault}")

    return handed_over


def _check_unique(declarations: Iterable[Declaration]) -> None:
    """A plugin does not declare the same name twice."""
    seen: set[tuple[type, str]] = set()

    for declaration in declarations:
        if (type(declaration), declaration.name) in seen:
            raise _BrokenError(f"declares {declaration.name!r} twice")

        seen.add((type(declaration), declaration.name))


def _reason(error: Exception, *, is_short: bool) -> str:
    """What a plugin has raised, in words; a person's own interrupt passes."""
    cause = error.__cause__ if isinstance(error, PluginFaultError) and error.__cause__ is not None else error

    raise_if_meant(cause)

    return str(cause) if is_short else _said(cause)


def _said(error: BaseException) -> str:
    """An exception in one line, with the place where it was raised."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  # an exception whose own __str__ raises is still only this plugin's problem
        text = "(it cannot be shown)"

    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""

    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"


def printable(text: str) -> str:
    """Somebody else's text as one line without control characters, cut where it stops being read."""
    line = "".join(character if character.isprintable() else " " for character in text)
    words = " ".join(line.split())

    return words if len(words) <= _WIDEST else f"{words[: _WIDEST - 1]}…"
