from __future__ import annotations

import pytest

from perpmaker.errors import ConnectivityError, ExitCode, PluginError
from perpmaker.plugins.start import starting


def test_what_a_plugin_raises_at_its_start_is_its_own_mistake() -> None:
    """The error names the plugin, says what it raised, keeps it as its cause, and is no bug of perpmaker."""
    words = r"The connector a_venue failed at its start \(KeyError: 'x'\)"

    with pytest.raises(PluginError, match=words) as raised, starting("connector", "a_venue"):
        raise KeyError("x")

    assert isinstance(raised.value.__cause__, KeyError)
    assert raised.value.exit_code is ExitCode.PLUGIN


def test_what_plugins_are_meant_to_raise_passes() -> None:
    """A venue that is gone is tried again, and that is decided elsewhere."""
    for error in [ConnectivityError("gone"), ExceptionGroup("both", [ConnectivityError("gone")])]:
        with pytest.raises(type(error)) as raised, starting("connector", "a_venue"):
            raise error

        assert raised.value is error


def test_a_wish_to_end_passes() -> None:
    """Nobody keeps a person from leaving."""
    for error in [KeyboardInterrupt(), SystemExit(3)]:
        with pytest.raises(type(error)), starting("strategy", "a_strategy"):
            raise error
