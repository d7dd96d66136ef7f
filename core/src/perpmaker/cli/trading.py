"""A bot while it trades: its loop kept free of what a start has left behind, and what a person sees of it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import anyio

from perpmaker.cli.desk import Desk
from perpmaker.cli.observing import note_start
from perpmaker.cli.screen import Screen, terminal_size
from perpmaker.report.live import live_line
from perpmaker.report.status_page import status_page
from perpmaker.runtime.shutdown import Closing
from perpmaker.runtime.supervisor import Supervisor

YOUNG_OBJECTS = 50_000
"""How many more objects there may be before a collection of garbage looks for cycles among the new ones."""

REDRAW_S = 0.5
PAGE_S = 1.0  # a page takes a millisecond of the loop that trades
FIRST_LOG_S = 2.0
LOG_S = 10.0


async def trade(screen: Screen, desk: Desk, bot: Supervisor) -> Closing:
    """Trade until asked to stop, and show how it goes. The answer is what is left."""
    note_start(bot)
    handle = desk.handle
    is_over = False

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_show, screen, desk, bot)
            group.start_soon(bot.observers.watch)

            if handle.seconds is not None:
                group.start_soon(_call_later, handle.seconds, partial(handle.stop, "--for"))

            with _start_kept_apart():
                closing = await bot.run()

            is_over = True
            group.cancel_scope.cancel()
    finally:
        screen.close(leave=not is_over)  # the summary says more than the last page

    return closing


@contextmanager
def _start_kept_apart() -> Iterator[None]:
    """Have garbage collections leave out what the start has made, and come less often than with every other decision.

    To look through all of it takes milliseconds, and what a decision makes is gone without any: it has no cycles.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *usual[1:])

    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


async def _show(screen: Screen, desk: Desk, bot: Supervisor) -> None:
    """Draw how it goes again and again: a page where the terminal has room for one, else the live line."""
    wait_s = REDRAW_S if screen.is_terminal else FIRST_LOG_S

    while True:
        await anyio.sleep(wait_s)

        with desk.beside():
            if not screen.takes_pages:
                wait_s = REDRAW_S if screen.is_terminal else LOG_S
                screen.draw(live_line(desk.facts.environment, bot))
            elif screen.is_idle:
                wait_s, (columns, rows) = PAGE_S, terminal_size()
                screen.draw_page(status_page(desk.status(), width=columns - 1, rows=rows - 1))


async def _call_later(seconds: float, call: Callable[[], None]) -> None:
    await anyio.sleep(seconds)
    call()
