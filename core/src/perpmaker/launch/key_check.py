"""Before money is at stake: a key that could do more than trade is not used."""

from __future__ import annotations

from collections.abc import Callable

from perpmaker.connector.abilities import KeyPermissions, KeyRights
from perpmaker.connector.interface import DerivativeConnector, Environment
from perpmaker.errors import KeyRightsError
from perpmaker.plugins.start import starting


async def check_key(
    connector: DerivativeConnector, environment: Environment, tell: Callable[[str], None], *, trust: bool = False
) -> None:
    """Let a live key pass only when it can read and trade and nothing can leave the account with it.

    KeyRightsError names what is wrong; a line says what is merely unwise. A venue that does not say what the key may do
    is refused too, unless a person says that the key is to be trusted.
    """
    if environment is not Environment.LIVE:
        return

    with starting("connector", connector.name):
        rights = await connector.fetch_key_rights() if isinstance(connector, KeyPermissions) else None

    if rights is None:
        unsaid = f"{connector.name} does not tell what the API key may do"

        if not trust:
            raise KeyRightsError(
                f"{unsaid}: make sure that it cannot withdraw or transfer, and say so with --trust-key"
            )

        tell(f"{unsaid}: it is trusted not to withdraw or transfer (--trust-key)")
        return

    faults = tuple(_faults(rights))

    if faults:
        raise KeyRightsError(f"the API key of {connector.name} {', and '.join(faults)}: nothing is traded with it")

    if not rights.ip_restricted:
        tell(f"the API key of {connector.name} works from every address: restrict it to this machine's")


def _faults(rights: KeyRights) -> list[str]:
    checks = (
        (rights.can_withdraw, "may withdraw"),
        (rights.can_transfer, "may transfer money to other accounts"),
        (not rights.can_read, "may not read the account"),
        (not rights.can_trade, "may not trade futures"),
    )

    return [words for is_wrong, words in checks if is_wrong]
