"""Secrets: a value that never shows itself, where it comes from, and the signer that uses it."""

from __future__ import annotations

import base64
import difflib
import errno
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, final
from urllib.parse import quote

from perpmaker.errors import ConfigurationError, Problem
from perpmaker.memory_guard import guard_memory
from perpmaker.secret_file import read_private_file

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SignatureAlgorithm: TypeAlias = Literal["hmac-sha256", "ed25519", "rsa-sha256"]

SCHEMES = ("env:NAME", "file:PATH", "keyring:SERVICE/NAME")
_HIDDEN = "***"
NOT_SHOWN = "not shown, in case it is the secret itself"


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
            raise _refused(
                self._shown(reference),
                "has characters that no key has, such as a line break: copy it again (not shown)",
            )

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
            raise _refused(self._shown(reference), str(error)) from None

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

        guard_memory()
        scheme, _, rest = reference.partition(":")
        read = {"env": self._from_environment, "file": self._from_file, "keyring": _from_keyring}[scheme]

        try:
            text = read(rest).strip()  # no key begins or ends with a space, but what was copied does
        except (OSError, ValueError, RuntimeError) as error:  # the last for `~somebody` without a home
            raise _refused(self._shown(reference), _without_content(error)) from None

        if not text:
            raise _refused(self._shown(reference), "is there, but empty")

        _remember(text)

        return Secret(text)

    def _from_environment(self, name: str) -> str:
        if name not in self._environ:
            _remember(name)
            near = difflib.get_close_matches(name, self._environ, n=1)
            hint = f"; did you mean env:{near[0]}?" if near else ""
            raise ValueError(f"the environment has no such variable ({NOT_SHOWN}): export it before starting{hint}")

        return self._environ[name]

    def _from_file(self, path: str) -> str:
        file = self._folder / Path(path).expanduser()

        try:
            return read_private_file(file)
        except FileNotFoundError:
            _remember(path)
            place = (
                file.parent if Path(path).parent != Path() and file.parent.is_dir() else "the configuration's folder"
            )
            raise ValueError(f"there is no such file in {place} ({NOT_SHOWN})") from None

    def _shown(self, reference: str) -> str:
        """A reference as a message names it: whole where what it names is there, else it may be the secret itself."""
        scheme, _, rest = reference.partition(":")
        is_there = scheme == "env" and rest in self._environ

        if scheme == "file":
            with suppress(OSError, ValueError, RuntimeError):
                is_there = os.path.lexists(self._folder / Path(rest).expanduser())

        return reference if is_there else f"{scheme}:{_HIDDEN}"


def reference_fault(text: str) -> str | None:
    """What is wrong with a reference's form; None when it has one of the known forms. Never contains the text."""
    scheme, colon, rest = text.partition(":")
    complete = bool(rest) and (scheme != "keyring" or all(rest.partition("/")))

    if colon and scheme in {"env", "file", "keyring"} and complete:
        return None

    return (
        f"must refer to the secret ({', '.join(SCHEMES)}); a secret itself does not belong in a file, and is not shown"
    )


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
        _remember(place)
        raise ValueError(f"the keyring has no such entry ({NOT_SHOWN})")

    return text


def _without_content(error: OSError | ValueError | RuntimeError) -> str:
    """An error in words; operating system errors without the path, which the reference already says."""
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "is a symbolic link: name the file itself"

    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def _refused(reference: str, fault: str) -> ConfigurationError:
    return ConfigurationError((Problem(file="configuration", key=reference, allowed=fault),))


def make_signer(secret: Secret) -> Signer:
    """A signer for a key: what a private key in PEM (PKCS#8) says, Ed25519 or RSA, and HMAC-SHA256 for any other text.

    ValueError, never showing the text, when a PEM text is not such an unencrypted key or `cryptography` is missing.
    """
    if "-----BEGIN" in secret.reveal():
        return _private_key_signer(secret)

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


def _private_key_signer(secret: Secret) -> Signer:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  # venues that need it bring it
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415
    except ImportError:
        raise ValueError("a private key in PEM needs the package cryptography: pip install cryptography") from None

    try:
        key = load_pem_private_key(secret.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(
            "is no readable private key: expected an unencrypted Ed25519 key or RSA key in PEM (PKCS#8)"
        ) from None

    if isinstance(key, Ed25519PrivateKey):
        return _KeySigner("ed25519", key.sign)

    if isinstance(key, RSAPrivateKey):
        return _KeySigner("rsa-sha256", _rsa_sign(key))

    raise ValueError("is a private key of another kind: expected Ed25519 or RSA (PKCS#8)")


def _rsa_sign(key: RSAPrivateKey) -> Callable[[bytes], bytes]:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415  # see above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    padding, digest = PKCS1v15(), SHA256()

    return lambda message: key.sign(message, padding, digest)


class _KeySigner:
    """Signs with a private key; `algorithm` is rsa-sha256 for RSA with PKCS#1 v1.5 padding."""

    def __init__(self, algorithm: SignatureAlgorithm, sign: Callable[[bytes], bytes]) -> None:
        self.algorithm: SignatureAlgorithm = algorithm
        self.sign = sign
