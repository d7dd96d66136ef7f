"""Reading a file: lines, faults of TOML one after another, overrides, and files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perpmaker.config.file import read_document
from perpmaker.config.loading import load_configuration
from perpmaker.errors import ConfigurationError, Problem

LINES = '''\
# a comment
a = 1

"b c" = 2
d.e = 3
d."f.g" = 4
list = [
    1,  # with a comment
    2,
]
text = """
h = 5
[no table]
"""
i = { j = 6, k.l = 7 }

[m]
n = 8

[o.p]   # a table
q = 9
r.s = 10
'''


def read(tmp_path: Path, text: str | bytes, *overrides: str) -> Any:
    """A text as a document."""
    file = tmp_path / "x.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)

    return read_document(file, overrides)


def test_every_key_has_its_line(tmp_path: Path) -> None:
    """Quoted and dotted keys, values of several lines, inline tables and headers: each key has its line."""
    assert dict(read(tmp_path, LINES).lines) == {
        ("a",): 2,
        ("b c",): 4,
        ("d",): 5,
        ("d", "e"): 5,
        ("d", "f.g"): 6,
        ("list",): 7,
        ("text",): 11,
        ("i",): 15,
        ("i", "j"): 15,
        ("i", "k"): 15,
        ("i", "k", "l"): 15,
        ("m",): 17,
        ("m", "n"): 18,
        ("o",): 20,
        ("o", "p"): 20,
        ("o", "p", "q"): 21,
        ("o", "p", "r"): 22,
        ("o", "p", "r", "s"): 22,
    }


def test_F82_byte_order_mark_and_windows_line_ends_are_accepted(desk: Any, good: str) -> None:
    """A file from another system is the same file, with the same lines."""
    for change in [lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")]:
        assert desk.load(change(good)).run.leverage == 3
        assert desk.problem(change(good + "x = 1\n")).line == 9


def test_F82_missing_file_and_folder_are_worded(tmp_path: Path, installed: Any) -> None:
    """A file that is not there, in a folder that may not be there either, or that is a folder, is said as that."""
    for path, words in (
        (tmp_path / "no.toml", "is not there"),
        (tmp_path / "no" / "no.toml", f"is not there (and no folder {tmp_path / 'no'})"),
        (tmp_path, "is a folder: name a file in it"),
        (Path("a\0b"), "cannot be read: embedded null byte"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            load_configuration(path, (), installed)

        assert refused.value.problems == (Problem(file=str(path), key="the file", allowed=words),)


def test_F82_file_over_a_mebibyte_is_refused(desk: Any, good: str) -> None:
    """A file over 1 MiB is refused without being parsed; one of exactly 1 MiB is read."""
    filled = good + "#" * (1_048_576 - len(good))
    assert desk.load(filled).run.leverage == 3
    assert desk.problem(filled + "#").allowed == "is over 1 MiB: that is no configuration"


def test_F82_file_that_is_no_text_is_refused(desk: Any, good: str) -> None:
    """Bytes that are not UTF-8 are refused with their line."""
    assert desk.problem(good.encode() + b"# \xff\n").allowed == "is not UTF-8 text (line 9)"


def test_F82_duplicate_key_has_its_line_and_hides_nothing(desk: Any, good: str) -> None:
    """A key that is there twice is said at its second line, beside the other faults."""
    problems = desk.problems(good + "leverage = 4\nx = 1\n")
    assert [(problem.line, problem.key, problem.allowed) for problem in problems] == [
        (9, "leverage", "is there twice: leave one out"),
        (10, "x", "no such key in the top of the file"),
    ]


def test_F82_duplicate_table_has_its_line_and_its_keys_go_nowhere(desk: Any, good: str) -> None:
    """A table that is there twice is said at its second header; its keys do not fall into the table above."""
    problem = desk.problem(good + "[sandbox]\nseed = 1\n[risk]\n[sandbox]\nseed = 2\n")
    assert (problem.line, problem.allowed) == (12, "this table is there twice: put its keys together")


def test_lines_that_are_no_toml_are_said_one_by_one(desk: Any, good: str) -> None:
    """Several lines that are not TOML are all found, and a key whose value cannot be read is not called missing."""
    text = good.replace("leverage = 3", "leverage =").replace("ask_spread = 0.1", "ask_spread = 0,1")
    problems = desk.problems(text + "what is this\n")
    assert [(problem.line, problem.key) for problem in problems] == [
        (4, "leverage"),
        (6, "ask_spread"),
        (9, "this line"),
    ]
    assert [problem.allowed.partition(":")[0] for problem in problems] == [
        "has no value",
        "has a decimal comma",
        "is not TOML",
    ]


def test_line_that_cannot_be_read_is_not_repeated(desk: Any, good: str) -> None:
    """A fault of TOML never shows the text of its line: it may hold a secret."""
    (problem,) = desk.problems(good + '[binance_perpetual]\napi_secret = "vmPUZE6mv9SD5V\n')
    assert (problem.line, "vmPU" in str(problem)) == (10, False)


def test_value_without_an_end_is_refused(desk: Any, good: str) -> None:
    """A value that never ends, nests too deeply or has too many digits is a fault and not a crash."""
    for tail in ["a = [", "a = [\n1,\n2", 'a = """x', "a = " + "[" * 2000, "a = " + "9" * 6000]:
        assert desk.problems(good + tail)


def test_hostile_sizes_are_refused_in_bounded_time(desk: Any, good: str) -> None:
    """Thousands of unknown keys and a list of thousands of lines are refused without taking minutes."""
    assert len(desk.problems(good + "".join(f"x{number} = 1\n" for number in range(3000)))) <= 50
    assert desk.problems(good + "x = [\n" + "1,\n" * 5000 + "]\n")


def test_override_is_toml_or_text_and_has_no_line(desk: Any, good: str) -> None:
    """`key=value` is read as TOML where it is TOML and as text where it is not; the later wins; tables are made."""
    found = desk.load(good, "leverage=4", "leverage = 5", "market=ETH-USDT", "sandbox.seed=7", 'bid_spread="10bp"')
    assert (found.run.leverage, found.run.market, found.sandbox.seed) == (5, "ETH-USDT", 7)
    assert str(desk.problem(good, "leverage=0")) == "--set: leverage = 0: must be a whole number, at least 1"


def test_override_mends_a_line_that_cannot_be_read(desk: Any, good: str) -> None:
    """A missing key may come from the command line."""
    assert desk.load(good.replace("leverage = 3\n", ""), "leverage=2").run.leverage == 2


def test_override_that_is_none_is_worded(desk: Any, good: str) -> None:
    """What is not key=value, or points below a plain value, is a fault of the command line."""
    for override, words in [
        ("leverage", "--set: 'leverage': must be written key=value"),
        ("=3", "--set: '': must be written key=value"),
        ("a..b=3", "--set: (4 characters, not shown in case they are a secret): must be written key=value"),
        ("leverage.x=3", "--set: leverage.x: is below a key that is no table"),
    ]:
        assert str(desk.problem(good, override)) == words
