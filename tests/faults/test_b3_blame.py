"""B3: a plugin's fault is the plugin's: exit 6, plugin and distribution named, its traceback in a file."""

from __future__ import annotations

import pytest

from .plugin_site import MODULE, SOURCE, Ended, PluginSite


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
    [
        ("return None", "NoneType"),
        ("return True", "bool"),
        ("return Refused(quote=quote, reason='x')", "TypeError"),
        ("return Refused(quote=quote, module=None, reason='x')", "module None"),
        ("return Refused(quote=quote, module='tide', reason='')", "must be texts"),
        ("return Approved(quote=attrs.evolve(quote, lots=1.0))", "must be int"),
        ("raise KeyError('deep')", "KeyError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
    ],
)
def test_B3_a_risk_module_that_answers_or_raises_wrongly_is_named(site: PluginSite, body: str, words: str) -> None:
    """Whatever it is, it is not the strategy's fault and not ours."""
    site.install(MODULE.format(body=body))
    ended = site.command("check", site.configure(tables="[risk.tide]\n"))
    check_blamed(ended, site, "risk module tide", words)


@pytest.mark.parametrize(
    ("body", "opening", "words"),
    [
        ("raise KeyError('deep')", "pass", "KeyError"),
        ("return None", "pass", "NoneType is no ReferenceChanged"),
        ("return ReferenceChanged(price=6e4, at=self.clock.now())", "pass", "no Decimal"),
        ("return 60000", "raise ZeroDivisionError", "ZeroDivisionError"),
        ("raise SystemExit(0)", "pass", "SystemExit"),
        ("import asyncio; asyncio.current_task().cancel(); await anyio.sleep(9)", "pass", "Cancel"),
    ],
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_B3_a_price_source_that_fails_before_the_run_is_named(
    site: PluginSite, body: str, opening: str, words: str, command: str
) -> None:
    """In the pre-flight of check and of run alike."""
    site.install(SOURCE.format(body=body, opening=opening))
    file = site.configure(top='price_source = "tide"')
    options = ("--for", "3") if command == "run" else ()
    check_blamed(site.command(command, file, *options), site, "price source tide", words)


@pytest.mark.parametrize("made", ["None", "object()", "1 / 0", "(_ for _ in ()).throw(SystemExit(0))"])
def test_B3_a_build_that_gives_what_is_none_is_named(site: PluginSite, made: str) -> None:
    """A module that is no module is found when it is built, and not as an error of ours at the first quote."""
    body = MODULE.format(body="pass").replace("build=lambda s, i: Module()", f"build=lambda s, i: {made}")
    site.install(body)
    ended = site.command("check", site.configure(tables="[risk.tide]\n"))
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
        ("async def instrument(self, market): return None", "Wrong(inner)", "NoneType is no Instrument"),
        ("async def instrument(self, market): raise SystemExit(0)", "Wrong(inner)", "SystemExit"),
        ("async def fetch_account(self, instrument): return {}", "Wrong(inner)", "dict is no AccountSnapshot"),
        ("def feeds(self, instrument): return [None]", "Wrong(inner)", "feeds"),
        ("fence_s = 'soon'", "Wrong(inner)", "fence_s"),
        ("async def read_settings(self, instrument): return True", "Wrong(inner)", "bool is no VenueSettings"),
    ],
)
def test_B3_a_connector_that_answers_wrongly_is_named(site: PluginSite, method: str, yielded: str, words: str) -> None:
    """Every answer is checked where it comes in."""
    site.install(CONNECTOR.format(method=method, yielded=yielded))
    file = site.configure()
    text = file.read_text(encoding="utf-8").replace('"binance_perpetual"', '"tide"')
    file.write_text(text.replace("[binance_perpetual]", "[tide]"), encoding="utf-8")
    check_blamed(site.command("check", file), site, "connector tide", words)
