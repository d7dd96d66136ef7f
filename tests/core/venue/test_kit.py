"""What holds for every file of the kit: no venue in it, a sorted door, and modules that do not go through the door."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import perpmaker.venue

KIT = Path(perpmaker.venue.__file__).parent
FILES = sorted(KIT.rglob("*.py"))

VENUES = re.compile(
    r"binance|bybit|dydx|hyperliquid|kraken|okx|coinbase|bitget|deribit|kucoin|gate\.io|mexc|bitmex|huobi|htx"
    r"|usdt|usdⓈ|fapi|listen.?key|listenkey|recv.?window|algo.?order|order.?link|clob|subaccount|cometbft|x-mbx|x-bapi"
    r"|lastupdateid|depthupdate|serverShutdown",
    re.IGNORECASE,
)


def test_no_file_of_the_kit_names_a_venue_or_uses_its_words() -> None:
    """Names of venues, and words that only one of them uses, belong to its dialect."""
    found = [
        f"{file.name}:{number}: {match.group()}"
        for file in FILES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if (match := VENUES.search(line))
    ]
    assert found == []


def test_the_door_s_names_are_sorted_and_each_can_be_imported() -> None:
    """`__all__`, the imports for type checkers and what is found when a name is used say the same."""
    names = perpmaker.venue.__all__
    imported = {
        alias.name: node.module
        for node in ast.walk(ast.parse((KIT / "__init__.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("perpmaker.")
        for alias in node.names
    }

    assert sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name)) == names
    assert set(names) == set(imported)
    assert {name: getattr(perpmaker.venue, name) for name in names} == {
        name: getattr(import_module(module), name) for name, module in imported.items()
    }


def test_a_name_that_needs_no_network_brings_no_network_library() -> None:
    """A plugin is declared by what is at hand at once."""
    light = (
        "import sys, perpmaker.venue as kit; kit.is_allowed_base; kit.LevelTranslator; print('httpx' in sys.modules)"
    )
    said = subprocess.run(  # noqa: S603  # ourselves
        [sys.executable, "-c", light], capture_output=True, check=True, text=True
    )

    assert said.stdout == "False\n"


def test_a_public_name_that_is_none_is_refused() -> None:
    """As any module refuses it."""
    assert not hasattr(perpmaker.venue, "NoSuchName")
    assert set(perpmaker.venue.__all__) <= set(dir(perpmaker.venue))


def test_files_of_the_kit_are_of_a_size_to_be_read() -> None:
    """At most 250 lines each, but for the doors, which are lists of names."""
    parts = [file for file in FILES if file.name != "__init__.py"]
    assert [file.name for file in parts if len(file.read_text(encoding="utf-8").splitlines()) > 250] == []
