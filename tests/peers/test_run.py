"""How sessions of other people's clients are told: without any of the clients."""

from __future__ import annotations

import ast
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from peers import PEERS
from run import Outcome, table
from steps import BOOK, STEPS, _stay_on_this_machine

HERE = Path(__file__).parent
LINE = {"url": "http://127.0.0.1:1", "api_key": "k", "api_secret": "s"}
SCRIPT = """
from steps import PLACE, MARKETS, Session, check
session = Session()
with session.step(MARKETS):
    check(False, "no market")
with session.refused(PLACE, ValueError, "-1"):
    raise ValueError("code -1")
session.end()
"""


def imported(script: Path) -> set[str]:
    """The first names of everything that a script imports."""
    nodes = list(ast.walk(ast.parse(script.read_text())))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    named = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}

    return {name.partition(".")[0] for name in plain | named}


def test_scripts_import_their_client_and_the_standard_library_alone() -> None:
    """A session is had by the client as its users have it: nothing of ours is there, and no test."""
    for peer in PEERS:
        names = imported(HERE / peer.script) - set(sys.stdlib_module_names)

        assert not names & {"perpmaker", "pytest", "anyio", "attrs", "httpx", "msgspec"}, peer.name
        assert "steps" in names

    assert len({peer.name for peer in PEERS}) == len(PEERS)


def test_every_step_is_told_and_what_is_not_reached_has_failed() -> None:
    """A step that fails does not end the session; a table says what passed, and below it why not."""
    done: Any = subprocess.run(  # noqa: S603  # our own script
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(LINE) + "\n",
        capture_output=True,
        text=True,
        cwd=HERE,
        check=True,
    )
    told = {step["step"]: step["note"] for step in map(json.loads, done.stdout.splitlines())}
    outcome = Outcome(peer=PEERS[0], steps=told, errors="the last line")

    assert told == {"markets": "AssertionError: no market", "place": ""}
    assert outcome.failed[BOOK] == "not reached (the last line)"
    assert outcome.passed == f"1 of {len(STEPS)}"
    assert "python-binance: markets: AssertionError: no market" in table([outcome])


def test_session_that_wants_to_talk_to_elsewhere_is_refused() -> None:
    """A client that is not pointed at the sandbox altogether fails its step, and no venue hears of it."""
    with pytest.raises(PermissionError, match=r"fapi\.binance\.com, which is not the sandbox"):
        _stay_on_this_machine("socket.getaddrinfo", ("fapi.binance.com", 443))

    with pytest.raises(PermissionError):
        _stay_on_this_machine("socket.connect", (None, ("203.0.113.1", 443)))

    _stay_on_this_machine("socket.connect", (None, ("127.0.0.1", 1)))
    _stay_on_this_machine("socket.getaddrinfo", ("localhost", 1))
    _stay_on_this_machine("socket.bind", (socket.AF_UNIX, "/elsewhere"))
