"""`perpmaker plugins`: a table within 80 columns, and the same as JSON."""

from __future__ import annotations

import json

import pytest

from perpmaker.cli import main
from perpmaker.cli.plugins import Row, rows_of, table
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.loading import LoadedPlugin, PluginState


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command prints when it ends well."""
    with pytest.raises(SystemExit) as ended:
        main(["plugins", *arguments])

    assert ended.value.code == 0

    return capsys.readouterr().out


def test_installed_plugins_are_a_table_of_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """Each name with kind, state and origin; the first-party plugins fit 80 columns in one line each."""
    lines = output(capsys).splitlines()
    assert lines[0].split() == ["NAME", "KIND", "STATE", "FROM"]
    assert "current_market           price source  loaded  perpmaker-price-sources 0.1.0" in lines
    assert "binance_perpetual        connector     loaded  perpmaker-binance-perpetual 0.1.0" in lines
    assert max(map(len, lines)) <= 80


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON list has one object for each name, with the same facts."""
    rows = {row["name"]: row for row in json.loads(output(capsys, "--json"))}
    assert rows["current_market"] == {
        "name": "current_market",
        "kind": "price source",
        "plugin": "price_sources",
        "distribution": "perpmaker-price-sources",
        "version": "0.1.0",
        "state": "loaded",
        "reason": "",
    }


def test_broken_plugin_has_a_row_and_its_reason_below() -> None:
    """A plugin that is not loaded is shown by its entry point, the reason wrapped on lines of its own."""
    broken = LoadedPlugin(
        name="dydx_perpetual",
        distribution="perpmaker-dydx-perpetual",
        version="0.1.0",
        state=PluginState.FAILED,
        reason="import: No module named 'v4_proto' " * 4,
    )
    lines = list(table(list(rows_of(Catalog((broken,))))))
    assert lines[1] == "dydx_perpetual  -     failed  perpmaker-dydx-perpetual 0.1.0"
    assert lines[2].startswith("    import: No module named 'v4_proto'")
    assert max(map(len, lines)) <= 80


def test_long_names_stay_within_eighty_columns() -> None:
    """An origin that does not fit goes on below its column."""
    row = Row(
        name="a_name_of_thirty_characters_ab",
        kind="derivative connector",
        plugin="p",
        distribution="perpmaker-distribution-with-a-name",
        version="10.11.12",
        state="loaded",
        reason="",
    )
    assert max(map(len, table([row]))) <= 80
