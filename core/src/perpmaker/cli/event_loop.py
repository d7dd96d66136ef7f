"""The event loop that commands run in: uvloop where it is installed (the extra `fast`), else asyncio's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.util import find_spec
from time import monotonic
from typing import Any, TypeVar, TypeVarTuple, Unpack

import anyio
from anyio.lowlevel import current_token

_Given = TypeVarTuple("_Given")
_Answer = TypeVar("_Answer")


def run_async(function: Callable[[Unpack[_Given]], Awaitable[_Answer]], *arguments: *_Given) -> _Answer:
    """Run a coroutine function to its end, in an event loop of its own."""
    options = {"use_uvloop": True} if find_spec("uvloop") else {}

    return anyio.run(_with_own_time, function, *arguments, backend_options=options)


async def _with_own_time(function: Callable[[Unpack[_Given]], Awaitable[_Answer]], *arguments: *_Given) -> _Answer:
    """Run it in a loop whose time a plugin cannot replace: asyncio asks the module `time` for it again and again."""
    token: Any = current_token()

    with suppress(AttributeError):  # uvloop has a clock of its own
        getattr(token, "native_token", token).time = monotonic

    return await function(*arguments)
