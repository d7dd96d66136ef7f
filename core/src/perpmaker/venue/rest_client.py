"""Requests to one venue and their answers: within budget, signed by its clock, sent once, and never guessed at.

What a request means is known above. This file knows whether it may have left, whether the venue has answered at all,
and what its no means for whoever has asked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import anyio
import attrs
import httpx

from perpmaker.clock import Clock
from perpmaker.connector.interface import ConnectorContext
from perpmaker.connector.tape import Tape
from perpmaker.errors import ConnectivityError, PayloadError, VenueError
from perpmaker.model.refusal import RefusalReason
from perpmaker.venue.answer import Answer, LateAnswerError, LostAnswerError, NotSentError, check, read_body
from perpmaker.venue.fallback import Fallback
from perpmaker.venue.http_dialect import Access, Endpoint, HttpDialect, Parameters, throttle_of, usage_of
from perpmaker.venue.request_budget import RequestBudget
from perpmaker.venue.server_clock import ServerClock
from perpmaker.venue.taped import recorded
from perpmaker.wire.exchange import NOT_SENT, Exchange, Incoming
from perpmaker.wire.http import open_exchange, place_of

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

_NONE: Parameters = {}
_CLOCK_SAMPLES = 3
_QUICK_S = 0.05
"""A round trip that takes no longer tells the venue's time well enough, and no other is made."""

QUOTE_WAIT_S = 0.25
"""Seconds: a quote that would wait longer for its turn is stale by then. It is refused unsent instead."""


class RestClient:
    """Sends requests to one origin of a venue.

    Args:
        exchange: sends bytes to that origin.
        dialect: the venue's protocol.
        clock: the engine's clock.
        budget: the venue's limits.
        place: host and port, for people.
        patience_s: seconds that a request may wait for its turn; one of `once` that is not urgent waits 0.25 s at most.
        server_clock: the venue's clock, where another client measures it. `tape` is a recording.
    """

    def __init__(
        self,
        exchange: Exchange,
        dialect: HttpDialect,
        clock: Clock,
        *,
        budget: RequestBudget,
        place: str,
        patience_s: float,
        server_clock: ServerClock | None = None,
        tape: Tape | None = None,
    ) -> None:
        self.venue = dialect.venue
        self.budget = budget
        self.clock = clock
        self.server_clock = server_clock or ServerClock(clock)
        self._exchange = exchange
        self._dialect = dialect
        self._place = place
        self._patience_s, self._tape = patience_s, tape

    async def read(self, endpoint: Endpoint[T], parameters: Parameters = _NONE) -> T:
        """Ask or tell, and read the answer.

        Raises:
            VenueError: what the venue's no means; ConnectivityError where the venue itself has not spoken.
            PayloadError: the venue's answer makes no sense.
        """
        return read_body(check(await self.send(endpoint, parameters), self.venue), endpoint.parse, self.venue)

    async def find(self, endpoint: Endpoint[T], parameters: Parameters = _NONE) -> T | None:
        """Ask in the same way for what may not exist; None where the venue says that it knows none."""
        answer = await self.send(endpoint, parameters)

        if answer.failure is not None and answer.failure.reason is RefusalReason.NOT_FOUND:
            return None

        return read_body(check(answer, self.venue), endpoint.parse, self.venue)

    async def send(self, endpoint: Endpoint[object], parameters: Parameters, *, urgent: bool = False) -> Answer:
        """Send a request and return whatever was answered, a no included.

        Raises:
            NotSentError: nothing was sent, and nothing was if it is RateLimitedError (our own budget) or
                AuthenticationError (no key).
            LostAnswerError: it cannot be known whether the venue has received it.
        """
        urgent = urgent or endpoint.urgent
        answer = await self._send_once(endpoint, parameters, urgent=urgent)

        if _is_late(answer) and not endpoint.once:
            answer = await self._send_once(endpoint, parameters, urgent=urgent)

        return answer

    async def measure_clock(self) -> None:
        """Ask the venue for its time, a few times where it is far away; the quickest answer counts.

        Exits and cancels wait for it, so it may use the budget's reserve.
        """
        best: tuple[float, float, int] | None = None

        for _ in range(_CLOCK_SAMPLES):
            sent_at = self.clock.now()
            server_ms = await self.read(self._dialect.clock)
            received_at = self.clock.now()

            if best is None or received_at - sent_at < best[1] - best[0]:
                best = sent_at, received_at, server_ms

            if received_at - sent_at <= _QUICK_S:
                break

        if best is not None:
            self.server_clock.observe(*best)

    async def now_ms(self) -> int:
        """Return the venue's time, milliseconds since the epoch; measure its clock where it is not known."""
        if not self.server_clock.known:
            await self.measure_clock()

        return self.server_clock.ms()

    def learn(self, incoming: Incoming, signed_at: float) -> Answer:
        """Learn from an answer, whichever way it came: what is used up, what its time is, when to keep still."""
        dialect, status, body = self._dialect, incoming.status, incoming.body
        self.budget.observe(usage_of(dialect, incoming.headers))
        answer = Answer(status=status, body=body, signed_at=signed_at, failure=dialect.read_failure(status, body))

        if answer.ok:
            return answer

        if _is_late(answer):
            self.server_clock.forget()

        throttle = throttle_of(dialect, answer, incoming.headers, self.server_clock.ms())

        if throttle is None:
            return answer

        if throttle.is_ban:
            self.budget.ban(throttle.seconds)
        else:
            self.budget.pause(throttle.seconds, kinds=throttle.kinds)

        return attrs.evolve(answer, retry_after_s=throttle.seconds)

    async def _send_once(self, endpoint: Endpoint[object], parameters: Parameters, *, urgent: bool) -> Answer:
        if endpoint.access is Access.SIGNED and not self.server_clock.known:
            await self._measure_before_signing()

        patience_s = QUOTE_WAIT_S if endpoint.once and not urgent else self._patience_s
        await self.budget.admit(endpoint.cost, urgent=urgent, patience_s=patience_s)
        signed_at = self.clock.now()
        request = self._dialect.encode(endpoint, parameters, self.server_clock.ms(signed_at))

        # No error is passed on or chained: those of httpx may carry their request, with the signature in its URL.
        try:
            incoming = await self._exchange(request)
        except httpx.ConnectError as error:
            raise NotSentError(str(error)) from None  # it names host and port itself
        except NOT_SENT as error:
            raise NotSentError(f"{self._place} cannot be reached: {error}") from None
        except httpx.TimeoutException as error:
            raise LateAnswerError(f"{self._place} did not answer: {error}", signed_at=signed_at) from None
        except httpx.HTTPError as error:
            raise LostAnswerError(f"{self._place} gave no answer: {error}", signed_at=signed_at) from None

        return recorded(self.learn(incoming, signed_at), endpoint, self._tape)

    async def _measure_before_signing(self) -> None:
        try:
            await self.measure_clock()
        except (ConnectivityError, PayloadError) as error:
            raise NotSentError(f"{self.venue}'s clock cannot be read: {error}") from None


@asynccontextmanager
async def open_rest_client(
    context: ConnectorContext,
    url: str,
    dialect: HttpDialect,
    *,
    budget: RequestBudget,
    deadline_s: float,
    server_clock: ServerClock,
    fallbacks: Sequence[str] = (),
) -> AsyncIterator[RestClient]:
    """Open a client of one address; `fallbacks` are others that stand for the same. A call may take the deadline."""
    async with AsyncExitStack() as stack:
        opening = [open_exchange(context.connect, each, deadline_s=deadline_s) for each in (url, *fallbacks)]
        exchanges = [await stack.enter_async_context(each) for each in opening]

        yield RestClient(
            Fallback(exchanges) if fallbacks else exchanges[0],
            dialect,
            context.clock,
            budget=budget,
            place=place_of(url),
            patience_s=deadline_s,
            server_clock=server_clock,
            tape=context.tape,
        )


def _is_late(answer: Answer) -> bool:
    """Whether the venue refused the request's time. The clock is then measured before the next one."""
    return answer.failure is not None and answer.failure.reason is RefusalReason.TIMESTAMP


async def side_by_side(
    first: Callable[[], Awaitable[A]], second: Callable[[], Awaitable[B]], third: Callable[[], Awaitable[C]]
) -> tuple[A, B, C]:
    """Ask three questions at the same time. The first failure is raised as it was."""
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
