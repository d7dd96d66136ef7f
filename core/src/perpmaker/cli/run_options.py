"""What the command line of `perpmaker run` asks for."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from perpmaker.cli.guard import AccountCheck


@attrs.frozen(kw_only=True)
class RunOptions:
    """What the command line asks for beside the configuration. `url` is that of a sandbox that is serving.

    `command` are the words with which the same run can be started again.
    """

    seconds: float | None
    close: bool
    url: str | None
    adopt: bool
    resume: bool
    adopt_position: bool
    trust_key: bool
    account: AccountCheck
    command: Sequence[str]
    as_json: bool = False
