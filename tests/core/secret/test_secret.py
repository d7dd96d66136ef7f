"""Secrets never show themselves, references say what is wrong without showing it, signers sign."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import os
import pickle
import pprint
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from perpmaker.errors import ConfigurationError
from perpmaker.secret import References, Secret, make_signer, reference_fault

TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=8).filter(
    lambda text: "***" not in text
)
PEM_ARGUMENTS = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def pem(key: Any) -> str:
    """A private key as a person has it in a file."""
    text: bytes = key.private_bytes(*PEM_ARGUMENTS)

    return text.decode()


def everything_shown(secret: Secret) -> list[str]:
    """What every ordinary way to show, copy or serialise an object makes of a secret."""
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", format(secret, "s"), "%s" % (secret,)]  # noqa: UP031  # one of the ways
    shown += [repr([secret]), repr({"key": secret}), pprint.pformat(secret), json.dumps({"key": secret}, default=str)]
    shown += [repr(copy.copy(secret)), repr(copy.deepcopy({"key": secret}))]
    shown += [pickle.dumps(secret, protocol).decode("latin-1") for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    shown += [repr(dir(secret)), repr([getattr(secret, name, None) for name in dir(secret) if name != "reveal"])]

    try:
        raise ValueError(secret)  # noqa: TRY301  # the point is what becomes of it
    except ValueError as error:
        shown += [str(error), repr(error), "".join(traceback.format_exception(error))]
        shown.append("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))

    return shown


@given(text=TEXTS)
def test_S5_secret_shows_itself_nowhere(text: str) -> None:
    """No way of showing, formatting, copying, pickling or logging a secret lets its text out."""
    assert [shown for shown in everything_shown(Secret(text)) if text in shown] == []


def test_S5_secret_has_no_attributes_to_walk() -> None:
    """There is no instance dictionary, so vars() and serialisers that walk objects find nothing."""
    with pytest.raises(TypeError):
        vars(Secret("of no concern"))

    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(Secret("of no concern"))


def test_secret_reveals_compares_and_knows_whether_it_is_empty() -> None:
    """A secret is of use: it can be revealed, compared with another one, and asked whether it is empty."""
    assert Secret("a").reveal() == "a"
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")

    with pytest.raises(TypeError):
        hash(Secret("a"))


def test_hmac_signature_is_that_of_the_bytes() -> None:
    """A plain text signs with HMAC-SHA256, the same bytes the same way each time."""
    signer = make_signer(Secret("key"))
    expected = hmac.new(b"key", b"a=1", hashlib.sha256).digest()
    assert (signer.algorithm, signer.sign(b"a=1"), signer.sign(b"a=1")) == ("hmac-sha256", expected, expected)


def test_ed25519_key_in_pem_signs_with_it() -> None:
    """A private key in PEM signs with Ed25519, and its public key verifies."""
    key = ed25519.Ed25519PrivateKey.generate()
    signer = make_signer(Secret(pem(key)))
    key.public_key().verify(signer.sign(b"a=1"), b"a=1")
    assert signer.algorithm == "ed25519"


def test_rsa_key_in_pem_signs_with_it() -> None:
    """A private RSA key in PEM signs with PKCS#1 v1.5 over SHA-256, and its public key verifies."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = make_signer(Secret(pem(key)))
    key.public_key().verify(signer.sign(b"a=1"), b"a=1", padding.PKCS1v15(), hashes.SHA256())
    assert signer.algorithm == "rsa-sha256"


def test_broken_pem_is_worded_without_its_text() -> None:
    """A PEM text that is no key is a fault that does not repeat it."""
    for text in ["-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----", "-----BEGIN"]:
        with pytest.raises(
            ValueError, match=r"is no readable private key: expected an unencrypted Ed25519 key"
        ) as refused:
            make_signer(Secret(text))

        assert "nonsense" not in str(refused.value)


def test_key_of_another_kind_is_worded() -> None:
    """A private key that is neither Ed25519 nor RSA is refused as that."""
    with pytest.raises(ValueError, match="a private key of another kind"):
        make_signer(Secret(pem(ec.generate_private_key(ec.SECP256R1()))))


def test_ed25519_without_cryptography_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package cryptography is missing, a PEM key says how to get it."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.serialization", None)

    with pytest.raises(ValueError, match="pip install cryptography"):
        make_signer(Secret("-----BEGIN PRIVATE KEY-----"))


def refusal(references: References, reference: str) -> str:
    """What is said of a reference that leads to no secret."""
    with pytest.raises(ConfigurationError) as refused:
        references.reveal(reference)

    return str(refused.value)


def test_environment_reference(tmp_path: Path) -> None:
    """`env:NAME` reads a variable; one that is not set is named, one that is empty is a fault."""
    references = References(tmp_path, {"KEY": "abc", "EMPTY": " "})
    assert references.reveal("env:KEY") == "abc"
    assert "env:***: the environment has no such variable" in refusal(references, "env:OTHER")
    assert "is there, but empty" in refusal(references, "env:EMPTY")


def test_what_was_copied_around_a_key_is_left_out(tmp_path: Path) -> None:
    """Spaces and line breaks around a key are no part of it, neither of what is sent nor of what signs."""
    for text in [" abc", "abc\n", "\tabc \r\n"]:
        references = References(tmp_path, {"KEY": text})
        assert references.reveal("env:KEY") == "abc"
        assert references.signer("env:KEY").sign(b"x") == make_signer(Secret("abc")).sign(b"x")


def test_S5_key_that_no_header_may_hold_is_refused_and_not_shown(tmp_path: Path) -> None:
    """A line break in the middle, a control character, a letter beyond ASCII: said with the reference."""
    for text in ["c4n\n4ry", "c4n\x004ry", "c4n\u00e94ry", "c4n\u200b4ry"]:
        said = refusal(References(tmp_path, {"KEY": text}), "env:KEY")
        assert "env:KEY: has characters that no key has" in said
        assert "4ry" not in said


def private_file(folder: Path, text: str = "abc\n", mode: int = 0o600) -> Path:
    """A file with a secret."""
    file = folder / "key"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)

    return file


def test_file_reference_strips_the_last_line_ending(tmp_path: Path) -> None:
    """`file:PATH`, relative to the configuration or absolute, reads a private file without its last line ending."""
    file = private_file(tmp_path, "abc\r\n")
    assert References(tmp_path).reveal("file:key") == "abc"
    assert References(Path("/")).reveal(f"file:{file}") == "abc"


def test_home_of_nobody_is_a_fault_of_the_reference(tmp_path: Path) -> None:
    """`~somebody` for whom there is no home is said with the reference."""
    assert "file:***: Could not determine home directory" in refusal(References(tmp_path), "file:~nobody-at-all/key")


def test_S4_file_that_others_may_touch_is_refused(tmp_path: Path) -> None:
    """A file that is open to anybody else is refused with the command that closes it."""
    for mode in [0o644, 0o640, 0o604, 0o610, 0o660]:
        private_file(tmp_path, mode=mode)
        assert f"is open to others (mode {mode:04o}): chmod 600 it" in refusal(References(tmp_path), "file:key")


def test_S4_link_is_refused(tmp_path: Path) -> None:
    """A symbolic link is not followed."""
    (tmp_path / "link").symlink_to(private_file(tmp_path))
    assert "is a symbolic link: name the file itself" in refusal(References(tmp_path), "file:link")


def test_S4_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that belongs to somebody else is refused."""
    private_file(tmp_path)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    assert "belongs to another user" in refusal(References(tmp_path), "file:key")


def test_a_credential_of_systemd_is_read_as_systemd_leaves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0440 and root's, in a directory of 0550 that the service is told of; nothing wider, and nowhere else."""
    directory = tmp_path / "perpmaker@btc.service"
    directory.mkdir()
    private_file(directory, mode=0o440)
    directory.chmod(0o550)
    references = References(Path("/"))
    reference = f"file:{directory}/key"
    assert "is open to others" in refusal(references, reference)

    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(directory))
    assert references.reveal(reference) == "abc"

    for mode, of_directory in ((0o444, 0o550), (0o460, 0o550), (0o440, 0o555), (0o440, 0o570)):
        directory.chmod(0o700)
        (directory / "key").chmod(mode)
        directory.chmod(of_directory)
        assert "is open to others" in refusal(references, reference)

    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (directory / "key").chmod(0o440)
    directory.chmod(0o550)
    assert "is open to others" in refusal(references, reference)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    monkeypatch.setattr("perpmaker.secret_file._ALL_CREDENTIALS", tmp_path)
    assert references.reveal(reference) == "abc"


def test_S4_what_is_no_small_text_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe, a file that is missing, too large or not text: each is said, and none of them hangs."""
    references = References(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is not a regular file" in refusal(references, "file:pipe")
    assert "is not a regular file" in refusal(references, "file:.")
    assert "no such file" in refusal(references, "file:nothing")
    private_file(tmp_path, "x" * 20_000)
    assert "is over 16384 bytes" in refusal(references, "file:key")
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in refusal(references, "file:key")


def test_keyring_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`keyring:SERVICE/NAME` asks the package keyring; without it, and without an entry, that is said."""
    references = References(tmp_path)
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install keyring" in refusal(references, "keyring:perpmaker/key")
    ring = SimpleNamespace(get_password={("perpmaker", "key"): "abc"}.get, errors=SimpleNamespace(KeyringError=OSError))
    ring.get_password = lambda service, name: "abc" if (service, name) == ("perpmaker", "key") else None
    monkeypatch.setitem(sys.modules, "keyring", ring)
    assert references.reveal("keyring:perpmaker/key") == "abc"
    assert "the keyring has no such entry" in refusal(references, "keyring:perpmaker/other")


def test_S3_literal_secret_is_refused_and_not_shown(tmp_path: Path) -> None:
    """What has no form of a reference is refused, and the text is not repeated."""
    for text in ["vmPUZE6mv9SD5VNHk4HlWFsOr6aK", "", "env:", "file:", "keyring:x", "keyring:/x", "http://x"]:
        assert reference_fault(text) is not None
        said = refusal(References(tmp_path), text)
        assert "must refer to the secret (env:NAME, file:PATH, keyring:SERVICE/NAME)" in said
        assert not text or text in {"env:", "file:"} or text not in said


def test_signer_of_a_reference_says_what_is_wrong_with_the_key(tmp_path: Path) -> None:
    """A signer is made from what a reference leads to; a key that is none is a fault of the reference."""
    references = References(tmp_path, {"KEY": "abc", "PEM": "-----BEGIN"})
    assert references.signer("env:KEY").algorithm == "hmac-sha256"

    with pytest.raises(ConfigurationError, match="env:PEM: is no readable private key"):
        references.signer("env:PEM")
