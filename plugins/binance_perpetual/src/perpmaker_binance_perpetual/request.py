"""How an endpoint is asked: once or, where that is harmless, once more with a newly measured clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import anyio

from perpmaker.clock import Clock
from perpmaker.connector.payload import PayloadDecoder, is_json
from perpmaker.errors import ConnectivityError, PayloadError, VenueError
from perpmaker_binance_perpetual.budget import Cost
from perpmaker_binance_perpetual.call import Caller, NotSentError, Security
from perpmaker_binance_perpetual.messages import ServerTime
from perpmaker_binance_perpetual.refusals import TIMESTAMP, Answer, error_of

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

_CLOCK_SAMPLES = 3
_ORDER_PATIENCE_S = 0.25
"""A quote that would wait longer for its turn is stale by then: it is refused unsent instead."""

_CHEAP = Cost()
_TIME = PayloadDecoder(ServerTime)


class Requests:
    """Reads and commands over one `Caller`; measures the venue's clock where it is not known."""

    def __init__(self, caller: Caller, clock: Clock) -> None:
        self._caller = caller
        self._clock = clock

    async def sync_clock(self) -> None:
        """Measure the distance to the venue's clock: `GET /time`, a few times, the quickest answer counts.

        Exits and cancels wait for it, so it takes from their reserve.
        """
        best: tuple[float, float, int] | None = None

        for _ in range(_CLOCK_SAMPLES):
            sent_at = self._clock.now()
            time = await self.read(_TIME, "GET", "/fapi/v1/time", security=Security.NONE, urgent=True)
            received_at = self._clock.now()

            if best is None or received_at - sent_at < best[1] - best[0]:
                best = sent_at, received_at, time.serverTime

        if best is not None:
            self._caller.server_clock.observe(*best)

    async def read(
        self,
        decoder: PayloadDecoder[T],
        method: str,
        path: str,
        parameters: Mapping[str, str | int] | None = None,
        *,
        security: Security = Security.SIGNED,
        cost: Cost = _CHEAP,
        urgent: bool = False,
    ) -> T:
        """The decoded answer to what may be sent twice; raises what the refusal means."""
        answer = await self.answer(method, path, parameters or {}, security=security, cost=cost, urgent=urgent)

        return decode(decoder, answer)

    async def answer(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str | int],
        *,
        security: Security = Security.SIGNED,
        cost: Cost = _CHEAP,
        urgent: bool = False,
    ) -> Answer:
        """The answer to what may be sent twice, when it is no refusal."""
        return checked(await self.retried(method, path, parameters, security=security, cost=cost, urgent=urgent))

    async def retried(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str | int],
        *,
        security: Security = Security.SIGNED,
        cost: Cost = _CHEAP,
        urgent: bool = False,
    ) -> Answer:
        """Send what may be sent twice: once more, with a newly measured clock, when the timestamp was refused."""
        for again in (True, False):
            if security is Security.SIGNED:
                await self._know_time()

            answer = await self._caller.call(method, path, parameters, security=security, cost=cost, urgent=urgent)

            if not (again and self._was_late(answer)):
                break

        return answer

    async def command(
        self, method: str, path: str, parameters: Mapping[str, str | int], cost: Cost, *, urgent: bool
    ) -> Answer:
        """Send what must never be sent twice."""
        await self._know_time()
        answer = await self._caller.call(
            method,
            path,
            parameters,
            security=Security.SIGNED,
            cost=cost,
            urgent=urgent,
            patience_s=None if urgent else _ORDER_PATIENCE_S,
        )
        self._was_late(answer)

        return answer

    def _was_late(self, answer: Answer) -> bool:
        """Whether the timestamp was refused; the clock is then measured before the next signed request."""
        failure = answer.failure
        late = failure is not None and failure.code in TIMESTAMP

        if late:
            self._caller.server_clock.forget()

        return late

    async def _know_time(self) -> None:
        """Measure the clock where it is not known; without it the signed request is not sent."""
        if self._caller.server_clock.known:
            return

        try:
            await self.sync_clock()
        except (ConnectivityError, PayloadError) as error:
            raise NotSentError(f"Binance's clock cannot be read: {error}") from None


async def side_by_side(
    first: Callable[[], Awaitable[A]], second: Callable[[], Awaitable[B]], third: Callable[[], Awaitable[C]]
) -> tuple[A, B, C]:
    """Three reads at the same time; raises what the first of them that failed has raised, as it was."""
    answers: dict[int, Any] = {}
    failures: list[Exception] = []

    async with anyio.create_task_group() as tasks:

        async def run(place: int, read: Callable[[], Awaitable[object]]) -> None:
            try:
                answers[place] = await read()
            except (VenueError, PayloadError) as error:
                failures.append(error)
                tasks.cancel_scope.cancel()

        for place, read in enumerate((first, second, third)):
            tasks.start_soon(run, place, read)

    if failures:
        raise failures[0]

    return answers[0], answers[1], answers[2]


def checked(answer: Answer) -> Answer:
    """The answer; raises what it means when it is a refusal."""
    if not answer.ok:
        raise error_of(answer)

    return answer


def decode(decoder: PayloadDecoder[T], answer: Answer) -> T:
    """What a body says; ConnectivityError when the venue itself has not spoken, PayloadError when it makes no sense."""
    try:
        return decoder.decode(answer.body)
    except PayloadError:
        if is_json(answer.body):
            raise

        raise not_json(answer) from None


def not_json(answer: Answer) -> ConnectivityError:
    """A page of some proxy, or half an answer: the venue itself has not spoken."""
    return ConnectivityError(f"Binance did not answer in JSON: {answer.text[:80]!r}")
