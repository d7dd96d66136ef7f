"""What connectors of one process have in common: opened once for an account, and closed when all runs have ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import anyio
import attrs
from anyio.abc import TaskGroup

_Opened = TypeVar("_Opened")


@attrs.define
class _Opening:
    """Something that is opened once, for whoever asks for it: then it has a value, or the error that it failed with."""

    opening: Callable[[], AbstractAsyncContextManager[Any]]
    done: anyio.Event = attrs.field(factory=anyio.Event, init=False)
    value: Any = attrs.field(default=None, init=False)
    error: BaseException | None = attrs.field(default=None, init=False)


@attrs.define
class Shared:
    """Opens things by their key, once. See `open_shared`."""

    _tasks: TaskGroup
    _is_over: anyio.Event = attrs.field(factory=anyio.Event, init=False)
    _known: dict[Hashable, _Opening] = attrs.field(factory=dict, init=False)

    async def get(self, key: Hashable, opening: Callable[[], AbstractAsyncContextManager[_Opened]]) -> _Opened:
        """Return what is open under a key; the first that asks has it opened. What fails is opened anew by the next."""
        found = self._known.get(key)

        if found is None:
            found = self._known[key] = _Opening(opening)
            self._tasks.start_soon(self._keep_open, found)

        await found.done.wait()

        if found.error is not None:
            if self._known.get(key) is found:
                del self._known[key]

            raise found.error

        value: _Opened = found.value

        return value

    def close(self) -> None:
        """Let go of everything: each task closes what it has opened."""
        self._is_over.set()

    async def _keep_open(self, one: _Opening) -> None:
        """Open one thing, and close it in the same task in the end: one that hangs keeps no other from being opened."""
        try:
            async with one.opening() as one.value:
                one.done.set()
                await self._is_over.wait()
        except (anyio.get_cancelled_exc_class(), GeneratorExit):
            raise
        except BaseException as error:  # a plugin's: it is for whoever asked, or how the process has ended
            if one.done.is_set():
                raise

            one.error = error
        finally:
            one.done.set()


@asynccontextmanager
async def in_common(
    shared: Shared | None, key: Hashable, opening: Callable[[], AbstractAsyncContextManager[_Opened]]
) -> AsyncIterator[_Opened]:
    """Open what is one for an account, however many of its markets this process trades.

    Args:
        shared: `ConnectorContext.shared`; None opens one for the caller alone.
        key: what it is one of; whoever asks with an equal one gets the same.
        opening: makes the context that it is open in.
    """
    if shared is not None:
        yield await shared.get(key, opening)
        return

    async with opening() as opened:
        yield opened


@asynccontextmanager
async def open_shared() -> AsyncIterator[Shared]:
    """Yield what opens things once, each in a task of its own that closes it in the end."""
    async with anyio.create_task_group() as tasks:
        shared = Shared(tasks)

        try:
            yield shared
        finally:
            shared.close()
