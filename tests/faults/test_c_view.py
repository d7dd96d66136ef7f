"""C: a plugin sees the bot's state and changes none of it; what it says shows no secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from perpmaker import RiskModuleDeclaration
from perpmaker.model.quote import Quote
from perpmaker.risk.interface import Approved, Verdict
from perpmaker.state.view import View
from perpmaker.testing.scenario import Scenario

from .plugin_site import MODULE, PluginSite


@attrs.frozen(kw_only=True)
class Settings:
    """Nothing to set."""


@attrs.frozen
class Meddling:
    """Does something to the view, and approves all the same."""

    meddle: Callable[[View], object]
    done: list[str]

    def review(self, view: View, quote: Quote) -> Verdict:
        """Meddle, contained by the module itself."""
        try:
            self.meddle(view)
        except (AttributeError, TypeError) as error:
            self.done.append(type(error).__name__)
        else:
            self.done.append("done")

        return Approved(quote=quote)


@pytest.mark.parametrize(
    "meddle",
    [
        lambda view: view.book.lose(),
        lambda view: view.positions.clear(),
        lambda view: setattr(view, "now", 0.0),
        *(
            pytest.param(one, marks=pytest.mark.full)
            for one in (
                lambda view: view.book.snapshot(None, 0.0),
                lambda view: setattr(view.book, "best_bid", 1),
                lambda view: setattr(view.book, "_book", None),
                lambda view: view.orders.clear(),
                lambda view: view.ended.update({}),
                lambda view: view.quote_filled_at.update({}),
                lambda view: view.stop_closed_at.update({}),
                lambda view: view.approved.clear(),
            )
        ),
    ],
)
def test_C_a_risk_module_cannot_change_what_it_looks_at(meddle: Callable[[View], Any]) -> None:
    """Neither the book nor a mapping of the view has a way to be changed; quotes rest as without the module."""
    done: list[str] = []
    tide = RiskModuleDeclaration(
        name="tide", summary="Tide", settings=Settings, build=lambda _, __: Meddling(meddle, done)
    )
    scenario = Scenario({"risk": {"tide": {}}}, plugins=(tide,))
    scenario.book(bid="99.9", ask="100.1")
    scenario.advance(1)

    assert set(done) <= {"AttributeError", "TypeError", "FrozenInstanceError"}
    assert done
    assert len(scenario.quotes()) == 2


def test_C_what_a_plugin_raises_shows_no_secret_of_the_configuration(site: PluginSite) -> None:
    """Neither on the terminal, nor in the traceback file, nor in the journal."""
    secret = "s3cr3t-of-this-test-0123456789"
    body = (
        "import os\n        self.n = getattr(self, 'n', 0) + 1\n"
        "        if self.n > 2: raise KeyError('signed with ' + os.environ['MY_SECRET'])\n"
        "        return Approved(quote=quote)"
    )
    site.install(MODULE.format(body=body))
    file = site.configure(tables="[risk.tide]\n")
    keys = 'environment = "sandbox"\napi_key = "env:MY_KEY"\napi_secret = "env:MY_SECRET"'
    file.write_text(file.read_text(encoding="utf-8").replace('environment = "sandbox"', keys), encoding="utf-8")
    ended = site.command("run", file, "--for", "3", MY_SECRET=secret, MY_KEY="k3y-of-this-test-0123456789")

    assert ended.code == 6, ended.said
    assert "signed with ***" in ended.err
    assert secret not in ended.said
    assert all(secret.encode() not in path.read_bytes() for path in site.home.rglob("*") if path.is_file())
