"""A whole file: defaults, units, cross-checks, plugins' tables, and all faults at once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from perpmaker.connector.interface import Environment
from perpmaker.errors import PluginError
from perpmaker.model.order import PositionMode
from perpmaker.plugins.catalog import Catalog
from perpmaker.plugins.declarations import (
    DerivativeConnectorDeclaration,
    RiskModuleDeclaration,
    StrategyDeclaration,
)
from perpmaker.plugins.loading import LoadedPlugin, PluginState


@attrs.frozen(kw_only=True)
class Loose:
    """Settings of plugins made up for these tests."""

    max_position: Decimal = Decimal(1)


def with_plugin(desk: Any, *declarations: Any) -> Any:
    """The desk with one more plugin installed."""
    plugin = LoadedPlugin(
        name="made_up", distribution="made-up", version="1", state=PluginState.LOADED, declarations=declarations
    )

    return attrs.evolve(desk, catalog=Catalog((*desk.catalog.plugins, plugin)))


def test_defaults_are_those_of_the_documentation(desk: Any, good: str) -> None:
    """What is not written has its documented default."""
    found = desk.load(good)
    run = found.run
    assert (run.position_mode, run.margin_mode, run.margin_mode_wanted) == (PositionMode.ONE_WAY, "keep", None)
    assert (run.price_source, run.custom_api_update_interval, run.dead_man_switch_s) == (None, 5.0, 30.0)
    assert found.environment is Environment.SANDBOX
    assert (found.sandbox.seed, found.sandbox.balance, found.sandbox.port) == (None, Decimal(10000), 0)
    assert (found.strategy.name, found.connector.name, found.risk) == (
        "perpetual_market_making",
        "binance_perpetual",
        (),
    )


def test_percent_is_a_number_or_a_text_with_its_unit(desk: Any, with_line: Callable[[str], str]) -> None:
    """A bare number means percent, a text carries its unit; inside, both are fractions, exact."""
    for written, ratio in [
        ("0.1", "0.001"),
        ("2", "0.02"),
        ('"0.1%"', "0.001"),
        ('"10bp"', "0.001"),
        ('"5 bp"', "0.0005"),
    ]:
        assert desk.load(with_line(f"bid_spread = {written}")).strategy.settings.bid_spread == Decimal(ratio)


def test_text_without_a_known_unit_is_no_percentage(desk: Any, with_line: Callable[[str], str]) -> None:
    """A text must carry % or bp."""
    for written in ['"0.1"', '"%"', '"1e-1%"', '"0.1 percent"', '"-1%"', '"1000bp 1%"']:
        assert desk.problem(with_line(f"bid_spread = {written}")).key == "bid_spread"


def test_F81_whole_numbers_may_be_written_in_every_way_of_toml(desk: Any, with_line: Callable[[str], str]) -> None:
    """Underscores, signs and other bases are TOML, and mean what they say."""
    for written, meant in [("1_0", 10), ("0x0a", 10), ("0b1010", 10), ("+10", 10)]:
        assert desk.load(with_line(f"leverage = {written}")).run.leverage == meant


def test_F81_minus_zero_is_zero(desk: Any, with_line: Callable[[str], str]) -> None:
    """-0.0 is 0, without its sign."""
    found = desk.load(with_line("order_level_amount = -0.0")).strategy.settings.order_level_amount
    assert str(found) == "0"


def test_number_that_means_off_becomes_none(desk: Any, with_line: Callable[[str], str]) -> None:
    """-1 and the like exist only in the file."""
    assert desk.load(with_line("price_ceiling = -1")).strategy.settings.price_ceiling is None
    assert desk.load(with_line("minimum_spread = -100")).strategy.settings.minimum_spread is None
    assert desk.load(with_line("dead_man_switch_s = 0")).run.dead_man_switch_s is None


def test_F82_ten_faults_are_ten_problems_in_order_with_their_lines(desk: Any) -> None:
    """A file with ten different faults has all ten named, each with its line."""
    text = """\
strategy = "perpetual_market_makin"
derivative = "elsewhere_perpetual"
market = "BTC/USDT"
leverage = true
leverage = 3
position_mode = "one-way"
bid_spred = 0.1
ask_spread = nan
order_amount = 0
order_refresh_time = "15"
price_ceiling = 10
price_floor = 20
bid_spread = 0.1
order_levels = 1.5

[sandbox]
seed = -1

[risk.exposure_limt]
"""
    assert [(problem.line, problem.key) for problem in desk.problems(text)] == [
        (1, "strategy"),
        (2, "derivative"),
        (3, "market"),
        (4, "leverage"),
        (5, "leverage"),
        (6, "position_mode"),
        (7, "bid_spred"),
        (8, "ask_spread"),
        (9, "order_amount"),
        (10, "order_refresh_time"),
        (11, "price_ceiling"),
        (14, "order_levels"),
        (17, "sandbox.seed"),
        (19, "risk.exposure_limt"),
    ]


def test_missing_key_says_what_it_must_be(desk: Any, good: str) -> None:
    """A required key that is not there is named, with what it would have to be."""
    for key in ["strategy", "derivative", "market", "leverage", "bid_spread", "order_refresh_time"]:
        text = "".join(line for line in good.splitlines(keepends=True) if not line.startswith(key))
        problem = desk.problem(text)
        assert (problem.key, problem.line, problem.value) == (key, None, None)
        assert problem.allowed.startswith("is missing: it must be ")


def test_F82_typo_suggests_the_key(desk: Any, good: str) -> None:
    """An unknown key one or two letters from a known one is answered with that one."""
    for typo, meant in [
        ("leverag", "leverage"),
        ("bid_spraed", "bid_spread"),
        ("order_level", "order_levels"),
        ("stop_los_spread", "stop_loss_spread"),
    ]:
        assert desk.problem(f"{good}{typo} = 1\n").nearest == meant


def test_value_of_an_unknown_key_is_shown_only_when_it_is_a_number(desk: Any, good: str) -> None:
    """Nobody knows what a misspelt key was to hold, so a text is not repeated."""
    text = f'{good}[binance_perpetual]\napi_scret = "vmPUZE6mv9SD5V"\nrecv_windw_ms = 5\n'
    first, second = desk.problems(text)
    assert (first.value, first.nearest) == (None, "api_secret")
    assert (second.value, second.nearest) == ("5", "recv_window_ms")


def test_S3_literal_secret_is_refused_and_never_shown(desk: Any, good: str) -> None:
    """A key of the account that stands in the file itself is refused, and its text is nowhere in the message."""
    for key in ["api_key", "api_secret"]:
        problem = desk.problem(f'{good}[binance_perpetual]\n{key} = "vmPUZE6mv9SD5V"\n')
        assert (problem.line, problem.key, problem.value) == (10, f"binance_perpetual.{key}", None)
        assert problem.allowed.startswith("must refer to the secret (env:NAME, file:PATH, keyring:SERVICE/NAME)")
        assert "vmPUZE" not in str(problem)


def test_references_are_taken_and_not_resolved(desk: Any, good: str) -> None:
    """Loading a file reads no environment: a reference to nothing is fine until it is needed."""
    found = desk.load(f'{good}[binance_perpetual]\napi_key = "env:A_VARIABLE_THAT_IS_NOT_THERE"\n')
    assert found.connector.settings.api_key == "env:A_VARIABLE_THAT_IS_NOT_THERE"


def test_testnet_and_live_need_references_to_keys(desk: Any, good: str) -> None:
    """Without them the file is refused, with an example of each; with them it is taken, and nothing is resolved."""
    for environment in ["testnet", "live"]:
        table = f'{good}[binance_perpetual]\nenvironment = "{environment}"\n'
        allowed = [problem.allowed for problem in desk.problems(table)]
        assert f'is needed for {environment}: a reference such as api_key = "env:BINANCE_API_KEY"' in allowed
        found = desk.load(f'{table}api_key = "env:A_KEY"\napi_secret = "env:A_SECRET"\n')
        assert found.environment is Environment(environment)


def test_paper_needs_no_key_and_says_what_is_simulated(desk: Any, good: str) -> None:
    """Without keys, and with an address on this machine; a note says what is the venue's and what is not."""
    found = desk.load(f'{good}[binance_perpetual]\nenvironment = "paper"\nrest_url = "http://127.0.0.1:1"\n')
    assert found.environment is Environment.PAPER
    assert "orders and account are simulated" in found.notes[0]


def test_recordings_are_beside_the_file_and_those_of_the_command_line_where_the_person_is(desk: Any, good: str) -> None:
    """A relative path in the file starts at the file's folder, one of --set at the working directory."""
    text = f'{good}[sandbox]\nrecording = ["a.gz", "/b.gz"]\nrecording_start = 3\n'
    assert desk.load(text).sandbox.recording == (str(desk.file.parent / "a.gz"), "/b.gz")
    assert desk.load(text, 'sandbox.recording=["c.gz"]').sandbox.recording == ("c.gz",)


def test_start_without_a_recording_is_refused(desk: Any, good: str) -> None:
    """An offset into nothing is said to do nothing."""
    assert "does nothing without recording" in desk.problem(f"{good}[sandbox]\nrecording_start = 3\n").allowed


def test_F82_contradictions_are_refused(desk: Any, good: str) -> None:
    """Keys that contradict one another, or what is installed, are refused, each with what would be right."""
    for lines, key, words in [
        ('price_source_market = "ETH-USDT"', "price_source_market", "does nothing unless price_source"),
        (
            "dead_man_switch_s = 0\ndead_man_switch_takes_foreign_orders = true",
            "dead_man_switch_takes_foreign_orders",
            "does nothing with dead_man_switch_s = 0",
        ),
        ('price_source_custom_api = "https://x.example/p"', "price_source_custom_api", "does nothing unless"),
        ('price_source = "external_market"', "price_source_market", "is missing: price_source = "),
        ('price_source = "custom_api"', "price_source_custom_api", "is missing: price_source = "),
        ('price_type = "custom"', "price_type", "the price source current_market gives mid_price, last_price"),
        (
            'when_in_position = "continue"',
            "when_in_position",
            "a risk module that bounds the position: a table [risk.exposure_limit]",
        ),
        ("minimum_spread = 5", "minimum_spread", "must not be above"),
        ("price_ceiling = 1\nprice_floor = 2", "price_ceiling", "must be above price_floor"),
        ("sandbox = 3", "sandbox", "must be a table: [sandbox]"),
        ("binance_perpetual = 3", "binance_perpetual", "must be a table: [binance_perpetual]"),
        ("risk = 3", "risk", "must be a table for each risk module: [risk.NAME]"),
        ("[risk]\nexposure_limit = 3", "risk.exposure_limit", "must be a table: [risk.exposure_limit]"),
        ("[risk]\nmoon_phase = 3", "risk.moon_phase", "No risk module is named 'moon_phase'"),
        (
            "[risk.margin_guard]\nreduce_below = 40",
            "risk.margin_guard.reduce_below",
            "must be below quote_below = 30 %",
        ),
        ("[risk.funding_guard]\nthreshold = 0.05", "risk.funding_guard.paying_factor", "has nothing to multiply"),
        (
            'margin_mode = "isolated"\n[risk.liquidation_guard]\nquote_below = 34',
            "risk.liquidation_guard.quote_below",
            "must be below 33.3 %: at leverage 3",
        ),
    ]:
        said = [problem.allowed for problem in desk.problems(f"{good}{lines}\n") if problem.key == key]
        assert said
        assert all(words in one for one in said)


def test_traded_market_is_no_external_source_of_itself(desk: Any, good: str) -> None:
    """The traded market as its own external price source is refused."""
    lines = 'price_source_derivative = "binance_perpetual"\nprice_source_market = "BTC-USDT"\n'
    said = [problem.allowed for problem in desk.problems(f'{good}price_source = "external_market"\n{lines}')]
    assert 'must not be the traded market itself: that is price_source = "current_market"' in said


def connector(**changes: Any) -> DerivativeConnectorDeclaration:
    """A made-up connector."""
    given: dict[str, Any] = {"name": "flat", "summary": "Flat", "settings": Loose, "open": print}

    return DerivativeConnectorDeclaration(**(given | changes))


def test_hedge_is_refused_where_the_venue_has_none(desk: Any, good: str) -> None:
    """A venue without Hedge positions is known before anything connects."""
    flat = with_plugin(desk, connector(hedge_mode=False))
    problem = flat.problem(good.replace("binance_perpetual", "flat") + 'position_mode = "Hedge"\n')
    assert (problem.key, problem.allowed) == ("position_mode", 'flat has none: only "One-way"')


def test_two_modules_that_change_the_target_are_refused(desk: Any, good: str) -> None:
    """Both are named; either alone is taken."""
    other = RiskModuleDeclaration(name="calm", summary="S", settings=Loose, build=print, changes_targets=True)  # type: ignore[arg-type]  # never built
    spreads = "long_profit_taking_spread = 1\n"
    guard, calm = "[risk.funding_guard]\nthreshold = 0.05\n", "[risk.calm]\nmax_position = 1\n"
    both = with_plugin(desk, other)
    problem = both.problem(f"{good}{spreads}{guard}{calm}")
    assert (problem.key, problem.allowed) == (
        "risk",
        "[risk.funding_guard] and [risk.calm] both change the target: keep one of them",
    )

    for one in (guard, calm):
        assert len(both.load(f"{good}{spreads}{one}").risk) == 1


def test_risk_modules_are_structured_from_their_tables_in_order(desk: Any, good: str) -> None:
    """Each table [risk.NAME] becomes the settings of that module, and lets `continue` be chosen."""
    calm = RiskModuleDeclaration(name="calm", summary="S", settings=Loose, build=print)  # type: ignore[arg-type]  # never built
    text = f'{good}when_in_position = "continue"\n[risk.calm]\nmax_position = 0.04\n[risk.exposure_limit]\n'
    found = with_plugin(desk, calm).load(f"{text}max_position = 0.05\n")
    assert [module.name for module in found.risk] == ["calm", "exposure_limit"]
    assert [module.settings.max_position for module in found.risk] == [Decimal("0.04"), Decimal("0.05")]


def test_table_of_an_idle_plugin_is_checked_too(desk: Any, good: str) -> None:
    """The table of an installed plugin that is not in use may stay in the file, and its faults are found."""
    both = with_plugin(desk, connector())
    assert both.load(f"{good}[flat]\nmax_position = 2\n").connector.name == "binance_perpetual"
    assert both.problem(f"{good}[flat]\nmax_positon = 2\n").nearest == "max_position"


def test_older_price_is_allowed_where_it_is_asked_for_rarely(desk: Any, good: str) -> None:
    """custom_api's default age is three of its intervals; a written one stands."""
    text = f'{good}price_source = "custom_api"\nprice_source_custom_api = "https://x.example/p"\n'
    assert desk.load(f"{text}custom_api_update_interval = 2\n").strategy.settings.price_source_max_age == 6.0
    assert desk.load(f"{text}price_source_max_age = 4\n").strategy.settings.price_source_max_age == 4.0


@attrs.frozen(kw_only=True)
class Unreadable:
    """Settings that a plugin's author got wrong."""

    thing: complex = 0j


@attrs.frozen(kw_only=True)
class Raising:
    """Settings whose own check raises."""

    def faults(self) -> Any:
        """Fail."""
        raise KeyError("oops")


def test_F77_settings_class_that_fails_is_the_plugins_fault(desk: Any, good: str) -> None:
    """A settings class that cannot be used is refused as a plugin's fault, with the class's name."""
    for settings, words in [(Unreadable, "cannot be read"), (Raising, "raised KeyError")]:
        strategy = StrategyDeclaration(name="idle", summary="S", settings=settings, build=print)  # type: ignore[arg-type]  # never built

        with pytest.raises(PluginError, match=words) as refused:
            with_plugin(desk, strategy).load(good.replace("perpetual_market_making", "idle"))

        assert settings.__name__ in str(refused.value)


def test_every_wrong_row_of_order_override_is_said_with_its_line_and_its_value(desk: Any, good: str) -> None:
    """A table is a place like the top of the file: one fault does not hide the next."""
    rows = '[order_override]\nnear = ["buy", 0.1]\nfine = ["buy", 0.1, 1]\nfar = ["sel", 1, 1]\nnone = ["sell", 1, 0]\n'
    problems = desk.problems(good + rows)

    assert [(problem.key, problem.line) for problem in problems] == [
        ("order_override.near", 10),
        ("order_override.far", 12),
        ("order_override.none", 13),
    ]
    assert [problem.allowed.partition(":")[0] for problem in problems] == [
        "must be a list of 3",
        "value 1 must be 'buy' or 'sell'",
        "value 3 must be a number, above 0",
    ]
    assert problems[1].nearest == "sell"


def test_port_0_of_the_sandbox_is_any_free_one(desk: Any, good: str) -> None:
    """Nothing is off then, and no message says so."""
    for written, meant in [("0", 0), ("18300", 18_300)]:
        assert desk.load(f"{good}[sandbox]\nport = {written}\n").sandbox.port == meant
        assert desk.problem(f"{good}[sandbox]\nport = 70000\n").allowed == (
            "must be a whole number, at least 0 and at most 65535"
        )


def test_S3_what_may_be_secret_in_an_address_is_never_shown(desk: Any, good: str) -> None:
    """Neither a password before the host nor a key in the query; host and path are."""
    address = "https://user:hunter2@fapi.binance.com/x?apikey=hunter3"
    said = desk.said(f'{good}price_source_custom_api = "{address}"\n[binance_perpetual]\nrest_url = "{address}"\n')

    assert said.count("https://...@fapi.binance.com/x?...") == 2
    assert "hunter" not in said


def test_F82_text_that_is_not_closed_is_said_as_that(desk: Any, good: str) -> None:
    """The parser's own words are about a character that nobody sees."""
    assert desk.problem(f'{good}position_mode = "Hedge\n').allowed == "is a text without its closing quote"
