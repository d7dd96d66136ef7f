"""Whether the account is set to what a run needs: compared before the first order, and as long as it trades."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from perpmaker.engine.permission import Permission
from perpmaker.model.order import PositionMode
from perpmaker.model.position import MarginMode, VenueSettings


@attrs.frozen(kw_only=True)
class WantedSettings:
    """What a configuration asks for; margin_mode None keeps what the account has."""

    leverage: int
    position_mode: PositionMode
    margin_mode: MarginMode | None


def differences(wanted: WantedSettings | VenueSettings, found: VenueSettings) -> str:
    """Each setting that is not as wanted, with both values; empty when all are."""
    pairs = [
        ("leverage", wanted.leverage, found.leverage),
        ("position_mode", wanted.position_mode.value, found.position_mode.value),
    ]

    if wanted.margin_mode is not None:
        pairs.append(("margin_mode", wanted.margin_mode.value, found.margin_mode.value))

    return ", ".join(f"{key} is {now}, not {asked}" for key, asked, now in pairs if asked != now)


@attrs.frozen(kw_only=True)
class Agreement:
    """Lets nothing be quoted while the venue says otherwise than `wanted`, what the run began with (None: unknown)."""

    wanted: VenueSettings | None
    permission: Permission

    def judge(self, found: VenueSettings, now: float) -> Iterator[str]:
        """Take the venue's word; a line for people when it is news. Agreement counts once the account was read."""
        if self.wanted is None:
            return

        wrong = differences(self.wanted, found)

        if wrong == self.permission.disagreement:
            return

        self.permission.disagree(wrong)

        if wrong:
            yield f"the settings of the account were changed: {wrong}; nothing is quoted until they are set back"
        else:
            self.permission.require("its settings are as they were again", now)
            yield "the settings of the account are as they were again"
