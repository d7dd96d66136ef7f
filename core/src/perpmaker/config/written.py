"""Check a text as a configuration before anybody gets it, and write it to a file that nothing is lost by."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

from perpmaker.config.configuration import Configuration
from perpmaker.config.loading import load_configuration
from perpmaker.config.pasted import file_words
from perpmaker.errors import ConfigurationError, Problem
from perpmaker.plugins.catalog import Catalog


def read_back(
    text: str, name: str, catalog: Catalog, overrides: Sequence[str] = ()
) -> Configuration | tuple[Problem, ...]:
    """Read a text as `perpmaker check` reads a file: the configuration, or every fault of it, told as of `name`.

    `overrides` are `key=value`, laid over it.
    """
    with tempfile.TemporaryDirectory(prefix="perpmaker-") as folder:
        file = Path(folder) / "new.toml"
        file.write_text(text, encoding="utf-8")

        try:
            return load_configuration(file, overrides, catalog)
        except ConfigurationError as error:
            return tuple(_renamed(error.problems, str(file), name))


def _renamed(problems: Sequence[Problem], file: str, name: str) -> Iterator[Problem]:
    for problem in problems:
        yield attrs.evolve(problem, file=name) if problem.file == file else problem


def refuse_existing(path: Path, option: str) -> None:
    """Raise ConfigurationError where a file is there already; `option` says how it would be replaced."""
    if path.exists() or path.is_symlink():
        raise _fault(path, f"is there already, and was left as it is: choose another name, or add {option}")

    if not path.parent.is_dir():
        raise _fault(path, f"cannot be made: there is no folder {path.parent}")


def write_whole(path: Path, text: str, *, replace: bool, option: str) -> None:
    """Write a new file, whole or not at all. ConfigurationError where it cannot be, or is there and may not go."""
    try:
        with _beside(path) as temporary:
            temporary.write_text(text, encoding="utf-8")

            if replace:
                temporary.replace(path)
            else:
                os.link(temporary, path)  # fails where the file exists by now
    except FileExistsError:
        refuse_existing(path, option)
    except OSError as error:
        raise _fault(path, f"cannot be written: {error.strerror}") from None


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A name beside the file that nobody has; what is left of it is removed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")

    try:
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _fault(path: Path, allowed: str) -> ConfigurationError:
    return ConfigurationError((Problem(file=file_words(path), key="the file", allowed=allowed),))
