"""`/metrics`: what Prometheus reads, and who may read it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any

import pytest

from perpmaker import ConfigurationError, Happening
from perpmaker_observers.metrics import open_metrics
from perpmaker_observers.settings import MetricsSettings

parser = pytest.importorskip("prometheus_client.parser")

STATUS = {
    "mode": "halt",
    "mark": "60000.1",
    "reference": None,
    "positions": [{"side": "net", "amount": "-0.01", "entry": "60010", "stop_distance": "0.012"}],
    "quotes": [{"side": "buy"}, {"side": "buy"}],
    "withheld": [{"side": "sell"}],
    "exits": [],
    "margin": {"equity": "9990.5", "free_share": None},
    "pnl": {
        "result": "-9.5",
        "fees_by_asset": {"USDT": "0.5", "BNB": "0.001"},
        "funding_by_asset": {"USDT": "0"},
    },
    "funding": {"rate": "0.0001"},
    "counters": {"quotes_placed": 12, "volume": "1200.60"},
}


def happening(kind: Any, **facts: Any) -> Happening:
    """Something that happened to a bot."""
    about = {"bot": "btc", "environment": "live", "venue": "moon", "market": "BTC-USDT", "account": "1"}

    return Happening(kind=kind, text="", facts=facts, at_ms=5_000, **about)


@pytest.fixture
def metrics() -> Iterator[Any]:
    """The observer, on a free port."""
    observer = open_metrics(MetricsSettings(port=0))
    yield observer
    observer.close()


def ask(metrics: Any, path: str = "/metrics", **headers: str) -> tuple[int, str]:
    """What is answered."""
    connection = http.client.HTTPConnection("127.0.0.1", metrics.port, timeout=300)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()

    return answer.status, text


def values(page: str) -> dict[str, float]:
    """Each series of ours: `name{its own labels}` -> value; every one has the labels of its bot."""
    about = {"bot": "btc", "environment": "live", "venue": "moon", "market": "BTC-USDT"}
    found = {}

    for family in parser.text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name.startswith("perpmaker_"):
                assert about.items() <= sample.labels.items()
                own = ",".join(value for name, value in sample.labels.items() if name not in about)
                found[f"{sample.name.removeprefix('perpmaker_')}{{{own}}}"] = sample.value

    return found


def test_the_page_has_what_the_last_status_told(metrics: Any) -> None:
    """What is not known is left out, and is not 0; events are counted."""
    metrics.observe(happening("fill"))
    metrics.observe(happening("fill"))
    metrics.observe(happening("status", **STATUS))
    status, page = ask(metrics)
    found = values(page)

    assert status == 200
    assert found["mode{halt}"] == 1
    assert found["mode{run}"] == 0
    assert found["position{net}"] == -0.01
    assert found["position_stop_distance{net}"] == 0.012
    assert found["mark_price{}"] == 60000.1
    assert found["quotes_now{buy}"] == 2
    assert found["withheld_now{sell}"] == 1
    assert found["margin_equity{}"] == 9990.5
    assert found["result{}"] == -9.5
    assert found["fees{BNB}"] == 0.001
    assert found["quotes_placed_total{}"] == 12
    assert found["events_total{fill}"] == 2
    assert found["status_timestamp_seconds{}"] == 5
    assert not {name for name in found if name.startswith(("reference_price", "margin_free_share"))}


def test_before_a_status_there_are_counts_alone(metrics: Any) -> None:
    """And the figures of the process, which prometheus_client brings."""
    status, page = ask(metrics)
    assert status == 200
    assert values(page) == {}
    assert "process_resident_memory_bytes" in page


def test_only_this_machine_and_no_page_of_a_browser_reads_it(metrics: Any) -> None:
    """Another name in Host (a name that was made to lead here), an Origin, another path: nothing."""
    assert ask(metrics, Host="moon.example")[0] == 403
    assert ask(metrics, Origin="https://moon.example")[0] == 403
    assert ask(metrics, "/")[0] == 404
    assert ask(metrics, Host=f"localhost:{metrics.port}")[0] == 200


def test_a_port_that_is_taken_is_named(metrics: Any) -> None:
    """Each bot needs one of its own."""
    with pytest.raises(ConfigurationError, match=rf"observers.metrics.port = {metrics.port}: .*in use.*of its own"):
        open_metrics(MetricsSettings(port=metrics.port))
