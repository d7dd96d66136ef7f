"""Finds the bots that a command means: those that run, by their cards, and those that are gone, by their last words."""

from __future__ import annotations

import os
from collections.abc import Sequence

import attrs

from perpmaker.control.card import Card, is_running, read_cards
from perpmaker.control.client import ask
from perpmaker.control.last_words import read_last_words
from perpmaker.control.names import listed, matching, the_one
from perpmaker.errors import AmbiguousBotError, BotUnansweredError, UnknownBotError
from perpmaker.journal.state_dir import StateDir, open_state_dir
from perpmaker.report.status import Status, decode_status

STATUS_S = 5.0
"""Seconds that a running bot is given to say how it stands."""


@attrs.frozen
class Bots:
    """The bots of a state directory."""

    home: StateDir

    def running(self, names: Sequence[str], *, every: bool = False) -> list[Card]:
        """Return the running bots that are named, each once. None named: the only one, or with `every` all.

        Raises:
            UnknownBotError: none of that name runs, or several may be meant.
        """
        cards = read_cards(self.home)

        if every:
            return cards

        found = [self._one(cards, name) for name in names] if names else [the_one(cards, None)]

        return list(dict.fromkeys(found))

    def _one(self, cards: Sequence[Card], name: str) -> Card:
        """The running bot of a name; of one that is gone it is said when it ended."""
        if not matching(cards, name) and (gone := matching(read_last_words(self.home), name)):
            last = gone[0]
            ended = "its last word is of" if last.ended is None else "it ended at"
            at = last.at if last.ended is None else last.ended.at
            raise UnknownBotError(f"{last.name} is not running: {ended} {at}")

        return the_one(cards, name)

    def status(self, card: Card) -> Status | None:
        """Return how a running bot stands. None for one that has ended meanwhile.

        BotUnansweredError when it runs and does not answer.
        """
        try:
            return decode_status(ask(self.home, card, "status", STATUS_S)["status"])
        except BotUnansweredError:
            if is_running(self.home, card):
                raise

            return None

    def statuses(self, name: str | None) -> list[Status]:
        """Return how bots stand: of those that run as they say now, of the only other one what it said last.

        `name` None: all that run, or where none does, the last words of all that are known.

        Raises:
            UnknownBotError: no bot of that name is known, or several may be meant.
        """
        cards = read_cards(self.home)
        found = cards if name is None else matching(cards, name)

        if name is not None and len(found) > 1:
            raise AmbiguousBotError(
                f"Which bot? Name one of them, by its file or its process if need be:\n{listed(found)}"
            )

        if running := [one for card in found if (one := self.status(card)) is not None]:
            return running

        last = read_last_words(self.home)

        return list(last) if name is None else [the_one(last, name, "known")]


def open_bots() -> Bots:
    """Return the bots of this user's state directory."""
    return Bots(open_state_dir(os.environ))
