"""Names: found, missing with words that help, and withheld from both when two bring them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from perpmaker.errors import ExitCode, PluginError
from perpmaker.plugins.catalog import Catalog, imitated, load_catalog
from perpmaker.plugins.declarations import PriceSourceDeclaration
from perpmaker.plugins.loading import LoadedPlugin, PluginState

TIDE = """
@hookimpl
def register_price_sources(register):
    register(source())
"""


@attrs.frozen(kw_only=True)
class Nothing:
    """No settings."""


def plugin(name: str, distribution: str, *sources: str, reason: str = "") -> LoadedPlugin:
    """A record of a plugin with these price sources, or one that was dropped for a reason."""
    return LoadedPlugin(
        name=name,
        distribution=distribution,
        version="1.0",
        state=PluginState.FAILED if reason else PluginState.LOADED,
        reason=reason,
        declarations=tuple(
            PriceSourceDeclaration(name=source, summary="S", settings=Nothing, open=print, price_types=("mid_price",))  # type: ignore[arg-type]  # never opened
            for source in sources
        ),
    )


def refusal(catalog: Catalog, name: str) -> str:
    """What is said when a price source is chosen that cannot be."""
    with pytest.raises(PluginError) as refused:
        catalog.price_source(name)

    assert refused.value.exit_code is ExitCode.FILE

    return str(refused.value)


def test_declared_name_is_found() -> None:
    """A declared name leads to its declaration."""
    assert Catalog((plugin("moon", "moon", "moon"),)).price_source("moon").name == "moon"


def test_F80_duplicate_name_is_withheld_from_both_and_names_both(site: Any) -> None:
    """A name that two distributions declare belongs to neither, and choosing it says who the two are."""
    site.install(TIDE)
    site.install(TIDE, name="ebb")
    catalog = load_catalog({})
    words = (
        "The price source 'tide' is declared by perpmaker-ebb 1.0 (entry point ebb) and "
        "perpmaker-tide 1.0 (entry point tide): neither is used. Uninstall one of them."
    )
    assert refusal(catalog, "tide") == words
    assert words in list(catalog.warnings())
    assert "tide" not in catalog.names(PriceSourceDeclaration)


def test_F80_unknown_name_suggests_and_names_what_was_lost() -> None:
    """An unknown name is answered with what is installed, the nearest name, and what could not be loaded."""
    lost = plugin("ebb", "ebb", reason="import: No module named 'sea'")
    catalog = Catalog((plugin("tide", "tide", "spring_tide"), lost))
    assert refusal(catalog, "spring_tid") == (
        "No price source is named 'spring_tid'. Installed: spring_tide. Did you mean 'spring_tide'? "
        "Not loaded: ebb (import: No module named 'sea')."
    )


def test_F80_known_name_says_what_to_install() -> None:
    """A name of ours that is not installed is answered with the command that installs it."""
    with pytest.raises(PluginError, match=r"is not installed\..*: pip install \./plugins/binance_perpetual$"):
        Catalog(()).derivative_connector("binance_perpetual")

    with pytest.raises(PluginError, match=r"pip install \./plugins/risk_modules$"):
        Catalog(()).risk_module("exposure_limit")


def test_F80_known_name_of_a_broken_plugin_says_why() -> None:
    """A name of ours whose distribution is installed and broken is answered with the reason."""
    catalog = Catalog((plugin("price_sources", "perpmaker-price-sources", reason="import: no luck"),))
    assert refusal(catalog, "current_market") == (
        "The price source 'current_market' is not loaded: "
        "perpmaker-price-sources 1.0 (entry point price_sources): import: no luck"
    )


def test_name_that_the_installed_version_lacks_asks_for_a_later_one() -> None:
    """A name of ours that an older version of its distribution does not bring yet is said as that."""
    catalog = Catalog((plugin("price_sources", "perpmaker-price-sources", "current_market"),))
    assert refusal(catalog, "custom_api") == (
        "The price source 'custom_api' is not in perpmaker-price-sources 1.0: it needs a later version."
    )


def test_dropped_plugin_is_one_warning_line() -> None:
    """Each plugin that was dropped is one line that names distribution, version, entry point and reason."""
    catalog = Catalog((plugin("ebb", "perpmaker-ebb", reason="import: no"),))
    assert list(catalog.warnings()) == ["plugin ebb of perpmaker-ebb 1.0 is not loaded: import: no"]


KNOWN = "perpmaker-price-sources"
TYPOS = (
    {KNOWN[:at] + KNOWN[at + 1 :] for at in range(len(KNOWN))}
    | {KNOWN[:at] + "x" + KNOWN[at:] for at in range(len(KNOWN) + 1)}
    | {KNOWN[:at] + "x" + KNOWN[at + 1 :] for at in range(len(KNOWN)) if KNOWN[at] != "-"}
    | {KNOWN[:at] + KNOWN[at + 1] + KNOWN[at] + KNOWN[at + 2 :] for at in range(len(KNOWN) - 1)}
) - {KNOWN}


def test_S23_distribution_with_nearly_our_name_is_pointed_out() -> None:
    """A distribution whose name is one edit from one of ours is warned of, with both names."""
    for typo in TYPOS:
        assert imitated(typo) == KNOWN
        (warning,) = Catalog((plugin("any", typo, "any"),)).warnings()
        assert typo in warning
        assert KNOWN in warning


def test_S23_our_own_and_quite_different_names_are_not() -> None:
    """Our own distributions, however written, and names that are further away are not warned of."""
    for name in [KNOWN, "perpmaker_price.sources", "moon", "perpmaker-moon-perpetual"]:
        assert imitated(name) is None
