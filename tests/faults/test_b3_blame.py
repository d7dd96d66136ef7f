"""B3: a plugin's fault is the plugin's: exit 6, plugin and distribution named, its traceback in a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from perpmaker import RiskModuleDeclaration
from perpmaker.model.quote import Quote
from perpmaker.risk.interface import Approved, Refused
from perpmaker.state.view import View
from perpmaker.testing.scenario import Scenario

from .plugin_site import MODULE, SOURCE, Ended, PluginSite


@attrs.frozen(kw_only=True)
class Settings:
    """Nothing to set."""


def check_blamed(ended: Ended, site: PluginSite, who: str, words: str) -> None:
    """The command ended with 6, says whose fault it is and what, and has kept the traceback."""
    assert ended.code == 6, ended.said
    assert f"{who} of perpmaker-tide 1.0" in ended.said
    assert words in ended.said
    assert "bug of perpmaker" not in ended.said
    assert "strategy perpetual" not in ended.said
    assert "Traceback (most recent call last)" not in ended.said
    assert len(site.tracebacks()) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [("return None", "NoneType"), ("return Refused(quote=quote)", "TypeError")],
)
def test_B3_a_risk_module_that_fails_before_the_run_is_named(site: PluginSite, body: str, words: str) -> None:
    """Whatever it is, it is not the strategy's fault and not ours."""
    site.install(MODULE.format(body=body))
    ended = site.command_here("check", site.configure(tables="[risk.tide]\n"))
    check_blamed(ended, site, "risk module tide", words)


def _raise(error: BaseException) -> Any:
    raise error


@pytest.mark.each_value
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda _: None, "NoneType"),
        (lambda _: True, "bool"),
        (lambda quote: Refused(quote=quote, reason=None), "reason None"),  # type: ignore[arg-type]  # wrong
        (lambda quote: Refused(quote=quote, reason=""), "must be a text"),
        (lambda quote: Approved(quote=attrs.evolve(quote, lots=1.0)), "must be int"),
        (lambda quote: Approved(quote=attrs.evolve(quote, lots=quote.lots + 1)), "may only shrink"),
        (lambda _: _raise(KeyError("deep")), "KeyError"),
        (lambda _: _raise(SystemExit(0)), "SystemExit"),
        (lambda _: _raise(KeyboardInterrupt()), "KeyboardInterrupt"),
        (lambda _: _raise(asyncio.CancelledError()), "CancelledError"),
        (lambda _: _raise(GeneratorExit()), "GeneratorExit"),
    ],
)
@pytest.mark.parametrize("mode", ["One-way", "Hedge"])
def test_B3_a_risk_module_that_answers_or_raises_wrongly_halts_by_its_name(
    answer: Callable[[Quote], Any], words: str, mode: str
) -> None:
    """While running: quotes go, the halt names plugin and distribution, and the target of a position goes on."""

    class Module:
        wrong = False

        def review(self, _: View, quote: Quote) -> Any:
            return answer(quote) if self.wrong else Approved(quote=quote)

    module = Module()
    tide = RiskModuleDeclaration(
        name="tide", summary="T", settings=Settings, build=lambda _, __: module, distribution="perpmaker-tide 1.0"
    )
    keys = {"position_mode": mode, "long_profit_taking_spread": 2, "when_in_position": "hold", "filled_order_delay": 0}
    scenario = Scenario({"risk": {"tide": {}}, **keys}, plugins=(tide,))
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)
    module.wrong = True
    scenario.fill("buy 0")
    scenario.advance(60)
    scenario.book(bid="99.5", ask="99.7")
    scenario.advance(60)

    assert scenario.mode.startswith("halt: the risk module tide of perpmaker-tide 1.0 failed in review")
    assert words in scenario.mode
    assert scenario.quotes() == []
    assert len(scenario.exits()) >= 1


@pytest.mark.parametrize(
    ("body", "opening", "words"),
    [
        ("raise KeyError('deep')", "pass", "KeyError"),
        ("return None", "pass", "NoneType is no ReferenceChanged"),
        ("return ReferenceChanged(price=6e4, at=self.clock.now())", "pass", "no Decimal"),
        ("return 60000", "raise ZeroDivisionError", "ZeroDivisionError"),
        *(
            pytest.param(*one, marks=pytest.mark.full)
            for one in (
                ("raise SystemExit(0)", "pass", "SystemExit"),
                ("import asyncio; asyncio.current_task().cancel(); await anyio.sleep(9)", "pass", "Cancel"),
            )
        ),
    ],
)
def test_B3_a_price_source_that_fails_before_the_run_is_named(
    site: PluginSite, body: str, opening: str, words: str
) -> None:
    """In `open` and in `receive`, raised or answered."""
    site.install(SOURCE.format(body=body, opening=opening))
    ended = site.command_here("check", site.configure(top='price_source = "tide"'))
    check_blamed(ended, site, "price source tide", words)


@pytest.mark.full
def test_B3_a_price_source_that_fails_in_the_preflight_of_a_run_is_named(site: PluginSite) -> None:
    """As in check."""
    site.install(SOURCE.format(body="raise KeyError('deep')", opening="pass"))
    ended = site.command("run", site.configure(top='price_source = "tide"'), "--for", "3")
    check_blamed(ended, site, "price source tide", "KeyError")


@pytest.mark.parametrize("made", ["None", "(_ for _ in ()).throw(SystemExit(0))"])
def test_B3_a_build_that_gives_what_is_none_is_named(site: PluginSite, made: str) -> None:
    """A module that is no module is found when it is built, and not as an error of ours at the first quote."""
    body = MODULE.format(body="pass").replace("build=lambda s, i: Module()", f"build=lambda s, i: {made}")
    site.install(body)
    ended = site.command_here("check", site.configure(tables="[risk.tide]\n"))
    check_blamed(ended, site, "risk module tide", "build")


CONNECTOR = """
from perpmaker.model.order import PositionMode
import perpmaker_binance_perpetual as binance

original = []
class Keep:
    def __call__(self, declaration):
        original.append(declaration)

binance.register_derivative_connectors(Keep())

class Wrong:
    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    {method}


@asynccontextmanager
async def opened(settings, context):
    async with original[0].open(settings, context) as inner:
        yield {yielded}


@hookimpl
def register_derivative_connectors(register):
    register(attrs.evolve(original[0], name="tide", open=opened))
"""


@pytest.mark.parametrize(
    ("method", "yielded", "words"),
    [
        ("x = 1", "None", "no connector"),
        ("async def fetch_instrument(self, market): return None", "Wrong(inner)", "NoneType is no Instrument"),
        ("async def fetch_account(self, instrument): return {}", "Wrong(inner)", "dict is no AccountSnapshot"),
        ("def feeds(self, instrument): return [None]", "Wrong(inner)", "feeds"),
        ("fence_s = 'soon'", "Wrong(inner)", "fence_s"),
    ],
)
def test_B3_a_connector_that_answers_wrongly_is_named(site: PluginSite, method: str, yielded: str, words: str) -> None:
    """Every answer is checked where it comes in."""
    site.install(CONNECTOR.format(method=method, yielded=yielded))
    file = site.configure()
    text = file.read_text(encoding="utf-8").replace('"binance_perpetual"', '"tide"')
    file.write_text(text.replace("[binance_perpetual]", "[tide]"), encoding="utf-8")
    check_blamed(site.command_here("check", file), site, "connector tide", words)
