"""The seam to plugins while a run is put together: what they raise or build there is their fault, and is said so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from perpmaker.errors import PerpmakerError, PluginFaultError
from perpmaker.foreign_code import ForeignCode, said
from perpmaker.plugins.declarations import (
    Declaration,
    DerivativeConnectorDeclaration,
    ObserverDeclaration,
    PriceSourceDeclaration,
    RiskModuleDeclaration,
)
from perpmaker.secret import redacted

START_S = 60.0
"""Seconds after which a connector that is being opened or asked at the start counts as one that does not come back."""

Report: TypeAlias = Callable[[PluginFaultError], None]


def unreported(_: PluginFaultError) -> None:
    """Nobody is told of faults beside the one who called."""


def code_of(declaration: Declaration, report: Report = unreported) -> ForeignCode:
    """Return the plugin behind a declaration, as the core calls it."""
    match declaration:
        case DerivativeConnectorDeclaration():
            kind = "connector"
        case PriceSourceDeclaration():
            kind = "price source"
        case RiskModuleDeclaration():
            kind = "risk module"
        case ObserverDeclaration():
            kind = "observer"
        case _:
            kind = "strategy"

    return ForeignCode(kind=kind, name=declaration.name, distribution=declaration.distribution, report=report)


@contextmanager
def starting(kind: str, name: str) -> Iterator[None]:
    """Word what a plugin raises while it is opened or built: PluginFaultError, with the error as its cause.

    What plugins are meant to raise passes, alone or in a group. A fault that a guard has named gets the words of a
    start.
    """
    try:
        yield
    except PluginFaultError as fault:
        fault.args = (fault.at_start,)
        raise
    except (PerpmakerError, ExceptionGroup):
        raise
    except Exception as error:
        text = f"The {kind} {name} failed at its start ({said(error)}): a mistake of the plugin."
        raise PluginFaultError(redacted(text)) from error
