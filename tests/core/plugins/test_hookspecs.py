"""The documentation of the hooks, tested against the plugin manager."""

from __future__ import annotations

import inspect
import re
import textwrap
from types import ModuleType

import pytest

import perpmaker
from perpmaker.plugins import hookspecs
from perpmaker.plugins.loading import DECLARED_BY, new_manager

HOOKS = sorted(name for name in vars(new_manager().hook) if not name.startswith("_"))


def test_every_hook_is_known_to_the_loader() -> None:
    """The manager's hooks, and those that the loader checks, are the same."""
    assert sorted(DECLARED_BY) == HOOKS


def test_docstring_says_when_what_and_shows_eight_lines() -> None:
    """Each hook says when it is called, what to hand over, and shows an example of about eight lines."""
    for hook in HOOKS:
        documentation = inspect.getdoc(getattr(hookspecs, hook)) or ""
        assert "called once, when the catalog is built" in documentation
        assert f"Hand over one `{DECLARED_BY[hook].__name__}`" in documentation
        example = textwrap.dedent(documentation.split("Example::")[1]).strip()
        assert len(example.splitlines()) <= 8


def test_example_is_accepted_by_the_manager() -> None:
    """The example of each hook, with its own module's import left out, registers and declares what it says."""
    for hook in HOOKS:
        documentation = inspect.getdoc(getattr(hookspecs, hook)) or ""
        example = textwrap.dedent(documentation.split("Example::")[1])
        own = re.findall(r"from perpmaker_\w+\.\w+ import (.*)", example)[0]
        plugin = ModuleType("example")
        vars(plugin).update(dict.fromkeys(own.split(", "), object))
        code = "\n".join(line for line in example.splitlines() if not line.startswith("from perpmaker_"))
        exec(code, vars(plugin))  # noqa: S102  # our own documentation
        manager = new_manager()
        manager.register(plugin)
        manager.check_pending()
        assert plugin.__plugin_api__ == hookspecs.PLUGIN_API
        assert [implementation.plugin for implementation in getattr(manager.hook, hook).get_hookimpls()] == [plugin]


def test_door_is_sorted_and_complete() -> None:
    """Every public name can be had, the list is sorted, and what is not in it is an AttributeError."""
    assert sorted(perpmaker.__all__) == perpmaker.__all__
    assert set(perpmaker.__all__) <= set(dir(perpmaker))
    assert all(getattr(perpmaker, name) is not None for name in perpmaker.__all__)

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = perpmaker.nothing
