"""Who may import whom: the order of the rooms is the law, checked on every import statement of every package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "src" / "perpmaker"
PLUGINS = sorted(path for path in (ROOT / "plugins").glob("*/src/*") if path.is_dir())

# Each room imports only what stands before it.
ORDER = (
    "errors",
    "memory_guard",
    "secret_file",
    "clock",
    "model",
    "secret",
    "arithmetic",
    "foreign_code",
    "watchdog",
    "wire",
    "state",
    "ledger",
    "connector",
    "venue",
    "simulation",
    "strategy",
    "exits",
    "risk",
    "execution",
    "sandbox",
    "venue.sandbox",
    "decision",
    "plugins",
    "config",
    "journal",
    "paper",
    "runtime",
    "capture",
    "report",
    "control",
    "launch",
    "replay",
    "backtest",
    "page",
    "sweep",
    "cli",
    "testing",
)
INNER = tuple(room for room in ORDER if "." in room)  # a part of a package, with a place of its own
DOORS = {"__init__", "__main__"}  # they import from anywhere, and nobody but their users imports them

# What no input, output or clock is needed for: a room, or a file of one. It imports only others of these.
PURE = (
    "model",
    "state",
    "strategy",
    "exits",
    "risk",
    "decision",
    "simulation",
    "ledger",
    "execution.action",
    "execution.diff",
)
PURE_MAY = {"errors", *(name.partition(".")[0] for name in PURE)}
PURE_LIBRARIES = {
    "__future__",
    "attrs",
    "bisect",
    "collections",
    "contextlib",
    "decimal",
    "fractions",
    "enum",
    "functools",
    "itertools",
    "math",
    "msgspec",
    "operator",
    "re",
    "traceback",
    "types",
    "typing",
}
# Files of the kit that only compute.
QUIET = (
    "venue.address",
    "venue.book_sync",
    "venue.captured_book",
    "venue.levels",
    "venue.sandbox.endpoints",
    "venue.sandbox.notation",
    "venue.sandbox.parameters",
    "venue.sandbox.refusals",
    "venue.sandbox.request_counts",
    "venue.sandbox.signatures",
    "venue.sandbox.venue_clock",
    "venue.server_clock",
    "venue.tolerance",
)
DOING = {"anyio", "httpx", "socket", "sqlite3", "time", "datetime", "os", "pathlib", "logging", "random"}
DRAWING = ("simulation",)  # of pure rooms only these draw random numbers, from a seed

PLUGIN_DOORS = {"perpmaker", "perpmaker.venue"}  # what a plugin imports of the core, and nothing behind it
SANDBOX_DOORS = PLUGIN_DOORS | {"perpmaker.venue.sandbox"}
PLUGGY_FILES = {"plugins.hookspecs", "plugins.loading"}


@attrs.frozen
class Import:
    """One import statement: where it stands, and the module it names."""

    file: Path
    line: int
    module: str

    def __str__(self) -> str:
        """Render as a place that an editor opens, with the offending text."""
        return f"{self.file.relative_to(ROOT)}:{self.line}: imports {self.module}"

    @property
    def library(self) -> str:
        """The top of what is imported."""
        return self.module.partition(".")[0]

    @property
    def room(self) -> str | None:
        """The core's room that is imported; None for what is not the core's, or only its door."""
        package, _, name = self.module.partition(".")
        first = name.partition(".")[0]

        return room_named(name) if package == "perpmaker" and first and is_room(first) else None


@cache
def imports_of(file: Path) -> tuple[Import, ...]:
    """Every import statement of a file, those inside functions included; each file is read once."""
    return tuple(imports_in(file, file.read_text(encoding="utf-8")))


def imports_in(file: Path, text: str) -> Iterator[Import]:
    """The import statements of a text, as if it stood in that file."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(file, node.lineno, name.name)

        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                yield Import(file, node.lineno, f"{node.module}.{name.name}")


def name_of(file: Path) -> str:
    """The dotted name of a core file, without the package: `execution.diff`."""
    return ".".join(file.relative_to(CORE).with_suffix("").parts)


def room_of(file: Path) -> str:
    """The room of a core file."""
    return room_named(name_of(file))


def room_named(name: str) -> str:
    """The room of a dotted name without the package: `venue.sandbox` of `venue.sandbox.parameters`."""
    inner = (room for room in INNER if f"{name}.".startswith(f"{room}."))

    return next(inner, name.partition(".")[0])


def is_room(name: str) -> bool:
    """Whether a name under perpmaker is a module or package (and not a name of the public door)."""
    return (CORE / name).is_dir() or (CORE / f"{name}.py").is_file()


def is_pure(file: Path) -> bool:
    """Whether a file is of a pure room, or is one of the pure files of another."""
    return room_of(file) in PURE or name_of(file) in PURE


CORE_FILES = sorted(CORE.rglob("*.py"))
PURE_FILES = [file for file in CORE_FILES if is_pure(file)]
PLUGIN_FILES = sorted(file for plugin in PLUGINS for file in plugin.rglob("*.py"))


def test_every_room_has_its_place_in_the_order() -> None:
    """A room that nobody has thought about is no room."""
    assert {room_of(file) for file in CORE_FILES} - DOORS == set(ORDER)


def test_core_file_imports_only_what_stands_before_its_room() -> None:
    """No room knows one that stands after it."""
    assert [place for file in CORE_FILES if room_of(file) not in DOORS for place in backwards(file)] == []


def backwards(file: Path) -> Iterator[str]:
    """The imports of a core file that lead to a room after its own, or to a door."""
    before = ORDER[: ORDER.index(room_of(file)) + 1]

    for statement in imports_of(file):
        if statement.module.startswith("perpmaker.") and statement.room not in before:
            yield str(statement)


def impure(file: Path, statements: tuple[Import, ...]) -> list[str]:
    """The imports that a pure file may not have."""
    libraries = PURE_LIBRARIES | ({"random"} if room_of(file) in DRAWING else set())

    return [
        str(statement)
        for statement in statements
        if (statement.room or "errors") not in PURE_MAY or statement.library not in libraries | {"perpmaker"}
    ]


def test_pure_rooms_do_no_input_or_output() -> None:
    """Every file of a pure room imports pure rooms and what computes: no clock, no disk, no network, no chance."""
    assert [place for file in PURE_FILES for place in impure(file, imports_of(file))] == []


def test_nothing_that_does_could_be_brought_into_a_pure_file() -> None:
    """Each of them with such a line, at its top or in a function, is refused."""
    for line in ["import time", "import sqlite3", "import anyio", "    import httpx", "import random"]:
        foreign = line if line.startswith("import") else f"def late() -> None:\n{line}"

        for file in PURE_FILES:
            is_allowed = line == "import random" and room_of(file) in DRAWING
            assert bool(impure(file, (*imports_of(file), *imports_in(file, foreign)))) is not is_allowed, file


def test_plugin_file_imports_only_the_doors() -> None:
    """A plugin imports the core's doors and nothing behind them, for its sandbox the kit's too, and no other plugin."""
    assert [place for file in PLUGIN_FILES for place in not_public(file)] == []


def not_public(file: Path) -> Iterator[str]:
    """The imports of a plugin's file that are another plugin's, or go past a door."""
    doors = SANDBOX_DOORS if "sandbox" in file.parts or file.name == "__init__.py" else PLUGIN_DOORS
    own = file.relative_to(ROOT / "plugins").parts[2]
    others = {plugin.name for plugin in PLUGINS} - {own}

    for statement in imports_of(file):
        is_past_a_door = statement.library == "perpmaker" and statement.module.rpartition(".")[0] not in doors

        if is_past_a_door or statement.library in others:
            yield str(statement)


@pytest.mark.parametrize("name", sorted(SANDBOX_DOORS))
def test_a_door_offers_what_it_says_each_from_one_place(name: str) -> None:
    """Every name can be imported, and no two doors have the same name for different things."""
    door = import_module(name)
    assert len(door.__all__) == len(set(door.__all__))
    assert all(getattr(door, one) is not None for one in door.__all__)

    for other in map(import_module, SANDBOX_DOORS - {name}):
        shared = set(door.__all__) & set(other.__all__)
        assert {one for one in shared if getattr(door, one) is not getattr(other, one)} == set(), other.__name__


def importing(file: Path, *modules: str) -> list[str]:
    """The statements of a file that import one of these modules."""
    return [str(statement) for statement in imports_of(file) if statement.library in modules]


def test_no_file_binds_itself_to_one_event_loop() -> None:
    """Event loops are imported by name only where tests get their virtual clock."""
    files = CORE_FILES + PLUGIN_FILES
    assert [place for file in files if file.name != "virtual.py" for place in importing(file, "asyncio", "trio")] == []


def test_pluggy_appears_only_in_the_two_files_about_hooks() -> None:
    """Only these know pluggy; everybody else uses the door."""
    others = [file for file in CORE_FILES if name_of(file) not in PLUGGY_FILES] + PLUGIN_FILES
    assert [place for file in others for place in importing(file, "pluggy")] == []


def test_nobody_imports_testing() -> None:
    """What tests use never becomes part of what runs."""
    wrong = [
        str(statement)
        for file in CORE_FILES + PLUGIN_FILES
        if "testing" not in file.parts
        for statement in imports_of(file)
        if statement.module.startswith("perpmaker.testing")
    ]
    assert wrong == []


def test_quiet_files_of_the_kit_only_compute() -> None:
    """What a dialect is made of can be tested without a network."""
    files = [file for file in CORE_FILES if name_of(file) in QUIET]
    assert len(files) == len(QUIET)
    assert [place for file in files for place in importing(file, *DOING)] == []


def test_the_core_goes_around_the_doors() -> None:
    """`perpmaker` and `perpmaker.venue` are for plugins: a file of the core imports their modules by name."""
    wrong = [
        str(statement)
        for file in CORE_FILES
        if room_of(file) not in DOORS
        for statement in imports_of(file)
        if (parts := statement.module.split("."))[:2] == ["perpmaker", "venue"]
        and (len(parts) == 2 or not is_room(f"venue/{parts[2]}"))
    ]
    assert wrong == []
