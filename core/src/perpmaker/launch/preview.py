"""What a running bot would do by other parameters: the pre-flight report on what it sees now."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import attrs

from perpmaker.config.configuration import Configuration
from perpmaker.connector.abilities import SettingsReading
from perpmaker.exits.level import stop_level
from perpmaker.exits.settings import ExitSettings
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.market_rules import check_market_rules
from perpmaker.launch.preflight import assessed
from perpmaker.model.account import AccountSnapshot
from perpmaker.model.position import Position, VenueSettings
from perpmaker.report.preflight import Preflight
from perpmaker.runtime.left_behind import held
from perpmaker.runtime.supervisor import Supervisor
from perpmaker.state.view import Mode, View


@attrs.frozen(kw_only=True)
class Outlook:
    """What a bot sees at one moment, by which parameters are compared: flat, and with nothing of its own resting."""

    bot: Supervisor
    view: View
    account: AccountSnapshot
    settings: VenueSettings | None

    def report(self, configuration: Configuration) -> Preflight:
        """Report what a configuration comes to. MarketRulesError for what the market does not allow."""
        plan, bot = plan_of(configuration), self.bot
        check_market_rules(plan, bot.connector, bot.instrument)
        view = attrs.evolve(self.view, position_cap=plan.position_cap)

        return assessed(
            configuration,
            plan,
            bot.connector,
            view=view,
            market=bot.trader.state.market,
            settings=self.settings,
            account=self.account,
        )


async def look(bot: Supervisor) -> Outlook:
    """Look at what a bot sees now. Account and settings are asked for; nothing else is."""
    connector, instrument = bot.connector, bot.instrument
    settings = await connector.fetch_settings(instrument) if isinstance(connector, SettingsReading) else None
    account = await connector.fetch_account(instrument)
    view = bot.trader.state.view(bot.clock.now(), mode=Mode.RUN, mode_reason="", memory=None)
    flat = {side: attrs.evolve(one, amount=Decimal(0)) for side, one in view.positions.items()}
    seen = attrs.evolve(view, orders={}, ended={}, positions=flat, blocked=False, quote_filled_at={})

    return Outlook(bot=bot, view=seen, account=account, settings=settings)


def effects(before: Preflight, after: Preflight) -> Iterator[str]:
    """Yield what changes for the money: of all quotes of a side, should they fill, and of what is to be looked at."""
    quote = after.figures.quote

    for name, was, becomes in (
        ("all bids filled", before.figures.bids, after.figures.bids),
        ("all asks filled", before.figures.asks, after.figures.asks),
    ):
        for what in ("amount", "margin", "profit_at_target", "loss_at_stop"):
            old, new = (None if one is None else getattr(one, what) for one in (was, becomes))

            if what == "amount":
                old, new = (None if one is None else abs(one) for one in (old, new))

            if _plain(old) != _plain(new):
                asset = after.figures.base if what == "amount" else quote
                yield f"{name}: {what.replace('_', ' ')} {_plain(old)} -> {_plain(new)} {asset}"

    known = {one.text for one in before.warnings}
    yield from (f"{'!!' if one.loud else '!'} {one.text}" for one in after.looks if one.text not in known)


def _plain(value: Decimal | None) -> str:
    if value is None:
        return "none"

    rounded = round(value, 2)

    return f"{(rounded or value).normalize():f}"


def firing(bot: Supervisor, exits: ExitSettings) -> Iterator[str]:
    """Yield the open positions whose stop would fire at once by these settings."""
    book = bot.trader.state.book

    for position in bot.trader.state.account.positions.values():
        if not position.amount or bot.instrument.is_dust(position.amount):
            continue

        sign = 1 if position.amount > 0 else -1
        level, best = stop_level(exits, position, sign, bot.instrument), book.best_bid if sign > 0 else book.best_ask

        if level is not None and best is not None and (level - best) * sign >= 0:
            yield _fires(bot, position, level)


def _fires(bot: Supervisor, position: Position, level: int) -> str:
    return (
        f"the stop of {held(position, bot.instrument)} would be at {bot.instrument.price(level):f}, which the market "
        "has reached: it would fire at once"
    )
