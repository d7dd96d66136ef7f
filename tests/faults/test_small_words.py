"""Small faults of words and waits at the edges: files that run out, Ctrl-Backslash, a journal that is held."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from perpmaker.cli.handle import Handle, watch_signals
from perpmaker.errors import JournalError
from perpmaker.journal import file as file_of_journal
from perpmaker.journal.opening import open_journal
from perpmaker.journal.state_dir import Key
from perpmaker.model.order import OrderStatus
from perpmaker.testing.scene import Scene
from perpmaker.wire.pipe import _reason

KEY = Key(environment="sandbox", venue="binance_perpetual", account="1", market="BTC-USDT")
TOO_MANY = OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def caused(error: OSError, cause: BaseException) -> OSError:
    """An error of the event loop, with what it was made of."""
    error.__cause__ = cause

    return error


def test_files_that_run_out_are_no_fault_of_the_network() -> None:
    """Alone, below the event loop's error, or one for each address of a host."""
    for error in [
        TOO_MANY,
        OSError(errno.ENFILE, os.strerror(errno.ENFILE)),
        caused(OSError("All connection attempts failed"), TOO_MANY),
        caused(OSError("All connection attempts failed"), ExceptionGroup("", [TOO_MANY, TOO_MANY])),
    ]:
        said = _reason("fapi.binance.com", 443, error)
        assert "file descriptors" in said
        assert "ulimit -n" in said
        assert "Check the network" not in said


def test_files_that_run_out_are_seen_behind_a_name_that_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver says that the name leads nowhere, whatever kept it from asking."""
    error = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    assert "file descriptors" not in _reason("fapi.binance.com", 443, error)

    def none(*_: Any) -> int:
        raise TOO_MANY

    monkeypatch.setattr(os, "open", none)
    assert "file descriptors" in _reason("fapi.binance.com", 443, error)


@pytest.mark.anyio
async def test_signal_that_people_type_ends_a_run_cleanly() -> None:
    """SIGQUIT is the Ctrl-C of who has one that does nothing: it stops as SIGTERM does, and the second hurries."""
    async with anyio.create_task_group() as group:
        handle = Handle(close=False, seconds=None, scope=anyio.CancelScope())
        await group.start(watch_signals, handle)
        assert signal.getsignal(signal.SIGQUIT) is not signal.SIG_DFL
        signal.raise_signal(signal.SIGQUIT)

        with anyio.fail_after(300):
            while not handle.stop_reason:  # noqa: ASYNC110  # a signal is no event of anyio's
                await anyio.sleep(0.01)

        group.cancel_scope.cancel()


def test_journal_that_is_held_for_a_moment_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that copies it for half a second ends no bot."""
    monkeypatch.setattr(file_of_journal, "BUSY_S", 300.0)

    with open_journal(tmp_path / "j", KEY, "r1") as (journal, _):
        other = sqlite3.connect(tmp_path / "j", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.5, other.execute, ("ROLLBACK",))
        release.start()
        journal.record_notice("written all the same", 1)
        assert journal.broken is None
        release.join()
        other.close()


def test_journal_that_stays_held_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be traded without: the words name the other program as the cause."""
    monkeypatch.setattr(file_of_journal, "BUSY_S", 0.05)

    with (
        open_journal(tmp_path / "j", KEY, "r1") as (journal, _),
        closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(JournalError, match="end what else has it open"):
            journal.record_notice("not written", 1)

        other.execute("ROLLBACK")


def test_adopted_order_may_be_that_of_a_bot_that_lives() -> None:
    """Whose order it is nobody here knows: an earlier run's, or that of a bot on another machine."""
    scene = Scene()
    stranger = scene.order_report("pm-bot-zz-7", OrderStatus.OPEN)
    told = scene.tell(scene.resynced(orders=(cast("Any", stranger),)), scene.book())
    assert any("of an earlier run or of another running bot is live" in line for line in told.notices)
