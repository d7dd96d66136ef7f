"""`/metrics` for Prometheus, on loopback: how the bot stands, as its last status told, and how often what happened."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any, Final

from perpmaker import ConfigurationError, Happening, Problem
from perpmaker_observers.metric_list import Metric, metrics_of
from perpmaker_observers.settings import MetricsSettings

HOST: Final = "127.0.0.1"
REQUEST_S: Final = 5.0
"""Seconds that a client is given to ask."""

_FAMILIES: Final = {"gauge": "GaugeMetricFamily", "counter": "CounterMetricFamily"}
_LABELS: Final = ("bot", "environment", "venue", "market")


def open_metrics(settings: MetricsSettings) -> Metrics:
    """Return the observer, serving. ConfigurationError where its package is missing, or its port is taken."""
    try:
        client = import_module("prometheus_client")
        core = import_module("prometheus_client.core")
    except ImportError:
        words = "needs the package prometheus-client: pip install prometheus-client (the extra metrics)"
        raise _refused(words) from None

    metrics = Metrics(core)
    registry = client.CollectorRegistry(auto_describe=False)
    client.ProcessCollector(registry=registry)
    registry.register(metrics)

    try:
        metrics.serve(settings.port, lambda: client.generate_latest(registry), client.CONTENT_TYPE_LATEST)
    except OSError as error:
        words = f"cannot be served on ({error.strerror}): each bot needs a port of its own"
        raise _refused(words, settings.port) from None

    return metrics


class Metrics:
    """Keeps the last status and counts what happened; a collector of prometheus_client."""

    def __init__(self, core: Any) -> None:  # noqa: ANN401  # it is not installed everywhere
        self._core = core
        self._about: tuple[str, ...] = ("",) * len(_LABELS)
        self._status: Mapping[str, Any] = {}
        self._status_ms = 0
        self._counts: Counter[str] = Counter()
        self._last_ms: dict[str, int] = {}
        self._server: ThreadingHTTPServer | None = None

    def serve(self, port: int, page: Callable[[], bytes], content_type: str) -> None:
        """Serve the page from a thread. OSError where the port is taken."""
        handler = type("Handler", (_Handler,), {"page": staticmethod(page), "content_type": content_type})
        self._server = server = ThreadingHTTPServer((HOST, port), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, name="metrics", args=(0.1,), daemon=True).start()

    @property
    def port(self) -> int:
        """Where it is served."""
        return 0 if self._server is None else int(self._server.server_address[1])

    def observe(self, happening: Happening) -> None:
        """Take in how the bot stands, or count what happened."""
        self._about = tuple(getattr(happening, name) for name in _LABELS)

        if happening.kind == "status":
            self._status, self._status_ms = happening.facts, happening.at_ms
        else:
            self._counts[happening.kind] += 1
            self._last_ms[happening.kind] = happening.at_ms

    def close(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def collect(self) -> Iterator[Any]:
        """Yield every metric, for a page."""
        for metric in metrics_of(self._status, self._status_ms, dict(self._counts), dict(self._last_ms)):
            yield self._family(metric)

    def _family(self, metric: Metric) -> Any:  # noqa: ANN401  # prometheus_client's
        family = getattr(self._core, _FAMILIES[metric.kind])
        made = family(f"perpmaker_{metric.name}", metric.words, labels=(*_LABELS, *metric.labels))

        for labels, value in metric.values:
            made.add_metric((*self._about, *labels), value)

        return made


class _Handler(BaseHTTPRequestHandler):
    """Answers GET /metrics, and nothing else. A page in a browser that reaches it by another name gets nothing."""

    page: Callable[[], bytes]
    content_type: str
    timeout = REQUEST_S

    def do_GET(self) -> None:  # the name that http.server calls
        """Answer."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")

        if host not in {HOST, "localhost"} or "Origin" in self.headers:
            self.send_error(403)
        elif self.path.partition("?")[0] != "/metrics":
            self.send_error(404)
        else:
            body = self.page()
            self.send_response(200)
            self.send_header("Content-Type", self.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def _refused(words: str, port: int | None = None) -> ConfigurationError:
    value = None if port is None else str(port)

    return ConfigurationError(
        (Problem(file="configuration", key="observers.metrics.port", value=value, allowed=words),)
    )
