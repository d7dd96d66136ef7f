"""The one piece of code of somebody else: which version it is, and that nobody has changed it."""

from __future__ import annotations

import hashlib

from perpmaker.page.assets import UPLOT, asset, uplot_script

HASHES = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
"""Of uPlot 1.6.32 in the npm registry, whose integrity is
sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="""


def test_uplot_is_the_version_that_is_named_unchanged() -> None:
    """Each file has the hash of the registry's; the version stands in the code itself and in the README."""
    for name, digest in HASHES.items():
        assert hashlib.sha256(asset("uplot", name).encode()).hexdigest() == digest, name

    assert f"(v{UPLOT})" in asset("uplot", "uPlot.iife.min.js")
    assert asset("uplot", "README.md").startswith(f"uPlot {UPLOT} ")


def test_its_licence_goes_with_it() -> None:
    """The MIT licence is to be in all copies: before the code, in every page."""
    assert "Permission is hereby granted" in uplot_script()
    assert uplot_script().index("Leon Sorokin") < uplot_script().index("var uPlot")
