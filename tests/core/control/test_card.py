from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import attrs
import msgspec
import pytest

from perpmaker.control.address import LONGEST, connect_to, listen_at, reachable
from perpmaker.control.card import DIRECTORY, Card, hold_card, is_running, read_cards, socket_path
from perpmaker.control.server import open_control
from perpmaker.journal.state_dir import StateDir

PROGRAM = """
import sys
from pathlib import Path
import msgspec
from perpmaker.control.card import Card
from perpmaker.control.server import open_control
from perpmaker.journal.state_dir import StateDir
with open_control(StateDir(Path(sys.argv[1])), msgspec.json.decode(sys.argv[2], type=Card)):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_card_is_there_while_its_bot_lives_and_only_its_owner_reads_it(home: StateDir, card: Card) -> None:
    """Directory 0700, card and socket 0600; afterwards nothing of it is left."""
    with open_control(home, card):
        assert read_cards(home) == [card]
        assert is_running(home, card)
        directory = home.root / DIRECTORY
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}
        assert len(list(directory.iterdir())) == 2

    assert read_cards(home) == []
    assert not is_running(home, card)
    assert list((home.root / DIRECTORY).iterdir()) == []


def test_the_socket_of_a_killed_bot_is_recognised_and_removed(home: StateDir, card: Card) -> None:
    """The kernel lets go of a killed process's card, whatever it has left in the directory."""
    with subprocess.Popen(  # noqa: S603  # our own interpreter and program
        [sys.executable, "-c", PROGRAM, str(home.root), msgspec.json.encode(card).decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as bot:
        assert bot.stdout is not None
        assert bot.stdout.readline() == b"held\n"
        assert read_cards(home) == [card]
        bot.kill()

    assert socket_path(home, card.id).exists()
    assert read_cards(home) == []
    assert list((home.root / DIRECTORY).iterdir()) == []


def test_a_card_that_nobody_finished_is_swept_away_in_time(home: StateDir, card: Card) -> None:
    """A process that died between making its card and showing it leaves half a card, which is nobody's bot."""
    half = home.private(DIRECTORY) / "dead.new"
    half.write_text("{")
    assert read_cards(home) == []
    assert half.exists()
    os.utime(half, (0, time.time() - 61))
    assert read_cards(home) == []
    assert not half.exists()

    with hold_card(home, card):
        assert read_cards(home) == [card]


def test_a_card_of_another_version_is_no_bot_that_can_be_asked(home: StateDir, card: Card) -> None:
    """It is held, and what is in it is not understood: it is left alone."""
    with hold_card(home, card):
        path = home.root / DIRECTORY / f"{card.id}.json"
        path.write_text('{"id": 1}')
        assert read_cards(home) == []
        assert path.exists()


@pytest.mark.parametrize("letters", ["d", "ü"])
def test_a_socket_is_reached_however_long_its_directory_is(home: StateDir, card: Card, letters: str) -> None:
    """The system takes 107 bytes of a path, and a person has any PERPMAKER_HOME that he likes."""
    deep = attrs.evolve(home, root=home.root / (letters * 90) / (letters * 90))
    path = socket_path(deep, card.id)
    assert len(os.fsencode(path)) > 180

    with listen_at(path), connect_to(path, 1.0) as connected:
        connected.sendall(b"x")

    assert stat.S_ISSOCK(path.stat().st_mode)
    path.unlink()


def test_a_short_path_is_used_as_it_is_and_a_long_one_leaves_nothing_behind(home: StateDir) -> None:
    """The link that stands in for a long path lives for one call."""
    short = home.root / "x.sock"

    if len(os.fsencode(short)) <= LONGEST:
        with reachable(short) as name:
            assert name == str(short)

    with reachable(home.root / ("l" * 120) / "x.sock") as name:
        assert len(os.fsencode(name)) <= LONGEST

    assert not Path(name).parent.parent.exists()
