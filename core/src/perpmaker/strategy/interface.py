"""What a strategy is to the engine: one pure function."""

from __future__ import annotations

from typing import Protocol

from perpmaker.model.quote import Wanted
from perpmaker.state.view import View


class Strategy(Protocol):
    """Pure and synchronous: the same view gives the same answer; what it must remember it returns as memory."""

    def decide(self, view: View) -> Wanted:
        """Which quotes should rest now, which levels are withheld and why, and when to ask again."""
