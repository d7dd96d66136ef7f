"""Opens what plugins yield within a time: one that hangs is given up, also where it swallows that it is cancelled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from math import inf
from typing import Any, TypeVar

import anyio

from perpmaker.connector.interface import ConnectorContext, DerivativeConnector
from perpmaker.foreign_code import ForeignCode
from perpmaker.model.instrument import Instrument
from perpmaker.plugins.declarations import DerivativeConnectorDeclaration
from perpmaker.plugins.start import START_S, Report, code_of, starting, unreported
from perpmaker.runtime.plugin_guard import open_guarded

_Opened = TypeVar("_Opened")

_PUBLIC = ("name", "fetch_instrument", "feeds")
"""What a recording needs of a connector."""


@asynccontextmanager
async def opened_in_time(
    opened: Callable[[], AbstractAsyncContextManager[_Opened]], seconds: float
) -> AsyncIterator[_Opened]:
    """Open something; TimeoutError when that takes longer. Its own scopes may stay open as long as it does."""
    with anyio.CancelScope(deadline=anyio.current_time() + seconds) as scope:
        async with opened() as found:
            scope.deadline = inf
            yield found

    if scope.cancelled_caught:
        raise TimeoutError(f"it has not come back for {seconds:g} s")


async def open_connector(
    declaration: DerivativeConnectorDeclaration[Any],
    settings: Any,  # noqa: ANN401  # an instance of declaration.settings
    context: ConnectorContext,
    market: str,
    *,
    stack: AsyncExitStack,
    report: Report = unreported,
) -> tuple[DerivativeConnector, Instrument]:
    """Open a connector for as long as the stack, guarded, and read the market's rules.

    PluginFaultError when it does not come back within `START_S`. For a recording it needs nothing that takes a key.
    """
    code = code_of(declaration, report)
    needed = _PUBLIC if context.tape is not None else [name for name in vars(DerivativeConnector) if name[0] != "_"]

    with starting(code.kind, code.name):
        return await _open_connector(code, partial(declaration.open, settings, context), market, stack, needed)


async def _open_connector(
    code: ForeignCode,
    opened: Callable[[], AbstractAsyncContextManager[DerivativeConnector]],
    market: str,
    stack: AsyncExitStack,
    needed: Sequence[str],
) -> tuple[DerivativeConnector, Instrument]:
    asked = "open"

    try:
        guarded = opened_in_time(partial(open_guarded, code, opened), START_S)
        connector = await stack.enter_async_context(guarded)
        _check_whole(code, connector, needed)
        asked = "fetch_instrument"

        with anyio.fail_after(START_S):
            return connector, await connector.fetch_instrument(market)
    except TimeoutError as error:
        words = f"it has not come back for {START_S:g} s"
        raise code.fault(asked, TimeoutError(words)) from error


def _check_whole(code: ForeignCode, connector: DerivativeConnector, needed: Sequence[str]) -> None:
    """PluginFaultError when what was opened lacks what it is needed for."""
    missing = [name for name in needed if not hasattr(connector, name)]

    if missing:
        raise code.fault("open", TypeError(f"what it yielded is no connector: it has no {', '.join(missing)}"))
