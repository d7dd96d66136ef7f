"""What another reading of the account has to settle: positions that no fill of ours explains, or explains too much."""

from __future__ import annotations

from collections.abc import Iterator

from perpmaker.state.account import Account
from perpmaker.state.position import EXPLAIN_S, UNPROVEN_S


class ReadingProblem:
    """Questions about positions, each asked for once; while one is open, nothing is quoted."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def questions(self, now: float) -> Iterator[tuple[str, str]]:
        """Causes and words of what has to be read now."""
        for side, tracked in self._account.tracked.items():
            if tracked.question and tracked.question_at <= now:
                question, tracked.question = tracked.question, ""
                yield f"reading {side.value}", question.format(side=side.value)

            if tracked.swallowed_since is not None and tracked.swallowed_since + EXPLAIN_S <= now:
                tracked.swallowed_since = None
                words = f"the venue told of a fill of the {side.value} position late: both are read once more"
                yield f"swallowed {side.value}", words

    def moments(self) -> Iterator[float]:
        """When there is something to look at, should nothing happen before."""
        for tracked in self._account.tracked.values():
            if tracked.question:
                yield tracked.question_at

            if tracked.swallowed_since is not None:
                yield tracked.swallowed_since + EXPLAIN_S

            if tracked.adopted_at is not None:
                yield tracked.adopted_at + UNPROVEN_S
