"""Notifications by apprise, with the real package and a service of this test."""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import Any

import attrs
import pytest

from perpmaker import ConfigurationError, Happening, ObserverContext
from perpmaker.secret import References
from perpmaker_observers.apprise_notifier import open_apprise
from perpmaker_observers.settings import AppriseSettings

pytestmark = [
    pytest.mark.full,  # to import apprise takes longer than all other tests of observers
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

STOP = Happening(
    kind="stop",
    text="STOP LOSS placed: sell 0.01 at market",
    facts={},
    at_ms=1,
    bot="btc",
    environment="live",
    venue="moon",
    market="BTC-USDT",
    account="7",
)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the service of the test was handed; it refuses what has the word `refuse` in it."""
    taken: list[dict[str, Any]] = []

    def notify(_: object, **message: Any) -> bool:
        taken.append(message)

        if "refuse" in message["body"]:
            logging.getLogger("apprise").warning("json://localhost/SECRETSECRETSECRET refused it, error=401")

        return "refuse" not in message["body"]

    apprise = importlib.import_module("apprise")
    monkeypatch.setattr(type(apprise.Apprise.instantiate("json://localhost")), "notify", notify)

    return taken


def observer(told: list[str], **variables: str) -> Any:
    """The observer of an address that apprise knows."""
    context = ObserverContext(secrets=References(Path(), {"ONE": "json://localhost/x", **variables}), tell=told.append)

    return open_apprise(AppriseSettings(urls=tuple(f"env:{name}" for name in ("ONE", *variables))), context)


def test_a_service_is_handed_text_title_and_urgency(taken: list[dict[str, Any]]) -> None:
    """A stop is a warning; bot, market and environment stand in the title."""
    one = observer([])
    one.observe(STOP)
    one.close()
    (message,) = taken
    assert message["body"] == STOP.text
    assert message["title"] == "STOP btc BTC-USDT (live)"
    assert message["notify_type"] == importlib.import_module("apprise").NotifyType.WARNING


@pytest.mark.usefixtures("taken")
def test_what_a_service_refuses_is_told_and_logged_nowhere_else(capsys: pytest.CaptureFixture[str]) -> None:
    """Apprise's own log is one line of ours, and nothing is printed."""
    told: list[str] = []
    one = observer(told)
    one.observe(attrs.evolve(STOP, text="refuse this"))
    one.close()
    assert "error=401" in told[0]
    assert told[-1] == "1 messages were not delivered"
    assert capsys.readouterr() == ("", "")


def test_what_is_no_address_of_a_service_is_refused_unseen() -> None:
    """By its number, and without its text."""
    with pytest.raises(ConfigurationError, match="value 2 refers to what apprise does not know") as refused:
        observer([], TWO="telegrm://SECRETSECRETSECRET")

    assert "SECRET" not in str(refused.value)
