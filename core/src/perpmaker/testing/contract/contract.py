"""The whole suite."""

from __future__ import annotations

from perpmaker.testing.contract.abilities import AbilityContract
from perpmaker.testing.contract.account import AccountContract
from perpmaker.testing.contract.fills import FillContract
from perpmaker.testing.contract.foreign import ForeignContract
from perpmaker.testing.contract.limits import LimitContract
from perpmaker.testing.contract.orders import OrderContract
from perpmaker.testing.contract.outcomes import OutcomeContract
from perpmaker.testing.contract.stops import StopContract
from perpmaker.testing.contract.streams import StreamContract


class ConnectorContract(
    OrderContract,
    FillContract,
    OutcomeContract,
    StreamContract,
    AccountContract,
    ForeignContract,
    LimitContract,
    AbilityContract,
    StopContract,
):
    """What every connector does, whatever its venue. Each test's docstring says what the core relies on."""
