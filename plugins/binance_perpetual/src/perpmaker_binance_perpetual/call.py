"""One request and its answer: signed, within budget, within one deadline, on one origin; the way under `rest`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique

import attrs
import httpx

from perpmaker.clock import Clock
from perpmaker.errors import AuthenticationError, ConnectivityError, DeadlineError
from perpmaker.secret import Signer
from perpmaker.venue import ServerClock
from perpmaker.wire.exchange import NOT_SENT, Exchange, Incoming, Outgoing
from perpmaker.wire.rate_limit import parse_retry_after
from perpmaker_binance_perpetual.budget import Budget, Cost
from perpmaker_binance_perpetual.refusals import Answer, ban_of
from perpmaker_binance_perpetual.signing import encode_parameters, signed_query

_HEADERS = ((b"User-Agent", b"perpmaker"), (b"Accept-Encoding", b"gzip"))
"""Firewalls in front of a venue may turn away who does not say what he is."""

_BANNED, _TOO_MANY = 418, 429
_TOO_MANY_ORDERS = -1015
_SHORTEST_BAN_S = 120.0


class NotSentError(ConnectivityError):
    """The connection could not be made: not one byte of the request has left."""


class LostAnswerError(ConnectivityError):
    """The request left, or may have, and no whole answer came back. `signed_at`: the engine's time of signing."""

    def __init__(self, text: str, *, signed_at: float) -> None:
        self.signed_at = signed_at
        super().__init__(text)


class LateAnswerError(LostAnswerError, DeadlineError):
    """The same, because the deadline passed first."""


@unique
class Security(Enum):
    """What the venue wants to see of us."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@attrs.frozen(kw_only=True)
class Credentials:
    """The API key as the venue wants to see it, and what signs for it."""

    api_key: str = attrs.field(repr=False)
    signer: Signer = attrs.field(repr=False)


class Caller:
    """Sends requests. It retries nothing: what a request means is known one floor up.

    `place`: the venue's host and port, for people. `patience_s`: how long a call may wait for its turn within the
    budget.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        *,
        place: str,
        credentials: Credentials | None,
        recv_window_ms: int,
        patience_s: float,
    ) -> None:
        self.server_clock = ServerClock(clock)
        self.budget = Budget(clock)
        self._exchange = exchange
        self._clock = clock
        self._place = place
        self._credentials = credentials
        self._recv_window_ms = recv_window_ms
        self._patience_s = patience_s

    @property
    def has_key(self) -> bool:
        """Whether there is a key; without one only public calls can be made."""
        return self._credentials is not None

    async def call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str | int],
        *,
        security: Security,
        cost: Cost,
        urgent: bool = False,
        patience_s: float | None = None,
    ) -> Answer:
        """Send one request and return whatever was answered, refusals included.

        NotSentError, RateLimitedError (our own budget) and AuthenticationError (no keys) mean that nothing was sent;
        LostAnswerError that nobody can tell.
        """
        await self.budget.admit(cost, urgent=urgent, patience_s=self._patience_s if patience_s is None else patience_s)
        signed_at = self._clock.now()
        query = self._query(parameters, security, signed_at)
        target = f"{path}?{query}" if query else path

        return self._observed(await self._send(method, target, security, signed_at), signed_at)

    def _query(self, parameters: Mapping[str, str | int], security: Security, signed_at: float) -> str:
        if security is not Security.SIGNED:
            return encode_parameters(parameters)

        return signed_query(
            parameters,
            self._keys().signer,
            timestamp_ms=self.server_clock.ms(signed_at),
            recv_window_ms=self._recv_window_ms,
        )

    def _keys(self) -> Credentials:
        if self._credentials is None:
            raise AuthenticationError("this call needs a key; set api_key and api_secret in [binance_perpetual]")

        return self._credentials

    async def _send(self, method: str, target: str, security: Security, signed_at: float) -> Incoming:
        """Send exactly these bytes: they are what was signed."""
        key = () if security is Security.NONE else ((b"X-MBX-APIKEY", self._keys().api_key.encode()),)
        request = Outgoing(method=method, target=target.encode("ascii"), headers=(*_HEADERS, *key))

        # No error is passed on or chained: those of httpx may carry their request, with the signature in its URL.
        try:
            return await self._exchange(request)
        except httpx.ConnectError as error:
            raise NotSentError(str(error)) from None  # it names host and port itself
        except NOT_SENT as error:
            raise NotSentError(f"{self._place} cannot be reached: {error}") from None
        except httpx.TimeoutException as error:
            raise LateAnswerError(f"{self._place} did not answer: {error}", signed_at=signed_at) from None
        except httpx.HTTPError as error:
            raise LostAnswerError(f"{self._place} gave no answer: {error}", signed_at=signed_at) from None

    def _observed(self, response: Incoming, signed_at: float) -> Answer:
        """Learn from the headers, and keep still where the venue says so."""
        self.budget.observe(response.headers)
        answer = Answer(status=response.status, body=response.body, signed_at=signed_at)

        if answer.status not in {_BANNED, _TOO_MANY}:
            return answer

        retry_after_s = self._retry_after_s(response.headers.get("retry-after"), answer)

        if answer.status == _BANNED:
            self.budget.ban(retry_after_s)
        else:
            failure = answer.failure
            self.budget.pause(retry_after_s, orders=failure is not None and failure.code == _TOO_MANY_ORDERS)

        return attrs.evolve(answer, retry_after_s=retry_after_s)

    def _retry_after_s(self, header: str | None, answer: Answer) -> float:
        """By the header, or without one by the words of a ban; a ban without a word is taken for the shortest."""
        server_ms = self.server_clock.ms()
        ban_s = ban_of(answer.text, server_ms) if header is None else None

        if ban_s is not None:
            return ban_s

        if header is None and answer.status == _BANNED:
            return _SHORTEST_BAN_S

        return parse_retry_after(header, utc_ms=server_ms)
