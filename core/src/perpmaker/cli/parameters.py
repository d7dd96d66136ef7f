"""Changes the parameters of a running bot over its control socket: the difference first, then all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import attrs

from perpmaker.cli.handle import Handle
from perpmaker.cli.installation import opened_catalog
from perpmaker.config.changes import Change, changes, restarting
from perpmaker.config.configuration import Configuration
from perpmaker.config.recorded import CONFIGURATION, FILE, read_recorded, recorded
from perpmaker.control.server import Request
from perpmaker.errors import BotRefusedError, ExitCode
from perpmaker.launch.assembly import Rebuilder
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.preview import Outlook, effects, firing, look
from perpmaker.model.parameters import ParametersChanged
from perpmaker.plugins.catalog import Catalog
from perpmaker.runtime.supervisor import Supervisor

TAKEN_S = 4.0
"""Seconds that the bot is given to take a change in."""

LOOK_S = 5.0
"""Seconds for what is asked of the venue: with them an answer still comes before whoever asks has given up."""

_POLL_S = 0.01


@attrs.define(kw_only=True)
class ParameterDesk:
    """Answers for the parameters of a run. `now` is the configuration that it goes by; `on_change` is given another."""

    handle: Handle
    now: Configuration
    on_change: Callable[[Configuration], None] = lambda _: None
    _lock: anyio.Lock = attrs.field(factory=anyio.Lock, init=False)
    _is_read_back: bool = attrs.field(default=False, init=False)
    _seen: ParametersChanged | None = attrs.field(default=None, init=False)

    def commands(self) -> Mapping[str, Any]:
        """Return what the control socket answers."""
        return {"parameters": self._look, "apply": self._apply}

    async def _look(self, request: Request) -> Mapping[str, Any]:
        """Say what would change, when each of it would count, and what it would come to."""
        async with self._lock:
            wanted, found = self._wanted(request)

            return await self._answer(wanted, found, self._bot())

    async def _apply(self, request: Request) -> Mapping[str, Any]:
        """Change the parameters as one event, unless anything of it is refused."""
        async with self._lock:
            wanted, found = self._wanted(request)
            bot = self._bot()
            answer = await self._answer(wanted, found, bot)

            if found:
                _refuse(found, answer, accepts_firing=request.get("fires") is True)
                await self._change(wanted, found, bot)

            return {**answer, "applied": bool(found)}

    def _bot(self) -> Supervisor:
        if self.handle.bot is None:
            raise BotRefusedError("it has not begun to trade: wait until it has", ExitCode.REFUSED)

        if self.handle.stop_reason:
            raise BotRefusedError(f"it is stopping ({self.handle.stop_reason})", ExitCode.REFUSED)

        return self.handle.bot

    def _wanted(self, request: Request) -> tuple[Configuration, tuple[Change, ...]]:
        text, file = request.get(CONFIGURATION), request.get(FILE)

        if not isinstance(text, str) or not isinstance(file, str):
            raise BotRefusedError("the request has no configuration", ExitCode.FILE)

        catalog = opened_catalog()

        if not self._is_read_back:  # as what it is compared with was
            row = recorded(self.now)
            self.now, self._is_read_back = read_recorded(row[CONFIGURATION], row[FILE], catalog), True

        self._catch_up(catalog)
        wanted = read_recorded(text, file, catalog)

        return wanted, changes(self.now, wanted)

    def _catch_up(self, catalog: Catalog) -> None:
        """Go by what the trader goes by: it may have taken a change in when nobody waited for that any more."""
        bot = self.handle.bot
        taken = None if bot is None else bot.trader.parameters.changed

        if taken is not None and taken is not self._seen:
            self._take_over(read_recorded(taken.configuration, taken.file, catalog), taken)

    def _take_over(self, configuration: Configuration, event: ParametersChanged) -> None:
        self.now, self._seen = configuration, event
        self.on_change(configuration)

    async def _answer(self, wanted: Configuration, found: tuple[Change, ...], bot: Supervisor) -> Mapping[str, Any]:
        answer: dict[str, Any] = {
            "changes": [{**attrs.asdict(one), "when": one.when.value} for one in found],
            "effects": [],
            "refusals": [],
            "fires": [],
        }

        if found and not restarting(found):
            outlook = await _looked(bot)
            before, after = outlook.report(self.now), outlook.report(wanted)
            answer["effects"], answer["refusals"] = list(effects(before, after)), list(after.refusals)
            answer["fires"] = list(firing(bot, wanted.exits))

        return answer

    async def _change(self, wanted: Configuration, found: tuple[Change, ...], bot: Supervisor) -> None:
        """Put the event into the queue, and wait until the trader goes by it."""
        row = recorded(wanted)
        event = ParametersChanged(
            configuration=row[CONFIGURATION], file=row[FILE], keys=tuple(one.key for one in found)
        )
        rebuild = bot.trader.parameters.rebuild

        if isinstance(rebuild, Rebuilder):
            plan = plan_of(wanted)
            rebuild.parts(plan, bot.instrument)  # what cannot be made is refused here, and nothing has changed
            rebuild.expected[event.configuration] = plan

        bot.event_queue.put([event])

        with anyio.move_on_after(TAKEN_S):
            while bot.trader.parameters.changed is not event:  # noqa: ASYNC110  # the trader is no task to wait for
                await anyio.sleep(_POLL_S)

        if bot.trader.parameters.changed is not event:
            words = f"it has not taken the change in within {TAKEN_S:g} s, and may still do so: its lines say"
            raise BotRefusedError(f"{words}. Look with perpmaker config diff", ExitCode.BUG)

        self._take_over(wanted, event)


async def _looked(bot: Supervisor) -> Outlook:
    """What the bot sees now. BotRefusedError where its venue does not tell it in time."""
    with anyio.move_on_after(LOOK_S):
        return await look(bot)

    words = f"{bot.connector.name} did not tell account and settings within {LOOK_S:g} s: nothing was changed"
    raise BotRefusedError(f"{words}. Try again", ExitCode.UNREACHABLE)


def _refuse(found: tuple[Change, ...], answer: Mapping[str, Any], *, accepts_firing: bool) -> None:
    """Raise BotRefusedError with everything that speaks against a change."""
    words = [f"{one.key} needs a restart" for one in restarting(found)]
    words += answer["refusals"]
    words += [] if accepts_firing else answer["fires"]

    if words:
        raise BotRefusedError("nothing was changed: " + "; ".join(words), ExitCode.REFUSED)
