"""A sweep comes to the same file however often it, or one of its workers, is killed on the way."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from perpmaker.errors import MarketRulesError, RecordingError, SweepError
from perpmaker.sweep.figures import Figures, Objective, Row
from perpmaker.sweep.play import play as play_backtest
from perpmaker.sweep.results_file import ResultsFile
from perpmaker.sweep.run import SweepRun
from perpmaker.sweep.search import GridSearch
from perpmaker.sweep.space import Point, parse_axis
from perpmaker.sweep.task import Play, Task, Window, hash_of_code
from perpmaker.sweep.verdict import verdict_of

INSIDE, OUTSIDE = Window(begin_ns=0, end_ns=70), Window(begin_ns=70, end_ns=100)


def figures(result: str) -> Figures:
    """Figures whose result is all that matters."""
    return Figures(
        result=Decimal(result),
        fees=Decimal("0.1"),
        funding=Decimal(0),
        turnover=Decimal(1000),
        drawdown=Decimal(2),
        fills=3,
    )


def play(task: Task, window: Window) -> Figures:
    """What a point comes to follows from its values: good in sample is bad out of sample here."""
    a = int(dict(task.point.values)["a"])

    if a == 13:
        raise MarketRulesError("a = 13 brings bad luck")

    return figures(str(a if window == INSIDE else -a))


@attrs.define
class Scripted(Executor):
    """Plays at once what it is given. After `lives` tasks of this executor its worker is gone, as is what follows."""

    lives: int
    played: int = 0

    def submit(self, function: Callable[..., Row], /, *given: object, **named: object) -> Future[Row]:  # type: ignore[override]  # rows only
        """Play it, or lose it."""
        future: Future[Row] = Future()

        if self.played == self.lives:
            future.set_exception(BrokenProcessPool("a worker is gone"))
            return future

        self.played += 1
        future.set_result(function(*given, **named))
        return future


def sweep(file: ResultsFile, lives: Callable[[], int], play: Play = play, points: int = 16) -> SweepRun:
    """A sweep of a grid."""

    @contextmanager
    def executors() -> Iterator[Executor]:
        yield Scripted(lives())

    def task_of(point: Point) -> Task:
        return Task(
            point=point,
            config="a.toml",
            overrides=(),
            data=("a.gz",),
            in_sample=INSIDE,
            out_of_sample=OUTSIDE,
            assumptions=(),
        )

    return SweepRun(
        search=GridSearch([parse_axis(f"a=0..{points - 1}:{points}")]),
        file=file,
        executors=executors,
        task_of=task_of,
        key_of=lambda task: task.key("code", "config", "data"),
        play=play,
        objective=Objective.RESULT,
        progress=lambda _row, _count: None,
    )


def finished(folder: Path, lives: Callable[[], int]) -> tuple[bytes, int]:
    """Play a sweep to its end. What its file is then, and how many points were played for it."""
    with ResultsFile(folder) as file:
        run = sweep(file, lives)
        path = file.finish({"objective": "result"}, run.rows())

    return path.read_bytes(), run.played


def test_lost_workers_and_a_killed_driver_leave_the_same_file(tmp_path: Path) -> None:
    """Byte for byte; and only what is missing is played again."""
    whole, _ = finished(tmp_path / "whole", lambda: 100)
    lost, played = finished(tmp_path / "lost", lambda: 5)
    assert lost == whole
    assert played == 16

    with ResultsFile(tmp_path / "killed") as file:  # the driver is killed while a row is being written
        for row in list(sweep(file, lambda: 100).rows())[:8]:
            assert row.key in file.rows

    rows = tmp_path / "killed" / "rows.jsonl"
    kept = rows.read_bytes().splitlines(keepends=True)[:8]
    rows.write_bytes(b"".join(kept) + b'{"key":"torn')
    again, played = finished(tmp_path / "killed", lambda: 100)
    assert again == whole
    assert played == 8


def test_workers_that_end_before_they_have_played_anything_end_the_sweep(tmp_path: Path) -> None:
    """After three times; it would go on for ever."""
    with ResultsFile(tmp_path) as file, pytest.raises(SweepError, match="workers ended 3 times"):
        sweep(file, lambda: 0).rows()


def test_a_point_that_is_refused_is_a_row_with_its_reason(tmp_path: Path) -> None:
    """The others are played."""
    with ResultsFile(tmp_path) as file:
        rows = sweep(file, lambda: 100).rows()

    assert [row.number for row in rows if row.refusal] == [13]
    assert rows[13].refusal == "a = 13 brings bad luck"
    assert len([row for row in rows if row.in_sample]) == 15


def test_data_that_cannot_be_read_are_no_refusal(tmp_path: Path) -> None:
    """The sweep ends in words, by an error that a worker can hand on; the point is played when that is mended."""

    def away(task: Task, window: Window) -> Figures:
        if dict(task.point.values)["a"] == "3":
            raise RecordingError("there is no such file", file="a.gz")

        return play(task, window)

    with ResultsFile(tmp_path) as file:
        with pytest.raises(SweepError, match=r"a\.gz: there is no such file") as ended:
            sweep(file, lambda: 100, away).rows()

        assert str(pickle.loads(pickle.dumps(ended.value))) == str(ended.value)  # noqa: S301  # our own
        assert not [row for row in file.rows.values() if dict(row.values)["a"] == "3"]
        assert sweep(file, lambda: 100).rows()[3].in_sample == figures("3")


def test_a_file_that_was_edited_meanwhile_ends_the_sweep(tmp_path: Path) -> None:
    """A row never says that it is of settings that it was not played with."""
    (tmp_path / "a.toml").write_text("edited")
    point = Point(number=0, values=(("a", "1"),))
    task = Task(
        point=point,
        config=str(tmp_path / "a.toml"),
        overrides=(),
        data=("a.gz",),
        in_sample=INSIDE,
        out_of_sample=None,
        assumptions=(),
        config_hash="of before",
    )

    with pytest.raises(SweepError, match="is another one than when the sweep began"):
        play_backtest(task, INSIDE)


def test_the_code_of_a_plugin_may_be_one_file(tmp_path: Path) -> None:
    """What is in it counts, as below a folder."""
    file = tmp_path / "plugin.py"
    file.write_text("a = 1")
    before = hash_of_code([file])
    file.write_text("a = 2")
    assert hash_of_code([file]) != before != hash_of_code([tmp_path])


def test_a_best_point_that_is_worse_than_chance_out_of_sample_is_told(tmp_path: Path) -> None:
    """Chance is the mean over all points of a grid."""
    with ResultsFile(tmp_path) as file:
        rows = sweep(file, lambda: 100).rows()

    verdict = verdict_of(rows, Objective.RESULT, lambda _: True)
    assert [row.number for row in verdict.ranked[:3]] == [15, 14, 12]
    assert verdict.best_outside == -15
    assert verdict.chance == Decimal(-(sum(range(16)) - 13)) / 15
    assert verdict.fits_noise


def test_two_sweeps_never_write_to_one_folder(tmp_path: Path) -> None:
    """The second is refused."""
    with (
        ResultsFile(tmp_path),
        pytest.raises(SweepError, match="another sweep is writing there"),
        ResultsFile(tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "kept"),
    [(b"", 0), (b"\n", None), (b"garbage\n", None), (b"cut", 0)],
)
def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path: Path, content: bytes, kept: int | None) -> None:
    """A line that was cut off is cut away; a whole one that says nothing to us is somebody else's."""
    (tmp_path / "rows.jsonl").write_bytes(content)

    if kept is None:
        with pytest.raises(SweepError, match="is no row of a sweep"), ResultsFile(tmp_path):
            pass

        assert (tmp_path / "rows.jsonl").read_bytes() == content
    else:
        with ResultsFile(tmp_path) as file:
            assert len(file.rows) == kept

        assert os.stat(tmp_path / "rows.jsonl").st_size == 0  # noqa: PTH116  # what is on the disk


def test_a_score_without_a_turnover_is_the_sign_of_the_result() -> None:
    """Nothing is divided by zero."""
    nothing = attrs.evolve(figures("0"), turnover=Decimal(0), drawdown=Decimal(0), fills=0)

    assert [objective.of(nothing) for objective in Objective] == [0, 0, 0]
    assert [objective.of(figures("4")) for objective in Objective] == [4, 40, 2]
