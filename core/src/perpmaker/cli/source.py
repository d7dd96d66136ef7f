"""The sandbox of an external price source: which one a configuration needs, and where a sandbox serves it."""

from __future__ import annotations

from typing import Any

from perpmaker.config.configuration import Configuration
from perpmaker.connector.interface import SandboxAccess
from perpmaker.errors import PluginError, RefusedError
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration, PriceSourceDeclaration
from perpmaker.plugins.start import code_of
from perpmaker.sandbox.dialect import Dialect
from perpmaker.sandbox.server import SandboxLine


def source_wanted(configuration: Configuration) -> tuple[str, str] | None:
    """Return the (name, market) that a sandbox has to serve beside the traded market.

    None where nothing external is read.
    """
    external = configuration.external

    if external is None or external.declaration.sandbox is None:
        return None

    return external.name, configuration.source_request.market


def source_dialect(catalog: Catalog, name: str) -> Dialect:
    """Return the dialect of a source or a connector of this name. PluginError when there is none."""
    by_market = name in catalog.names(PriceSourceDeclaration)
    declaration = catalog.price_source(name) if by_market else catalog.derivative_connector(name)

    return dialect_of(declaration)


def dialect_of(declaration: DerivativeConnectorDeclaration[Any] | PriceSourceDeclaration[Any]) -> Dialect:
    """Return the dialect that a declaration brings.

    PluginError when it has none, PluginFaultError when it fails.
    """
    if declaration.sandbox is None:
        raise PluginError(f"{declaration.name} has no sandbox.")

    return code_of(declaration).prepare("sandbox", declaration.sandbox)


def source_access(configuration: Configuration, line: SandboxLine) -> SandboxAccess | None:
    """Return where the sandbox serves what the price source reads. RefusedError when it does not."""
    wanted, source = source_wanted(configuration), line.source

    if wanted is None:
        return None

    if source is None or (source.venue, source.market) != wanted:
        name, market = wanted
        raise RefusedError(
            f"the sandbox at {line.url} does not serve {market} of {name}: start it with --source {name}:{market}"
        )

    return SandboxAccess(url=source.url, api_key=source.api_key, api_secret=source.api_secret)
