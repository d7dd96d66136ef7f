"""Secrets: a value that never shows itself, where it comes from, and the signer that uses it."""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import json
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, final
from urllib.parse import quote

from perpmaker.errors import ConfigurationError, Problem

SignatureAlgorithm: TypeAlias = Literal["hmac-sha256", "ed25519"]

SCHEMES = ("env:NAME", "file:PATH", "keyring:SERVICE/NAME")
_HIDDEN = "***"
_LARGEST = 16_384
_OTHERS_BITS = 0o077


class Signer(Protocol):
    """Signs with a key it never shows. One day this is a process of its own; callers will not notice."""

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """How it signs, which decides how a venue wants the signature encoded."""

    def sign(self, message: bytes) -> bytes:
        """The raw signature of exactly these bytes."""


class SignerSource(Protocol):
    """Turns references of the configuration (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`) into what they mean."""

    def reveal(self, reference: str) -> str:
        """The text itself, for what a venue wants to see (the API key); ConfigurationError when there is none."""

    def signer(self, reference: str) -> Signer:
        """A signer for the secret behind the reference; ConfigurationError when there is none."""


@final
class Secret:
    """A text that shows itself nowhere but in `reveal()`: not in repr, str, format, logs, JSON, copies or pickles."""

    __slots__ = ("_reveal",)

    def __init__(self, text: str) -> None:
        # Kept in a closure: an attribute would be shown by debuggers, vars() and everything that walks objects.
        def reveal() -> str:
            return text

        self._reveal: Callable[[], str] = reveal

    def reveal(self) -> str:
        """The text; every call of this is a place to look at when a secret leaks."""
        return self._reveal()

    def __repr__(self) -> str:
        return _HIDDEN

    def __str__(self) -> str:
        return _HIDDEN

    def __format__(self, format_spec: str) -> str:
        return _HIDDEN

    def __bool__(self) -> bool:
        return bool(self._reveal())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented

        return hmac.compare_digest(self._reveal().encode(), other.reveal().encode())

    __hash__ = None  # type: ignore[assignment]  # a hash is a way to compare, and dictionaries get printed

    def __reduce_ex__(self, protocol: object) -> tuple[type[str], tuple[str]]:
        return str, (_HIDDEN,)

    def __copy__(self) -> str:
        return _HIDDEN

    def __deepcopy__(self, memo: object) -> str:
        return _HIDDEN


SHORTEST = 8
"""A text shorter than this is not taken out of messages: it would be found in the middle of ordinary words."""

_KNOWN: dict[str, None] = {}
"""How each text that a reference has brought may stand in a message: one list for the process, as its messages are."""


def redacted(text: str) -> str:
    """A text that a person or the journal may see: without what any reference of the configuration has brought."""
    for known in _KNOWN:
        if known in text:
            text = text.replace(known, _HIDDEN)

    return text


def _remember(secret: str) -> None:
    """Have a text taken out of messages from now on, however it is written there."""
    lines = [line for line in secret.splitlines() if len(line) >= SHORTEST and not line.startswith("-----")]
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    ways = (secret, *lines, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe=""), encoded)
    longest_first = sorted({*_KNOWN, *(way for way in ways if len(way) >= SHORTEST)}, key=len, reverse=True)
    _KNOWN.clear()
    _KNOWN.update(dict.fromkeys(longest_first))


class References:
    """The source of secrets that a configuration's references name, each read when it is asked for and not kept.

    `folder` is what relative paths of `file:` start from, `environ` (by default the process's) what `env:` reads.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environ = os.environ if environ is None else environ

    def reveal(self, reference: str) -> str:
        """The text behind a reference; ConfigurationError says what is wrong and never shows what was found.

        It is plain ASCII, because it goes into a header.
        """
        text = self._secret(reference).reveal()

        if not (text.isascii() and text.isprintable()):
            raise _refused(reference, "has characters that no key has, such as a line break: copy it again (not shown)")

        return text

    def hide(self, texts: Iterable[str]) -> None:
        """Take what those of the texts bring that are references out of messages; the keyring is not asked for that."""
        for text in texts:
            if reference_fault(text) is None and not text.startswith("keyring:"):
                with suppress(ConfigurationError):  # said where it is asked for
                    self._secret(text)

    def signer(self, reference: str) -> Signer:
        """A signer for the secret behind a reference; ConfigurationError when there is none or it is no key."""
        secret = self._secret(reference)

        try:
            return make_signer(secret)
        except ValueError as error:
            raise _refused(reference, str(error)) from None

    def fault(self, reference: str) -> str | None:
        """What keeps a reference from its secret, in words that show nothing of it; None when it is there."""
        try:
            self._secret(reference)
        except ConfigurationError as error:
            return "; ".join(problem.allowed for problem in error.problems)

        return None

    def _secret(self, reference: str) -> Secret:
        fault = reference_fault(reference)

        if fault is not None:
            raise _refused("a secret", fault)

        scheme, _, rest = reference.partition(":")
        read = {"env": self._from_environment, "file": self._from_file, "keyring": _from_keyring}[scheme]

        try:
            text = read(rest).strip()  # no key begins or ends with a space, but what was copied does
        except (OSError, ValueError, RuntimeError) as error:  # the last for `~somebody` without a home
            raise _refused(reference, _without_content(error)) from None

        if not text:
            raise _refused(reference, "is there, but empty")

        _remember(text)

        return Secret(text)

    def _from_environment(self, name: str) -> str:
        if name not in self._environ:
            raise ValueError(f"the environment has no variable {name}: export it before starting")

        return self._environ[name]

    def _from_file(self, path: str) -> str:
        return read_private_file(self._folder / Path(path).expanduser())


def reference_fault(text: str) -> str | None:
    """What is wrong with a reference's form; None when it has one of the known forms. Never contains the text."""
    scheme, colon, rest = text.partition(":")
    complete = bool(rest) and (scheme != "keyring" or all(rest.partition("/")))

    if colon and scheme in {"env", "file", "keyring"} and complete:
        return None

    return (
        f"must refer to the secret ({', '.join(SCHEMES)}); a secret itself does not belong in a file, and is not shown"
    )


def read_private_file(path: Path) -> str:
    """The text of a file that only we can read, without its last line ending.

    ValueError when it is a link, not a file, somebody else's, open to others (more than 0600), or over 16 KiB.
    """
    # O_NOFOLLOW and fstat on the open file: what is checked is what is read. O_NONBLOCK: a pipe does not hang us.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)

    try:
        fault = _file_fault(os.fstat(descriptor))

        if fault is not None:
            raise ValueError(fault)

        content = os.read(descriptor, _LARGEST + 1)
    finally:
        os.close(descriptor)

    if len(content) > _LARGEST:
        raise ValueError(f"is over {_LARGEST} bytes: that is no key")

    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None


def _file_fault(status: os.stat_result) -> str | None:
    """Why a file must not hold a secret."""
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"

    if status.st_uid != os.geteuid():
        return "belongs to another user: it must be owned by the one that runs perpmaker"

    if status.st_mode & _OTHERS_BITS:
        return f"is open to others (mode {stat.S_IMODE(status.st_mode):04o}): chmod 600 it"

    return None


def _from_keyring(place: str) -> str:
    """A password from the desktop's keyring, through the optional package `keyring`."""
    try:
        keyring = import_module("keyring")  # optional: most servers have none
    except ImportError:
        raise ValueError("needs the package keyring: pip install keyring") from None

    service, _, name = place.partition("/")

    try:
        text: str | None = keyring.get_password(service, name)
    except keyring.errors.KeyringError as error:
        raise ValueError(f"the keyring did not answer ({type(error).__name__})") from None

    if text is None:
        raise ValueError(f"the keyring has no entry {name!r} of {service!r}")

    return text


def _without_content(error: OSError | ValueError | RuntimeError) -> str:
    """An error in words; operating system errors without the path, which the reference already says."""
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "is a symbolic link: name the file itself"

    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def _refused(reference: str, fault: str) -> ConfigurationError:
    return ConfigurationError((Problem(file="configuration", key=reference, allowed=fault),))


def make_signer(secret: Secret) -> Signer:
    """A signer for a key: Ed25519 when the text is a private key in PEM (PKCS#8), HMAC-SHA256 otherwise.

    ValueError, never showing the text, when a PEM text is not an unencrypted Ed25519 key or `cryptography` is missing.
    """
    if "-----BEGIN" in secret.reveal():
        return _Ed25519Signer(secret)

    return _HmacSigner(secret)


class _HmacSigner:
    """HMAC with SHA-256 over a shared secret."""

    algorithm: SignatureAlgorithm = "hmac-sha256"

    def __init__(self, secret: Secret) -> None:
        self._started = hmac.new(secret.reveal().encode(), digestmod=hashlib.sha256)

    def sign(self, message: bytes) -> bytes:
        running = self._started.copy()
        running.update(message)

        return running.digest()


class _Ed25519Signer:
    """Ed25519 with a private key."""

    algorithm: SignatureAlgorithm = "ed25519"

    def __init__(self, secret: Secret) -> None:
        try:
            from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  # venues that need it bring it
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
            from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415
        except ImportError:
            raise ValueError("a private key in PEM needs the package cryptography: pip install cryptography") from None

        try:
            key = load_pem_private_key(secret.reveal().encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError(
                "is no readable private key: expected an unencrypted Ed25519 key in PEM (PKCS#8)"
            ) from None

        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("is a private key of another kind: expected Ed25519 (PKCS#8)")  # noqa: TRY004  # of the text

        self._key = key

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)
