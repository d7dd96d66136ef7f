"""Virtual time on either event loop, in a fixed scheduling order. The only place that touches trio or asyncio."""

from __future__ import annotations

import asyncio
import os
from selectors import DefaultSelector, SelectorKey
from typing import Any

from perpmaker.errors import PerpmakerError

VARIABLE = "PERPMAKER_VIRTUAL_LOOP"


def require_trio() -> None:
    """Say what is missing where trio is not installed."""
    try:
        import trio  # noqa: F401, PLC0415  # a test dependency: the core itself runs without it
    except ImportError as error:
        raise PerpmakerError('virtual time needs trio: pip install "perpmaker[testing]"') from error


def virtual_backend() -> tuple[str, dict[str, Any]]:
    """A fresh anyio backend on virtual time: sleeping costs nothing, and the same run happens the same way twice.

    For `anyio.run(..., backend=name, backend_options=options)` or pytest's `anyio_backend` fixture. Under it there
    must be no threads and no DNS: time jumps as soon as every task waits. It is asyncio's, as that of a real run, and
    takes three quarters of the time of trio's, which is taken where PERPMAKER_VIRTUAL_LOOP says `trio`.
    """
    return virtual_trio() if os.environ.get(VARIABLE) == "trio" else virtual_asyncio()


def virtual_trio() -> tuple[str, dict[str, Any]]:
    """A fresh anyio backend like `virtual_backend`, of trio."""
    require_trio()
    import trio.testing  # noqa: PLC0415  # a test dependency: the core itself runs without it
    from trio._core import _run  # noqa: PLC0415

    # Private names, pinned by a test: trio schedules in random order unless told that the order may be repeated.
    vars(_run)["_ALLOW_DETERMINISTIC_SCHEDULING"] = True
    _run._r.seed(0)  # noqa: SLF001

    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


class _JumpingSelector(DefaultSelector):
    """Lets the loop's time jump where nothing is ready, instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Return what is ready now. A loop that waits for threads alone waits really."""
        if timeout is None:
            return super().select(None)

        ready = super().select(0)

        if not ready:
            self.now += max(0.0, timeout)

        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop of asyncio whose time jumps to the next timer as soon as every task waits."""

    def __init__(self) -> None:
        self._selector_of_time = _JumpingSelector()
        super().__init__(self._selector_of_time)

    def time(self) -> float:
        """Seconds of virtual time."""
        return self._selector_of_time.now


def virtual_asyncio() -> tuple[str, dict[str, Any]]:
    """A fresh anyio backend like `virtual_backend`, of asyncio."""
    return "asyncio", {"loop_factory": VirtualLoop}
