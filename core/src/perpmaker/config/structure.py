"""From a table's plain values to its settings class, with every fault of the table at once."""

from __future__ import annotations

import decimal
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from typing import Any, Generic, TypeVar

import attrs

from perpmaker.config.file import Document, KeyPath
from perpmaker.config.reader import Fault, Reader, reader_for
from perpmaker.errors import PluginFaultError, Problem
from perpmaker.foreign_code import said
from perpmaker.model.setting import CrossChecked
from perpmaker.secret import reference_fault

_Settings = TypeVar("_Settings")
_SECRET = re.compile(r"key|secret|passw|passphrase|token|mnemonic|credential|^urls?$", re.IGNORECASE)
"""Keys of secrets. An address that is all that there is to know of a place (`url`) holds what lets one in: webhooks."""

_IN_ADDRESS = re.compile(r"(?<=//)[^/\s]*(?=@)|(?<=\?)\S+")  # name and password, and the query: keys stand in both
_WIDEST = 60
_MOST_UNKNOWN = 50
_NEAR = 0.6


@attrs.frozen(kw_only=True)
class Structured(Generic[_Settings]):
    """A table's settings and its faults.

    With faults, `settings` is for further checks only, and may be None.
    """

    settings: _Settings | None
    problems: tuple[Problem, ...]


def fields_of(settings: type) -> tuple[str, ...]:
    """Return the keys that a settings class knows."""
    return tuple(field.name for field in attrs.fields(settings) if field.init)


def structure(
    document: Document, settings: type[_Settings], values: Mapping[str, Any], at: KeyPath = ()
) -> Structured[_Settings]:
    """Build a settings class from those of `values` that it knows. `at` is the table's place in the file."""
    read: dict[str, object] = {}
    faults: dict[str, Fault] = {}

    kind: type = settings

    for key, reader, required in _readers(kind):
        if key not in values or is_blank(values[key]):
            if required:
                faults[key] = Fault(f"is {'empty' if key in values else 'missing'}: it {reader.words}")

            continue

        try:
            read[key] = _read(reader, key, values[key])
        except Fault as fault:
            faults[key] = fault

    built, more = _built(settings, read, faults)
    shown_faults = [*faults.items(), *((key, fault) for key, fault in more if key not in faults)]
    problems = tuple(
        problem
        for key, fault in shown_faults
        if key in values or (*at, key) not in document.broken
        for problem in _problems_of(document, (*at, key) if key else at, values.get(key), fault)
    )

    return Structured(settings=built, problems=problems)


def _problems_of(document: Document, path: KeyPath, value: object, fault: Fault) -> Iterator[Problem]:
    """A fault of a value, or that of each entry of a table."""
    if not fault.inside or not isinstance(value, Mapping):
        yield problem_of(document, path, value, fault)

        return

    for name, inner in fault.inside.items():
        yield from _problems_of(document, (*path, name), value[name], inner)


def is_blank(value: object) -> bool:
    """Return whether a value is an empty text: what many programs write for "not set"."""
    return isinstance(value, str) and not value.strip()


def unknown_keys(
    document: Document,
    values: Mapping[str, Any],
    known: Sequence[str],
    at: KeyPath = (),
    words: Mapping[str, str] | None = None,
) -> Iterator[Problem]:
    """Yield a problem for each unknown key, with its own of `words` or with the nearest known key."""
    place = f"the table [{'.'.join(at)}]" if at else "the top of the file"
    own = words or {}

    for key in [key for key in values if key not in known][:_MOST_UNKNOWN]:
        near = [] if key in own else get_close_matches(key, known, 1, _NEAR)
        fault = Fault(own.get(key, f"no such key in {place}"), near[0] if near else None)
        # A text is not shown: nobody knows what a misspelt key was to hold.
        yield problem_of(document, (*at, key), None if isinstance(values[key], str) else values[key], fault)


def problem_of(document: Document, path: KeyPath, value: object, fault: Fault) -> Problem:
    """Return a fault as a person reads it. None stands for a key that is not there."""
    return document.problem(
        path, fault.allowed, value=None if value is None else shown(path, value), nearest=fault.nearest
    )


def shown(path: KeyPath, value: object) -> str | None:
    """A value as a message may show it: short, in one line, and not at all when any part of its key looks secret.

    Of an address what may be secret in it is left out.
    """
    if any(is_secret(part) for part in path):
        return None

    if isinstance(value, dict):
        return "a table"

    if isinstance(value, list):
        return _shown_list(path, value)

    text = str(value).lower() if isinstance(value, bool) else str(value)

    if isinstance(value, str):
        text = ascii(_IN_ADDRESS.sub("...", value) if "://" in value else value)

    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _shown_list(path: KeyPath, values: list[object]) -> str:
    """A list of plain values as TOML writes it; one that holds more than that, or is long, only by what it is."""
    if any(isinstance(value, (dict, list)) for value in values):
        return "a list"

    text = f"[{', '.join(str(shown(path, value)) for value in values)}]"

    return text if len(text) <= _WIDEST else "a list"


def is_secret(key: str) -> bool:
    """Return whether the values of a key are never to be shown."""
    return _SECRET.search(key) is not None


@cache
def _readers(settings: type) -> tuple[tuple[str, Reader, bool], ...]:
    """(key, reader, whether it must be given) of each field of a settings class."""
    try:
        attrs.resolve_types(settings)
        fields = [field for field in attrs.fields(settings) if field.init]

        return tuple((field.name, reader_for(field.type), field.default is attrs.NOTHING) for field in fields)
    except Exception as error:
        where = f"{settings.__module__}.{settings.__qualname__}"
        raise PluginFaultError(f"The settings class {where} cannot be read: {said(error)}") from error


def _read(reader: Reader, key: str, value: object) -> object:
    """Read a value; what looks like a secret must be a reference to one."""
    read = reader(value)

    for text in references_in(key, read):
        fault = reference_fault(text)

        if fault is not None:
            raise Fault(fault)

    return read


def references_in(key: str, value: object) -> tuple[str, ...]:
    """Return the references to secrets in the value of a key: none where the key is not one of secrets."""
    values = value if isinstance(value, tuple) else (value,)

    return tuple(one for one in values if isinstance(one, str)) if is_secret(key) else ()


def _built(
    settings: type[_Settings], read: dict[str, object], faults: Mapping[str, Fault]
) -> tuple[_Settings | None, list[tuple[str, Fault]]]:
    """The settings, and the faults between their keys.

    When some keys could not be read the others are still compared: those without a default become NaN, and with
    NaN no comparison holds, so that nothing is said about what is not known.
    """
    kind: type = settings
    missing = [key for key, _, required in _readers(kind) if required and key not in read]
    more: list[tuple[str, Fault]] = []

    with decimal.localcontext() as context:
        context.traps[decimal.InvalidOperation] = not missing

        try:
            built = settings(**read, **dict.fromkeys(missing, Decimal("nan")))

            if isinstance(built, CrossChecked):
                more.extend((key, Fault(allowed)) for key, allowed in built.faults())
        except (Exception, SystemExit) as error:
            if faults:
                return None, more

            where = f"{settings.__module__}.{settings.__qualname__}"
            raise PluginFaultError(f"The settings class {where} raised {said(error)}") from error

    return built, more
