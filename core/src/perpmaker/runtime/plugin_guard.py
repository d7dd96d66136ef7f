"""Plugins as the core holds them: every call goes through `ForeignCode`, and every answer is checked where it comes in.

A guarded connector, stream, price source, strategy or risk module looks like the plugin's own, raises nothing but the
errors of `perpmaker.errors`, and names the plugin in the fault that everything else comes to.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import DerivativeConnector, EventReceiver, Feed
from perpmaker.connector.price_source import ReferenceReceiver
from perpmaker.errors import PluginFaultError, RiskModuleError
from perpmaker.foreign_code import ForeignCode, Steps
from perpmaker.model.event import UNDATED, Channel, Event, ReferenceChanged
from perpmaker.model.quote import Quote, TargetFactors, Wake, Wanted
from perpmaker.risk.interface import OPTIONAL, Demand, Refused, RiskModule, Verdict
from perpmaker.runtime.plugin_output_checks import ANSWERS, checked, checked_events
from perpmaker.secret import redacted
from perpmaker.state.external_price import clamped, wrong_word
from perpmaker.state.view import View
from perpmaker.strategy.interface import Strategy

_Opened = TypeVar("_Opened")


@attrs.frozen
class GuardedStrategy:
    """A plugin's strategy."""

    code: ForeignCode
    inner: Strategy

    def decide(self, view: View) -> Wanted:
        """What the strategy wants."""
        return self.code.call("decide", self.inner.decide, view)

    def blame(self, error: Exception) -> PluginFaultError:
        """The fault that a wrong answer is."""
        return self.code.fault("decide", error)


@attrs.frozen
class GuardedModule:
    """A plugin's risk module. What it need not have (see `perpmaker.risk.interface`) is None where it has not."""

    code: ForeignCode
    inner: RiskModule
    remember: Callable[[View], object] | None = None
    demand: Callable[[View], Demand | None] | None = None
    target_factors: Callable[[View], TargetFactors | None] | None = None
    wake: Callable[[View], Wake] | None = None
    advise: Callable[[View], Iterable[str]] | None = None

    def review(self, view: View, quote: Quote) -> Verdict:
        """What the module says of a quote, and who refuses it."""
        verdict = self.code.call("review", self.inner.review, view, quote)

        return attrs.evolve(verdict, module=self.code.name) if isinstance(verdict, Refused) else verdict

    @property
    def name(self) -> str:
        """What it is called in the file."""
        return self.code.name

    def blame(self, error: Exception) -> PluginFaultError:
        """The fault that a wrong answer is."""
        return self.code.fault(error.what if isinstance(error, RiskModuleError) else "review", error)


def guarded_strategy(code: ForeignCode, build: Callable[[], object]) -> Strategy:
    """Build a strategy, guarded; PluginFaultError when what comes of it is none."""
    return GuardedStrategy(code, cast("Strategy", _built(code, build, "decide")))


def guarded_module(code: ForeignCode, build: Callable[[], object], *, changes_targets: bool = False) -> RiskModule:
    """Build a risk module, guarded; PluginFaultError when what comes of it is none, or not what was declared."""
    made = cast("RiskModule", _built(code, build, "review"))
    found = {name: method for name in OPTIONAL if callable(method := getattr(made, name, None))}

    with code.blamed("build"):
        if ("target_factors" in found) is not changes_targets:
            has, says = ("has", "does not say") if "target_factors" in found else ("has no", "says")
            raise TypeError(f"it {has} target_factors(), and its declaration {says} changes_targets=True")

    methods: dict[str, Any] = {name: partial(code.call, name, method) for name, method in found.items()}

    if "advise" in methods:  # of a generator, all of it is the plugin's code
        methods["advise"] = partial(code.call, "advise", lambda view: tuple(found["advise"](view)))

    return GuardedModule(code, made, **methods)


def _built(code: ForeignCode, build: Callable[[], object], method: str) -> object:
    made = code.prepare("build", build)

    with code.blamed("build"):
        if not callable(getattr(made, method, None)):
            raise TypeError(f"build returned {type(made).__name__}, which has no {method}()")

    return made


class GuardedOpening(AbstractAsyncContextManager[_Opened], Generic[_Opened]):
    """An async context manager of a plugin; `guard` makes what it yields a guarded one.

    What is raised inside passes on: a plugin may clean up, but it neither swallows nor replaces it.
    """

    def __init__(
        self, code: ForeignCode, opened: Callable[[], AbstractAsyncContextManager[Any]], guard: Callable[[Any], _Opened]
    ) -> None:
        self._code = code
        self._opened = opened
        self._guard = guard
        self._manager: Any = None

    async def __aenter__(self) -> _Opened:
        """Open it."""
        self._manager = self._code.call("open", self._opened)
        yielded = await self._code.run("open", self._enter)

        try:
            with self._code.blamed("open"):
                return self._guard(yielded)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise

    def _enter(self) -> Awaitable[Any]:
        """Begin to open it; what is no context manager fails here, as the plugin's."""
        entered: Awaitable[Any] = self._manager.__aenter__()

        return entered

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        try:
            await self._code.run("close", lambda: self._manager.__aexit__(kind, error, trace))
        except BaseException as raised:
            if error is None or (isinstance(error, Exception) and not isinstance(raised, Exception)):
                raise


class GuardedReceiver:
    """An open stream of a plugin whose events have been checked."""

    __slots__ = ("_code", "_inner")

    def __init__(self, code: ForeignCode, inner: EventReceiver) -> None:
        self._code = code
        self._inner = inner

    async def receive(self) -> Sequence[Event]:
        """The next events."""
        # As `ForeignCode.run`, one coroutine less: most of what the bot hears comes this way.
        try:
            events: Sequence[Event] = await Steps(self._code, self._inner.receive, "receive")
        except BaseException as error:  # noqa: BLE001  # judged, and raised again
            self._code.raise_contained("receive", error, is_async=True)

        try:
            return checked_events(events)
        except Exception as error:  # the declared seam: what is no event may fail in any way
            raise self._code.fault("receive", error) from error


@attrs.frozen
class GuardedSource:
    """An open price source of a plugin, whose every word is one that may be used, or says why it may not.

    `strict`: before the run a word of the wrong types or times is the plugin's fault, and not only no price.
    """

    code: ForeignCode
    inner: ReferenceReceiver
    clock: Clock
    strict: bool = False

    async def receive(self) -> ReferenceChanged:
        """The next reference."""
        receive = getattr(self.inner, "receive", None)

        if receive is None:
            raise self.code.fault("open", TypeError(f"it yielded {type(self.inner).__name__}, which has no receive()"))

        word: ReferenceChanged = await self.code.run("receive", receive)

        with self.code.blamed("receive"):
            checked(ReferenceChanged, word)
            word = attrs.evolve(word, at=self.clock.now()) if word.at == UNDATED else word
            wrong = wrong_word(word, self.clock.now())

            if wrong is not None and wrong.is_mistake and self.strict:
                raise TypeError(wrong.text)

        if wrong is None:
            return clamped(word, self.clock.now())

        if wrong.text is word.doubt:
            return attrs.evolve(word, doubt=redacted(word.doubt))

        return ReferenceChanged(doubt=redacted(f"{self.code.who}: {wrong.text}"), at=self.clock.now())


class GuardedFeed:
    """A stream that a connector offers."""

    def __init__(self, code: ForeignCode, inner: Feed) -> None:
        self._inner = inner
        self.code = code

        with code.blamed("feeds"):
            self.channels = frozenset(checked(Channel, channel) for channel in inner.channels)
            self.stall_s = inner.stall_s

            if self.stall_s is not None and not 0 < self.stall_s < float("inf"):
                raise ValueError(f"stall_s of a feed is {self.stall_s!r}")

    def open(self) -> AbstractAsyncContextManager[EventReceiver]:
        """Connect and subscribe."""
        return GuardedOpening(self.code, self._inner.open, lambda inner: GuardedReceiver(self.code, inner))


def guarded_connector(code: ForeignCode, inner: object) -> DerivativeConnector:
    """The connector itself, guarded; it has the abilities that the plugin's has, and no others."""
    with code.blamed("open"):
        members = {name: _member(inner, name) for name in dir(inner) if not name.startswith("_")}

    kind = type("GuardedConnector", (_GuardedConnector,), members)

    return cast("DerivativeConnector", kind(code, inner))


def open_guarded(
    code: ForeignCode, opened: Callable[[], AbstractAsyncContextManager[Any]]
) -> AbstractAsyncContextManager[DerivativeConnector]:
    """Open a plugin's connector, guarded."""
    return GuardedOpening(code, opened, partial(guarded_connector, code))


class _GuardedConnector:
    """What every guarded connector is; its members are made for the connector that is inside."""

    def __init__(self, code: ForeignCode, inner: object) -> None:
        self.guard_code = code
        self.guard_inner = inner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever stands there
        """What the connector makes up when it is asked for it."""
        if name.startswith(("_", "guard_")):
            raise AttributeError(name)

        found = getattr(self.guard_inner, name)

        return partial(_method(name, inspect.iscoroutinefunction(found)), self) if callable(found) else found


def _member(inner: object, name: str) -> Any:  # noqa: ANN401  # a function or a property
    """One attribute of a guarded connector: a method that is called guarded, or a value that is read so."""
    static = inspect.getattr_static(inner, name)

    # A connector that is composed may hand on what belongs to a part of it: a bound method is called as its own are.
    if callable(static) or isinstance(static, classmethod):
        return _feeds if name == "feeds" else _method(name, inspect.iscoroutinefunction(getattr(inner, name)))

    return property(lambda self: _value(self, name))


def _value(guarded: _GuardedConnector, name: str) -> Any:  # noqa: ANN401  # whatever stands there
    """An attribute of the connector, checked where the core knows what it must be."""
    code = guarded.guard_code
    found = code.call(name, getattr, guarded.guard_inner, name)

    if name in ANSWERS:
        with code.blamed(name):
            ANSWERS[name](found)

    return found


def _method(name: str, is_async: bool) -> Callable[..., Any]:  # a private maker
    """A method that calls the connector's of that name."""
    check = ANSWERS.get(name)

    def verified(code: ForeignCode, answer: Any) -> Any:  # noqa: ANN401  # the plugin's
        if check is None:
            return answer

        with code.blamed(name):
            return check(answer)

    async def later(self: _GuardedConnector, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401  # passed on
        function: Callable[..., Awaitable[Any]] = getattr(self.guard_inner, name)

        return verified(self.guard_code, await self.guard_code.run(name, partial(function, *arguments, **named)))

    def at_once(self: _GuardedConnector, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401  # passed on
        function = partial(getattr(self.guard_inner, name), *arguments, **named)

        return verified(self.guard_code, self.guard_code.call(name, function))

    return later if is_async or name in _AWAITED else at_once


def _feeds(self: _GuardedConnector, *arguments: Any) -> Sequence[Feed]:  # noqa: ANN401  # passed on
    """The streams of a connector, each guarded."""
    code = self.guard_code
    feeds = code.call("feeds", cast("Any", self.guard_inner).feeds, *arguments)

    with code.blamed("feeds"):
        return tuple(GuardedFeed(code, feed) for feed in feeds)


_VALUES = frozenset(
    {
        "name",
        "account",
        "fence_s",
        "caps_resting_exits",
        "allows_two_stops",
        "sizes_stops",
        "names_stops",
        "quotes_last",
        "attaches_stops",
        "stops_meet_quotes",
    }
)
_AWAITED = frozenset(ANSWERS) - _VALUES - {"venue_time"}
