"""The tables of observers in a configuration: faults are told with the file, and no address is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from perpmaker.cli.references import check_references
from perpmaker.config.loading import load_configuration
from perpmaker.config.template import template
from perpmaker.errors import ConfigurationError
from perpmaker.plugins.catalog import load_catalog

PRACTICE = (Path(__file__).parents[1] / "practice.toml").read_text(encoding="utf-8")
SECRET = "https://hooks.moon.example/services/T0000/B0000/XYZXYZXYZXYZ"


def refused(folder: Path, tables: str, *, references: bool = False) -> str:
    """What is wrong with a configuration that has these tables."""
    file = folder / "run.toml"
    file.write_text(f"{PRACTICE}\n{tables}", encoding="utf-8")

    load = lambda: load_configuration(file, (), load_catalog())  # noqa: E731  # one word

    with pytest.raises(ConfigurationError) as error:
        check_references(load()) if references else load()

    return str(error.value)


def test_a_pasted_address_is_refused_and_not_shown(tmp_path: Path) -> None:
    """Neither of a webhook nor of apprise; the message says what to write instead."""
    for table in (f'[observers.webhook]\nurl = "{SECRET}"', f'[observers.apprise]\nurls = ["env:A", "{SECRET}"]'):
        words = refused(tmp_path, table)
        assert "env:NAME" in words
        assert "XYZ" not in words


def test_a_reference_that_leads_nowhere_refuses_the_start_in_the_sandbox_too(tmp_path: Path) -> None:
    """By key and line, before anything connects."""
    table = '[observers.webhook]\nurl = "env:NO_SUCH_HOOK"\ntoken = "env:NO_SUCH_TOKEN"'
    words = refused(tmp_path, table, references=True)
    lines = len(PRACTICE.splitlines())
    assert f"run.toml:{lines + 3}: observers.webhook.url: the environment has no such variable" in words
    assert f"run.toml:{lines + 4}: observers.webhook.token: the environment has no such variable" in words


def test_an_unknown_observer_and_a_wrong_key_are_said(tmp_path: Path) -> None:
    """With what is installed, and with what is allowed."""
    words = refused(tmp_path, "[observers.webhok]\n[observers.metrics]\nport = 0\n[observers.apprise]\nurls = []")
    assert "No observer is named 'webhok'. Installed: apprise, metrics, webhook. Did you mean 'webhook'?" in words
    assert "observers.metrics.port = 0" in words
    assert "must name at least one address" in words


def test_a_new_file_has_its_tables_and_names_the_others() -> None:
    """`perpmaker new --set observers.webhook.url=env:HOOK`."""
    text = template({"observers": {"webhook": {"url": "env:HOOK"}}}, load_catalog(), "new.toml")
    assert '[observers.webhook]\nurl = "env:HOOK"' in text
    assert "# [observers.metrics]: Serves /metrics for Prometheus on this machine" in text
