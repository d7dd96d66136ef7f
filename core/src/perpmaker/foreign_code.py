"""The one wrapper around code of plugins: whatever a plugin raises, the caller gets an error that names the plugin.

Everything is contained, SystemExit, KeyboardInterrupt and a cancellation that nobody of us asked for included. What is
ours passes: a cancellation of our own scopes, GeneratorExit, MemoryError, and the errors that plugins are meant to
raise (`perpmaker.errors`). While foreign code has the processor, `RUNNING` says whose it is: the watchdog reads that.
"""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from decimal import Context, getcontext, setcontext
from functools import partial
from math import inf
from types import CodeType, FrameType
from typing import Any, NoReturn, TypeVar

import anyio
import anyio.lowlevel
import attrs

from perpmaker.arithmetic import PluginArithmetic
from perpmaker.errors import PerpmakerError, PluginFaultError, leaves
from perpmaker.secret import redacted

_Answer = TypeVar("_Answer")

LOOK_EVERY = 64
"""Suspensions of a coroutine between two looks at whether it is to end. One that goes on all the way swallows our
cancellations: it is closed and left."""

_FRAMES = 40  # of a traceback: a RecursionError has a thousand
_LONGEST = 500


class Interruption(BaseException):  # no error of anybody: the watchdog's way into a plugin
    """Raised by the watchdog inside of a plugin that does not come back; no Exception, so that few handlers take it."""


class Running:
    """Whose code has the processor: `code` is None while it is ours; `serial` changes with every stretch."""

    __slots__ = ("code", "serial")

    def __init__(self) -> None:
        self.code: ForeignCode | None = None
        self.serial = 0


RUNNING = Running()
"""One for the process, because signals reach Python only in its main thread, and the event loop runs there."""


def _ignore(_: PluginFaultError) -> None:
    """Nobody wants to hear of faults yet."""


@attrs.frozen(kw_only=True, eq=False)
class ForeignCode:
    """One plugin as the core calls it: `kind` and `name` as declared, `distribution` with its version.

    `report` is given every fault when it happens (for the traceback file); the fault itself is raised all the same. It
    is also given what a plugin may not do and is undone, without a `detail`: that is not raised.
    """

    kind: str
    name: str
    distribution: str = ""
    report: Callable[[PluginFaultError], None] = _ignore
    arithmetic: PluginArithmetic = attrs.field(factory=PluginArithmetic, init=False, repr=False)

    @property
    def who(self) -> str:
        """What the plugin is called in messages."""
        origin = f" of {self.distribution}" if self.distribution else ""

        return f"{self.kind} {self.name}{origin}"

    def call(self, what: str, function: Callable[..., _Answer], *arguments: Any) -> _Answer:  # noqa: ANN401  # passed on
        """Call a function of the plugin; PluginFaultError for whatever it raises and no plugin may."""
        before, calculating = RUNNING.code, self.arithmetic.begin()
        RUNNING.code = self
        RUNNING.serial += 1

        try:
            return function(*arguments)
        except BaseException as error:  # noqa: BLE001  # judged, and raised again
            RUNNING.code = before
            self.raise_contained(what, error, is_async=False)
        finally:
            RUNNING.code = before
            RUNNING.serial += 1

            if self.arithmetic.end(calculating):
                self._tell_change(what)

    def call_apart(self, what: str, function: Callable[..., _Answer], *arguments: Any) -> _Answer:  # noqa: ANN401  # passed on
        """Call a function of the plugin in a thread of the plugin's own; contained as in `call`.

        Nothing waits for such a thread, so `RUNNING` and with it the watchdog have no part in it.
        """
        before = self.arithmetic.begin()

        try:
            return function(*arguments)
        except BaseException as error:  # noqa: BLE001  # judged, and raised again
            self.raise_contained(what, error, is_async=False)
        finally:
            self.arithmetic.end(before)  # of its own thread: nobody else calculates there

    def prepare(self, what: str, function: Callable[..., _Answer], *arguments: Any) -> _Answer:  # noqa: ANN401  # as above
        """Call as `call` does, while no event loop receives a person's Ctrl-C: that is none of the plugin's faults."""
        with interrupts_noted():
            return self.call(what, function, *arguments)

    async def run(self, what: str, function: Callable[..., Awaitable[_Answer]], *arguments: Any) -> _Answer:  # noqa: ANN401  # as above
        """Call a coroutine function of the plugin and await it; PluginFaultError as with `call`."""
        try:
            answer: _Answer = await Steps(self, partial(function, *arguments) if arguments else function, what)
        except BaseException as error:  # noqa: BLE001  # judged, and raised again
            self.raise_contained(what, error, is_async=True)
        else:
            return answer

    @contextmanager
    def blamed(self, what: str) -> Iterator[None]:
        """Call what is raised inside a fault of the plugin: for checks of what it answered."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001  # judged, and raised again
            self.raise_contained(what, error, is_async=False)

    def fault(self, what: str, error: BaseException) -> PluginFaultError:
        """The fault that an error amounts to, reported."""
        words = str(error) if isinstance(error, Interruption) else said(error)
        fault = PluginFaultError(
            redacted(f"the {self.who} failed in {what} ({words})"),
            at_start=redacted(f"The {self.who} failed at its start ({words}), in {what}: a mistake of the plugin."),
            detail=redacted("".join(traceback.format_exception(error, limit=-_FRAMES))),
            interrupted=isinstance(error, Interruption),
        )
        self.report(fault)

        return fault

    def mend_arithmetic(self, what: str, left: Context) -> None:
        """Put back how the plugin calculates, and name it when it had changed that."""
        if self.arithmetic.mend(left):
            self._tell_change(what)

    def _tell_change(self, what: str) -> None:
        self.report(
            PluginFaultError(
                f"the {self.who} changed in {what} how decimals are calculated ({self.arithmetic.changed}): that is "
                "put back, and nothing of the bot was calculated so"
            )
        )

    def raise_contained(self, what: str, error: BaseException, *, is_async: bool) -> NoReturn:
        """Raise what an error of foreign code comes to: the error itself where that is right, or the plugin's fault."""
        contained = self._contained(what, error, is_async=is_async)

        if is_async:  # a call puts it back itself
            self.mend_arithmetic(what, self.arithmetic.context)

        if contained is error:
            raise error

        raise contained from error

    def _contained(self, what: str, error: BaseException, *, is_async: bool) -> BaseException:
        raise_if_meant(error)

        if isinstance(error, MemoryError) or (is_async and isinstance(error, GeneratorExit)):
            return error

        inner = list(leaves(error))

        if is_async and any(map(_is_cancellation, inner)) and anyio.current_effective_deadline() == -inf:
            return error

        meant = [leaf for leaf in inner if isinstance(leaf, PerpmakerError)]

        if len(meant) < len(inner):
            return self.fault(what, error)

        for one in meant:
            _redact(one)

        return meant[0]


_noted: list[bool] = []
"""One entry while a person's Ctrl-C is told from a KeyboardInterrupt that a plugin raises: whether it came."""


@contextmanager
def interrupts_noted() -> Iterator[None]:
    """Note a person's Ctrl-C while plugins are loaded; elsewhere the event loop receives it, and none is raised."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    before = signal.getsignal(signal.SIGINT)

    if before is not signal.default_int_handler:
        yield
        return

    def interrupted(number: int, frame: FrameType | None) -> None:
        _noted.append(True)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupted)

    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _noted.clear()


def raise_if_meant(error: BaseException) -> None:
    """Raise a KeyboardInterrupt that is a person's, in `interrupts_noted`."""
    if isinstance(error, KeyboardInterrupt) and _noted:
        raise error


class Steps:
    """A call of a plugin's coroutine function, every step between two suspensions of which is marked as the plugin's.

    It contains nothing; whoever awaits it hands what is raised to `raise_contained`.
    """

    __slots__ = ("_code", "_function", "_what")

    def __init__(self, code: ForeignCode, function: Callable[[], Awaitable[Any]], what: str) -> None:
        self._code = code
        self._function = function
        self._what = what

    def __await__(self) -> Generator[Any, Any, Any]:
        code, running = self._code, RUNNING
        steps: Any = None
        resume: Callable[[Any], Any] | None = None
        suspended, is_ending = 0, False
        calculating = code.arithmetic.context  # it may be another one in the middle of a `with localcontext()`
        value: Any = None

        while True:
            before, ours = running.code, getcontext()
            setcontext(calculating)
            running.code = code
            running.serial += 1

            try:
                if resume is None:
                    steps = self._function().__await__()
                    resume = steps.send

                wanted = resume(value)
            except StopIteration as end:
                code.mend_arithmetic(self._what, getcontext())
                return end.value
            except GeneratorExit as error:  # its own: ours goes to `close`
                raise RuntimeError("it raised GeneratorExit") from error
            finally:
                calculating = getcontext()
                setcontext(ours)
                running.code = before
                running.serial += 1

            suspended += 1

            if suspended % LOOK_EVERY == 0:
                was_ending, is_ending = is_ending, anyio.current_effective_deadline() == -inf

                if was_ending and is_ending:
                    _close(steps)
                    yield from anyio.lowlevel.checkpoint().__await__()  # raises the cancellation that it swallows

            try:
                value = yield wanted
                resume = steps.send
            except GeneratorExit:
                _close(steps)
                raise
            except BaseException as error:  # noqa: BLE001  # handed on to where it belongs
                resume, value = steps.throw, error


CALLERS: frozenset[CodeType] = frozenset(
    {ForeignCode.call.__code__, ForeignCode.call_apart.__code__, Steps.__await__.__code__}
)
"""The code in whose frames foreign code begins: what is above it on the stack is the plugin's, or was called by it."""


def said(error: BaseException) -> str:
    """An error in one line of readable length, whatever its own text does."""
    try:
        text = " ".join(str(error).split())
    except BaseException:  # noqa: BLE001  # an exception whose __str__ raises is only one more fault of the plugin
        text = "(it cannot be shown)"

    words = redacted(f"{type(error).__name__}: {text}" if text else type(error).__name__)

    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _is_cancellation(error: object) -> bool:
    """Whether this is the event loop's word for: the task is to end."""
    return isinstance(error, anyio.get_cancelled_exc_class())


def _close(steps: Any) -> None:  # noqa: ANN401  # an awaitable's iterator, of whatever make
    """End a coroutine of a plugin; what it raises then is of no interest to anybody."""
    with suppress(BaseException):  # it has had its chance
        steps.close()


def _redact(error: PerpmakerError) -> None:
    """Take known secrets out of an error's texts."""
    if redacted(str(error)) == str(error):
        return

    error.args = tuple(redacted(part) if isinstance(part, str) else part for part in error.args)

    for name, value in list(vars(error).items()):
        if isinstance(value, str):
            setattr(error, name, redacted(value))
