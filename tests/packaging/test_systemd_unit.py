"""The unit of systemd: what it must say, and what `systemd-analyze` says of it where that is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from perpmaker.errors import ExitCode

UNIT = Path(__file__).parents[2] / "packaging" / "systemd" / "perpmaker@.service"
PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


def parsed() -> dict[str, dict[str, list[str]]]:
    """Section -> key -> its values, as systemd reads them."""
    sections: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    section = ""

    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line.strip() and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            sections[section][key].append(value)

    return sections


def test_it_is_started_again_after_three_codes_and_no_other() -> None:
    """Our own bug, an unreachable venue, an end that was not proven; five times in a quarter of an hour."""
    unit, service = parsed()["Unit"], parsed()["Service"]
    assert service["Restart"] == ["no"]
    wanted = (ExitCode.BUG, ExitCode.UNREACHABLE, ExitCode.NOT_PROVEN_CLEAN)
    assert service["RestartForceExitStatus"] == [" ".join(str(code.value) for code in wanted)]
    assert (unit["StartLimitIntervalSec"], unit["StartLimitBurst"]) == (["900"], ["5"])
    assert int(service["RestartSec"][0]) * 5 < 900


def test_it_is_given_the_time_that_a_clean_end_takes() -> None:
    """SIGTERM to the bot alone, and a minute; its sandbox is not ended before it."""
    service = parsed()["Service"]
    assert service["KillSignal"] == ["SIGTERM"]
    assert service["KillMode"] == ["mixed"]
    assert service["TimeoutStopSec"] == ["60"]


def test_it_runs_as_nobody_else_and_sees_nothing_else() -> None:
    """A user of its own, keys as credentials, one directory that it may write."""
    service = parsed()["Service"]
    assert service["User"] == ["perpmaker"]
    assert "DynamicUser" not in service  # its state directory would be a link, which is refused
    assert service["LoadCredential"] == ["keys:/etc/perpmaker/%i.keys"]
    assert service["StateDirectory"] == ["perpmaker"]
    assert service["Environment"] == ["PERPMAKER_HOME=%S/perpmaker"]
    assert (service["StateDirectoryMode"], service["UMask"]) == (["0700"], ["0077"])
    hardened = ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "MemoryDenyWriteExecute")
    assert {key: service[key] for key in hardened} == {key: ["yes"] for key in hardened}
    assert service["ProtectSystem"] == ["strict"]
    assert service["CapabilityBoundingSet"] == [""]
    assert "ProcSubset" not in service  # which boot of the machine it is stands in /proc/sys


def test_systemd_takes_it(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing but the program itself missing; nothing of it is unknown."""
    command = shutil.which("systemd-analyze")

    if command is None:
        pytest.skip("there is no systemd-analyze here")

    unit = tmp_path / "perpmaker@btc.service"
    shutil.copyfile(UNIT, unit)
    text = unit.read_text().replace("/opt/perpmaker/bin/perpmaker", shutil.which("true") or "/bin/true")
    unit.write_text(text)
    ended = subprocess.run([command, "verify", str(unit)], capture_output=True, text=True, check=False)  # noqa: S603
    said = [line for line in ended.stderr.splitlines() if unit.name in line]
    assert said == []


def test_the_page_has_the_unit_and_the_files() -> None:
    """Whoever sets it up finds each file of packaging/ by its name."""
    folder = UNIT.parents[1]
    files = [path.relative_to(folder.parent) for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 4
    assert [str(path) for path in files if f"](../{path})" not in PAGE] == []


def test_the_page_says_what_to_do_by_every_exit_code() -> None:
    """One row a code."""
    table = PAGE.partition("## What to do when it has ended")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert {code for row in rows for code in row.split(", ")} >= {str(code.value) for code in ExitCode}
