"""B9: a run without network says so in one line, then once a minute, and blames no host's spelling."""

from __future__ import annotations

import socket
from itertools import pairwise
from random import Random
from typing import Any

import anyio
import pytest

from perpmaker.cli import sandbox_child
from perpmaker.connector.interface import Environment
from perpmaker.errors import ConnectivityError, RateLimitedError
from perpmaker.launch.start_retry import StartRetry
from perpmaker.runtime.backoff import Backoff
from perpmaker.wire.pipe import connect_tcp, resolve_names

pytestmark = pytest.mark.anyio


class Venue:
    """A venue that fails as it is told to, until a time; and what a person was told meanwhile, with the time."""

    def __init__(self, until: float, *errors: Exception) -> None:
        self.began_at = anyio.current_time()
        self.until = until
        self.errors = errors
        self.asked = 0
        self.told: list[tuple[float, str]] = []

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return anyio.current_time() - self.began_at

    def tell(self, text: str) -> None:
        """Take a line."""
        self.told.append((self.now, text))

    async def ask(self, *_: object) -> int:
        """Answer or fail."""
        self.asked += 1

        if self.now < self.until:
            raise self.errors[self.asked % len(self.errors)]

        return self.asked

    async def insist(self) -> int:
        """Ask as a start asks."""
        persistence = StartRetry(
            table="binance_perpetual",
            environment=Environment.PAPER,
            tell=self.tell,
            backoff=Backoff(Random(1)),  # noqa: S311  # jitter, not cryptography
            held=lambda _: None,
        )

        return await persistence.insist(self.ask)


class TestInVirtualTime:
    """What is told, by the minute."""

    @pytest.fixture
    def anyio_backend(self, virtual_time: Any) -> Any:
        """Minutes take no time."""
        return virtual_time

    async def test_B9_a_start_without_network_is_told_once_and_then_once_a_minute(self) -> None:
        """Ten minutes offline are eleven lines at most, of which the first comes at once."""
        venue = Venue(600, ConnectivityError("fapi.binance.com:443 cannot be reached: no DNS answer."))
        await venue.insist()
        times = [at for at, _ in venue.told]

        assert venue.asked > 50
        assert times[0] == 0
        assert 9 <= len(times) <= 11
        assert all(later - earlier >= 60 for earlier, later in pairwise(times))
        assert "tried again" in venue.told[0][1]

    async def test_B9_reasons_that_alternate_are_no_more_lines(self) -> None:
        """No name service in one moment and no route in the next is the same network that is not there."""
        venue = Venue(300, ConnectivityError("no DNS answer."), ConnectivityError("no route."))
        await venue.insist()

        assert len(venue.told) <= 6

    async def test_B9_a_long_ban_is_told_also_right_after_a_short_pause(self) -> None:
        """Ten minutes of silence are never unexplained."""
        venue = Venue(
            300, RateLimitedError("slow down", retry_after_s=600), RateLimitedError("slow down", retry_after_s=2)
        )
        await venue.insist()

        assert any("Trying again in 600.0 s" in text for _, text in venue.told)

    async def test_B9_a_sandbox_that_does_not_answer_is_told_once_a_minute(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same where --sandbox-url names what is not there."""
        venue = Venue(300, ConnectivityError("--sandbox-url http://127.0.0.1:9: nothing answers there"))
        monkeypatch.setattr(sandbox_child, "attach", venue.ask)
        await sandbox_child.attach_patiently("http://127.0.0.1:9", venue.tell)

        assert 4 <= len(venue.told) <= 6


@pytest.mark.parametrize("code", [socket.EAI_AGAIN, socket.EAI_NONAME, socket.EAI_FAIL])
async def test_B9_a_host_without_dns_answer_asks_for_the_network(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Whatever the name service says: the host is most often built in, and its spelling is right."""

    async def fail(*_: object, **__: object) -> Any:
        raise socket.gaierror(code, "no")

    monkeypatch.setattr("anyio.getaddrinfo", fail)
    monkeypatch.setattr("anyio._core._sockets.getaddrinfo", fail)

    for ask in (lambda: resolve_names("fapi.binance.com", 443), lambda: _connect("fapi.binance.com")):
        with pytest.raises(ConnectivityError) as caught:
            await ask()

        text = str(caught.value)
        assert "no DNS answer for fapi.binance.com: is this machine online?" in text
        assert "spelling" not in text


async def test_B9_what_cannot_be_a_hosts_name_is_no_question_of_the_network() -> None:
    """Such a name is never asked for: the words say that it is the name, without a traceback."""
    with pytest.raises(ConnectivityError, match="cannot be a host's name"):
        await _connect(f"{'ä' * 80}.example")


async def _connect(host: str) -> Any:
    return await connect_tcp(host, 443, tls=False)
