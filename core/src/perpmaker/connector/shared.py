"""What connectors of one process have in common: opened once for an account, and closed when all runs have ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from math import inf
from typing import Any, TypeVar

import anyio
import attrs
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

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

    _asked: MemoryObjectSendStream[_Opening]
    _known: dict[Hashable, _Opening] = attrs.field(factory=dict, init=False)

    async def get(self, key: Hashable, opening: Callable[[], AbstractAsyncContextManager[_Opened]]) -> _Opened:
        """Return what is open under a key; the first that asks has it opened. What fails is opened anew by the next."""
        found = self._known.get(key)

        if found is None:
            found = self._known[key] = _Opening(opening)
            self._asked.send_nowait(found)

        await found.done.wait()

        if found.error is not None:
            if self._known.get(key) is found:
                del self._known[key]

            raise found.error

        value: _Opened = found.value

        return value


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
    """Yield what opens things once. One task of its own opens all of them, and closes them in the end."""
    sending, receiving = anyio.create_memory_object_stream[_Opening](inf)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_open_each, receiving)

        with sending:
            yield Shared(sending)


async def _open_each(asked: MemoryObjectReceiveStream[_Opening]) -> None:
    async with asked, AsyncExitStack() as stack:
        async for one in asked:
            try:
                one.value = await stack.enter_async_context(one.opening())
            except (anyio.get_cancelled_exc_class(), GeneratorExit):
                raise
            except BaseException as error:  # noqa: BLE001  # a plugin's: it is for whoever asked
                one.error = error
            finally:
                one.done.set()
