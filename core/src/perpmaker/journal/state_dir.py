"""Where a bot keeps what outlives it: the state directory, and one lock per account and market."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs
import platformdirs

from perpmaker.errors import ConfigurationError, JournalError, LockedError, Problem
from perpmaker.journal.private_file import open_private_file, tighten_directory, tighten_file

VARIABLE = "PERPMAKER_HOME"
JOURNALS = "journal"
"""The directory of the journals in the state directory."""

_OWNER = re.compile(r"(?P<market>.+?) of account (?P<account>.*) on (?P<venue>\S+) \((?P<environment>\S+)\)", re.DOTALL)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def _safe(part: str) -> str:
    """Part of a file name; letters beyond ASCII are told apart by a hash, as two such markets are two."""
    plain = _UNSAFE.sub("_", part)

    return plain if part.isascii() else f"{plain}.{hashlib.sha256(part.encode()).hexdigest()[:12]}"


@attrs.frozen(kw_only=True)
class Key:
    """Whose state it is. `account` is the venue's public name of it. A sandbox's carries its instance.

    So a new sandbox never meets the journal of an old one, and testnet never that of live.
    """

    environment: str
    venue: str
    account: str
    market: str

    @property
    def file_name(self) -> str:
        """The key as the stem of a file name: what a file system might not like becomes an underscore."""
        return "~".join(map(_safe, (self.environment, self.venue, self.account, self.market)))

    @property
    def lock_name(self) -> str:
        """The account and market as the stem of a file name, by whatever name of an environment they are reached."""
        return "~".join(map(_safe, (self.venue, self.account, self.market)))

    def __str__(self) -> str:
        """Render as `BTC-USDT of account 8f3a on binance_perpetual (testnet)`."""
        return f"{self.market} of account {self.account} on {self.venue} ({self.environment})"


def parse_key(text: str) -> Key | None:
    """Return the key that was rendered as this text. None for any other text."""
    found = _OWNER.fullmatch(text)

    return None if found is None else Key(**found.groupdict())


@attrs.frozen
class StateDir:
    """The state directory: only its owner may enter it (0700), and every file in it is 0600."""

    root: Path
    _kept: set[Path] = attrs.field(factory=set, init=False, eq=False, repr=False)

    def private(self, name: str) -> Path:
        """Return a directory of that name in it, made where it is not there: only its owner may enter it."""
        return _private(self.root / name)

    def plain(self, name: str) -> str:
        """Return a name as the stem of a file: what a file system might not like becomes an underscore."""
        return _safe(name)

    def journal(self, key: Key) -> Path:
        """Return the journal of an account and market.

        Every file that is kept beside it is made its owner's alone.
        """
        directory = _private(self.root / JOURNALS)

        for file in directory.glob(f"{glob.escape(key.file_name)}.sqlite3*"):
            try:
                tighten_file(file)
            except OSError as error:
                raise JournalError(f"{file} cannot be used: {error.strerror}") from None

        return directory / f"{key.file_name}.sqlite3"

    def report(self, digest: str) -> Path:
        """Return where it is written down when a report was shown last."""
        return _private(self.root / "report") / digest

    def findings(self, connector: str, environment: str) -> Path:
        """Return where it is written down what experiments have shown of a venue."""
        return _private(self.root / "findings") / f"{_safe(connector)}~{_safe(environment)}.json"

    def hold(self, venue: str, until_ms: int) -> None:
        """Write down that a venue wants to hear nothing from this machine until then.

        A later word replaces it.
        """
        with suppress(OSError):
            handle = open_private_file(self._held(venue))

            with os.fdopen(handle, "r+") as file:
                file.truncate()
                file.write(f"{until_ms}\n")

    def held_until_ms(self, venue: str) -> int:
        """Until when a venue wants to hear nothing from this machine. 0 when nothing is known."""
        try:
            with os.fdopen(open_private_file(self._held(venue))) as file:
                return int(file.read())
        except (OSError, ValueError):
            return 0

    def _held(self, venue: str) -> Path:
        return _private(self.root / "hold") / _UNSAFE.sub("_", venue)

    def lock_path(self, key: Key) -> Path:
        """Return the file whose lock is that of an account and market."""
        return _private(self.root / "lock") / f"{key.lock_name}.lock"

    @contextmanager
    def lock(self, key: Key) -> Iterator[None]:
        """Hold the account and market for this process. LockedError, naming the holder, when another one does.

        The lock is the kernel's (flock): it ends with the process, however that ends, so a crash never locks us out.
        """
        path = self.lock_path(key)

        if path in self._kept:
            yield
            return

        with _locked(path, str(key)):
            yield

    @contextmanager
    def keep_lock(self, path: Path, what: str) -> Iterator[None]:
        """Hold a lock by its file, and let `lock` of this object pass: between an end and what follows nobody starts.

        LockedError, naming the holder, when another process has it; `what` is locked.
        """
        with _locked(path, what):
            self._kept.add(path)

            try:
                yield
            finally:
                self._kept.discard(path)


def open_state_dir(environment: Mapping[str, str]) -> StateDir:
    """Return the state directory named by PERPMAKER_HOME, else the platform's own.

    Made when it is not there.
    """
    return StateDir(_private(state_root(environment)))


def state_root(environment: Mapping[str, str]) -> Path:
    """Return where the state directory is, or would be: nothing is made. For who only reads what is there."""
    chosen = environment.get(VARIABLE)

    try:
        return Path(chosen).expanduser() if chosen else platformdirs.user_state_path("perpmaker")
    except RuntimeError:  # `~somebody/x`, and nobody of that name has a home
        allowed = "names the home of a user who is not there: write the whole path"
        problem = Problem(file="environment", key=VARIABLE, value=chosen, allowed=allowed)
        raise ConfigurationError((problem,)) from None


def _private(directory: Path) -> Path:
    """Make the directory so that only its owner may enter it; refuse a link, and one that belongs to somebody else."""
    try:
        if not directory.is_symlink():  # what a link leads to is nobody's that we know: never followed, never changed
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

        tighten_directory(directory)
    except OSError as error:
        words = f"no directory can be made or entered there ({error.strerror}): name one that only you can enter"
        raise _refused(directory, words) from None

    return directory


def _refused(directory: Path, allowed: str) -> ConfigurationError:
    problem = Problem(file="environment", key=VARIABLE, value=str(directory), allowed=allowed)

    return ConfigurationError((problem,))


@contextmanager
def _locked(path: Path, what: str) -> Iterator[None]:
    try:
        handle = open_private_file(path)
    except OSError as error:
        raise LockedError(f"the lock {path} cannot be taken: {error.strerror}") from None

    try:
        _seize(handle, what)
        yield
    finally:
        os.close(handle)


def _seize(handle: int, what: str) -> None:
    """Take the lock and write down who has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 256).decode(errors="replace").strip() or "another process"
        raise LockedError(f"{what} is already traded by {holder}; stop that one first") from None

    os.ftruncate(handle, 0)
    os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
