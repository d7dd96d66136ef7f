"""Commands run in uvloop where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from perpmaker.cli import event_loop


async def loop_of(word: str) -> tuple[str, str]:
    """The word, and where the running loop comes from."""
    await anyio.lowlevel.checkpoint()

    return word, type(anyio.lowlevel.current_token().native_token).__module__


def test_the_loop_is_uvloop_where_that_is_installed() -> None:
    """The extra `fast`; without it asyncio's own."""
    word, module = event_loop.run_async(loop_of, "here")

    assert word == "here"
    assert module.startswith("uvloop" if find_spec("uvloop") else "asyncio")


@pytest.mark.parametrize(("installed", "options"), [(True, {"use_uvloop": True}), (False, {})])
def test_the_loop_is_asked_for_by_what_is_installed(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], *, installed: bool
) -> None:
    """Whatever this machine has."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(event_loop, "find_spec", lambda _: object() if installed else None)
    monkeypatch.setattr(event_loop.anyio, "run", lambda *_, backend_options: asked.append(backend_options))
    event_loop.run_async(loop_of, "here")

    assert asked == [options]
