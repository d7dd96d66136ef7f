"""The event loop that commands run in: uvloop where it is installed (the extra `fast`), else asyncio's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TypeVar, TypeVarTuple, Unpack

import anyio

_Given = TypeVarTuple("_Given")
_Answer = TypeVar("_Answer")


def run_async(function: Callable[[Unpack[_Given]], Awaitable[_Answer]], *arguments: *_Given) -> _Answer:
    """Run a coroutine function to its end, in an event loop of its own."""
    options = {"use_uvloop": True} if find_spec("uvloop") else {}

    return anyio.run(function, *arguments, backend_options=options)
