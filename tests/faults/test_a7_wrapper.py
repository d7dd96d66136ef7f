"""A7, B4: the one wrapper around foreign code, on both event loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from perpmaker.errors import ConnectivityError, PluginFaultError
from perpmaker.foreign_code import ForeignCode

pytestmark = pytest.mark.anyio
CODE = ForeignCode(kind="price source", name="tide", distribution="perpmaker-tide 1.0")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Both event loops."""
    return str(request.param)


def raising(error: Callable[[], BaseException]) -> Callable[[], Any]:
    """A coroutine function that raises after a suspension."""

    async def receive() -> None:
        await anyio.lowlevel.checkpoint()
        raise error()

    return receive


async def test_A7_whatever_a_coroutine_raises_is_its_fault() -> None:
    """It is contained and named."""
    for error in [SystemExit, KeyboardInterrupt, GeneratorExit, BaseException, lambda: KeyError("x")]:
        with pytest.raises(PluginFaultError, match=r"the price source tide of perpmaker-tide 1\.0 failed in receive"):
            await CODE.run("receive", raising(error))


async def test_A7_what_plugins_are_meant_to_raise_passes_also_out_of_a_group() -> None:
    """A task group of the plugin's wraps it; the core sees the error itself."""

    async def receive() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(raising(lambda: ConnectivityError("gone")))

    with pytest.raises(ConnectivityError, match="gone"):
        await CODE.run("receive", receive)


async def test_A7_our_cancellation_passes() -> None:
    """A deadline of ours ends what a plugin waits for, and nobody is blamed."""
    with anyio.move_on_after(0.01) as scope:
        await CODE.run("receive", anyio.sleep_forever)

    assert scope.cancelled_caught


async def test_A7_a_cancellation_that_is_not_ours_is_the_plugins_fault() -> None:
    """A cancellation that a plugin kept and raises later ends no task of ours."""
    kept: list[BaseException] = []

    async def receive() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()

            try:
                await anyio.sleep_forever()
            except anyio.get_cancelled_exc_class() as error:
                kept.append(error)
                raise

        raise kept[0]

    with pytest.raises(PluginFaultError):
        await CODE.run("receive", receive)

    await anyio.sleep(0.001)


async def test_A7_a_plugin_that_swallows_every_cancellation_is_left_behind() -> None:
    """It would keep the bot from ending for ever: after some turns its coroutine is closed."""

    async def receive() -> None:
        while True:
            try:
                await anyio.sleep_forever()
            except BaseException as error:  # as a careless plugin does
                if isinstance(error, GeneratorExit):
                    raise

    with anyio.fail_after(5), anyio.move_on_after(0.01) as scope:
        await CODE.run("receive", receive)

    assert scope.cancelled_caught
