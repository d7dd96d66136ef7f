"""Virtual time: trio's mock clock with autojump and a fixed scheduling order. The only place that touches trio."""

from __future__ import annotations

from typing import Any

from perpmaker.errors import PerpmakerError


def require_trio() -> None:
    """Say what is missing where trio is not installed."""
    try:
        import trio  # noqa: F401, PLC0415  # a test dependency: the core itself runs without it
    except ImportError as error:
        raise PerpmakerError('virtual time needs trio: pip install "perpmaker[testing]"') from error


def virtual_backend() -> tuple[str, dict[str, Any]]:
    """A fresh anyio backend on virtual time: sleeping costs nothing, and the same run happens the same way twice.

    For `anyio.run(..., backend=name, backend_options=options)` or pytest's `anyio_backend` fixture. Under it there
    must be no threads and no DNS: time jumps as soon as every task waits.
    """
    require_trio()
    import trio.testing  # noqa: PLC0415  # a test dependency: the core itself runs without it
    from trio._core import _run  # noqa: PLC0415

    # Private names, pinned by a test: trio schedules in random order unless told that the order may be repeated.
    vars(_run)["_ALLOW_DETERMINISTIC_SCHEDULING"] = True
    _run._r.seed(0)  # noqa: SLF001

    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}
