"""The example of a price source plugin does what its README says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import pluggy
import pytest

from perpmaker import ConnectivityError, PriceSourceDeclaration

FOLDER = Path(__file__).parents[2] / "examples" / "custom_price_source"

pytestmark = pytest.mark.anyio


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The plugin's module, imported from its folder and forgotten afterwards."""
    monkeypatch.syspath_prepend(FOLDER / "src")
    yield import_module("perpmaker_price_file")
    sys.modules.pop("perpmaker_price_file")


@pytest.fixture
def declaration(plugin: Any) -> PriceSourceDeclaration:
    """What the plugin declares."""
    declared: list[PriceSourceDeclaration] = []
    manager = pluggy.PluginManager("perpmaker")
    manager.add_hookspecs(import_module("perpmaker.plugins.hookspecs"))
    manager.register(plugin)
    manager.check_pending()
    manager.hook.register_price_sources(register=declared.append)
    (only,) = declared

    return only


async def test_price_of_the_file_is_the_reference(plugin: Any, tmp_path: Path) -> None:
    """The number in the file is given, and that of a changed file not before it is read again."""
    file = tmp_path / "price.txt"
    source = plugin.PriceFile(plugin.Settings(path=str(file), interval=0.1))
    file.write_text("60000.5\n", encoding="utf-8")
    first, began_at = await source.receive(), anyio.current_time()
    file.write_text("60001", encoding="utf-8")
    second = await source.receive()

    assert (first.price, second.price) == (Decimal("60000.5"), Decimal(60001))
    assert anyio.current_time() >= began_at + 0.1


@pytest.mark.parametrize("text", [None, "", "sixty"])
async def test_missing_price_is_a_pause_and_no_crash(plugin: Any, tmp_path: Path, text: str | None) -> None:
    """No file, an empty one and words are worded as a source that cannot answer now."""
    file = tmp_path / "price.txt"

    if text is not None:
        file.write_text(text, encoding="utf-8")

    with pytest.raises(ConnectivityError, match="no price in") as refused:
        await plugin.PriceFile(plugin.Settings(path=str(file))).receive()

    assert "<class" not in str(refused.value)


def test_declaration_is_complete(declaration: PriceSourceDeclaration) -> None:
    """The hook declares one source under the name that its configuration uses."""
    text = (FOLDER / "sandbox.toml").read_text(encoding="utf-8")

    assert declaration.name == "price_file"
    assert f'price_source = "{declaration.name}"' in text
