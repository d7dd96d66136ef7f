"""What every session script is made of: the line of the sandbox, the steps, and a fence around this machine.

A script runs in its client's own environment: this file imports the standard library alone, and no test of ours.
"""

from __future__ import annotations

import asyncio
import faulthandler
import ipaddress
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

MARKETS = "markets"
BOOK = "book by stream"
PLACE = "place"
AMEND = "amend"
CANCEL = "cancel"
FILL = "fill"
POSITIONS = "positions"
USER_STREAM = "user stream"
BAD_KEY = "bad key"
UNKNOWN_ORDER = "unknown order"
TOO_SMALL = "too small"
STEPS = (MARKETS, BOOK, PLACE, AMEND, CANCEL, FILL, POSITIONS, USER_STREAM, BAD_KEY, UNKNOWN_ORDER, TOO_SMALL)
"""What each session does, whatever else it tries."""

WAIT_S = 20.0
"""The longest that a step waits for a message."""

SESSION_S = 120.0
"""The longest that a session takes; then it is ended, with where it stood."""


class Session:
    """A session with the sandbox whose line came over standard input; each step is told to standard output."""

    def __init__(self) -> None:
        line = json.loads(sys.stdin.readline())
        self.url: str = line["url"]
        self.ws = self.url.replace("http:", "ws:")
        self.key: str = line["api_key"]
        self.secret: str = line["api_secret"]
        self.line: dict[str, Any] = line
        faulthandler.dump_traceback_later(SESSION_S, exit=True)
        sys.addaudithook(_stay_on_this_machine)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A step; one that fails is told, and the next one is tried."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # whatever a client raises is the outcome of its step
            _tell(name, passed=False, note=f"{type(error).__name__}: {error}"[:600])
        else:
            _tell(name, passed=True, note="")

    @contextmanager
    def refused(self, name: str, kind: type[Exception] | tuple[type[Exception], ...], *words: str) -> Iterator[None]:
        """A step in which the client has to raise this kind of error, with these words in it."""
        with self.step(name):
            try:
                yield
            except kind as error:
                text = f"{error!r} {error}"
                check(all(word in text for word in words), f"refused in other words: {text}")
            else:
                check(False, "was not refused")

    def point(self, urls: dict[str, Any]) -> None:
        """Give every address of a client the sandbox's beginning: how many it has is its own matter."""
        for name, url in urls.items():
            if isinstance(url, dict):
                self.point(url)
            else:
                beginning = self.ws if url.startswith("ws") else self.url
                urls[name] = "/".join([beginning, *url.split("/", 3)[3:]])

    def delay_messages(self, words: str, seconds: float) -> None:
        """Let every message with these words take so long on the way, as it would from a venue far away."""
        fault = {
            "match": {"method": "WS", "contains": words, "times": None},
            "do": {"act": "delay", "arg": seconds},
        }
        connection = HTTPConnection(self.url.removeprefix("http://"))
        connection.request(
            "POST", "/_ctl/fault", json.dumps(fault), {"Authorization": f"Bearer {self.line['control_token']}"}
        )
        check(connection.getresponse().status < 300, "the sandbox took no fault")

    def end(self) -> None:
        """End at once, whatever the client still has running; its threads and sockets are no step."""
        sys.stdout.flush()
        os._exit(0)


def check(is_right: object, otherwise: object) -> None:
    """Fail the step where something is not as it should be."""
    if not is_right:
        raise AssertionError(str(otherwise))


async def soon(awaited: Awaitable[Any]) -> Any:
    """Return what comes within the time of a step."""
    return await asyncio.wait_for(awaited, WAIT_S)


def wait_for(is_there: Callable[[], object], what: str) -> None:
    """Wait until another thread has seen it."""
    until = time.monotonic() + WAIT_S

    while not is_there():
        check(time.monotonic() < until, f"{what} did not come within {WAIT_S:g} s")
        time.sleep(0.02)


def _tell(name: str, *, passed: bool, note: str) -> None:
    print(json.dumps({"step": name, "passed": passed, "note": note}), flush=True)


def _stay_on_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every connection to elsewhere: a client that is not pointed at the sandbox altogether fails its step."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _refuse_elsewhere(arguments[1][0])
    elif event == "socket.getaddrinfo":
        _refuse_elsewhere(arguments[0])


def _refuse_elsewhere(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")

    try:
        is_here = name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        is_here = False

    if not is_here:
        raise PermissionError(f"the client wanted to talk to {name}, which is not the sandbox")
