"""Real processes in an outage: a sandbox, a run that trades there, the end of one and the beginning of the next."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeAlias
from urllib.request import Request, urlopen

import attrs

from .venue_site import BINANCE, VenueWords

EXAMPLE = Path(__file__).parents[2] / "examples" / "sandbox.toml"
COMMAND = (sys.executable, "-m", "perpmaker")
HEADERS = {"content-type": "application/json"}
BODIES = (
    "Service Unavailable.",
    '{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}',
    '{"code":-1008,"msg":"Server is currently overloaded with other requests. Please try again in a few minutes."}',
    '{"code":-1000,"msg":"Unknown error, please check your request or try again later."}',
    "<html><body>503 Service Temporarily Unavailable</body></html>",
)
"""Ways in which a venue says 503; the codes in them are Binance's."""

FILL = 0.0007
"""How far the market moves so that a quote of the example is filled, as a share of the price."""

SAFE_S = 2.0
"""Within so many seconds of the venue's answers a position has a stop, or is gone."""

SETTLED_S = 1.5
"""How long a run is given for its exits after a fill."""

Way: TypeAlias = Literal["stop", "stop twice", "kill"]


@attrs.frozen
class Venue:
    """A sandbox in a process of its own."""

    url: str
    token: str
    pid: int

    def ask(self, method: str, path: str, content: object = None) -> Any:
        """Use a control endpoint."""
        body = None if content is None else json.dumps(content).encode()
        headers = {**HEADERS, "authorization": f"Bearer {self.token}"}

        with urlopen(Request(f"{self.url}{path}", body, headers, method=method), timeout=300) as answer:  # noqa: S310
            return json.load(answer)

    def jump(self, ratio: float) -> None:
        """Move the market."""
        self.ask("POST", "/_ctl/market", {"jump": ratio})

    def break_commands(self, words: VenueWords, body: str, when: str) -> None:
        """From now on each command is answered 503; when it happens `after`, the venue has done what was asked."""
        do = {"act": "status", "when": when, "arg": {"status": 503, "body": body}}

        for place in words.places["commands"]:
            match = {"method": place.method, "path": place.path, "times": None}
            match |= {} if place.contains is None else {"contains": place.contains}
            self.ask("POST", "/_ctl/fault", {"match": match, "do": do})

    def heal(self) -> None:
        """All is answered again."""
        self.ask("POST", "/_ctl/clear")

    def look(self) -> Look:
        """What the venue has, by its own books."""
        oracle = self.ask("GET", "/_ctl/oracle")
        (account,) = oracle["accounts"].values()
        positions = [one for one in account["state"]["positions"] if one["lots"]]

        return Look(
            lots=sum(one["lots"] for one in positions),
            stops=len(account["conditional_orders"]),
            violations=tuple(map(str, oracle["violations"])),
        )


@attrs.frozen
class Look:
    """The net position in lots, how many stops wait on the venue, and what must not have happened."""

    lots: int
    stops: int
    violations: tuple[str, ...]

    @property
    def is_safe(self) -> bool:
        """Whether there is no position, or one with a stop."""
        return not self.lots or bool(self.stops)


@contextmanager
def served(seed: int, *options: str, words: VenueWords = BINANCE) -> Iterator[Venue]:
    """A sandbox that serves until it is left."""
    command = [*COMMAND, "sandbox", words.derivative, "--market", words.market, "--json", "--seed", str(seed)]
    command += ["--until-stdin-closes", *options]

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603  # ours
        assert process.stdout is not None

        try:
            line = json.loads(process.stdout.readline())
            yield Venue(line["url"], line["control_token"], process.pid)
        finally:
            process.kill()


@attrs.frozen
class Run:
    """`perpmaker run` in a process of its own."""

    process: subprocess.Popen[bytes]
    file: Path

    @property
    def said(self) -> str:
        """What a person has read so far."""
        return self.file.read_text(encoding="utf-8", errors="replace")

    def wait(self, within_s: float) -> int:
        """Its exit code."""
        return self.process.wait(timeout=within_s)


@contextmanager
def running(venue: Venue, root: Path, name: str, *settings: str) -> Iterator[Run]:
    """A run on a sandbox; all runs of one root have the same state directory. It is killed where it is left alive."""
    words = [*COMMAND, "run", str(EXAMPLE), "--sandbox-url", venue.url]
    words += [word for one in settings for word in ("--set", one)]
    file = root / f"{name}.txt"
    environ = {**os.environ, "PERPMAKER_HOME": str(root / "home")}

    with (
        file.open("wb") as output,
        subprocess.Popen(words, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process,  # noqa: S603
    ):
        try:
            yield Run(process, file)
        finally:
            process.kill()


def starved_s(*pids: int) -> float:
    """How long these processes have waited for a core so far, where the system tells; others keep a machine busy."""
    waited = 0

    for pid in pids:
        with suppress(OSError):
            waited += int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1])

    return waited / 1e9


def runs(root: Path) -> int:
    """How many runs have looked at the account and begun their journal."""
    for file in (root / "home" / "journal").glob("*.sqlite3"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as journal, suppress(sqlite3.Error):
            return int(journal.execute("SELECT COUNT(DISTINCT name) FROM row WHERE kind = 'run'").fetchone()[0])

    return 0


def wait_until(condition: Callable[[], object], within_s: float = 300.0) -> float:
    """Wait until something is so; how long it took. AssertionError when it takes too long."""
    began = time.monotonic()

    while not condition():
        if time.monotonic() - began > within_s:
            raise AssertionError(f"not so within {within_s:g} s")

        time.sleep(0.02)

    return time.monotonic() - began


@attrs.frozen(kw_only=True)
class Outage:
    """What happens: every command is answered 503 for `seconds` while the market falls through the stop.

    `side` 1 is a long position, `blind`: the outage begins before the position does. `fall` is the share of the price
    by which the market falls.
    """

    seconds: float
    way: Way
    order: str = "limit"
    backstop: bool = True
    side: int = 1
    blind: bool = False
    fall: float = 0.006
    body: str = BODIES[0]
    when: str = "before"
    seed: int = 1
    words: VenueWords = BINANCE


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of it: the exit code of the run (negative: killed), and the venue at that moment.

    `safe_s` is how long after venue and new process answered a position was gone or had its stop, without the time that
    both waited for a core.
    """

    code: int
    ended: Look
    safe_s: float
    last: Look
    words: str
    next_words: str

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with it."""
        wrong = []

        if self.code == 0 and not self.ended.is_safe:
            wrong.append("'clean' with an open position without a stop")

        if self.code not in {0, 5} and self.code >= 0:
            wrong.append(f"exit code {self.code}")

        if self.code == 5 and "not proven clean" not in self.words:
            wrong.append("exit code 5 without a word about it")

        if self.safe_s > SAFE_S:
            wrong.append(f"without a stop for {self.safe_s:.2f} s after the venue answered")

        if not self.last.is_safe:
            wrong.append("without a stop later")

        if "Traceback" in self.words + self.next_words:
            wrong.append("a traceback")

        return (*wrong, *self.last.violations)


def suffer(outage: Outage, root: Path) -> Outcome:
    """Let it happen, end the run in between, start the next one, and look."""
    chance = Random(outage.seed)  # noqa: S311  # moments, nothing to keep secret
    settings = (
        *outage.words.settings,
        f'stop_loss_order="{outage.order}"',
        f"venue_backstop={str(outage.backstop).lower()}",
        "long_profit_taking_spread=5",
        "short_profit_taking_spread=5",
        "filled_order_delay=60",
    )

    with ExitStack() as stack:
        venue = stack.enter_context(served(outage.seed, words=outage.words))
        first = stack.enter_context(running(venue, root, "first", *settings))
        wait_until(lambda: "quotes 5" in first.said or "quotes 6" in first.said)
        filled = 1 - outage.side * FILL

        if not outage.blind:
            _fill(venue, filled)
            time.sleep(SETTLED_S)

        venue.break_commands(outage.words, outage.body, outage.when)
        began = time.monotonic()

        if outage.blind:
            _fill(venue, filled)

        time.sleep(chance.uniform(0, 0.3))
        venue.jump(1 - outage.side * outage.fall)
        time.sleep(chance.uniform(0.02, min(outage.seconds, 6) + 0.5))
        healed = stack.enter_context(healing(venue, began + outage.seconds))
        code = _end(first, outage.way, chance)
        ended = venue.look()
        second = stack.enter_context(running(venue, root, "second", *settings))
        wait_until(lambda: runs(root) > 1)
        wait_until(healed, outage.seconds + 60)
        pids = (venue.pid, second.process.pid)
        starved = starved_s(*pids)
        safe_s = wait_until(lambda: venue.look().is_safe, within_s=60) + starved - starved_s(*pids)
        time.sleep(3)
        last = venue.look()

    return Outcome(code=code, ended=ended, safe_s=safe_s, last=last, words=first.said, next_words=second.said)


def _fill(venue: Venue, ratio: float) -> None:
    """Let the market take a quote."""
    venue.jump(ratio)
    wait_until(lambda: venue.look().lots)


@contextmanager
def healing(venue: Venue, at: float) -> Iterator[Callable[[], bool]]:
    """Let the venue answer again at a moment of the monotonic clock; the answer tells whether it does."""
    code = "import sys, time, urllib.request as r; time.sleep(max(0, float(sys.argv[1]) - time.monotonic())); "
    code += "r.urlopen(r.Request(sys.argv[2], b'{}', {'authorization': sys.argv[3]}, method='POST'), timeout=60).read()"
    words = [sys.executable, "-c", code, str(at), f"{venue.url}/_ctl/clear", f"Bearer {venue.token}"]

    with subprocess.Popen(words) as process:  # noqa: S603  # ours
        try:
            yield lambda: process.poll() is not None
        finally:
            process.kill()


def _end(run: Run, way: Way, chance: Random) -> int:
    """End a run in one of the ways; its exit code."""
    if way == "kill":
        run.process.kill()
    else:
        run.process.send_signal(signal.SIGINT)

    if way == "stop twice":
        time.sleep(chance.uniform(0.05, 1))
        run.process.send_signal(signal.SIGINT)

    return run.wait(300)
