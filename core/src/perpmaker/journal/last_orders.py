"""Which orders of ours may still have been live, or on their way, when the last run ended: by the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from perpmaker.journal.order_intents import OrderIntents
from perpmaker.model.order import NewOrder

UNDER_WAY_S: Final = 10.0
"""An order that was sent sooner before a reading began need not be in it."""

_ENDINGS = frozenset({"OrderCancelled", "OrderRefused"})
_ANSWERS = _ENDINGS | {"OrderAccepted"}
_FINAL = frozenset({"filled", "cancelled", "refused"})


@attrs.define
class _Search:
    """Goes back through steps; `since` is the engine's time of the step at which all that is older is known."""

    live: dict[str, None] = attrs.field(factory=dict)
    ended: set[str] = attrs.field(factory=set)
    since: float | None = None

    def step(self, step: Mapping[str, Any]) -> None:
        """Take in what was sent in a step, and before that what had happened."""
        for name, action in step["actions"]:
            if name == "Place":
                self._found(action["order"]["client_id"])

        for name, event in reversed(step["events"]):
            self._event(name, event)

    def _event(self, name: str, event: Mapping[str, Any]) -> None:
        if name in _ENDINGS:
            self.ended.add(event["client_id"])
        elif name == "OrderReported" and event["report"]["status"] in _FINAL:
            self.ended.add(event["report"]["client_id"])
        elif name == "Resynced" and self.since is None:
            self.since = event["began_at"] - UNDER_WAY_S

            for report in event["orders"]:
                self._found(report["client_id"])

    def _found(self, client_id: str) -> None:
        if client_id not in self.ended:
            self.live[client_id] = None


def last_live(steps: Iterable[Mapping[str, Any]], known: OrderIntents) -> Sequence[NewOrder]:
    """Return the orders that were live, or may have been, by the steps of the last run, newest first.

    Back to its last reading, which listed all of them, and a little further: each as large as it was ever meant to be.
    """
    search = _Search()
    at = float("inf")

    for step in steps:
        if step["at"] > at or (search.since is not None and step["at"] < search.since):
            break  # another run's clock, or older than what the reading listed

        at = step["at"]
        search.step(step)

    orders = (known.largest(client_id) for client_id in search.live)

    return [order for order in orders if order is not None]


def arriving_until(steps: Iterable[Mapping[str, Any]], fence_s: float) -> float | None:
    """Tell until when an order or an amend of the last run may still arrive, in seconds since the epoch.

    `steps` are newest first. None when each one that it sent within its last `fence_s` was answered.
    """
    answered: set[str] = set()
    oldest_ms: float | None = None

    for step in steps:
        oldest_ms = step["utc_ms"] - fence_s * 1000 if oldest_ms is None else oldest_ms

        if step["utc_ms"] < oldest_ms:
            break

        sent = (_sent(name, action) for name, action in step["actions"])

        if any(names and answered.isdisjoint(names) for names in sent):
            return float(step["utc_ms"]) / 1000 + fence_s

        for name, event in step["events"]:
            answered.update(_answered(name, event))

    return None


def _sent(name: str, action: Mapping[str, Any]) -> frozenset[str]:
    """By which of the names in `_answered` an order or an amend is known to have arrived; empty for all else."""
    if name == "Place":
        return frozenset({action["order"]["client_id"]})

    if name != "Amend":
        return frozenset()

    client_id = action["order"]["client_id"]

    return frozenset({_amend(client_id, action["number"]), _over(client_id)})


def _amend(client_id: str, number: int) -> str:
    return f"{client_id} amend {number}"


def _over(client_id: str) -> str:
    return f"{client_id} over"


def _answered(name: str, event: Mapping[str, Any]) -> Iterator[str]:
    """The orders of which an event says that the venue has them, or never will; which amend was made, or was not."""
    if name in {"OrderAmended", "AmendRefused"}:
        yield _amend(event["client_id"], event.get("number", 0))
    elif name == "OrderCancelled":
        yield _over(event["client_id"])
    elif name == "OrderReported" and event["report"]["status"] in _FINAL:
        yield _over(event["report"]["client_id"])

    if name in _ANSWERS:
        if not event.get("by_gateway"):  # that proves nothing: the venue's lists may not show it yet
            yield event["client_id"]
    elif name == "OrderFilled":
        yield event["fill"]["client_id"]
    elif name == "OrderReported":
        yield event["report"]["client_id"]
    elif name in {"AccountSeen", "Resynced"}:
        yield from (report["client_id"] for report in event["orders"])
