"""The seam to plugins while a run is put together: what they raise there is their mistake, and is said so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from perpmaker.errors import PerpmakerError, PluginError


@contextmanager
def starting(kind: str, name: str) -> Iterator[None]:
    """Word what a plugin raises while it is opened or built: PluginError, with the error as its cause.

    What plugins are meant to raise passes, alone or in a group.
    """
    try:
        yield
    except (PerpmakerError, ExceptionGroup):
        raise
    except Exception as error:
        text = f"The {kind} {name} failed at its start ({type(error).__name__}: {error}): a mistake of the plugin."
        raise PluginError(text) from error
