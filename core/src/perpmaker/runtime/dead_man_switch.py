"""The venue's own timer: when it has not heard of us for a while, it cancels what we left resting.

Quotes die with the process that way, and the profit-taking order with them; stops that rest on the venue are meant to
outlive it. The switch knows nothing of whose orders it takes, so it is not armed beside orders of somebody else, unless
a person has asked for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import anyio
import attrs

from perpmaker.clock import Clock
from perpmaker.connector.abilities import DeadManSwitch
from perpmaker.errors import AuthenticationError, PayloadError, RateLimitedError, VenueError
from perpmaker.execution.dispatch import Emit, Gate
from perpmaker.model.event import Event, OrderReported, Resynced
from perpmaker.model.instrument import Instrument
from perpmaker.model.order import OrderReport, OrderStatus, OrderType
from perpmaker.runtime.retry import failed

BEATS = 3
"""The countdown is started anew so many times within its length."""

ANSWER_S = 5.0
ARM_RETRY_S = 0.5
LONGEST_S = 2.0
"""Pauses after renewals that failed: the first is `ARM_RETRY_S`, each further one twice as long, up to `LONGEST_S`."""

DISARM_S = 3.0
"""What disarming at an end may take, besides the fence of a renewal that was not answered."""


@attrs.define(kw_only=True)
class SwitchKeeper:
    """Keeps the switch of one market armed with `seconds`, from the first reading of the account on.

    `fence_s`: so many seconds after it was sent, a renewal that was not answered can no longer arrive.
    `is_ours` tells own client ids; `takes_foreign`: orders of somebody else may go too. `tell` is given what a person
    should know, `resync` has everything read again: called when the countdown may have ended while we live, or when the
    venue wants to hear less of us; `emit` is given what only a person can mend.
    """

    switch: DeadManSwitch
    instrument: Instrument
    clock: Clock
    gate: Gate
    seconds: float
    fence_s: float
    is_ours: Callable[[str], bool]
    takes_foreign: bool = False
    tell: Callable[[str], None]
    resync: Callable[[], None]
    emit: Emit
    _foreign: int | None = attrs.field(default=None, init=False)
    _changed: anyio.Event = attrs.field(factory=anyio.Event, init=False)
    _armed_until: float | None = attrs.field(default=None, init=False)
    _may_be_armed: bool = attrs.field(default=True, init=False)  # by an earlier run that died
    _arrives_until: float | None = attrs.field(default=None, init=False)  # a renewal that was not answered
    _is_late: bool = attrs.field(default=False, init=False)
    _told: str = attrs.field(default="", init=False)
    _misses: int = attrs.field(default=0, init=False)

    def see(self, events: Iterable[Event]) -> None:
        """Learn from what happened whether orders of somebody else rest on the market."""
        for event in events:
            if isinstance(event, Resynced):
                self._count(sum(self._is_foreign(report) for report in event.orders))
            elif isinstance(event, OrderReported) and not self._foreign and self._is_foreign(event.report):
                self._count(1)

    async def run(self) -> None:
        """Keep it armed until cancelled; disarmed while it would take what is not ours."""
        while True:
            changed = self._changed

            if self._foreign is None:
                wait_s = float("inf")
            elif self._foreign and not self.takes_foreign:
                wait_s = await self._stand_down(self._foreign)
            else:
                wait_s = await self._beat()

            with anyio.move_on_after(wait_s):
                await changed.wait()

    async def disarm(self) -> bool:
        """Stop the countdown at an end, when `run` has been cancelled: whether the venue has said that it stands.

        A renewal that was cut off by the end may arrive after the disarming: that is done again when it no longer can.
        """
        if not self._may_be_armed:
            return True

        late_s = 0.0 if self._arrives_until is None else max(0.0, self._arrives_until - self.clock.now())

        with anyio.move_on_after(late_s + DISARM_S):
            while self._may_be_armed:
                if not await self._try_disarm():
                    await anyio.sleep(ARM_RETRY_S)
                elif self._arrives_until is not None:
                    self._may_be_armed = True
                    await anyio.sleep(max(0.0, self._arrives_until - self.clock.now()))
                    self._arrives_until = None

        if self._may_be_armed:
            self.tell(
                f"the dead-man switch could not be disarmed: within {self.seconds:g} s the venue cancels "
                f"{self.switch.switch_takes}"
            )

        return not self._may_be_armed

    async def _beat(self) -> float:
        """Start the countdown anew; seconds until the next time."""
        if self.gate.wait_s:
            return self.gate.wait_s

        sent_at = self.clock.now()
        self._may_be_armed, self._arrives_until = True, sent_at + self.fence_s

        try:
            with anyio.fail_after(min(ANSWER_S, self.seconds)):
                await self.switch.arm(self.instrument, self.seconds)
        except AuthenticationError:
            self.gate.shut()
            return self._missed(self.gate.wait_s)
        except RateLimitedError as error:
            self.resync()  # a read learns for how long, and who has to know it

            return self._missed(error.retry_after_s)
        except (VenueError, PayloadError, TimeoutError):
            return self._missed(0.0)
        except Exception as error:  # noqa: BLE001  # the declared seam to plugins: contained, and told as a halt
            self.emit([failed("the dead-man switch", error)])

            return self._missed(LONGEST_S)

        self._beaten(sent_at)

        return max(0.0, sent_at + self.seconds / BEATS - self.clock.now())

    def _beaten(self, sent_at: float) -> None:
        """It counts anew; when it came too late, nobody knows what is left of our orders."""
        self._arrives_until = None

        if self._armed_until is not None and self.clock.now() >= self._armed_until:
            self.tell("the dead-man switch was renewed too late, and may have cancelled our orders: all is read again")
            self.resync()

        self._armed_until, self._is_late, self._misses = sent_at + self.seconds, False, 0
        others = "; orders that are not ours rest there now, and go too, as was asked for" if self._foreign else ""
        self._say(
            f"dead-man switch armed: {self.seconds:g} s after this process is heard of for the last time the venue "
            f"cancels {self.switch.switch_takes}{others}"
        )

    def _missed(self, wait_s: float) -> float:
        """It was not renewed: seconds to wait; said once when the countdown has ended meanwhile."""
        if self._armed_until is not None and self.clock.now() >= self._armed_until and not self._is_late:
            self._is_late = True
            self.tell("the dead-man switch cannot be renewed: the venue cancels our orders now")

        again_s = min(ARM_RETRY_S * 2.0**self._misses, LONGEST_S)
        self._misses = min(self._misses + 1, 16)

        return max(again_s, wait_s)

    async def _stand_down(self, foreign: int) -> float:
        """Disarm it beside orders that are not ours; seconds until the next look."""
        self._say(
            f"dead-man switch not armed: {foreign} orders that are not ours rest on {self.instrument.market}, and it "
            "would take them too. If this process is killed, its quotes stay on the venue; "
            "dead_man_switch_takes_foreign_orders = true arms it all the same"
        )

        return float("inf") if not self._may_be_armed or await self._try_disarm() else ARM_RETRY_S

    async def _try_disarm(self) -> bool:
        """Whether the venue says that it does not count any more."""
        try:
            with anyio.fail_after(ANSWER_S):
                await self.switch.disarm(self.instrument)
        except (VenueError, PayloadError, TimeoutError):
            return False
        except Exception as error:  # noqa: BLE001  # the same
            self.emit([failed("the dead-man switch", error)])

            return False

        self._may_be_armed, self._armed_until = False, None

        return True

    def _is_foreign(self, report: OrderReport) -> bool:
        """Whether it is an order of somebody else that rests."""
        return (
            report.status is OrderStatus.OPEN
            and report.type is not OrderType.MARKET
            and not self.is_ours(report.client_id)
        )

    def _count(self, foreign: int) -> None:
        if foreign != self._foreign:
            self._foreign = foreign
            self._changed.set()
            self._changed = anyio.Event()

    def _say(self, text: str) -> None:
        """Say how it stands, once for each time that it changes."""
        if text != self._told:
            self._told = text
            self.tell(text)
