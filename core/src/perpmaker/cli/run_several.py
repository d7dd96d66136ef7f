"""Several markets in one process: one ends, fails or is halted, and the others trade on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import anyio
import attrs
import click
import msgspec

from perpmaker.cli.company import Company
from perpmaker.cli.desk import Desk
from perpmaker.cli.event_loop import run_async
from perpmaker.cli.failure import explain
from perpmaker.cli.handle import Handle, watch_signals
from perpmaker.cli.installation import watched
from perpmaker.cli.last_words import said_outcome
from perpmaker.cli.leaving import Departure
from perpmaker.cli.market_screens import MarketScreen, show_all
from perpmaker.cli.output import finish, is_owned, result
from perpmaker.cli.run import run_market, say_notes
from perpmaker.cli.run_end import Course
from perpmaker.cli.run_options import RunOptions
from perpmaker.cli.screen import Screen
from perpmaker.config.configuration import Configuration
from perpmaker.connector.shared import open_shared
from perpmaker.errors import ExitCode, PerpmakerError, leaves
from perpmaker.foreign_code import said
from perpmaker.runtime.account_exposure import WAITS_S, AccountExposures
from perpmaker.runtime.supervisor import Supervisor

WORST_FIRST = (
    ExitCode.NOT_PROVEN_CLEAN,
    ExitCode.HALTED,
    ExitCode.BUG,
    ExitCode.PLUGIN,
    ExitCode.UNREACHABLE,
    ExitCode.REFUSED,
    ExitCode.FILE,
    ExitCode.INTERRUPTED,
)
"""Which exit code the process ends with when its markets have ended differently."""


@attrs.define(kw_only=True)
class Market:
    """One of the markets: how it is to be traded, and how far that has come. Its handle is one of an event loop."""

    configuration: Configuration
    options: RunOptions
    screen: Screen
    handle: Handle = attrs.field(init=False)
    course: Course = attrs.field(factory=Course)

    def begin(self) -> None:
        """Make its handle."""
        scope, tell = anyio.CancelScope(), self.screen.tell
        self.handle = Handle(close=self.options.close, seconds=self.options.seconds, scope=scope, tell=tell)

    @property
    def name(self) -> str:
        """What it is called on the screen: the name of its file."""
        return self.configuration.file.stem

    @property
    def where(self) -> tuple[str, str]:
        """Environment and venue: markets that have both in common may be of one account."""
        return self.configuration.environment.value, self.configuration.connector.name


@attrs.define
class _Handles:
    """What signals pull at: every market's own handle."""

    markets: Sequence[Market]
    screen: Screen

    @property
    def bot(self) -> Supervisor | None:
        """A bot that has begun, if any has."""
        return next((each.handle.bot for each in self.markets if each.handle.bot is not None), None)

    def stop(self, reason: str) -> None:
        """Stop all of them cleanly. The second time: hurry."""
        for each in self.markets:
            each.handle.stop(reason)

    def tell(self, text: str) -> None:
        """Say something that is of no market."""
        self.screen.tell(text)


def run_several(chosen: Sequence[tuple[Configuration, RunOptions]], screen: Screen, *, as_json: bool) -> None:
    """Trade each configuration, side by side, until all have ended. The exit code is the worst of theirs."""
    markets = [_market(configuration, options, screen) for configuration, options in chosen]

    def last_words() -> int:
        """Say how they ended where something foreign keeps the event loop from ending."""
        screen.close()
        code = _say(markets, as_json=as_json)
        finish()

        return code

    failure: BaseException | None = None

    with Departure(last_words) as departure:
        try:
            with watched(screen.tell):
                run_async(_run_to_leave, markets, screen, departure)
        except BaseException as error:  # noqa: BLE001  # said below, beside how each market ended
            failure = error

    code = _say(markets, as_json=as_json)

    if failure is not None:
        code = _worst({code, explain(failure)})

    raise click.exceptions.Exit(code)


def _market(configuration: Configuration, options: RunOptions, shared: Screen) -> Market:
    screen = MarketScreen(is_terminal=False, label=f"{configuration.file.stem}: ", shared=shared)
    say_notes(configuration, screen)

    return Market(configuration=configuration, options=options, screen=screen)


async def _run_to_leave(markets: Sequence[Market], screen: Screen, departure: Departure) -> None:
    """Trade all markets, and from then on let nothing keep the process."""
    for each in markets:
        each.begin()

    try:
        async with anyio.create_task_group() as group:
            await group.start(watch_signals, _Handles(markets, screen))

            async with open_shared() as shared, anyio.create_task_group() as trading:
                exposures, desks = AccountExposures(), list[Desk]()
                group.start_soon(show_all, screen, desks)
                group.start_soon(_bound_waiting, exposures, screen)
                parts = [exposures.expect(each.name, each.where) for each in markets]

                for each, part in zip(markets, parts, strict=True):  # each is expected before the first one begins
                    trading.start_soon(_trade, each, Company(shared=shared, exposure=part, desks=desks))

            group.cancel_scope.cancel()
    finally:
        screen.close()

        if is_owned():
            departure.begin()


async def _trade(market: Market, company: Company) -> None:
    """Trade one market; whatever it fails of is its own end, and nobody else's."""
    try:
        await run_market(
            market.configuration, market.screen, market.options, market.course, market.handle, company=company
        )
    except anyio.get_cancelled_exc_class():
        raise
    except BaseException as error:  # noqa: BLE001  # told, judged at the end, and no reason for other markets to end
        market.course.error = error
        market.screen.tell(f"this market has ended: {_words(error)}; the others go on")
    finally:
        company.exposure.end()


async def _bound_waiting(exposures: AccountExposures, screen: Screen) -> None:
    """Have no market wait for ever for one that does not come to read its account."""
    await anyio.sleep(WAITS_S)

    for name in exposures.wait_no_longer():
        screen.tell(
            f"{name} has not read its account for {WAITS_S:.0f} s: until it has, max_account_notional of the others "
            "counts it by what is known of it, perhaps nothing"
        )


def _say(markets: Sequence[Market], *, as_json: bool) -> int:
    """Say how each market ended, and return the exit code of all."""
    codes = [_say_one(each, as_json=as_json) for each in markets]

    if as_json:
        runs = [_as_json(each, code) for each, code in zip(markets, codes, strict=True)]
        result(msgspec.json.encode({"runs": runs}).decode(), may_be_lost=True, as_json=True)

    return _worst(codes)


def _worst(codes: Collection[int]) -> int:
    return next((one.value for one in WORST_FIRST if one.value in codes), max(codes, default=0))


def _say_one(market: Market, *, as_json: bool) -> int:
    """Say how one market ended: a heading, its page, its verdict."""
    heading = f"--- {market.name} ({market.configuration.file})"

    if as_json:
        click.echo(heading, err=True)
    else:
        result(heading, may_be_lost=True)

    code = said_outcome(market.course, as_json=False, with_page=not as_json)

    if code:  # what was said of it is on standard error, where the page with its name is not
        click.echo(f"That was {market.name}: exit code {code}.", err=True)

    return code


def _as_json(market: Market, code: int) -> dict[str, object]:
    course = market.course
    summary = None if course.ended is None else msgspec.json.decode(course.ended.summary.as_json())
    error = None if course.error is None else _words(course.error)

    return {"file": str(market.configuration.file), "exit_code": code, "error": error, "summary": summary}


def _words(error: BaseException) -> str:
    """What went wrong, on one line: what a person can mend in its own words, everything else by its kind too."""
    found = [str(leaf) if isinstance(leaf, PerpmakerError) else said(leaf) for leaf in leaves(error)]

    return "; ".join(line for text in dict.fromkeys(found) for line in text.splitlines())
