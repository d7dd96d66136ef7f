"""Observers for perpmaker: who is called when something happens, and what a monitoring system reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perpmaker import ObserverContext, ObserverDeclaration, Register, hookimpl
from perpmaker_observers.settings import EVENTS, AppriseSettings, MetricsSettings, WebhookSettings

if TYPE_CHECKING:
    from perpmaker import Observer

__plugin_api__ = 1


@hookimpl
def register_observers(register: Register[ObserverDeclaration[Any]]) -> None:
    """Declare `webhook`, `apprise` and `metrics`. What each needs is imported in its own thread, when it is built."""
    register(
        ObserverDeclaration(
            name="webhook",
            summary="Posts what happens to an address, as JSON or by a template",
            settings=WebhookSettings,
            build=_build_webhook,
            kinds=EVENTS,
        )
    )
    register(
        ObserverDeclaration(
            name="apprise",
            summary="Notifies of what happens by any service that apprise knows (extra notify)",
            settings=AppriseSettings,
            build=_build_apprise,
            kinds=EVENTS,
        )
    )
    register(
        ObserverDeclaration(
            name="metrics",
            summary="Serves /metrics for Prometheus on this machine (extra metrics)",
            settings=MetricsSettings,
            build=_build_metrics,
            kinds=(*EVENTS, "status"),
        )
    )


def _build_webhook(settings: WebhookSettings, context: ObserverContext) -> Observer:
    from perpmaker_observers.webhook import open_webhook  # noqa: PLC0415  # see register_observers

    return open_webhook(settings, context)


def _build_apprise(settings: AppriseSettings, context: ObserverContext) -> Observer:
    from perpmaker_observers.apprise_notifier import open_apprise  # noqa: PLC0415  # see register_observers

    return open_apprise(settings, context)


def _build_metrics(settings: MetricsSettings, _: ObserverContext) -> Observer:
    from perpmaker_observers.metrics import open_metrics  # noqa: PLC0415  # see register_observers

    return open_metrics(settings)
