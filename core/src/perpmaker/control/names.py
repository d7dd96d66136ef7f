"""What bots are called: the stem of their configuration file and their market, `sandbox:BTC-USDT`.

A person may type either part, the path of the file, or the number of the process, as long as one bot alone is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from perpmaker.errors import AmbiguousBotError, UnknownBotError


class Named(Protocol):
    """What has a name: a card, or a status."""

    @property
    def name(self) -> str:
        """Stem and market."""

    @property
    def file(self) -> str:
        """The whole path of its configuration."""

    @property
    def market(self) -> str:
        """Its market."""

    @property
    def environment(self) -> str:
        """Where it trades."""

    @property
    def pid(self) -> int | None:
        """Its process."""


NamedT = TypeVar("NamedT", bound=Named)


def bot_name(file: Path, market: str) -> str:
    """Return what the bot of a configuration file is called."""
    return f"{file.stem}:{market}"


def matching(bots: Iterable[NamedT], words: str) -> list[NamedT]:
    """Return the bots that may be meant: those of exactly that name, or else of that stem, market, file or process."""
    known = list(bots)
    exact = [bot for bot in known if bot.name == words]

    return exact or [bot for bot in known if words in {*_names(bot)} or _is_file_of(bot, words)]


def the_one(bots: Sequence[NamedT], words: str | None, what: str = "running") -> NamedT:
    """Return the one bot that is meant. `words` None: the only one there is.

    Raises:
        UnknownBotError: there is none.
        AmbiguousBotError: there are several; names them.
    """
    found = list(bots) if words is None else matching(bots, words)

    if not found:
        others = f" {what.capitalize()}: {', '.join(bot.name for bot in bots)}." if bots else ""
        called = "" if words is None else f" is called {words!r}"
        raise UnknownBotError(f"No {what} bot{called or ' was found'}.{others}")

    if len(found) > 1:
        raise AmbiguousBotError(f"Which bot? Name one of them, by its file or its process if need be:\n{listed(found)}")

    return found[0]


def listed(bots: Iterable[Named]) -> str:
    """Return bots as lines of a list: name, environment, process, file."""
    return "\n".join(f"  {bot.name}  {bot.environment}  pid {bot.pid}  {bot.file}" for bot in bots)


def _names(bot: Named) -> Sequence[str]:
    return bot.name.rpartition(":")[0], bot.market, str(bot.pid)


def _is_file_of(bot: Named, words: str) -> bool:
    """Whether the words are a path that leads to the bot's configuration."""
    if not words.endswith(".toml") and "/" not in words:
        return False

    try:
        return str(Path(words).expanduser().resolve()) == bot.file
    except (OSError, RuntimeError):
        return False
