"""The price source of a plan as a feed, and what a source cannot know of itself: whether it stands still.

A source that repeats one price while the traded market has moved is broken, however fresh its times are. Its word is
doubted then: no quotes hang on it until it says something else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.interface import ConnectorContext, Environment
from perpmaker.connector.price_source import OpenSource, ReferenceReceiver, SourceContext, SourceRequest, TradedMarket
from perpmaker.errors import ConnectivityError, MarketClosedError, PayloadError, PerpmakerError, RateLimitedError
from perpmaker.foreign_code import ForeignCode
from perpmaker.model.event import ReferenceChanged
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration, PriceSourceDeclaration
from perpmaker.plugins.start import Report, code_of, unreported
from perpmaker.runtime.plugin_guard import GuardedOpening, GuardedSource, open_guarded
from perpmaker.state.state import State

FROZEN_S = 10.0
"""How long a source may say the same while the traded market moves."""

FROZEN_RATIO = Decimal("0.005")
"""How far the traded market's mid has to move meanwhile, as a fraction."""

PROOF_S = 3.0
"""How long the start waits for the source's first word."""

UNHEARD = (ConnectivityError, PayloadError, RateLimitedError, MarketClosedError)
"""What keeps a source from speaking, and only time can mend."""

External: TypeAlias = tuple[DerivativeConnectorDeclaration[Any] | PriceSourceDeclaration[Any], Any]
"""What price_source_derivative names, and its settings."""


@attrs.frozen(kw_only=True)
class SourcePlan:
    """A price source other than the traded market itself: its declaration and settings, and what is asked of it."""

    declaration: PriceSourceDeclaration[Any]
    settings: Any
    request: SourceRequest
    external: External | None = None


def source_opener(
    plan: SourcePlan,
    context: ConnectorContext,
    report: Report = unreported,
    *,
    traded: TradedMarket | None = None,
    strict: bool = False,
) -> OpenSource:
    """Return what opens the plan's price source, again and again, guarded. `strict` as of `GuardedSource`.

    `traded` is for a source that reads the traded book.
    """
    opened = plan.declaration.open

    if opened is None:
        raise TypeError(f"{plan.declaration.name} is derived from the traded market and never opened")

    code = code_of(plan.declaration, report)
    inner = partial(opened, plan.settings, source_context(plan, context, report, traded))

    return partial(_guarded_source, code, inner, context.clock, strict=strict)


def _guarded_source(
    code: ForeignCode, opened: OpenSource, clock: Clock, *, strict: bool = False
) -> AbstractAsyncContextManager[ReferenceReceiver]:
    """The plugin's price source, guarded."""
    return GuardedOpening(code, opened, lambda inner: GuardedSource(code, inner, clock, strict))


def source_context(
    plan: SourcePlan, context: ConnectorContext, report: Report = unreported, traded: TradedMarket | None = None
) -> SourceContext:
    """Return the context of the price source.

    What it names as external market is opened in one of its own.

    An external venue needs no account: outside the sandbox its connector is opened for public data alone.
    """
    is_sandbox = context.environment is Environment.SANDBOX
    beside = SourceContext(
        clock=context.clock,
        connect=context.connect,
        signers=context.signers,
        environment=Environment.SANDBOX if is_sandbox else Environment.PAPER,
        sandbox=context.source_sandbox,
        request=plan.request,
        traded=traded,
    )

    if plan.external is None:
        return beside

    declaration, settings = plan.external
    code = code_of(declaration, report)

    if isinstance(declaration, DerivativeConnectorDeclaration):
        return attrs.evolve(beside, connector=partial(open_guarded, code, partial(declaration.open, settings, beside)))

    if declaration.open is None:
        raise TypeError(f"{declaration.name} is derived from the traded market and no external one")

    inner = partial(declaration.open, settings, beside)

    return attrs.evolve(beside, source=partial(_guarded_source, code, inner, context.clock))


async def first_word(source: OpenSource, tell: Callable[[str], None]) -> None:
    """Open a source once before the run, so that a market that does not exist ends the start.

    A fault that only time can mend is shown, and the run begins all the same: without a reference it does not quote.
    """
    try:
        with anyio.fail_after(PROOF_S):
            async with source() as receiver:
                word = await receiver.receive()
    except TimeoutError:
        tell(f"price source: nothing heard within {PROOF_S:g} s; quoting waits for it")
    except UNHEARD as error:
        tell(f"price source: {why_unheard(error)}; quoting waits for it")
    else:
        tell(f"price source: {_words(word)}")


def why_unheard(error: PerpmakerError) -> str:
    """Return why a source says nothing, in words that are right for a market which takes no orders."""
    return f"its market is closed, its status is {error.status}" if isinstance(error, MarketClosedError) else str(error)


def _words(word: ReferenceChanged) -> str:
    """What a source says, for a person."""
    known = {"bid": word.bid, "ask": word.ask, "last": word.last, "price": word.price}

    said = [f"{name} {value.normalize():f}" for name, value in known.items() if value is not None]

    return ", ".join(said) or word.doubt or "nothing"


def traded_mid(state: State) -> Decimal | None:
    """Return the middle of the traded book without our own orders. None while there is none to trust."""
    bid, ask = state.book.best_bid, state.book.best_ask

    return None if not state.book.ok or bid is None or ask is None else state.instrument.price(bid + ask) / 2


@attrs.define(kw_only=True)
class Standstill:
    """Doubts the word of a source that has repeated itself for `FROZEN_S` while the mid moved by `FROZEN_RATIO`.

    It outlives connections: a source that is opened again and says the same still stands still. `tell` is given when
    a doubt begins and ends, those included that a source has about itself.
    """

    mid: Callable[[], Decimal | None]
    tell: Callable[[str], None]
    _doubted: bool = attrs.field(default=False, init=False)
    _said: tuple[Decimal | None, ...] = attrs.field(default=(), init=False)
    _since: float = attrs.field(default=0.0, init=False)
    _mid_then: Decimal | None = attrs.field(default=None, init=False)

    def judge(self, word: ReferenceChanged) -> ReferenceChanged:
        """Return the word itself, or the doubt about it."""
        judged_word = word if word.doubt else self._compared(word)

        if bool(judged_word.doubt) is not self._doubted:
            self._doubted = bool(judged_word.doubt)
            self.tell(f"{judged_word.doubt}: no quotes" if self._doubted else f"price source: {_words(word)} again")

        return judged_word

    def _compared(self, word: ReferenceChanged) -> ReferenceChanged:
        said, mid = (word.bid, word.ask, word.last, word.price), self.mid()

        if said != self._said or self._mid_then is None:
            self._said, self._since, self._mid_then = said, word.at, mid
            return word

        still_s = word.at - self._since

        if mid is None or still_s < FROZEN_S or abs(mid - self._mid_then) < FROZEN_RATIO * self._mid_then:
            return word

        moved = f"{abs(mid - self._mid_then) / self._mid_then:.2%}"
        doubt = f"the price source has said the same for {still_s:.0f} s while the market moved by {moved}"

        return ReferenceChanged(doubt=doubt, at=word.at)


def judged(source: OpenSource, standstill: Standstill) -> Callable[[], AbstractAsyncContextManager[ReferenceReceiver]]:
    """Return the same source, with every word of it judged."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[ReferenceReceiver]:
        async with source() as receiver:
            yield _Judged(receiver, standstill)

    return opened


@attrs.frozen
class _Judged:
    """A receiver whose every word is judged."""

    receiver: ReferenceReceiver
    standstill: Standstill

    async def receive(self) -> ReferenceChanged:
        """Return the next word, or the doubt about it."""
        return self.standstill.judge(await self.receiver.receive())
