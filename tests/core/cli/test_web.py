"""`perpmaker web`: how it begins, and what keeps it from that."""

from __future__ import annotations

import importlib.util
import socket

import pytest

from perpmaker.cli import main


def ran(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and standard error."""
    with pytest.raises(SystemExit) as ended:
        main(["web", *map(str, arguments)])

    said = capsys.readouterr()
    assert said.out == ""

    return int(ended.value.code or 0), said.err


def test_without_the_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starlette and uvicorn are for this command alone."""
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *more: {"uvicorn": None, "starlette": real("click")}.get(name, real(name, *more)),
    )
    code, err = ran(capsys)
    assert code == 2
    assert 'it needs uvicorn: pip install "perpmaker[web]"' in err


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do; no other address than loopback can be asked for."""
    pytest.importorskip("uvicorn", reason="the extra web is not installed")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = ran(capsys, "--port", port)

    assert code == 2
    assert f"127.0.0.1:{port}: Address already in use; choose another one, or 0" in err
    assert ran(capsys, "--host", "0.0.0.0")[0] == 2  # noqa: S104  # what must not be possible
