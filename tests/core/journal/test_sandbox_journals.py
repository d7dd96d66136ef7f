"""Of the sandboxes that runs start for themselves the newest few journals are kept, and none is ever gone on with."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from perpmaker.connector.interface import SandboxAccess
from perpmaker.journal.opening import open_journal
from perpmaker.journal.reading import find_journals
from perpmaker.journal.sandbox_journals import KEPT, forget_old_sandboxes
from perpmaker.journal.state_dir import Key, StateDir
from perpmaker.launch.identity import instance_of

CONNECTOR = cast("Any", SimpleNamespace(account="5e58"))


def account(instance: str, url: str = "http://127.0.0.1:49152") -> str:
    """What an account is called in the sandbox of that instance."""
    access = SandboxAccess(url=url, api_key="k", api_secret="s", instance=instance)

    return instance_of(CONNECTOR, cast("Any", SimpleNamespace(sandbox=access)))


def written(home: StateDir, name: str, age_s: int) -> Key:
    """A journal with an older part and a lock, last written so long ago."""
    key = Key(environment="sandbox", venue="binance_perpetual", account=name, market="BTC-USDT")
    path = home.journal(key)

    with home.lock(key), open_journal(path, key, "r1") as (journal, _):
        journal.record_run(1, {})

    path.with_name(f"{path.name}.000001").touch()

    for file in path.parent.glob(f"{path.name}*"):
        os.utime(file, (1_000_000 - age_s, 1_000_000 - age_s))

    return key


def test_the_newest_journals_of_own_sandboxes_are_kept_and_the_others_go(tmp_path: Path) -> None:
    """With every file of theirs. That of a served sandbox, and one that is traded on, stay however old they are."""
    (tmp_path / "home").mkdir(mode=0o700)
    home = StateDir(tmp_path / "home")
    keys = [written(home, account(f"{number:08x}"), age_s=number) for number in range(KEPT + 3)]
    served = written(home, account(""), age_s=500)

    with home.lock(keys[-1]):
        assert forget_old_sandboxes(home) == [
            "removed what was journalled of 2 older sandbox runs (the newest 5 are kept)"
        ]

    kept = {*keys[:KEPT], keys[-1], served}
    assert {journal.key for journal in find_journals(home.root).journals} == kept
    assert {file.name.partition(".sqlite3")[0] for file in (home.root / "journal").iterdir()} == {
        key.file_name for key in kept
    }
    assert {file.stem for file in (home.root / "lock").iterdir()} == {key.lock_name for key in kept}
    assert forget_old_sandboxes(home) == ["removed what was journalled of an older sandbox run (the newest 5 are kept)"]
    assert forget_old_sandboxes(home) == []


def test_a_new_sandbox_never_meets_the_journal_of_an_old_one_at_the_same_address() -> None:
    """One that is served goes on with its own."""
    assert account("1") != account("2") != account("")
    assert account("") == "5e58@127.0.0.1:49152"
