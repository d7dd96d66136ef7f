"""Posts what happens to an address. The address is a secret, and nothing that is told has it in it."""

from __future__ import annotations

import json
import logging
from typing import Final
from urllib.parse import urlsplit

import httpx

from perpmaker import ConfigurationError, Happening, ObserverContext, Problem
from perpmaker_observers.courier import UndeliveredError
from perpmaker_observers.notifier import Notifier
from perpmaker_observers.settings import WebhookSettings
from perpmaker_observers.template import is_json, render

TIMEOUT_S: Final = 4.0
"""Seconds that one try may take."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TOO_MANY, _SERVER_FAULT, _REQUEST_TIMEOUT, _GOOD_END = 429, 500, 408, 300


def open_webhook(settings: WebhookSettings, context: ObserverContext) -> Notifier:
    """Return the observer. ConfigurationError where the address is none that a secret may be sent to."""
    for name in ("httpx", "httpcore"):  # they log whole addresses
        logging.getLogger(name).setLevel(logging.WARNING)

    url = context.secrets.reveal(settings.url)
    _check_address(url)
    token = None if settings.token is None else context.secrets.reveal(settings.token)
    webhook = Webhook(url, settings.template, token)

    return Notifier(
        webhook.send,
        context,
        events=settings.events,
        most_per_minute=settings.most_per_minute,
        give_up_s=settings.give_up_after,
        ended=webhook.close,
    )


class Webhook:
    """An address that is posted to."""

    def __init__(self, url: str, template: str | None, token: str | None) -> None:
        self._url = url
        self._template = template
        kind = "application/json" if template is None or is_json(template) else "text/plain; charset=utf-8"
        headers = {"Content-Type": kind} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        self._client = httpx.Client(timeout=TIMEOUT_S, headers=headers, follow_redirects=False)

    def send(self, happening: Happening) -> None:
        """Post one happening. UndeliveredError where that is not possible."""
        values = happening.plain()
        body = json.dumps(values) if self._template is None else render(self._template, values)

        try:
            with self._client.stream("POST", self._url, content=body.encode()) as answer:
                status, wait = answer.status_code, answer.headers.get("Retry-After", "")
        except httpx.HTTPError as error:
            raise UndeliveredError(f"its address does not answer ({type(error).__name__})") from None

        if status < _GOOD_END:
            return

        is_final = status < _SERVER_FAULT and status not in {_TOO_MANY, _REQUEST_TIMEOUT}
        wait_s = float(wait) if wait.isdecimal() else None

        raise UndeliveredError(f"its address answered HTTP {status}", is_final=is_final, wait_s=wait_s)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _check_address(url: str) -> None:
    parts = urlsplit(url)

    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return

    words = "must refer to an address that begins with https:// (http:// on this machine alone), which is not shown"

    raise ConfigurationError((Problem(file="configuration", key="observers.webhook.url", allowed=words),))
