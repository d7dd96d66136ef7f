"""Every way in which a plugin can be broken: contained, worded, and of no consequence for the others."""

from __future__ import annotations

from typing import Any

import pytest

from perpmaker.plugins.loading import ONLY, WITHOUT, LoadedPlugin, PluginState, load_plugins

GOOD = """
@hookimpl
def register_price_sources(register):
    register(source())
"""


def declaring(expression: str) -> str:
    """A plugin that hands over one thing."""
    return f"""
@hookimpl
def register_price_sources(register):
    register({expression})
"""


def reason(site: Any) -> str:
    """Why the one plugin of a site is not loaded, after making sure that the others are."""
    others = [plugin for plugin in load_plugins({}) if plugin.name != "tide"]
    assert {plugin.state for plugin in others} == {PluginState.LOADED}
    plugin: LoadedPlugin = site.plugin()
    assert plugin.state is PluginState.FAILED
    assert plugin.declarations == ()

    return plugin.reason


def test_good_plugin_is_loaded_with_its_origin(site: Any) -> None:
    """A plugin is found through its metadata, and its record says where it comes from."""
    site.install(GOOD)
    plugin = site.plugin()
    assert (plugin.distribution, plugin.version, plugin.state) == ("perpmaker-tide", "1.0", PluginState.LOADED)
    assert [declaration.name for declaration in plugin.declarations] == ["tide"]


def test_built_ins_enter_by_the_same_hooks() -> None:
    """The core's strategy is a declaration of a plugin like any other, and stays when all others are left out."""
    (built_in,) = [plugin for plugin in load_plugins({WITHOUT: "1"}) if plugin.state is PluginState.LOADED]
    assert [declaration.name for declaration in built_in.declarations] == ["perpetual_market_making"]


def test_F80_import_error_drops_that_plugin_only(site: Any) -> None:
    """A plugin whose import is missing something is not loaded, and the missing module is named."""
    site.install("import a_module_that_is_not_there")
    assert reason(site) == "import: No module named 'a_module_that_is_not_there'"


@pytest.mark.parametrize("error", ["ValueError('no\\nluck')", "SystemExit(3)", "RecursionError('deep')"])
def test_F77_import_that_raises_is_contained(site: Any, error: str) -> None:
    """Whatever a module raises when it is imported, SystemExit included, costs only that plugin."""
    site.install(f"raise {error}")
    assert reason(site).startswith(f"import: {error.partition('(')[0]}: ")
    assert "\n" not in reason(site)


def test_entry_point_to_a_missing_attribute_is_worded(site: Any) -> None:
    """An entry point that names what its module does not have is that plugin's fault."""
    site.install(GOOD, value="perpmaker_tide_of_this_test:nothing")
    assert "has no attribute 'nothing'" in reason(site)


def test_syntax_error_is_contained(site: Any) -> None:
    """A module that is not Python costs only that plugin."""
    site.install("def :")
    assert reason(site).startswith("import: SyntaxError")


def test_missing_api_version_says_what_to_write(site: Any) -> None:
    """A plugin without __plugin_api__ is told the line that it needs."""
    site.install(GOOD + "\ndel __plugin_api__")
    assert reason(site) == "has no __plugin_api__; its module needs the line: __plugin_api__ = 1"


@pytest.mark.parametrize(
    "version",
    [
        "2",
        "1.0",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "0",
                "'1'",
                "True",
            )
        ),
    ],
)
def test_F80_wrong_api_version_is_read_before_anything_is_registered(site: Any, version: str) -> None:
    """A plugin for another API is refused without calling its hooks."""
    site.install(declaring("1 / 0") + f"\n__plugin_api__ = {version}")
    assert reason(site) == f"was written for plugin API {version}, this perpmaker has 1: install versions that match"


def test_F80_misspelt_hook_names_the_nearest(site: Any) -> None:
    """A marked function that is no hook is a fault, with the hook that was probably meant."""
    site.install(GOOD.replace("register_price_sources", "register_price_source"))
    assert reason(site) == "no hook is named 'register_price_source'; did you mean 'register_price_sources'?"


def test_unmarked_hook_is_found(site: Any) -> None:
    """A function that has a hook's name and no @hookimpl would never be called, so it is a fault."""
    site.install(GOOD.replace("@hookimpl", ""))
    assert reason(site) == "register_price_sources is not marked: put @hookimpl (from perpmaker) above it"


def test_plugin_without_a_hook_is_a_fault(site: Any) -> None:
    """A plugin that implements nothing is told what there is to implement."""
    site.install("")
    assert reason(site).startswith("implements no hook; there are register_derivative_connectors, ")


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "*register_all",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "registry",
                "register, config",
            )
        ),
    ],
)
def test_bad_signature_shows_what_it_takes(site: Any, arguments: str) -> None:
    """A hook that does not take exactly `register` could not declare anything."""
    site.install(f"@hookimpl\ndef register_price_sources({arguments}):\n    pass")
    assert reason(site).startswith("register_price_sources must take exactly one argument, `register`; it takes (")


@pytest.mark.parametrize("error", ["KeyError('moon')", "SystemExit(1)", "MemoryError()"])
def test_F77_raising_hook_is_contained_with_its_place(site: Any, error: str) -> None:
    """A hook that raises, SystemExit included, costs only its plugin; the line where it raised is said."""
    site.install(f"@hookimpl\ndef register_price_sources(register):\n    register(source())\n    raise {error}")
    assert reason(site).startswith(f"register_price_sources raised {error.partition('(')[0]}")
    assert "(perpmaker_tide_of_this_test.py:" in reason(site)


def test_F77_error_that_cannot_be_shown_is_contained(site: Any) -> None:
    """An exception whose own text raises is still only that plugin's problem."""
    body = "class Bad(Exception):\n    def __str__(self):\n        raise ValueError\n"
    site.install(body + "@hookimpl\ndef register_price_sources(register):\n    raise Bad")
    assert "Bad: (it cannot be shown)" in reason(site)


def test_F77_keyboard_interrupt_passes(site: Any) -> None:
    """A person who presses Ctrl-C while plugins load is not taken for a broken plugin; a plugin that raises it is."""
    site.install(
        "import signal\n@hookimpl\ndef register_price_sources(register):\n    signal.raise_signal(signal.SIGINT)"
    )

    with pytest.raises(KeyboardInterrupt):
        load_plugins({})


@pytest.mark.parametrize("kind", ["async def", "def"])
def test_F79_hook_that_waits_or_yields_is_refused_before_it_is_called(site: Any, kind: str) -> None:
    """An `async def` or generator hook would do nothing when called, so it is refused; no coroutine is left over."""
    body = "return" if kind == "async def" else "yield"
    site.install(f"@hookimpl\n{kind} register_price_sources(register):\n    {body}")
    assert reason(site) == (
        "register_price_sources must be an ordinary function: it only declares, so it neither awaits nor yields"
    )


@pytest.mark.parametrize(("returned", "named"), [("[source()]", "list"), ("wait()", "coroutine"), ("0", "int")])
def test_F79_hook_that_returns_something_is_told_to_register_it(site: Any, returned: str, named: str) -> None:
    """What a hook returns would be lost, so returning is a fault; a returned coroutine is closed."""
    site.install(f"async def wait(): ...\n@hookimpl\ndef register_price_sources(register):\n    return {returned}")
    assert reason(site) == f"register_price_sources returned a {named}: hand each declaration to `register` instead"


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("{}", "handed over a dict, not a PriceSourceDeclaration"),
        ("None", "handed over a NoneType, not a PriceSourceDeclaration"),
        (
            "RiskModuleDeclaration(name='x', summary='X', settings=Settings, build=print)",
            "handed over a RiskModuleDeclaration, not a PriceSourceDeclaration",
        ),
        ("source('Tide')", "declared 'Tide': its name must be made of a-z, 0-9 and _"),
        ("source('')", "declared '': its name must be made of a-z, 0-9 and _"),
        ("source('tide\\n')", "its name must be made of a-z, 0-9 and _"),
        ("source(7)", "declared 7: its name must be made of a-z, 0-9 and _"),
        ("source('risk')", "declared 'risk': the name is taken by the table [risk] of the configuration file"),
        ("source(summary='')", "declared 'tide': its summary must be a line of text"),
        ("source(settings=dict)", "declared 'tide': its settings must be an attrs class"),
        ("source(settings=Settings())", "declared 'tide': its settings must be an attrs class"),
        ("source(open=None)", "declared 'tide': its open must be callable"),
        ("source(price_types=())", "declared 'tide': its price_types must be a tuple of texts, the default first"),
        ("source(price_types='mid_price')", "its price_types must be a tuple of texts, the default first"),
    ],
)
def test_F79_bad_declaration_is_worded(site: Any, expression: str, fault: str) -> None:
    """What is handed over is checked field by field, and the fault says which hook and which declaration."""
    site.install(declaring(expression))
    assert reason(site).startswith("register_price_sources ")
    assert fault in reason(site)


def test_name_declared_twice_by_one_plugin_is_a_fault(site: Any) -> None:
    """A plugin that declares a name twice would make its own name ambiguous."""
    site.install(GOOD + "    register(source())")
    assert reason(site) == "declares 'tide' twice"


@pytest.mark.parametrize(
    "body",
    [
        "def __dir__(): return ['gone']",
        "class _Lazy:\n  def __getattr__(self, name): raise RuntimeError('not today')\nplugin = _Lazy()",
        "def __dir__(): raise SystemExit(3)",
    ],
)
def test_F77_plugin_that_cannot_be_looked_at_is_contained(site: Any, body: str) -> None:
    """A plugin that is lazy may raise when its names are read: it is dropped, the others stand."""
    site.install(body, value="perpmaker_tide_of_this_test:plugin" if "plugin" in body else "")
    assert site.plugin().state is PluginState.FAILED
    assert site.plugin("perpetual_market_making").state is PluginState.LOADED


def test_distribution_without_a_name_hurts_nobody(site: Any) -> None:
    """Metadata that lost its name is passed over, though it has an entry point of ours."""
    site.install("")
    (site.root / "perpmaker_tide-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\n", encoding="utf-8")
    assert site.plugin("perpetual_market_making").state is PluginState.LOADED


def test_unreadable_metadata_of_a_stranger_hurts_nobody(site: Any) -> None:
    """A distribution whose list of entry points cannot be parsed is passed over."""
    site.install(GOOD, entry_points="this is no list")
    assert {plugin.state for plugin in load_plugins({})} == {PluginState.LOADED}


def test_plugin_can_be_an_object(site: Any) -> None:
    """An entry point may lead to an instance instead of a module."""
    body = """
class Plugin:
    __plugin_api__ = 1

    @hookimpl
    def register_price_sources(self, register):
        register(source())

plugin = Plugin()
"""
    site.install(body, value="perpmaker_tide_of_this_test:plugin")
    assert site.plugin().state is PluginState.LOADED


@pytest.mark.parametrize(
    "listed",
    [
        "1",
        "tide",
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                "moon, tide",
                "perpmaker_tide",
            )
        ),
    ],
)
def test_plugins_can_be_left_out_without_being_imported(site: Any, listed: str) -> None:
    """PERPMAKER_WITHOUT_PLUGINS is 1 or a comma list of entry points or distributions; none of them is imported."""
    site.install("raise KeyboardInterrupt")
    (plugin,) = [plugin for plugin in load_plugins({WITHOUT: listed}) if plugin.name == "tide"]
    assert (plugin.state, plugin.reason) == (PluginState.LEFT_OUT, f"left out by {WITHOUT}")


def test_allow_list_imports_nothing_else(site: Any) -> None:
    """With PERPMAKER_ONLY_PLUGINS set, a plugin that is not in it is not even imported."""
    site.install("raise KeyboardInterrupt")
    states = {plugin.name: plugin.state for plugin in load_plugins({ONLY: "price_sources"})}
    assert states["tide"] is PluginState.LEFT_OUT
    assert states["price_sources"] is PluginState.LOADED
    assert states["perpetual_market_making"] is PluginState.LOADED
