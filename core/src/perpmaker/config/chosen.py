"""A plugin that a configuration names, with its settings."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import attrs

from perpmaker.plugins.declarations import Declaration

_Declared = TypeVar("_Declared", bound=Declaration)


@attrs.frozen(kw_only=True)
class Chosen(Generic[_Declared]):
    """A declaration that the configuration names, and its settings: an instance of `declaration.settings`."""

    declaration: _Declared
    settings: Any

    @property
    def name(self) -> str:
        """The name it is declared under."""
        return self.declaration.name
