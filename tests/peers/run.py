"""Lets clients of other people have a session each with a sandbox: `uv run python tests/peers/run.py [NAME ...]`.

Each client has an environment of its own in the user's cache directory, made with `uv` from the registry that is
configured, when it is first asked for. Nothing of a client is imported here.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import platformdirs
from peers import PEERS, Peer
from steps import SESSION_S, STEPS

HERE: Final = Path(__file__).parent
ENVIRONMENTS: Final = platformdirs.user_cache_path("perpmaker-peers")
INSTALL_S: Final = 900


class NotTriedError(Exception):
    """A client cannot be tried: it cannot be installed, or there is no sandbox of its venue."""


@attrs.frozen(kw_only=True)
class Outcome:
    """How the steps of a session ended: what is wrong with each, empty where it passed."""

    peer: Peer
    steps: dict[str, str]
    errors: str

    @property
    def failed(self) -> dict[str, str]:
        """The steps that failed or were not reached, each with why."""
        last = self.errors.strip().rpartition("\n")[2]
        missing = {name: f"not reached ({last})" for name in self._wanted if name not in self.steps}

        return {name: why for name, why in {**self.steps, **missing}.items() if why}

    @property
    def passed(self) -> str:
        """How many of how many."""
        total = len({*self.steps, *self._wanted})

        return f"{total - len(self.failed)} of {total}"

    @property
    def _wanted(self) -> list[str]:
        return [name for name in STEPS if name not in self.peer.without]


def try_peer(peer: Peer) -> Outcome:
    """Let a client have its session with a sandbox; NotTriedError where it cannot."""
    python = environment_of(peer)

    with sandbox(peer) as (served, line):
        try:
            done = subprocess.run(  # noqa: S603  # our own script in the environment that we made
                [python, str(HERE / peer.script)],
                input=json.dumps(line) + "\n",
                capture_output=True,
                text=True,
                timeout=SESSION_S + 30,
                env=_environment(),
                check=False,
            )
            output, errors = done.stdout, done.stderr
        except subprocess.TimeoutExpired as error:
            output, errors = _text(error.stdout), _text(error.stderr)

        ended = served.poll()

    told = [json.loads(text) for text in output.splitlines() if text.startswith('{"step"')]

    if ended is not None:
        errors += f"\nthe sandbox had ended with {ended}"

    return Outcome(peer=peer, steps={step["step"]: _why(step) for step in told}, errors=errors)


def environment_of(peer: Peer) -> Path:
    """The Python of the client's environment, which is made where there is none."""
    uv = shutil.which("uv")

    if uv is None:
        raise NotTriedError("uv is not on the PATH: pip install uv")

    version = peer.python or f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(" ".join((version, *peer.requirements)).encode()).hexdigest()[:8]
    folder = ENVIRONMENTS / f"{peer.requirements[0].replace('==', '-')}-{key}"
    python = folder / "bin" / "python"
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)

    with (ENVIRONMENTS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one client is installed at a time, whoever asks

        if not (folder / "complete").exists():
            _run(uv, "venv", "--clear", "--python", peer.python or sys.executable, str(folder))
            _run(uv, "pip", "install", "--python", str(python), *peer.requirements)
            (folder / "complete").touch()

    return python


@contextmanager
def sandbox(peer: Peer) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A process that serves a sandbox meanwhile, and its line."""
    options = ["--market", peer.market, "--seed", "1", "--json", "--until-stdin-closes"]
    words = [sys.executable, "-m", "perpmaker", "sandbox", peer.venue, *options]
    pipe = subprocess.PIPE

    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen(  # noqa: S603  # our own command
            words, stdin=pipe, stdout=pipe, text=True, env={**os.environ, "PERPMAKER_HOME": home}
        ) as process,
    ):
        assert process.stdout is not None

        line = json.loads(process.stdout.readline())

        if "error" in line:
            raise NotTriedError(line["error"])

        try:
            yield process, line
        finally:
            process.communicate()


def table(outcomes: Iterable[Outcome]) -> str:
    """Client, version and steps, and below what failed."""
    rows = [("client", "version", "steps passed"), *((one.peer.name, one.peer.version, one.passed) for one in outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    failures = [f"{one.peer.name}: {step}: {why}" for one in outcomes for step, why in one.failed.items()]

    return "\n".join((*lines, *failures))


def main() -> int:
    """Try the clients that are named, or all; 1 where a step failed."""
    parser = argparse.ArgumentParser(description="Let clients of other people have a session with a sandbox each.")
    parser.add_argument("client", nargs="*", help=f"any of {', '.join(peer.name for peer in PEERS)}; all without")
    parser.add_argument("--verbose", action="store_true", help="print what the clients write to standard error")
    wanted = parser.parse_args()
    unknown = set(wanted.client) - {peer.name for peer in PEERS}

    if unknown:
        parser.error(f"there is no client {', '.join(sorted(unknown))}")

    outcomes, is_complete = [], True

    for peer in PEERS:
        if not wanted.client or peer.name in wanted.client:
            try:
                outcomes.append(try_peer(peer))
            except NotTriedError as error:
                is_complete = False
                print(f"{peer.name}: cannot be tried: {error}", file=sys.stderr)

    if wanted.verbose:
        print(*(one.errors for one in outcomes), sep="\n", file=sys.stderr)

    print(table(outcomes))

    return 0 if is_complete and not any(one.failed for one in outcomes) else 1


def _environment() -> dict[str, str]:
    """What a script sees of ours: the sandbox is reached directly, whatever proxy there is."""
    return {**os.environ, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def _run(*words: str) -> None:
    """Run uv where our own constraints are not those of the directory."""
    done = subprocess.run(  # noqa: S603  # uv
        words, capture_output=True, text=True, timeout=INSTALL_S, check=False, cwd=ENVIRONMENTS
    )

    if done.returncode:
        raise NotTriedError(done.stderr.strip())


def _why(step: dict[str, Any]) -> str:
    return "" if step["passed"] else step["note"] or "failed"


def _text(output: bytes | str | None) -> str:
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else output or ""


if __name__ == "__main__":
    sys.exit(main())
