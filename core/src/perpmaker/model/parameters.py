"""A change of parameters while a bot runs, as an event: replay sees it where it happened."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class ParametersChanged:
    """A person has changed parameters of the running bot.

    `configuration` is the whole of it from now on, as the row of a run has it, `file` where it stood, `keys` what
    differs from before.
    """

    configuration: str
    file: str
    keys: tuple[str, ...]
