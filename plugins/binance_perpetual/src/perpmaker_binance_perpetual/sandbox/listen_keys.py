"""The life of a listenKey: one per account, an hour long unless renewed, dead for every socket once it is gone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from perpmaker_binance_perpetual.sandbox.refusals import refusal


class ListenKeys:
    """The account's one key. `life_s` is how long it lives after its last renewal, on the venue's clock."""

    def __init__(self, server_ms: Callable[[], int], *, life_s: float, seed: int) -> None:
        self._server_ms = server_ms
        self._life_ms = round(life_s * 1000)
        self._seed = seed
        self._made = 0
        self._key: str | None = None
        self._ends_ms = 0

    def create(self) -> str:
        """The active key, renewed; a new one when there is none."""
        if self.active is None:
            self._made += 1
            self._key = hashlib.sha256(f"listenKey {self._seed} {self._made}".encode()).hexdigest()
            self._ends_ms = self._server_ms() + self._life_ms

        return self.renew()

    def renew(self) -> str:
        """Let the active key live on; -1125 when there is none."""
        if self.active is None or self._key is None:
            raise refusal(-1125)

        self._ends_ms = self._server_ms() + self._life_ms

        return self._key

    def close(self) -> str:
        """End the active key, for every process of the account; -1125 when there is none."""
        key = self.renew()
        self._key = None

        return key

    @property
    def active(self) -> str | None:
        """The key whose sockets hear what happens; None when there is none."""
        return None if self._key is None or self._server_ms() >= self._ends_ms else self._key

    def expire(self) -> str | None:
        """Forget the key if its time is over, and return it; None when nothing ended."""
        key = self._key

        if key is None or self._server_ms() < self._ends_ms:
            return None

        self._key = None

        return key
