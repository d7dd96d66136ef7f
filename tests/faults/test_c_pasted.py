"""C, B10: what was pasted where something else belongs is not repeated; a file that is no text is called so."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from perpmaker.cli import main
from perpmaker.config.pasted import address_words, option_words

FILE = Path(__file__).parents[1] / "practice.toml"
SECRET = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"  # a venue's documented example
PASSWORD = "Tr0ub4dor"  # short, and no key of any file
PHRASE = "correct_horse"  # written as a key is


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str]:
    """The exit code of a command and all that it said."""
    with pytest.raises(SystemExit) as ended:
        main(words)

    return ended.value.code, "".join(capsys.readouterr())


@pytest.mark.each_value
@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        PASSWORD,
        f"{SECRET}==",
        f" {SECRET}",
        f"a.{SECRET}=1",
        f"leverage.{SECRET}=1",
        f"{PASSWORD} {PASSWORD}",
        PHRASE,
    ],
)
def test_C_a_text_without_a_key_is_not_repeated(capsys: pytest.CaptureFixture[str], command: str, text: str) -> None:
    """After --set stands a secret alone, with the signs that end it, or in the place of a key."""
    code, words = said(capsys, command, str(FILE), "--set", text)
    assert code == 2
    assert SECRET not in words
    assert PASSWORD not in words
    assert PHRASE not in words
    assert "--set" in words


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@127.0.0.1:1",
        f"ftp://user:{PASSWORD}@127.0.0.1",
        SECRET,
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                f"http://{PASSWORD}@127.0.0.1:1",
                f"http://127.0.0.1:1/?token={PASSWORD}",
                f"user:{PASSWORD}@127.0.0.1",
            )
        ),
    ],
)
def test_C_an_address_is_shown_without_what_may_be_secret(capsys: pytest.CaptureFixture[str], url: str) -> None:
    """Name and password, and the query; a text that is no address is not shown."""
    code, words = said(capsys, "check", str(FILE), "--sandbox-url", url)
    assert code != 0
    assert SECRET not in words
    assert PASSWORD not in words
    assert "--sandbox-url" in words


@pytest.mark.parametrize("command", ["check", "run"])
def test_C_a_secret_in_the_place_of_the_file_is_not_repeated(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """It names no file, and says how long it is."""
    code, words = said(capsys, command, SECRET)
    assert code == 2
    assert SECRET not in words
    assert f"({len(SECRET)} characters that are no word): is not there" in words


def test_C_what_is_no_secret_is_shown() -> None:
    """A key of the file without its value, and an address."""
    keys = {"order_amount", "risk.exposure_limit"}
    assert option_words("order_amount", keys) == "'order_amount'"
    assert option_words("risk.exposure_limit", keys) == "'risk.exposure_limit'"
    assert address_words("http://127.0.0.1:8080") == "http://127.0.0.1:8080"


def test_B10_a_file_of_random_bytes_is_no_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A picture, an archive, a key store: whatever it is, it is no configuration."""
    file = tmp_path / "bot.toml"
    file.write_bytes(Random(3).randbytes(2_000))  # noqa: S311  # no secret
    assert said(capsys, "check", str(file)) == (2, f"{file}: is not text: name the configuration, a TOML file\n")


def test_B10_the_format_of_a_file_is_said_of_the_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its name, and what it is: nothing in between."""
    file = tmp_path / "hb.yml"
    file.write_text("strategy: perpetual_market_making\nleverage: 3\n")
    assert f"{file}: is YAML, and perpmaker reads TOML" in said(capsys, "check", str(file))[1]
