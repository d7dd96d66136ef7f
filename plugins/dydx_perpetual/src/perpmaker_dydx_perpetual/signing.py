"""Keys of the chain: from words or digits to a key, its address, signatures and their check."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from mnemonic import Mnemonic

from .addresses import address_of

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""How many points the group of secp256k1 has (SEC 2, section 2.4.1)."""

_CURVE = ec.SECP256K1()
_ALGORITHM = ec.ECDSA(SHA256(), deterministic_signing=True)
_CHECK = ec.ECDSA(SHA256())
_HARDENED = 2**31
_PATH = (44 + _HARDENED, 118 + _HARDENED, 0 + _HARDENED, 0, 0)
"""m/44'/118'/0'/0/0: the path of Cosmos chains (BIP-44, SLIP-44 coin 118)."""

_HEX_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")


@attrs.frozen(kw_only=True)
class ChainKey:
    """A key that signs for an address; the private part never shows itself."""

    public_key: bytes
    address: str
    sign: Callable[[bytes], bytes] = attrs.field(repr=False)
    """Sign bytes (SHA-256 of them): 64 bytes, r and s, s in the lower half."""


def read_key(secret: str) -> ChainKey:
    """Return the key of 64 hexadecimal digits, or of the words of a wallet.

    ValueError, never showing the text, where it is neither.
    """
    digits = _HEX_KEY.fullmatch(secret.strip())

    return _key_of(int(digits[1], 16) if digits is not None else _from_words(secret))


def is_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature of 64 bytes, its s in the lower half, is that of a compressed key for a message."""
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])

    if len(signature) != 64 or s > ORDER // 2:  # noqa: PLR2004  # the chain takes no other form
        return False

    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, public_key)
        key.verify(encode_dss_signature(r, s), message, _CHECK)
    except (InvalidSignature, ValueError):
        return False

    return True


def _key_of(number: int) -> ChainKey:
    if not 0 < number < ORDER:
        raise ValueError("is no private key of secp256k1")

    private = ec.derive_private_key(number, _CURVE)

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(message, _ALGORITHM))

        return r.to_bytes(32) + min(s, ORDER - s).to_bytes(32)

    public = _public_bytes(private)

    return ChainKey(public_key=public, address=address_of(public), sign=sign)


def _public_bytes(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def _from_words(phrase: str) -> int:
    """Return the private key of a wallet's first account (BIP-39 without a passphrase, BIP-32)."""
    words = " ".join(unicodedata.normalize("NFKD", phrase).split())

    if not Mnemonic("english").check(words):
        raise ValueError("is neither a private key (64 hexadecimal digits) nor the words of a wallet, spelt right")

    seed = hashlib.pbkdf2_hmac("sha512", words.encode(), b"mnemonic", 2048)
    key, chain = _halves(b"Bitcoin seed", seed)

    for index in _PATH:
        parent = key.to_bytes(32)
        head = b"\0" + parent if index >= _HARDENED else _public_bytes(ec.derive_private_key(key, _CURVE))
        offset, chain = _halves(chain, head + index.to_bytes(4))
        key = (key + offset) % ORDER

    return key


def _halves(key: bytes, message: bytes) -> tuple[int, bytes]:
    digest = hmac.digest(key, message, "sha512")

    return int.from_bytes(digest[:32]), digest[32:]
