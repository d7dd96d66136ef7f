from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from perpmaker.errors import ConfigurationError, ExitCode, LockedError
from perpmaker.journal.state_dir import Key, StateDir, open_state_dir

KEY = Key(environment="testnet", venue="binance_perpetual", account="8f3a", market="BTC-USDT")


def mode(path: Path) -> int:
    """The permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def test_the_state_directory_is_its_owners_alone(tmp_path: Path) -> None:
    """Directories are 0700 also when they were wider before, and the lock file is 0600."""
    (tmp_path / "state").mkdir(mode=0o755)
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path / "state")})

    with home.lock(KEY):
        assert mode(home.root) == mode(home.root / "lock") == 0o700
        assert {mode(file) for file in (home.root / "lock").iterdir()} == {0o600}


def test_a_state_directory_that_cannot_be_made_is_a_fault_of_the_environment(tmp_path: Path) -> None:
    """The error names the variable and what it was."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match=r"PERPMAKER_HOME = .*file/state: no directory can be made"):
        open_state_dir({"PERPMAKER_HOME": str(tmp_path / "file" / "state")})


def test_a_second_process_is_refused_and_told_who_holds_the_lock(tmp_path: Path) -> None:
    """The lock is the kernel's: another process that holds it is named by its number and host."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    program = (
        "import sys\n"
        "from perpmaker.journal.state_dir import Key, StateDir\n"
        "from pathlib import Path\n"
        "key = Key(environment='testnet', venue='binance_perpetual', account='8f3a', market='BTC-USDT')\n"
        "with StateDir(Path(sys.argv[1])).lock(key):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )

    with subprocess.Popen(  # noqa: S603  # our own interpreter and program
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"

        with pytest.raises(LockedError, match=f"already traded by process {holder.pid} on ") as caught, home.lock(KEY):
            pass

        assert caught.value.exit_code is ExitCode.FILE
        holder.stdin.close()

    with home.lock(KEY):
        pass


def test_each_environment_account_and_market_has_a_file_of_its_own(tmp_path: Path) -> None:
    """A key that differs anywhere names another file, whatever characters it is made of."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    other = Key(environment="testnet", venue="binance_perpetual", account="../8f3a", market="BTC-USDT")

    assert home.journal(KEY).name == "testnet~binance_perpetual~8f3a~BTC-USDT.sqlite3"
    assert home.journal(other).parent == home.journal(KEY).parent
    assert home.journal(other) != home.journal(KEY)


def test_a_lock_that_is_kept_lets_its_keeper_pass_and_nobody_else(tmp_path: Path) -> None:
    """Between the end of a bot and what is done in its place: the same state directory object, not another one."""
    home = StateDir(tmp_path)

    with home.keep_lock(home.lock_path(KEY), "it"):
        with home.lock(KEY), home.lock(KEY):
            pass

        with pytest.raises(LockedError, match="already traded by process"), StateDir(home.root).lock(KEY):
            pass

        with (
            pytest.raises(LockedError, match="it is already"),
            StateDir(home.root).keep_lock(home.lock_path(KEY), "it"),
        ):
            pass

    with home.lock(KEY):
        pass
