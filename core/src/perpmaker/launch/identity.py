"""Names that tell one run, one account and one market from all others: in client ids, locks and journals."""

from __future__ import annotations

import hashlib
import string
from pathlib import Path

from perpmaker.connector.interface import ConnectorContext, DerivativeConnector
from perpmaker.journal.sandbox_journals import OWN
from perpmaker.model.instrument import Instrument

_DIGITS = string.digits + string.ascii_lowercase
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def instance_of(connector: DerivativeConnector, context: ConnectorContext) -> str:
    """Return the account's name, with its address in a sandbox: each sandbox has a journal of its own.

    One that a run has started for itself ends with the run, and the next one may get its address.
    """
    if context.sandbox is None:
        return connector.account

    address = context.sandbox.url.partition("://")[2]

    return f"{connector.account}@{address}" + (f"{OWN}{context.sandbox.instance}" if context.sandbox.instance else "")


def bot_of(connector: DerivativeConnector, instrument: Instrument, *purpose: str) -> str:
    """Return the part of client ids that is this account's and market's alone, under any name of theirs.

    `purpose` is what orders are for that are no bot's.
    """
    words = (connector.name, connector.account, instrument.market, *purpose)

    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:6]


def boot_id() -> str:
    """Return what tells this boot of the machine from every other one.

    Empty where the system does not say.
    """
    try:
        return _BOOT.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def run_id(utc_ms: int) -> str:
    """Return the id of a run that begins now: the time in few characters, growing with it."""
    digits = ""

    while utc_ms:
        utc_ms, digit = divmod(utc_ms, 36)
        digits = _DIGITS[digit] + digits

    return digits or "0"
