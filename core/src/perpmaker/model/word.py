"""Words of which there are only a few, as members of an enumeration that make quick keys."""

from __future__ import annotations

from enum import Enum


class Word(Enum):
    """An enumeration whose members hash as plain objects do: they are keys everywhere, and Enum's own hash is slow."""

    __hash__ = object.__hash__
