"""Every error perpmaker raises on purpose.

::

    PerpmakerError
    ├── ConfigurationError        the file is wrong; carries every problem found at once      exit 2
    ├── PluginError               a plugin that is not there, was not loaded, or is there twice  exit 2
    │   └── PluginFaultError      a plugin raised, answered or did what no plugin may         exit 6
    ├── RecordingError            a recorded market that cannot be replayed                   exit 2
    │   └── RecordingCutError     one that ends in the middle of a message                    exit 2
    ├── CaptureError              a recording that cannot be made, or not any longer          exit as it says
    ├── SweepError                a sweep that cannot be played as it was asked for           exit 2
    ├── SandboxError              a sandbox that would not start, and has said why            exit as it did
    ├── VenueError
    │   ├── ConnectivityError     the venue cannot be reached or went away; backing off helps  exit 4
    │   │   └── DeadlineError     no complete answer in time
    │   ├── RefusedError          the venue answered, and the answer is no                     exit 3
    │   │   ├── AuthenticationError   key, signature, permission or address not accepted
    │   │   └── RateLimitedError      too much was asked; says when to come back
    │   ├── KeyRightsError        the key could do more than trade, or less                    exit 3
    │   └── UnknownMarketError    no such market on this venue; names the nearest             exit 3
    ├── MarketRulesError          the configuration breaks the market's own rules             exit 3
    │   └── MarketClosedError     the market is there, and takes no orders now               exit 3
    ├── UnexplainedPositionError  a position that our own orders cannot have made             exit 3
    ├── RiskModuleError           a risk module answered what none may: a bolder quote           contained
    ├── PayloadError              bytes from outside that do not mean what they should
    ├── JournalError              the journal cannot be written, or is not to be trusted      exit 2
    ├── ResultError               a file that has no result of a run, or cannot be read       exit 2
    ├── UnknownBotError           no bot of that name                                         exit 2
    │   └── AmbiguousBotError     several bots of that name; names them                       exit 2
    ├── BotUnansweredError        a running bot that does not answer                          exit 4
    ├── BotRefusedError           a running bot that answered no, and why                     exit as it says
    ├── LockedError               another process trades this account and market              exit 2
    ├── HaltedError               a halt is latched, and nobody has resumed                   exit 7
    └── StopNotProvenError        stopped, but the venue did not confirm it is clean          exit 5

Connectivity and refusal are separate branches on purpose: the first is retried, the second never blindly.
A command that was sent and not answered is neither: it is an outcome (`perpmaker.connector.Unknown`), not an
exception, because somebody has to keep its slot blocked until the venue has proven what became of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, unique

import attrs

_LONG_WORD = re.compile(r"\S{201,}")
_START = 60


@unique
class ExitCode(int, Enum):
    """What the command tells the shell."""

    OK = 0
    BUG = 1
    FILE = 2
    REFUSED = 3
    UNREACHABLE = 4
    NOT_PROVEN_CLEAN = 5
    PLUGIN = 6
    HALTED = 7
    DIFFERS = 8
    INTERRUPTED = 130


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, out of the groups that task groups wrap them in."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


class PerpmakerError(Exception):
    """The root: everything below is said to a person as one message, without a traceback."""

    exit_code = ExitCode.BUG


def abridged(text: str) -> str:
    """Cut each word of more than 200 characters to its start: nobody reads the rest, and it hides the sentence."""
    return _LONG_WORD.sub(lambda word: f"{word[0][:_START]}… ({len(word[0])} characters)", text)


def _abridged(text: str | None) -> str | None:
    return None if text is None else abridged(text)


WHOLE_FILE = "the file"
"""The key of a fault of a file as a whole."""


@attrs.frozen(kw_only=True)
class Problem:
    """One fault of a configuration: where it is, what was found, what would be right.

    `key` is dotted from the top of the file (`risk.exposure_limit.max_position`); `line` counts from 1 and is
    None for what has no line (a missing key, `--set`); `value` is the text found, None when nothing was.
    """

    file: str
    key: str = attrs.field(converter=abridged)
    line: int | None = None
    value: str | None = attrs.field(default=None, converter=_abridged)
    allowed: str = attrs.field(converter=abridged)
    nearest: str | None = attrs.field(default=None, converter=_abridged)

    def __str__(self) -> str:
        """Render as `file:line: key = value: what is allowed; did you mean ...`, of the whole file without a key."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        found = self.key if self.value is None else f"{self.key} = {self.value}"
        hint = "" if self.nearest is None else f"; did you mean {self.nearest!r}?"

        return f"{place}: {self.allowed}{hint}" if self.key == WHOLE_FILE else f"{place}: {found}: {self.allowed}{hint}"


class ConfigurationError(PerpmakerError):
    """A configuration that cannot be used; `problems` holds every fault found, in the order of the file."""

    exit_code = ExitCode.FILE

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class PluginError(PerpmakerError):
    """A plugin was named that is not there, was not loaded, or is there twice."""

    exit_code = ExitCode.FILE


class PluginFaultError(PluginError):
    """A plugin raised, answered or did what no plugin may. The text names the plugin and its distribution.

    `detail` is the traceback for the plugin's author, `kept_in` the file that holds it (empty: not written yet).
    `at_start` is the same in words for a run that has not begun. `interrupted`: the plugin did not come back, so the
    watchdog ended its call.
    """

    exit_code = ExitCode.PLUGIN

    def __init__(self, text: str, *, at_start: str = "", detail: str = "", interrupted: bool = False) -> None:
        self.at_start = at_start or text
        self.detail = detail
        self.interrupted = interrupted
        self.kept_in = ""
        super().__init__(text)


class TaskEndedError(RuntimeError):
    """A task of a run ended by what no task may raise, which is the cause, or the whole run without a wish for it."""


class RecordingError(PerpmakerError):
    """A recording that cannot be replayed; `file`, `line` (from 1, None for the whole file), and what is wrong."""

    exit_code = ExitCode.FILE

    def __init__(self, text: str, *, file: str, line: int | None = None) -> None:
        self.file = file
        self.line = line
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {text}")


class RecordingCutError(RecordingError):
    """A file of a recording that ends in the middle, because its writer was cut off; what came before is good."""


class CaptureError(PerpmakerError):
    """A recording that cannot be made, or not any longer; what was written before stays."""

    def __init__(self, text: str, exit_code: ExitCode = ExitCode.FILE) -> None:
        self.exit_code = exit_code
        super().__init__(text)


class SweepError(PerpmakerError):
    """A sweep that cannot be played as it was asked for, or cannot be kept; says what to give instead."""

    exit_code = ExitCode.FILE


class SandboxError(PerpmakerError):
    """A sandbox's process that ended before it served, for a reason that it has told the person itself."""

    def __init__(self, text: str, exit_code: ExitCode) -> None:
        self.exit_code = exit_code
        super().__init__(text)


class VenueError(PerpmakerError):
    """Something between us and the venue."""

    exit_code = ExitCode.REFUSED


class ConnectivityError(VenueError):
    """The venue could not be reached, or the connection ended; trying again later may help."""

    exit_code = ExitCode.UNREACHABLE


class DeadlineError(ConnectivityError):
    """No complete answer within the deadline of the whole call."""


class RefusedError(VenueError):
    """The venue said no. `code` and `text` are the venue's own; `text` is data, never markup."""

    def __init__(self, text: str, *, code: str = "", status: int | None = None) -> None:
        self.code = code
        self.text = text
        self.status = status
        super().__init__(f"{text} (code {code})" if code else text)


class AuthenticationError(RefusedError):
    """The key, its signature, its permissions or this machine's address are not accepted."""


class RateLimitedError(RefusedError):
    """Too many requests; nothing of that kind may be sent for `retry_after_s` seconds."""

    def __init__(self, text: str, *, code: str = "", status: int | None = None, retry_after_s: float) -> None:
        super().__init__(text, code=code, status=status)
        self.retry_after_s = retry_after_s


class KeyRightsError(VenueError):
    """The API key is allowed what no bot's key should be, or not what this one needs."""


class UnknownMarketError(VenueError):
    """The venue has no such market; `nearest` are the most similar names it does have, `hint` says what to do."""

    def __init__(
        self,
        market: str,
        venue: str,
        nearest: tuple[str, ...],
        *,
        kind: str = "perpetual market",
        hint: str | None = None,
    ) -> None:
        self.market = market
        self.nearest = nearest
        named = f"Nearest: {', '.join(nearest)}." if nearest else None
        super().__init__(" ".join(filter(None, (f"{venue} has no {kind} named {market!r}.", named, hint))))


class MarketRulesError(PerpmakerError):
    """The configuration asks for what the market's own rules do not allow (leverage, minimum size, mode)."""

    exit_code = ExitCode.REFUSED


class UnexplainedPositionError(PerpmakerError):
    """A position is there that our own orders cannot have made: nobody has said that it is to be managed."""

    exit_code = ExitCode.REFUSED


class MarketClosedError(MarketRulesError):
    """The market takes no orders now; `status` is the venue's own word for it. It may open again."""

    def __init__(self, market: str, venue: str, status: str) -> None:
        self.status = status
        super().__init__(
            f"{market} is not trading on {venue} now: its status is {status}. "
            "Choose another market, or start again once it trades."
        )


class RiskModuleError(PerpmakerError):
    """A risk module enlarged a quote, brought it nearer, answered for another one, or answered what is no verdict.

    `module` is the one that did, in its method `what`.
    """

    def __init__(self, text: str, *, module: object = None, what: str = "review") -> None:
        self.module = module
        self.what = what
        super().__init__(text)


class PayloadError(PerpmakerError):
    """Bytes from outside that cannot be decoded into what they should be; `path` says where (`$.o.p`)."""

    def __init__(self, text: str, *, path: str = "$") -> None:
        self.path = path
        super().__init__(f"{text} @ {path}")


class JournalError(PerpmakerError):
    """The journal cannot be written or cannot be trusted; without it nothing may be sent."""

    exit_code = ExitCode.FILE


class ResultError(PerpmakerError):
    """A file from which no result of a run can be read."""

    exit_code = ExitCode.FILE


class UnknownBotError(PerpmakerError):
    """No bot of that name runs, or is known."""

    exit_code = ExitCode.FILE


class AmbiguousBotError(UnknownBotError):
    """Several bots may be meant; the text names them."""


class BotUnansweredError(PerpmakerError):
    """A bot runs and does not answer over its control socket."""

    exit_code = ExitCode.UNREACHABLE


class BotRefusedError(PerpmakerError):
    """A running bot has answered that it does not do what it was asked for; `exit_code` is what it said."""

    def __init__(self, text: str, exit_code: ExitCode) -> None:
        self.exit_code = exit_code
        super().__init__(text)


class LockedError(PerpmakerError):
    """Another process holds the lock of this account and market."""

    exit_code = ExitCode.FILE


class HaltedError(PerpmakerError):
    """An earlier run was halted by what a person has to look at, and nobody has resumed."""

    exit_code = ExitCode.HALTED


class StopNotProvenError(PerpmakerError):
    """The bot stopped, but the venue did not confirm that its quotes are gone."""

    exit_code = ExitCode.NOT_PROVEN_CLEAN
