"""The short names under which streams say what answers say under long ones."""

from __future__ import annotations

from collections.abc import Mapping


def names(pairs: str) -> Mapping[str, str]:
    """Read pairs like `s=symbol p=price`: the short name, and the long one."""
    return dict(pair.split("=") for pair in pairs.split())


def named(values: Mapping[str, object], short_names: Mapping[str, str]) -> dict[str, object]:
    """Return the values of the long names under the short ones."""
    return {short: values[long] for short, long in short_names.items()}
