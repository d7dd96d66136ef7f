"""The trader and what the account is set to: changed while it trades, and set back."""

from __future__ import annotations

import attrs

from perpmaker.execution.action import Cancel, Place, Resync
from perpmaker.model.event import SettingsReported
from perpmaker.model.order import OrderKind, PositionMode
from perpmaker.model.position import MarginMode, VenueSettings
from perpmaker.state.view import Mode
from perpmaker.testing.scene import Scene, of, placed

SETTINGS = VenueSettings(leverage=3, position_mode=PositionMode.ONE_WAY, margin_mode=MarginMode.ISOLATED)


def test_F43_settings_changed_in_mid_run_pull_quotes_and_keep_exits() -> None:
    """REDUCE, with both values named, until the venue says otherwise; what protects the position stays."""
    for change, words in [
        ({"leverage": 50}, "leverage is 50, not 3"),
        ({"position_mode": PositionMode.HEDGE}, "position_mode is Hedge, not One-way"),
        ({"margin_mode": MarginMode.CROSS}, "margin_mode is cross, not isolated"),
    ]:
        scene = Scene(settings=SETTINGS).quoting()
        scene.tell(scene.fill("1", 5, 5))
        scene.tell(scene.accepted("3"))
        changed = scene.tell(SettingsReported(settings=attrs.evolve(SETTINGS, **change)))

        assert (changed.mode, len(changed.notices)) == (Mode.REDUCE, 1)
        assert words in changed.notices[0]
        assert words in changed.mode_reason
        assert {action.kind for action in of(changed.actions, Cancel)} == {OrderKind.QUOTE}
        assert not placed(scene.tell(scene.cancelled("2"), scene.resynced(amount="0.005")).actions)
        assert scene.last.mode is Mode.REDUCE


def test_F43_settings_set_back_quote_again_once_the_account_was_read() -> None:
    """Agreement alone is not enough: what happened meanwhile is read first. Both ends are told once."""
    scene = Scene(settings=SETTINGS).quoting()
    wrong = SettingsReported(settings=attrs.evolve(SETTINGS, leverage=50))
    scene.tell(wrong, scene.cancelled("1"), scene.cancelled("2"))
    assert scene.tell(wrong, after=30.0).notices == ()
    scene.tell(scene.book())
    agreed = scene.tell(SettingsReported(settings=SETTINGS), after=1.0)

    assert (agreed.mode, len(agreed.notices)) == (Mode.REDUCE, 1)
    assert of(agreed.actions, Resync)
    assert not of(scene.tell(scene.resynced(began_at=scene.now - 0.5)).actions, Place)
    read = scene.tell(scene.resynced())
    assert (read.mode, placed(read.actions)) == (Mode.RUN, ["quote buy 0", "quote sell 0"])


def test_I20_settings_that_agree_change_nothing() -> None:
    """Every look that finds what was set is no news."""
    scene = Scene(settings=SETTINGS).quoting()
    told = scene.tell(SettingsReported(settings=SETTINGS))

    assert (told.mode, told.actions, told.notices) == (Mode.RUN, (), ())
