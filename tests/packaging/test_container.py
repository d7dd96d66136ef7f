"""The container's files, as far as they can be looked at without a daemon: what they say, and what they name."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "packaging" / "container"


def instructions() -> list[tuple[str, str]]:
    """(instruction, its text) of the Containerfile, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (CONTAINER / "Containerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]

    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def of(name: str) -> list[str]:
    """The texts of one kind of instruction."""
    return [text for kind, text in instructions() if kind == name]


def test_every_instruction_is_one() -> None:
    """A slip of the pen would be found by a daemon only."""
    known = {"FROM", "COPY", "RUN", "ENV", "USER", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
    assert {kind for kind, _ in instructions()} == known
    assert of("FROM")[0].endswith(" AS build")


def test_it_installs_every_distribution_of_the_repository() -> None:
    """What is copied is there, and what is installed was copied."""
    copied = [text for text in of("COPY") if not text.startswith("--from")]
    assert all((ROOT / text.split()[0]).is_dir() for text in copied)
    installed = {path.partition("[")[0] for path in re.findall(r"/build/([a-z_/]+(?:\[[a-z,]+\])?)", of("RUN")[0])}
    assert installed == {"core", *(f"plugins/{path.name}" for path in (ROOT / "plugins").iterdir() if path.is_dir())}


def test_it_runs_as_a_user_without_rights_and_receives_signals_itself() -> None:
    """No shell in between, which would keep SIGTERM to itself; the state is a volume that the user owns."""
    assert of("USER") == ["10001"]
    assert of("ENTRYPOINT") == ['["perpmaker"]']
    assert of("STOPSIGNAL") == ["SIGTERM"]
    assert of("VOLUME") == ["/state"]
    assert "PERPMAKER_HOME=/state" in of("ENV")[0]
    assert "-m 0700 /state" in of("RUN")[1]
    order = [kind for kind, _ in instructions()]
    assert order.index("USER") > max(at for at, kind in enumerate(order) if kind == "RUN")


def test_the_service_has_a_minute_of_grace_and_no_rights() -> None:
    """And is not started again by itself: a daemon cannot tell exit codes apart."""
    text = (CONTAINER / "compose.yaml").read_text(encoding="utf-8")

    for line in (
        "stop_grace_period: 60s",
        'restart: "no"',
        "init: true",
        "read_only: true",
        "cap_drop: [ALL]",
        'security_opt: ["no-new-privileges:true"]',
        "- state:/state",
    ):
        assert f"    {line}" in text
