"""How files of recordings are compressed: gzip, zstd where Python or the extra `zstd` brings it, or not at all."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO, Final, Protocol

import attrs

ZSTD_MODULES: Final = ("compression.zstd", "backports.zstd")
"""Where Python has it (3.14), and where the extra has it before."""

NO_ZSTD: Final = "zstd needs Python 3.14, or the extra: pip install 'perpmaker[zstd]'"

_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_GZIP_WINDOW: Final = 31
_MAGIC_BYTES: Final = 4


class Compressor(Protocol):
    """Makes bytes fewer, piece by piece."""

    def compress(self, data: bytes) -> bytes:
        """Take more, and return what is finished."""

    def sync(self) -> bytes:
        """Return all that is left so far, so that a reader comes to here even when nothing follows."""

    def finish(self) -> bytes:
        """Return the end."""


@attrs.frozen
class _Gzip:
    inner: Any = attrs.field(factory=lambda: zlib.compressobj(6, zlib.DEFLATED, _GZIP_WINDOW))

    def compress(self, data: bytes) -> bytes:
        made: bytes = self.inner.compress(data)

        return made

    def sync(self) -> bytes:
        made: bytes = self.inner.flush(zlib.Z_SYNC_FLUSH)

        return made

    def finish(self) -> bytes:
        made: bytes = self.inner.flush(zlib.Z_FINISH)

        return made


@attrs.frozen
class _Zstd:
    inner: Any

    def compress(self, data: bytes) -> bytes:
        made: bytes = self.inner.compress(data)

        return made

    def sync(self) -> bytes:
        made: bytes = self.inner.flush(self.inner.FLUSH_BLOCK)

        return made

    def finish(self) -> bytes:
        made: bytes = self.inner.flush(self.inner.FLUSH_FRAME)

        return made


@attrs.frozen
class _Plain:
    def compress(self, data: bytes) -> bytes:
        return data

    def sync(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b""


def zstd_module() -> Any | None:  # noqa: ANN401  # a module that is there, or not
    """Return the module that knows zstd; None where there is none."""
    for name in ZSTD_MODULES:
        with suppress(ImportError):
            return import_module(name)

    return None


def _new_zstd() -> Compressor:
    module = zstd_module()

    if module is None:
        raise ImportError(NO_ZSTD)

    return _Zstd(module.ZstdCompressor())


COMPRESSIONS: Final[Mapping[str, tuple[str, Callable[[], Compressor]]]] = {
    "gzip": (".gz", _Gzip),
    "zstd": (".zst", _new_zstd),
    "none": (".txt", _Plain),
}
"""By name: how a file's name ends, and what makes a compressor (ImportError where zstd is not there)."""


def open_decompressed(raw: BinaryIO) -> BinaryIO:
    """Return what reads a file that is open at its beginning, whichever way it is compressed.

    A line of a recording begins with a digit: what does is not compressed. ImportError for zstd that is not there; what
    begins otherwise is taken for gzip, which says that it is none.
    """
    begin = raw.read(_MAGIC_BYTES)
    raw.seek(0)

    if begin.startswith(_ZSTD_MAGIC):
        module = zstd_module()

        if module is None:
            raise ImportError(NO_ZSTD)

        opened: BinaryIO = module.ZstdFile(raw, "rb")

        return opened

    if begin[:1].isdigit():
        return raw

    return gzip.open(raw, "rb")  # type: ignore[return-value]  # a BinaryIO but for its name
