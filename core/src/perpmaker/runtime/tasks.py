"""Tasks that nothing ends unseen: what is no `Exception`, raised in one of them, becomes an error of the whole run.

An event loop takes a stray CancelledError for a task that somebody has cancelled, and goes on without it;
KeyboardInterrupt and SystemExit end the loop itself, with no time for anybody else. Either would leave a position
without its protection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import inf
from typing import Any

import anyio
import attrs
from anyio.abc import TaskGroup

from perpmaker.errors import TaskEndedError


@attrs.frozen
class Tasks:
    """Starts tasks in a group; each ends by itself, by a cancellation of ours, or with an Exception."""

    group: TaskGroup

    def start_soon(self, function: Callable[..., Awaitable[Any]], *arguments: Any) -> None:  # noqa: ANN401  # passed on
        """Start a task, as the group itself would."""
        self.group.start_soon(kept, function, *arguments)


@asynccontextmanager
async def open_tasks() -> AsyncIterator[Tasks]:
    """Yield a group whose tasks end with the block. An error of the block is raised as it is, not in a group."""
    failure: BaseException | None = None

    async with anyio.create_task_group() as group:
        try:
            yield Tasks(group)
        except GeneratorExit:
            raise
        except BaseException as error:
            if _has_cancellation(error):
                raise

            failure = error

        group.cancel_scope.cancel()

    if failure is not None:
        raise failure


async def kept(function: Callable[..., Awaitable[Any]], *arguments: Any) -> None:  # noqa: ANN401  # passed on
    """Carry out a task; what is no Exception and no cancellation of ours becomes a TaskEndedError."""
    try:
        await function(*arguments)
    except BaseException as error:
        if isinstance(error, Exception) or (_has_cancellation(error) and anyio.current_effective_deadline() == -inf):
            raise

        raise TaskEndedError(f"a task of the run was ended by {type(error).__name__}") from error


def _has_cancellation(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(map(_has_cancellation, error.exceptions))

    return isinstance(error, anyio.get_cancelled_exc_class())
