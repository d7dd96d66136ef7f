"""Notifies by whatever service apprise knows: Telegram, Slack, Matrix, e-mail, and a hundred more."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any, Final

from perpmaker import ConfigurationError, Happening, ObserverContext, Problem
from perpmaker_observers.courier import UndeliveredError
from perpmaker_observers.notifier import Notifier
from perpmaker_observers.settings import AppriseSettings

_TYPES: Final = {"halt": "failure", "stop": "warning", "disconnect": "warning", "refusal": "warning"}
"""How urgent a kind is to apprise; all others are for information."""

_LONGEST: Final = 200


def open_apprise(settings: AppriseSettings, context: ObserverContext) -> Notifier:
    """Return the observer. ConfigurationError where apprise is not installed, or does not know an address."""
    try:
        apprise = import_module("apprise")
    except ImportError:
        raise _refused("needs the package apprise: pip install apprise (the extra notify)") from None

    logger = logging.getLogger("apprise")  # what it logs has addresses in it
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    services = apprise.Apprise()

    for number, reference in enumerate(settings.urls, 1):
        if not services.add(context.secrets.reveal(reference)):
            raise _refused(f"value {number} refers to what apprise does not know as an address (not shown)")

    return Notifier(
        Apprise(apprise, services).send,
        context,
        events=settings.events,
        most_per_minute=settings.most_per_minute,
        give_up_s=settings.give_up_after,
    )


class Apprise:
    """Services that are notified together."""

    def __init__(self, apprise: Any, services: Any) -> None:  # noqa: ANN401  # it is not installed everywhere
        self._apprise = apprise
        self._services = services

    def send(self, happening: Happening) -> None:
        """Notify of one happening. UndeliveredError where a service did not take it."""
        title = f"{happening.kind.upper()} {happening.bot} {happening.market} ({happening.environment})"

        with self._apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
            is_delivered = self._services.notify(
                body=happening.text, title=title, notify_type=_TYPES.get(happening.kind, "info"), body_format="text"
            )
            words = log.getvalue().partition("\n")[0].strip()[:_LONGEST]

        if not is_delivered:
            raise UndeliveredError(f"a service did not take it{f' ({words})' if words else ''}")


def _refused(words: str) -> ConfigurationError:
    return ConfigurationError((Problem(file="configuration", key="observers.apprise.urls", allowed=words),))
