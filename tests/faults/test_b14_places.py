"""B14: small words: where a request to the sandbox is wrong, one exit, and a position by what is known of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perpmaker.errors import ConfigurationError, PayloadError
from perpmaker.journal.state_dir import open_state_dir
from perpmaker.sandbox.control import MarketLever, in_words
from perpmaker.wire.fault import parse_fault


@pytest.mark.parametrize("where", ["file", pytest.param("file/below", marks=pytest.mark.full)])
def test_B14_a_state_directory_that_cannot_be_is_said_with_what_to_do(tmp_path: Path, where: str) -> None:
    """A file stands in its place, or above it: what is wrong with it, and what to name instead."""
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match=r"PERPMAKER_HOME = .*no directory .*: name one") as raised:
        open_state_dir({"PERPMAKER_HOME": str(tmp_path / where)})

    assert str(tmp_path / where) in str(raised.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"jump": "x"}',
        b'{"jump": [1]}',
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                b'{"paused": 3}',
                b"[]",
                b"{",
            )
        ),
    ],
    ids=lambda body: body.decode(),
)
def test_B14_a_lever_that_is_wrong_is_said_without_signs_of_a_library(body: bytes) -> None:
    """The key is named in brackets where there is one."""
    with pytest.raises(msgspec.MsgspecError) as raised:
        msgspec.json.decode(body, type=MarketLever)

    words = in_words(str(raised.value))
    assert "$" not in words
    assert "`$" not in words
    assert ("(in " in words) is (b":" in body)


@pytest.mark.parametrize(
    "body", [b'{"match": {"x": 1, "y": 2}}', b'{"do": {"act": "drop"}, "match": {"method": "FOO"}}']
)
def test_B14_a_fault_that_is_wrong_too(body: bytes) -> None:
    """Several places are named one after the other."""
    with pytest.raises(PayloadError) as raised:
        parse_fault(body)

    assert "$" not in in_words(str(raised.value))
