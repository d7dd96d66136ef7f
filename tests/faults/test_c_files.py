"""Row C: secrets are never shown, what is kept is its owner's alone, links are not followed, memory is not dumped."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from perpmaker.cli import main
from perpmaker.errors import ConfigurationError, JournalError, LockedError
from perpmaker.journal.file import connect, open_witness
from perpmaker.journal.state_dir import Key, StateDir, open_state_dir
from perpmaker.secret import References, redacted
from perpmaker_binance_perpetual.settings import Settings

KEY = Key(environment="testnet", venue="binance_perpetual", account="8f3a", market="BTC-USDT")
FILE = Path(__file__).parents[2] / "examples" / "sandbox.toml"
PASTED = (
    "vQ3hN8sTz1LxKc7RbYw0PfJm2EuGd9AoVi4S6nXkWtBrCqHyZl5IgMjUeOpFaDx",
    "JBSWY3DPEHPK3PXPGEZDGNBVGY3TQOJQ",
    "0123456789abcdef0123456789abcdef",
    "TRADING_API_SECRET_THAT_IS_NOT_SET",
    "vQ3hN8/Tz1LxKc7+bYw0PfJm2Eu=",
)


def mode(path: Path) -> int:
    """The permission bits of a path itself."""
    return stat.S_IMODE(path.lstat().st_mode)


# --- secrets that were pasted


@pytest.mark.each_value
@pytest.mark.parametrize("scheme", ["env", "file", "keyring"])
@pytest.mark.parametrize("secret", PASTED)
@pytest.mark.parametrize("act", [References.reveal, References.signer, References.fault])
def test_C_a_secret_behind_a_scheme_is_not_echoed(
    scheme: str, secret: str, act: Callable[[References, str], object], tmp_path: Path
) -> None:
    """What the reference should lead to is not there, so the text may be the secret itself: no message has it."""
    text = f"{scheme}:{secret}/{secret}" if scheme == "keyring" else f"{scheme}:{secret}"
    references = References(tmp_path, {"HOME": "/home/me"})
    said = ""

    try:
        said = str(act(references, text))
    except ConfigurationError as error:
        said = repr(error) + str(error)

    assert secret not in said
    assert "not shown" in said or "pip install keyring" in said


@pytest.mark.parametrize("scheme", ["env", "file"])
def test_C_a_pasted_secret_is_taken_out_of_later_messages(scheme: str, tmp_path: Path) -> None:
    """Whoever repeats the configuration's text, an error of a plugin for instance."""
    secret = f"PastedSecretOf{scheme}0123456789"

    with pytest.raises(ConfigurationError):
        References(tmp_path, {}).reveal(f"{scheme}:{secret}")

    assert secret not in redacted(f"cannot use {scheme}:{secret}")


@pytest.mark.each_value
@pytest.mark.parametrize("how", ["file", "set"])
@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("scheme", ["env", "file", "keyring:a"])
def test_C_no_command_echoes_what_was_pasted(
    how: str, command: str, scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the file's text nor the command line's, and the key with its place is named all the same."""
    secret = PASTED[0]
    reference = f"{scheme}/{secret}" if ":" in scheme else f"{scheme}:{secret}"
    table = f'environment = "testnet"\napi_key = "{reference}"\napi_secret = "{reference}"'
    file = tmp_path / "bot.toml"
    file.write_text(FILE.read_text().replace('environment = "sandbox"', table if how == "file" else ""))
    words = [word for key in ("api_key", "api_secret") for word in ("--set", f'binance_perpetual.{key}="{reference}"')]
    words = [*words, "--set", 'binance_perpetual.environment="testnet"'] if how == "set" else []

    with pytest.raises(SystemExit) as ended:
        main([command, str(file), *words])

    said = "".join(capsys.readouterr())
    assert ended.value.code == 2
    assert secret not in said
    assert "binance_perpetual.api_secret" in said


def test_C_what_is_there_is_still_named(tmp_path: Path) -> None:
    """A variable that is empty, a file that is open to others, and the nearest name of the environment."""
    (tmp_path / "key").write_text("secret\n")
    (tmp_path / "key").chmod(0o644)
    references = References(tmp_path, {"MY_API_KEY": ""})

    for reference, said in (
        ("env:MY_API_KEY", "env:MY_API_KEY: is there, but empty"),
        ("file:key", "file:key: is open to others"),
        ("env:MY_API_KEI", "did you mean env:MY_API_KEY?"),
        (f"file:{tmp_path}/kei", f"there is no such file in {tmp_path} "),
    ):
        with pytest.raises(ConfigurationError) as raised:
            references.reveal(reference)

        assert said in str(raised.value)


def test_C_settings_do_not_show_their_references() -> None:
    """A traceback or a log that shows the settings of the connector shows none."""
    assert "Pasted" not in repr(Settings(api_key="env:Pasted", api_secret="env:Pasted"))


# --- files


@pytest.mark.each_value
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".head", ".older", ".damaged-1"])
@pytest.mark.parametrize("wide", [0o666, 0o644, 0o660, 0o777])
def test_C_a_journal_that_was_open_to_others_is_tightened(suffix: str, wide: int, tmp_path: Path) -> None:
    """With every file beside it, before anything is read or written."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path / "state")})
    path = home.journal(KEY)
    connect(path).close()
    file = path.with_name(path.name + suffix)
    file.touch()
    file.chmod(wide)
    home.journal(KEY)
    assert mode(file) == 0o600


def test_C_journal_and_witness_are_tightened_when_they_are_opened(tmp_path: Path) -> None:
    """Whoever opens them."""
    path = tmp_path / "journal.sqlite3"
    path.touch()
    path.chmod(0o666)
    connect(path).close()
    assert mode(path) == 0o600

    head = path.with_name(f"{path.name}.head")
    head.touch()
    head.chmod(0o666)
    open_witness(path).close()
    assert mode(head) == 0o600


def test_C_a_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """What it leads to is neither read nor written nor changed."""
    for kind in ["journal", "lock", "hold"]:
        target = tmp_path / "target"
        target.write_text("precious")
        target.chmod(0o644)
        home = open_state_dir({"PERPMAKER_HOME": str(tmp_path / "state")})
        folder = home.root / kind
        folder.mkdir(mode=0o700)

        if kind == "journal":
            (folder / f"{KEY.file_name}.sqlite3").symlink_to(target)

            with pytest.raises(JournalError, match="symbolic link"):
                connect(home.journal(KEY))
        elif kind == "lock":
            (folder / f"{KEY.lock_name}.lock").symlink_to(target)

            with pytest.raises(LockedError, match="symbolic link"), home.lock(KEY):
                pass
        else:
            (folder / "binance").symlink_to(target)
            home.hold("binance", 5)
            assert home.held_until_ms("binance") == 0

        assert (target.read_text(), mode(target)) == ("precious", 0o644)


def test_C_a_hold_is_kept_and_tightened(tmp_path: Path) -> None:
    """A later word replaces it, also a shorter one."""
    home = open_state_dir({"PERPMAKER_HOME": str(tmp_path)})
    home.hold("binance", 1_000_000)
    (file,) = (tmp_path / "hold").iterdir()
    file.chmod(0o666)
    home.hold("binance", 7)
    assert (home.held_until_ms("binance"), mode(file)) == (7, 0o600)


# --- directories


@pytest.mark.parametrize(
    "kind", ["journal", "lock", "hold", *(pytest.param(one, marks=pytest.mark.full) for one in ("",))]
)
def test_C_a_directory_that_is_a_link_is_refused(kind: str, tmp_path: Path) -> None:
    """The state directory and those in it: what the link leads to keeps its mode, and nothing is made in it."""
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    root = tmp_path / "state"

    if kind:
        open_state_dir({"PERPMAKER_HOME": str(root)})
        (root / kind).symlink_to(target)
    else:
        root.symlink_to(target)

    def use(home: StateDir) -> None:
        home.journal(KEY)
        home.held_until_ms("binance")

        with home.lock(KEY):
            pass

    with pytest.raises(ConfigurationError, match="symbolic link: name a directory itself"):
        use(open_state_dir({"PERPMAKER_HOME": str(root)}))

    assert (mode(target), list(target.iterdir())) == (0o755, [])


def test_C_a_link_to_nothing_and_one_further_up(tmp_path: Path) -> None:
    """A dangling link is a link too; a directory below one that somebody else linked is the directory itself."""
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")

    with pytest.raises(ConfigurationError, match="symbolic link"):
        open_state_dir({"PERPMAKER_HOME": str(tmp_path / "dangling")})

    (tmp_path / "disk").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "disk")
    assert mode(open_state_dir({"PERPMAKER_HOME": str(tmp_path / "linked" / "state")}).root) == 0o700
    assert not (tmp_path / "nowhere").exists()


# --- memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
@pytest.mark.parametrize("act", ["reveal", "signer", "fault"])
def test_C_a_process_that_holds_a_secret_cannot_be_dumped(act: str) -> None:
    """From before the first secret is read: no core file, not dumpable; until then it may be looked at."""
    program = (
        "import ctypes, resource\n"
        "from pathlib import Path\n"
        "from perpmaker.secret import References\n"
        "def state():\n"
        "    return ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)\n"
        "print(state()[0])\n"
        f"References(Path(), {{'KEY': 'a secret of somebody'}}).{act}('env:KEY')\n"
        "print(*state())\n"
    )
    words = [sys.executable, "-c", program]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ}).stdout  # noqa: S603
    assert said.splitlines() == ["1", "0 (0, 0)"]
