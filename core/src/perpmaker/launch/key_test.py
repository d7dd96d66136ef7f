"""What a key may do, tried and asked: whether it reads the account, trades, withdraws, and works from everywhere."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from perpmaker.connector.abilities import KeyPermissions, KeyRights
from perpmaker.connector.interface import DerivativeConnector
from perpmaker.errors import AuthenticationError
from perpmaker.model.instrument import Instrument
from perpmaker.plugins.start import starting

OK, REFUSED, TO_LOOK_AT = "OK", "REFUSED", "to look at"


@attrs.frozen(kw_only=True)
class KeyTest:
    """What was seen of a key. `account` is the one that it opens; None of a right: the venue does not tell.

    `refusal` is the venue's word where it does not accept the key at all.
    """

    connector: str
    account: str | None = None
    reads: bool | None = None
    trades: bool | None = None
    withdraws: bool | None = None
    transfers: bool | None = None
    ip_restricted: bool | None = None
    refusal: str | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        """Why no bot trades with it."""
        checks = (
            (self.refusal is not None, f"is not accepted: {self.refusal}"),
            (self.withdraws is True, "may withdraw: make one that may not"),
            (self.transfers is True, "may transfer money to other accounts: make one that may not"),
            (self.reads is False and self.refusal is None, "may not read the account"),
            (self.trades is False, "may not trade futures"),
        )

        return tuple(words for is_so, words in checks if is_so)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should look at himself."""
        rights = {"trade": self.trades, "withdraw": self.withdraws, "transfer": self.transfers}
        untold = [right for right, told in rights.items() if told is None]
        words = []

        if self.refusal is None and untold:
            words.append(f"the venue does not tell here whether it may {' or '.join(untold)}: look there yourself")

        if self.ip_restricted is False:
            words.append("works from every address: restrict it to this machine's")

        return tuple(words)

    @property
    def verdict(self) -> str:
        """One word for all of it."""
        if self.faults:
            return REFUSED

        return f"{len(self.remarks)} {TO_LOOK_AT}" if self.remarks else OK


async def try_key(connector: DerivativeConnector, instrument: Instrument) -> KeyTest:
    """Read the account with the key, and ask the venue what else it may do. Nothing is set, placed or moved.

    ConnectivityError where the venue does not answer.
    """
    name = connector.name

    try:
        with starting("connector", name):
            await connector.fetch_account(instrument)
            rights = await connector.fetch_key_rights() if isinstance(connector, KeyPermissions) else None
    except AuthenticationError as error:
        return KeyTest(connector=name, reads=False, refusal=str(error))

    return attrs.evolve(_of_rights(name, rights), account=connector.account, reads=True)


def _of_rights(name: str, rights: KeyRights | None) -> KeyTest:
    if rights is None:
        return KeyTest(connector=name)

    return KeyTest(
        connector=name,
        trades=rights.can_trade,
        withdraws=rights.can_withdraw,
        transfers=rights.can_transfer,
        ip_restricted=rights.ip_restricted,
    )


def rows(test: KeyTest) -> Iterator[tuple[str, str]]:
    """Yield what was asked, and the answer, in words."""
    yield "reads the account", _told(test.reads)
    yield "trades", _told(test.trades)
    yield "withdraws", _told(test.withdraws)
    yield "transfers to other accounts", _told(test.transfers)
    yield "works from certain addresses only", _told(test.ip_restricted)


def _told(answer: bool | None) -> str:
    return "not told" if answer is None else "yes" if answer else "no"
