"""A probe that is ended from outside: what it has sent is taken off, as after Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from tests.faults.outage_site import COMMAND, served, wait_until

pytestmark = [pytest.mark.full, pytest.mark.long]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_a_probe_that_is_ended_leaves_no_order(tmp_path: Path, number: signal.Signals) -> None:
    """In the middle of an experiment: the venue has neither an order nor a position afterwards, and it is said."""
    with served(1) as venue:
        words = [*COMMAND, "probe", "binance_perpetual", "--sandbox-url", venue.url, "--yes"]
        environ = {**os.environ, "PERPMAKER_HOME": str(tmp_path)}

        out, err = subprocess.DEVNULL, subprocess.PIPE

        with subprocess.Popen(words, env=environ, stdout=out, stderr=err, text=True) as process:  # noqa: S603  # ours

            def has_sent() -> bool:
                (account,) = venue.ask("GET", "/_ctl/oracle")["accounts"].values()
                return bool(account["open_orders"] or account["conditional_orders"] or venue.look().lots)

            wait_until(has_sent)
            process.send_signal(number)
            _, said = process.communicate(timeout=300)

        assert process.returncode == 130
        assert "taken off again" in said
        assert not has_sent()
