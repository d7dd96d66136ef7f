"""A plugin that changes how decimals are calculated changes it for itself only, and is named."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
import re
from collections.abc import Callable
from decimal import Decimal, getcontext
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from perpmaker.errors import PluginFaultError
from perpmaker.foreign_code import ForeignCode
from perpmaker.launch.traceback_file import Tracebacks

from .plugin_site import HEADER, MODULE, PluginSite

THIRD = Decimal("0." + 28 * "3")


def set_precision() -> None:
    """As a careless plugin does."""
    getcontext().prec = 4


def set_rounding() -> None:
    """Every quotient is a little more."""
    getcontext().rounding = decimal.ROUND_UP


def set_traps() -> None:
    """Every quotient that is not exact raises."""
    getcontext().traps[decimal.Inexact] = True


def set_another() -> None:
    """A context of its own, set and left."""
    decimal.setcontext(decimal.Context(prec=3))


SPOILING: tuple[tuple[Callable[[], None], str], ...] = (
    (set_precision, "precision 28 to 4"),
    (set_rounding, "rounding ROUND_HALF_EVEN to ROUND_UP"),
    (set_traps, "traps"),
    (set_another, "precision 28 to 3"),
)


def plugin(told: list[str]) -> ForeignCode:
    """A plugin whose faults are noted."""
    return ForeignCode(kind="risk module", name="tide", report=lambda fault: told.append(str(fault)))


def in_a_fresh_context(call: Callable[[], None]) -> None:
    """Call it where nothing it spoils is anybody else's."""
    contextvars.Context().run(call)


@pytest.mark.each_value
@pytest.mark.parametrize(("spoil", "words"), SPOILING)
@pytest.mark.parametrize("is_raising", [False, True])
def test_arithmetic_of_the_core_is_its_own_after_a_call(
    spoil: Callable[[], None], words: str, *, is_raising: bool
) -> None:
    """Whatever a call changes and however it ends: the caller's quotient has all its digits, and who did it is said."""
    told: list[str] = []
    code = plugin(told)

    def review() -> None:
        spoil()

        if is_raising:
            raise RuntimeError("and more")

    def story() -> None:
        try:
            code.call("review", review)
        except PluginFaultError:
            assert is_raising

        assert Decimal(1) / 3 == THIRD
        code.call("review", lambda: None)

    in_a_fresh_context(story)
    changes = [line for line in told if "and more" not in line]
    assert len(changes) == 1
    assert "the risk module tide changed in review how decimals are calculated" in changes[0]
    assert words in changes[0]


@pytest.mark.each_value
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(("spoil", "words"), SPOILING)
def test_arithmetic_of_the_core_is_its_own_beside_a_coroutine(
    backend: str, spoil: Callable[[], None], words: str
) -> None:
    """While a plugin's coroutine and its own task are suspended, and after them, other tasks calculate as ever."""
    told: list[str] = []
    code = plugin(told)

    async def spoil_later() -> None:
        await anyio.lowlevel.checkpoint()
        spoil()
        await anyio.lowlevel.checkpoint()

    async def receive() -> None:
        async with anyio.create_task_group() as own:
            own.start_soon(spoil_later)

        spoil()
        await anyio.lowlevel.checkpoint()

    async def story() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(code.run, "receive", receive)

            for _ in range(20):
                await anyio.lowlevel.checkpoint()
                assert Decimal(1) / 3 == THIRD

        await code.run("receive", receive)
        assert Decimal(1) / 3 == THIRD

    in_a_fresh_context(lambda: anyio.run(story, backend=backend))
    assert any(words in line for line in told)


def test_arithmetic_of_a_plugins_callback_is_the_plugins() -> None:
    """What it has the event loop call later, between all calls of ours, reaches nobody else's numbers."""

    async def story() -> None:
        code = plugin([])
        code.call("review", lambda: asyncio.get_running_loop().call_soon(set_precision))
        await asyncio.sleep(0)
        assert Decimal(1) / 3 == THIRD

    in_a_fresh_context(lambda: asyncio.run(story()))


def test_arithmetic_of_a_plugin_may_be_finer_for_a_while() -> None:
    """`with localcontext()` is the right way, also across a suspension: it is kept there, and nobody is named."""
    told: list[str] = []
    code = plugin(told)

    async def receive() -> Decimal:
        with decimal.localcontext() as context:
            context.prec = 50
            await anyio.lowlevel.checkpoint()

            return Decimal(1) / 3

    async def story() -> None:
        answer = await code.run("receive", receive)
        assert len(str(answer)) == 52
        assert Decimal(1) / 3 == THIRD

    in_a_fresh_context(lambda: anyio.run(story))
    assert told == []


def test_arithmetic_that_is_changed_again_and_again_is_told_once() -> None:
    """One line for a call that does it each time, and no file of tracebacks."""
    told: list[Any] = []
    code = ForeignCode(kind="risk module", name="tide", report=Tracebacks(None, told.append).keep)
    in_a_fresh_context(lambda: [code.call("review", set_precision) for _ in range(3)] and None)
    assert len(told) == 1


def exact_prices(page: str) -> bool:
    """Whether the prices of a report have more digits than four."""
    reference = re.search(r"reference +(\d+\.\d\d) .*", page)

    return reference is not None and len(reference[1].rstrip("0")) > 5


SPOILT = HEADER + "\nimport decimal\ndecimal.getcontext().prec = 4\ndecimal.DefaultContext.prec = 4\n"


def test_arithmetic_spoilt_at_import_by_a_plugin_that_nobody_configured(site: PluginSite) -> None:
    """The prices of the report before a run have all their digits, and the plugin is named."""
    site.install(MODULE.format(body="return Approved(quote=quote)"), header=SPOILT)
    ended = site.command("check", site.configure(), "--full")
    assert ended.err.count("changed how decimals are calculated") == 1
    assert "plugin tide of perpmaker-tide 1.0 changed how decimals are calculated (precision 28 to 4)" in ended.err
    assert exact_prices(ended.out)


SETTINGS = """
@attrs.frozen(kw_only=True)
class Spoiling:
    def __attrs_post_init__(self):
        import decimal
        decimal.getcontext().prec = 4


class Module:
    def review(self, view, quote):
        return Approved(quote=quote)


@hookimpl
def register_risk_modules(register):
    register(RiskModuleDeclaration(name="tide", summary="T", settings=Spoiling, build=lambda s, i: Module()))
"""


def test_arithmetic_spoilt_by_a_plugins_settings(site: PluginSite) -> None:
    """The settings of a plugin are its code too."""
    site.install(SETTINGS)
    assert exact_prices(site.command("check", site.configure(tables="[risk.tide]\n"), "--full").out)
