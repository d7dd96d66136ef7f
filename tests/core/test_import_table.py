"""Who may import whom: the house's table, checked on every import statement of every package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "src" / "perpmaker"
PLUGINS = sorted(path for path in (ROOT / "plugins").glob("*/src/*") if path.is_dir())

VALUES = {"errors", "model"}
PURE = VALUES | {"state"}

# A room, or one file of it where the file may do more or less than its room, and the rooms that it may import.
TABLE: dict[str, set[str]] = {
    "__init__": {"connector", "declarations", "errors", "hookspecs", "model", "risk", "state", "strategy"},
    "__main__": {"cli"},
    "errors": set(),
    "clock": set(),
    "memory_guard": set(),
    "secret": {"errors", "memory_guard", "secret_file"},
    "secret_file": set(),
    "foreign_code": {"errors", "secret"},
    "watchdog": {"foreign_code"},
    "model": {"errors"},
    "state": VALUES,
    "ledger": VALUES,
    "strategy": PURE,
    "strategy.declaration": PURE | {"declarations"},
    "exits": PURE,
    "risk": PURE,
    "execution.action": VALUES,
    "execution.diff": PURE,
    "execution.dispatch": VALUES | {"clock", "connector"},
    "wire": {"clock", "errors"},
    "connector": VALUES | {"clock", "secret", "wire"},
    "venue": VALUES | {"clock", "connector", "secret", "wire"},
    "simulation": VALUES,
    "sandbox": VALUES | {"clock", "simulation", "wire"},
    "paper": VALUES | {"clock", "connector", "declarations", "simulation"},
    "declarations": VALUES | {"connector", "risk", "sandbox", "strategy"},
    "hookspecs": {"declarations"},
    "plugins": {"declarations", "errors", "foreign_code", "hookspecs", "strategy"},
    "catalog": {"declarations", "errors", "plugins"},
    "config": VALUES | {"foreign_code", "catalog", "connector", "declarations", "exits", "secret"},
    "engine.trader": PURE | {"execution", "exits", "risk", "strategy"},
    "engine": PURE
    | {"clock", "connector", "declarations", "execution", "exits", "foreign_code"}
    | {"ledger", "risk", "secret", "strategy", "wire"},
    "report": PURE | {"ledger", "engine", "exits", "risk", "strategy"},
}
FREE = {"cli", "testing"}  # may import everything; nobody imports testing
PLUGIN_MAY = {"clock", "connector", "errors", "model", "secret", "venue", "wire"}
DIALECT_MAY = PLUGIN_MAY | {"sandbox", "simulation"}
WITHOUT_ANYIO = (
    "model",
    "state",
    "strategy",
    "exits",
    "risk",
    "execution.diff",
    "execution.action",
    "simulation",
    "ledger",
    "venue.address",
    "venue.book_sync",
    "venue.levels",
    "venue.server_clock",
    "venue.tolerance",
)
PLUGGY_ROOMS = {"hookspecs", "plugins"}


@attrs.frozen
class Import:
    """One import statement: where it stands, and the module it names."""

    file: Path
    line: int
    module: str

    def __str__(self) -> str:
        """Render as a place that an editor opens, with the offending text."""
        return f"{self.file.relative_to(ROOT)}:{self.line}: imports {self.module}"


@cache
def imports_of(file: Path) -> tuple[Import, ...]:
    """Every import statement of a file, those inside functions included; each file is read once."""
    return tuple(_imports_in(file))


def _imports_in(file: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(file, node.lineno, name.name)

        if isinstance(node, ast.ImportFrom) and node.module:
            yield Import(file, node.lineno, node.module)

            for name in node.names:
                yield Import(file, node.lineno, f"{node.module}.{name.name}")


def room_of(file: Path) -> str:
    """The dotted name of a core file, without the package: `execution.diff`."""
    return ".".join(file.relative_to(CORE).with_suffix("").parts)


def rule_for(room: str) -> set[str] | None:
    """The table's most exact line for a file; None for the rooms that are free."""
    top = room.split(".", maxsplit=1)[0]

    return None if top in FREE else TABLE.get(room, TABLE.get(top, TABLE.get(f"{top}.action", set())))


def rooms_imported(statement: Import) -> str | None:
    """The core's room that a statement imports; None for what is not the core's, or only its door."""
    parts = statement.module.split(".")

    return parts[1] if parts[0] == "perpmaker" and len(parts) > 1 else None


def is_room(name: str) -> bool:
    """Whether a name under perpmaker is a module or package (and not a name of the public door)."""
    return (CORE / name).is_dir() or (CORE / f"{name}.py").is_file()


CORE_FILES = sorted(CORE.rglob("*.py"))
PLUGIN_FILES = sorted(file for plugin in PLUGINS for file in plugin.rglob("*.py"))


def test_core_file_imports_only_what_its_room_may() -> None:
    """A file of the core imports only from its own room and from those that the table allows it."""
    assert [place for file in CORE_FILES for place in not_allowed(file)] == []


def not_allowed(file: Path) -> Iterator[str]:
    """The imports of a core file that the table does not allow it."""
    room = room_of(file)
    allowed = rule_for(room)

    if allowed is not None:
        may = allowed | {room.split(".", maxsplit=1)[0]}

        for statement in imports_of(file):
            if (target := rooms_imported(statement)) and is_room(target) and target not in may:
                yield str(statement)


def test_plugin_file_imports_only_the_public_rooms() -> None:
    """A plugin imports the core's door and public rooms, for its dialect also the sandbox, and no other plugin."""
    assert [place for file in PLUGIN_FILES for place in not_public(file)] == []


def not_public(file: Path) -> Iterator[str]:
    """The imports of a plugin's file that are another plugin's, or a room's that is not public."""
    may = DIALECT_MAY if "sandbox" in file.parts or file.name == "__init__.py" else PLUGIN_MAY
    own = file.relative_to(ROOT / "plugins").parts[2]
    others = {plugin.name for plugin in PLUGINS} - {own}

    for statement in imports_of(file):
        target = rooms_imported(statement)

        if (target and is_room(target) and target not in may) or statement.module.split(".")[0] in others:
            yield str(statement)


def importing(file: Path, *modules: str) -> list[str]:
    """The statements of a file that import one of these modules."""
    return [str(statement) for statement in imports_of(file) if statement.module.split(".")[0] in modules]


def test_no_file_binds_itself_to_one_event_loop() -> None:
    """Nothing imports asyncio, and trio appears only where tests get their virtual clock."""
    files = CORE_FILES + PLUGIN_FILES
    assert [place for file in files for place in importing(file, "asyncio")] == []
    assert [place for file in files if "testing" not in file.parts for place in importing(file, "trio")] == []


def test_pure_rooms_do_no_input_or_output() -> None:
    """Pure rooms import no anyio, no network, no clock and no randomness of their own."""
    outside = ("anyio", "httpx", "socket", "sqlite3", "time", "datetime", "os", "pathlib", "logging")
    pure = [file for file in CORE_FILES if room_of(file).startswith(WITHOUT_ANYIO)]
    assert [place for file in pure for place in importing(file, *outside)] == []
    drawing = [file for file in pure if not room_of(file).startswith("simulation")]
    assert [place for file in drawing for place in importing(file, "random")] == []


def test_pluggy_appears_only_in_the_two_files_about_hooks() -> None:
    """Only hookspecs and plugins know pluggy; everybody else uses the door."""
    others = [file for file in CORE_FILES if room_of(file) not in PLUGGY_ROOMS] + PLUGIN_FILES
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


def test_the_core_goes_around_the_kit_s_door() -> None:
    """`perpmaker.venue` is for plugins: a file of the core imports the kit's modules by name."""
    wrong = [
        str(statement)
        for file in CORE_FILES
        for statement in imports_of(file)
        if (parts := statement.module.split("."))[:2] == ["perpmaker", "venue"]
        and (len(parts) == 2 or not is_room(f"venue/{parts[2]}"))
    ]
    assert wrong == []
