"""The result of runs out of their journal, against the history that the same journal comes to."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from tests.core.replay.sessions import traded

from perpmaker.backtest.from_journal import result_of_journal
from perpmaker.backtest.result import Result, decode_result
from perpmaker.cli.past_bots import find_bots, read_history
from perpmaker.errors import ResultError
from perpmaker.journal.file import connect
from perpmaker.journal.opening import open_journal
from perpmaker.journal.reading import JournalReader
from perpmaker.journal.state_dir import Key
from perpmaker.report.history import History, MoneyHistory

OLDER = Path(__file__).parents[1] / "journal" / "journal_of_7a7309f.sqlite3"


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of two runs: fills, targets, a stop loss, a lost connection. Not to be changed."""
    return traded(tmp_path_factory.mktemp("report") / "home")


@pytest.fixture(scope="module")
def result(journal: Path) -> Result:
    """What it comes to."""
    return result_of_journal(JournalReader(journal))


def history_of(journal: Path) -> History:
    """What `perpmaker history` shows of it."""
    (bot,), _ = find_bots(journal.parents[1])

    return read_history(bot)


def test_money_is_what_the_history_of_the_same_journal_says(journal: Path, result: Result) -> None:
    """To the last digit: sums, the split, days and markouts."""
    history = history_of(journal)
    assert result.pnl == history.pnl
    assert result.days == history.days
    assert result.markouts == history.markout
    assert all(getattr(result.money, one.name) == getattr(history, one.name) for one in attrs.fields(MoneyHistory))
    assert result.money.fills == len(result.fills) > 5
    assert result.curve.columns["total"][-1] == history.pnl.total


def test_two_windows_of_a_journal_come_to_the_whole(journal: Path, result: Result) -> None:
    """Wherever it is cut: results, fees and fills of both parts are those of all of it, also with a position open."""
    positions = result.curve.columns["position"]
    held = [at for at, amount in zip(result.curve.at_ms, positions, strict=True) if amount]
    assert result.pnl.total is not None

    for cut_ms in (held[1], held[-2], (result.began_ms + result.ended_ms) // 2):
        before = result_of_journal(JournalReader(journal), until_ms=cut_ms)
        after = result_of_journal(JournalReader(journal), from_ms=cut_ms)
        assert before.money.fills + after.money.fills == result.money.fills
        assert before.money.fees + after.money.fees == result.money.fees
        assert before.pnl.total is not None
        assert after.pnl.total is not None
        assert before.pnl.total + after.pnl.total == result.pnl.total, cut_ms
        assert before.ended_ms < cut_ms == after.began_ms


def test_runs_modes_quotes_and_the_market_are_those_of_the_bot(result: Result) -> None:
    """Two runs that ended, our quotes around the reference, each fill with its level, the rules of the market."""
    assert [run.ended_ms is not None for run in result.runs] == [True, True]
    assert {one.mode for one in result.modes} == {"run", "reduce", "stop"}
    assert sum(one.seconds for one in result.modes) == pytest.approx(result.quoting.total_s, abs=0.5)
    assert [one.level for one in result.levels] == ["buy 0", "sell 0"]
    assert all(one.placed == one.cancelled + one.filled + one.unresolved for one in result.levels)
    assert {(one.what, one.level) for one in result.fills} == {("quote", 0), ("take_profit", None), ("stop_loss", None)}
    columns = result.curve.columns
    both = zip(columns["own_bid"], columns["reference"], columns["own_ask"], strict=True)
    quoted = [(bid, reference, ask) for bid, reference, ask in both if bid and reference and ask]
    assert len(quoted) > 20
    assert all(bid < reference < ask for bid, reference, ask in quoted[:3])
    assert str(result.whose.market.tick) == "0.10"
    assert result.whose.synthetic
    assert (result.whose.environment, result.whose.settings["order_amount"]) == ("sandbox", "0.01")
    assert any("account stream lost" in one.reason for one in result.mode_changes)
    assert decode_result(result.as_json()) == result


@pytest.mark.full
def test_without_market_data_prices_are_those_of_fills_and_readings(tmp_path: Path) -> None:
    """As of live runs by default: the same money, fewer prices, and that is said."""
    journal = traded(tmp_path / "home", "journal_market_data=false")
    result = result_of_journal(JournalReader(journal))
    assert result.pnl == history_of(journal).pnl
    assert any("without market data" in note for note in result.notes)
    assert any(result.curve.columns["reference"])
    assert not any(result.curve.columns["bid"])
    assert any(result.curve.columns["own_bid"])


def test_a_run_of_an_early_version_has_its_money_and_says_what_is_missing() -> None:
    """It wrote neither entries nor the rules of the market."""
    result = result_of_journal(JournalReader(OLDER))
    assert result.money.fills > 0
    assert any("an early version wrote this journal" in note for note in result.notes)
    assert result.levels == ()


def test_a_journal_that_is_cut_shows_what_is_left_and_says_what_is_missing(journal: Path, tmp_path: Path) -> None:
    """A row in the middle that is not what was written: all before it counts."""
    copy = Path(shutil.copy(journal, tmp_path / journal.name))

    with closing(connect(copy)) as connection:
        connection.execute("UPDATE row SET payload = x'00' WHERE seq = (SELECT MAX(seq) / 2 FROM row)")
        connection.commit()

    result = result_of_journal(JournalReader(copy))
    assert result.money.fills > 0
    assert any("a part could not be read" in note and "is not what was written" in note for note in result.notes)


def test_a_run_that_was_killed_ends_with_its_last_word(journal: Path, tmp_path: Path) -> None:
    """Without the row of its end it has none; its time in modes ends where it was heard last."""
    copy = Path(shutil.copy(journal, tmp_path / journal.name))

    with closing(connect(copy)) as connection:
        connection.execute("DELETE FROM row WHERE kind = 'end'")
        connection.commit()

    result = result_of_journal(JournalReader(copy, proves=False))
    assert [run.ended_ms for run in result.runs] == [None, None]
    assert sum(one.seconds for one in result.modes) <= result.seconds


def test_what_is_no_journal_of_a_run_is_refused_with_words(tmp_path: Path, journal: Path) -> None:
    """An empty one, a window in which nothing was, a file of something else."""
    key = Key(environment="sandbox", venue="v", account="a", market="BTC-USDT")

    with open_journal(tmp_path / "empty.sqlite3", key, "r1"):
        pass

    (tmp_path / "text.sqlite3").write_text("no journal")

    for file, window, words in [
        (tmp_path / "empty.sqlite3", {}, "has nothing of a run"),
        (tmp_path / "text.sqlite3", {}, "does not say whose journal it is"),
        (journal, {"from_ms": 2**42}, "nothing is in the journal from"),
        (journal, {"until_ms": 1}, "has nothing before 1970-01-01T00:00:00.001Z"),
    ]:
        with pytest.raises(ResultError) as caught:
            result_of_journal(JournalReader(file), **window)

        assert words in str(caught.value)
