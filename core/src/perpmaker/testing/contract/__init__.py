"""The suite that every connector passes: its tests are subclassed with a declaration and run against its sandbox."""

from perpmaker.testing.contract.contract import ConnectorContract
from perpmaker.testing.contract.price_source import PriceSourceContract
from perpmaker.testing.contract.probing import ProbingContract
from perpmaker.testing.contract.spy import Route

__all__ = ["ConnectorContract", "PriceSourceContract", "ProbingContract", "Route"]
