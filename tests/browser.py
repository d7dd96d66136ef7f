"""A Chromium without a window, spoken to over a pipe: what a page shows, asks for and complains about."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import attrs

NAMES = ("chromium", "chromium-browser", "google-chrome")
WITHIN_S = 60.0
ENDS_WITHIN_S = 10.0
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
)


def browser() -> str | None:
    """The browser of this machine; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@attrs.define
class Page:
    """One page of it. `requests` are addresses that it asked for, `complaints` errors and warnings of its console."""

    _asks: int
    _answers: int
    requests: list[str] = attrs.field(factory=list)
    complaints: list[str] = attrs.field(factory=list)
    _session: str | None = None
    _number: int = 0
    _rest: bytes = b""
    _events: list[dict[str, Any]] = attrs.field(factory=list)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser something, and wait for its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._asks, json.dumps(message).encode() + b"\0")

        while True:
            found = self._next(WITHIN_S)

            if found.get("id") == self._number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")

                return dict(found["result"])

    def open(self, address: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Show an address, at a width, in light or dark, and wait until it is there."""
        self.requests.clear()
        self.complaints.clear()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Page.navigate", url=address)
        self.wait(lambda: self.run("document.readyState") == "complete")
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def run(self, script: str) -> Any:
        """What an expression of JavaScript comes to."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)

        if "exceptionDetails" in found:
            raise RuntimeError(f"{script}: {found['exceptionDetails']}")

        return found["result"].get("value")

    def wait(self, is_so: Callable[[], object], within_s: float = WITHIN_S) -> None:
        """Wait until something is so."""
        until = monotonic() + within_s

        while not is_so():
            if monotonic() > until:
                raise TimeoutError("the page never came to it")

            with contextlib.suppress(TimeoutError):
                self._next(0.05)

    def press(self, key: str) -> None:
        """Press a key."""
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def shoot(self, file: Path, *, whole: bool = True) -> None:
        """Write a picture of the page."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._clip(whole))
        file.write_bytes(base64.b64decode(found["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}

        size = self.call("Page.getLayoutMetrics")["cssContentSize"]

        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}

    def attach(self) -> None:
        """Begin with a page of our own."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _next(self, within_s: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._answers], [], [], within_s)[0]:
                raise TimeoutError("the browser says nothing")

            more = os.read(self._answers, 1 << 20)

            if not more:
                raise ConnectionResetError("the browser is gone")

            self._rest += more

        line, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        self._note(found)

        return found

    def _note(self, found: dict[str, Any]) -> None:
        values = found.get("params", {})

        match found.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(values["request"]["url"])
            case "Runtime.consoleAPICalled" if values["type"] in {"error", "warning", "assert"}:
                self.complaints.append(str(values["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(values["exceptionDetails"]))
            case "Log.entryAdded" if values["entry"]["level"] in {"error", "warning"}:
                self.complaints.append(str(values["entry"]))
            case _:
                pass


@contextlib.contextmanager
def opened() -> Iterator[Page]:
    """A page of a browser that has a profile of its own, and knows no network but what is asked of it."""
    found = browser()

    if found is None:
        raise RuntimeError("no Chromium is installed (Debian: chromium)")

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        (heard, asks), (answers, told) = os.pipe(), os.pipe()
        actions: list[Any] = [
            (os.POSIX_SPAWN_DUP2, fcntl.fcntl(heard, fcntl.F_DUPFD, 10), 3),
            (os.POSIX_SPAWN_DUP2, fcntl.fcntl(told, fcntl.F_DUPFD, 10), 4),
            *((os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)),
        ]
        process = os.posix_spawn(
            found, [found, *OPTIONS, f"--user-data-dir={profile}"], os.environ, file_actions=actions
        )

        for fd in (heard, told, actions[0][1], actions[1][1]):
            os.close(fd)

        try:
            page = Page(asks, answers)
            page.attach()
            yield page
        finally:
            os.close(asks)  # which ends it
            _wait_for(process)
            os.close(answers)


def _wait_for(process: int) -> None:
    until = monotonic() + ENDS_WITHIN_S

    while os.waitpid(process, os.WNOHANG)[0] == 0:
        if monotonic() > until:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return

        sleep(0.02)
