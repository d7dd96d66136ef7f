"""The table of errors in the module's docstring, and the README's codes, are the program's."""

from __future__ import annotations

import re
from pathlib import Path

from perpmaker import errors
from perpmaker.errors import ExitCode, PerpmakerError

ROW = re.compile(r"^    [│ ]*[├└]── (\w+)(?: .*?)?(exit (\d+|as it did)|contained)?$", re.MULTILINE)
TABLE = {name: code for name, _, code in ROW.findall(errors.__doc__ or "")}


def kinds(base: type[PerpmakerError] = PerpmakerError) -> list[type[PerpmakerError]]:
    """All errors that the module holds, those that nothing raises by itself included."""
    return [one for kind in base.__subclasses__() if kind.__module__ == errors.__name__ for one in (kind, *kinds(kind))]


def test_every_error_is_in_the_table() -> None:
    """No error is missing from the table, and the table names none that does not exist."""
    assert set(TABLE) == {kind.__name__ for kind in kinds()}


def test_the_code_of_an_error_is_the_tables() -> None:
    """A row's code is the class's; a row without one has the code of the row above it."""
    for kind in kinds():
        own = next((TABLE[base.__name__] for base in kind.__mro__ if TABLE.get(base.__name__, "").isdigit()), None)

        if own is not None:
            assert kind.exit_code == int(own)


def test_the_readme_names_every_code() -> None:
    """Whoever runs the program as a service finds each code that it can end with."""
    text = (Path(__file__).parents[2] / "README.md").read_text()
    sentence = text[text.index("Exit codes: ") :].split("\n\n")[0]
    assert {int(code) for code in re.findall(r"\b(\d+) [a-z]", sentence)} == {int(code) for code in ExitCode}
