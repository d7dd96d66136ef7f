"""What may be set of each observer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Final, Literal, TypeAlias, get_args

import attrs

from perpmaker import Range
from perpmaker_observers.template import is_json, render, unknown_names

EventKind: TypeAlias = Literal[
    "start", "end", "fill", "exit", "stop", "halt", "disconnect", "reconnect", "refusal", "notice"
]
EVENTS: Final[tuple[EventKind, ...]] = get_args(EventKind)
CHOSEN: Final[tuple[EventKind, ...]] = (
    "start",
    "end",
    "fill",
    "stop",
    "halt",
    "disconnect",
    "reconnect",
    "notice",
)
"""What is delivered where nothing else is set: neither each closing order nor each refusal."""


@attrs.frozen(kw_only=True)
class WebhookSettings:
    """The table [observers.webhook]. `url` and `token` refer to secrets: most addresses of webhooks hold one.

    `template` is the body, in which {name} is what happened by name; left out, the body is all of it as JSON. `token`
    is sent as bearer. `give_up_after` seconds a message is dropped that could not be delivered.
    """

    url: str
    events: tuple[EventKind, ...] = CHOSEN
    template: str | None = None
    token: str | None = None
    most_per_minute: Annotated[int, Range(at_least=1, at_most=600)] = 20
    give_up_after: Annotated[float, Range(at_least=5, at_most=86_400)] = 900.0

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed) for a template that cannot be filled in."""
        if self.template is None:
            return

        if unknown := unknown_names(self.template):
            yield "template", f"names what nothing is called: {{{unknown[0]}}}; docs/plugins.md lists the names"

        if is_json(self.template):
            try:
                json.loads(render(self.template, {}))
            except ValueError as error:
                yield "template", f"is not JSON once it is filled in ({error})"


@attrs.frozen(kw_only=True)
class AppriseSettings:
    """The table [observers.apprise]. `urls` refer to addresses of services, which are secrets."""

    urls: tuple[str, ...]
    events: tuple[EventKind, ...] = CHOSEN
    most_per_minute: Annotated[int, Range(at_least=1, at_most=600)] = 20
    give_up_after: Annotated[float, Range(at_least=5, at_most=86_400)] = 900.0

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what is allowed) where there is nobody to notify."""
        if not self.urls:
            yield "urls", "must name at least one address"


@attrs.frozen(kw_only=True)
class MetricsSettings:
    """The table [observers.metrics]. `port` is where it serves, on loopback: each bot needs one of its own."""

    port: Annotated[int, Range(at_least=1, at_most=65_535)] = 9464
