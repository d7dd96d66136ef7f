"""A price source that reads its price from a text file, to be copied as the beginning of your own.

It is all there is to a plugin: settings, something that yields prices with their time, and one hook that declares it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import anyio
import attrs

from perpmaker import (
    ConnectivityError,
    PriceSourceDeclaration,
    Range,
    ReferenceChanged,
    Register,
    SourceContext,
    hookimpl,
)

__plugin_api__ = 1


@attrs.frozen(kw_only=True)
class Settings:
    """The table [price_file]: which file, and how often it is read (seconds)."""

    path: str
    interval: Annotated[float, Range(at_least=0.1)] = 1.0


@attrs.define
class PriceFile:
    """Reads the file again and again; a price is dated by perpmaker, when it is received."""

    settings: Settings
    _is_first: bool = True

    async def receive(self) -> ReferenceChanged:
        """The price that stands in the file now; ConnectivityError when there is none, and it is opened again."""
        if not self._is_first:
            await anyio.sleep(self.settings.interval)

        self._is_first = False

        try:
            text = Path(self.settings.path).read_text(encoding="utf-8")  # noqa: ASYNC240  # a few bytes of a local file
            price = Decimal(text.strip())
        except InvalidOperation as error:
            raise ConnectivityError(f"no price in {self.settings.path}: {text[:20]!r} is not a number") from error
        except (OSError, UnicodeDecodeError) as error:
            raise ConnectivityError(f"no price in {self.settings.path}: {error}") from error

        return ReferenceChanged(price=price)


@asynccontextmanager
async def open_price_file(settings: Settings, _: SourceContext) -> AsyncIterator[PriceFile]:
    """Called when a run begins whose configuration names this source."""
    yield PriceFile(settings)


@hookimpl
def register_price_sources(register: Register[PriceSourceDeclaration[Settings]]) -> None:
    """Declare the source; nothing is read yet."""
    register(
        PriceSourceDeclaration(
            name="price_file",
            summary="A number in a text file",
            settings=Settings,
            open=open_price_file,
            price_types=("custom", "mid_price"),
        )
    )
