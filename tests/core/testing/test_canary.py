"""The search for secrets finds them: in every form, in every file of the program, and in no other."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from perpmaker.testing.canary import Canaries

SECRET = 'k3y/with+signs="\\quotes and words'
CANARIES = Canaries({"key": SECRET})


@pytest.mark.parametrize(
    "leak",
    [
        SECRET,
        SECRET.encode().hex().upper(),
        SECRET[::-1],
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                json.dumps({"error": SECRET}),
                repr({"error": SECRET}),
                quote(SECRET, safe=""),
                SECRET.encode().hex(),
                base64.b64encode(SECRET.encode()).decode(),
                base64.b64encode(b"user:" + SECRET.encode() + b"@host").decode(),
                base64.b64encode(b"4" + SECRET.encode()).decode(),
                base64.urlsafe_b64encode(b"ab" + SECRET.encode() + b"c").decode(),
            )
        ),
    ],
)
def test_a_secret_is_found_in_each_form(leak: str) -> None:
    """In the middle of other text, wherever a base64 of more than it has put it."""
    assert list(CANARIES.found_in(f"before {leak} after".encode())) == ["key"]
    assert list(CANARIES.found_in(f"before {leak[:-8]}".encode())) in ([], ["key"])


def test_what_is_no_secret_is_not_found() -> None:
    """Ordinary words, and a part of it."""
    assert list(CANARIES.found_in(b"k3y/with and words")) == []


def test_only_what_the_program_wrote_is_searched(tmp_path: Path) -> None:
    """A test may write down its secret itself; a journal, a log, a traceback and last words may not have it."""
    written = ["home/journal/a.sqlite3-wal", "home/log/b.jsonl.1", "home/traceback-1.txt", "unsaid-2.txt"]

    for name in (*written, "key.txt", "run.toml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" + SECRET.encode())

    assert list(CANARIES.found_below(tmp_path)) == sorted(f"{name}: key" for name in written)
