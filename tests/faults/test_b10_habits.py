"""B10: files written by habit are answered in one sentence each, with what is right here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perpmaker.config.configuration import Configuration
from perpmaker.config.habits import FOREIGN_KEYS
from perpmaker.config.loading import load_configuration
from perpmaker.errors import ConfigurationError, Problem
from perpmaker.plugins.catalog import Catalog, load_catalog

from .stories import GOOD

ROOT = Path(__file__).parents[2]
HUMMINGBOT = """\
########################################################
###       Perpetual market making strategy config         ###
########################################################

template_version: 5
strategy: perpetual_market_making
derivative: binance_perpetual
market: ETH-USDT
leverage: 3
position_mode: One-way
bid_spread: 0.1
ask_spread: 0.1
minimum_spread: -100.0
order_refresh_time: 30.0
order_amount: 0.1
long_profit_taking_spread: 1.0
short_profit_taking_spread: 1.0
stop_loss_spread: 3.0
stop_loss_slippage_buffer: 0.5
price_ceiling: -1.0
order_override: null
hanging_orders_enabled: false
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The catalog of the installed distributions."""
    return load_catalog({})


def load(tmp_path: Path, catalog: Catalog, text: str, name: str = "bot.toml", *overrides: str) -> Configuration:
    """The configuration of a text."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")

    return load_configuration(file, overrides, catalog)


def problems(tmp_path: Path, catalog: Catalog, text: str, name: str = "bot.toml") -> tuple[Problem, ...]:
    """All that is wrong with a text."""
    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, catalog, text, name)

    return refused.value.problems


@pytest.mark.each_value
@pytest.mark.parametrize("name", ["conf_perpetual.yml", "bot.toml", "bot.yaml", "bot"])
@pytest.mark.parametrize(
    "text", [HUMMINGBOT, HUMMINGBOT.replace("\n", "\r\n"), "---\nstrategy: x\nlevels:\n  - a: 1\n  - b: 2\n"]
)
def test_B10_yaml_is_one_sentence_and_a_page(tmp_path: Path, catalog: Catalog, name: str, text: str) -> None:
    """A YAML file, whatever its name, is answered with one sentence that names a page which exists."""
    (problem,) = problems(tmp_path, catalog, text, name)
    assert "is YAML" in problem.allowed
    (page,) = re.findall(r"docs/\S+\.md", problem.allowed)
    assert (ROOT / page).is_file()


def test_B10_json_is_one_sentence(tmp_path: Path, catalog: Catalog) -> None:
    """A JSON file is said to be one."""
    (problem,) = problems(tmp_path, catalog, '{"strategy": "perpetual_market_making",\n "leverage": 3}')
    assert "is JSON" in problem.allowed


def test_B10_empty_texts_are_left_out(tmp_path: Path, catalog: Catalog) -> None:
    """An empty or blank text of a key that is not required is the key left out; of a required one it is a fault."""
    optional = ["price_ceiling", "price_source", "price_type", "price_source_market", "price_source_custom_api"]
    optional += ["order_levels", "stop_loss_spread", "when_in_position", "position_mode", "dead_man_switch_s"]
    blank = "".join(f'{key} = "{" " * (number % 3)}"\n' for number, key in enumerate(optional))
    tables = '[sandbox]\nseed = ""\n[binance_perpetual]\napi_key = ""\nenvironment = ""\n'
    found = load(tmp_path, catalog, GOOD + blank + tables)
    plain = load(tmp_path, catalog, GOOD)
    assert (found.run, found.exits, found.strategy.settings) == (plain.run, plain.exits, plain.strategy.settings)
    assert found.given == plain.given | {"sandbox", "binance_perpetual"}

    (problem,) = problems(tmp_path, catalog, GOOD.replace('"ETH-USDT"', '""'))
    assert (problem.key, problem.line, problem.allowed.startswith("is empty: ")) == ("market", 3, True)


def test_B10_an_unknown_key_is_one_though_it_is_empty(tmp_path: Path, catalog: Catalog) -> None:
    """A misspelt key is found, with what was meant, although it holds an empty text."""
    (problem,) = problems(tmp_path, catalog, GOOD + 'stop_los_spread = ""\n')
    assert problem.nearest == "stop_loss_spread"


def test_B10_keys_of_other_programs_are_known(tmp_path: Path, catalog: Catalog) -> None:
    """A key of another program is said to be not needed, or where it has gone, and no other key is suggested."""
    for key in sorted(FOREIGN_KEYS):
        (problem,) = problems(tmp_path, catalog, f"{key} = 5\n{GOOD}")
        assert (problem.line, problem.nearest) == (1, None)
        assert re.search(r"not needed|is now|is not there|there is no", problem.allowed)

        for name in re.findall(r"is now called (\w+)", problem.allowed):
            assert f"`{name}`" in (ROOT / "docs" / "configuration.md").read_text()


def test_B10_a_venue_with_its_environment_is_said_in_two_keys(tmp_path: Path, catalog: Catalog) -> None:
    """A connector's name that ends with an environment is answered with the name and the environment apart."""
    for name, environment in [
        ("binance_perpetual_testnet", "testnet"),
        ("binance_perpetual_paper_trade", "paper"),
        ("binance_perpetual_demo", "testnet"),
    ]:
        (problem,) = problems(tmp_path, catalog, GOOD.replace("binance_perpetual", name))
        assert f'is now "binance_perpetual", with environment = "{environment}"' in problem.allowed


def test_B10_keys_below_a_table_are_told_to_move_up(tmp_path: Path, catalog: Catalog) -> None:
    """Keys of the top that stand below a table are told so, and nobody calls them missing."""
    first, *rest = GOOD.splitlines(keepends=True)
    found = problems(tmp_path, catalog, first + '[binance_perpetual]\nenvironment = "sandbox"\n' + "".join(rest))
    assert {problem.allowed for problem in found} == {
        "belongs to the top of the file: move it above [binance_perpetual]"
    }
    assert len(found) == len(rest)


def test_B10_keys_of_a_table_at_the_top_are_told_to_move_down(tmp_path: Path, catalog: Catalog) -> None:
    """Keys of the connector's table and of the sandbox's that stand at the top are told which table is theirs."""
    found = problems(tmp_path, catalog, 'api_key = "env:KEY"\nseed = 4\n' + GOOD)
    assert [problem.allowed for problem in found] == [
        "belongs in the table [binance_perpetual]",
        "belongs in the table [sandbox]",
    ]


def test_B10_a_line_of_another_habit_is_answered_for_itself(tmp_path: Path, catalog: Catalog) -> None:
    """A line that TOML cannot read is one sentence: which habit it shows, and what is right."""
    for line, words in [
        ("price_type = mid_price", "without its quotes"),
        ("price_source_market = BTC-USDT  # the other", "without its quotes"),
        ("price_source_custom_api = https://example.org/a", "without its quotes"),
        ("order_optimization_enabled = True", "small letters"),
        ("order_optimization_enabled = yes", "small letters"),
        ("price_ceiling = null", "leave the key out"),
        ("price_ceiling = None", "leave the key out"),
        ("price_ceiling =", "leave the key out"),
        ("stop_loss_spread = 0,5", "decimal comma"),
        ("stop_loss_spread = .5", "both sides of the point"),
        ("stop_loss_spread = 1%", "unit"),
        ("filled_order_delay = 60s", "a number alone"),
        ("stop_loss_spread: 3", "key = value"),
        ("price_type = \u201cmid_price\u201d", "typographic quotes"),
        ("// a remark", "begins with #"),
        ("; a remark", "begins with #"),
    ]:
        (problem,) = problems(tmp_path, catalog, GOOD + line + "\n")
        assert (problem.line, words in problem.allowed) == (9, True), problem


def test_B10_a_line_that_may_hold_a_secret_is_never_repeated(tmp_path: Path, catalog: Catalog) -> None:
    """The words for a value without quotes do not show the value."""
    (problem,) = problems(tmp_path, catalog, GOOD + "[binance_perpetual]\napi_secret = vmPUZE6mv9SD5VNHk4\n")
    assert "vmPU" not in str(problem)


def test_B10_a_secret_in_the_place_of_a_key_is_never_repeated(tmp_path: Path, catalog: Catalog) -> None:
    """Its length is enough to find it, and its line."""
    for line in ['"{key}" = 1', "{key} = x", '"sk-{key}" = 1', "{key} = 1"]:
        key = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
        (problem,) = problems(tmp_path, catalog, GOOD + line.format(key=key) + "\n")
        words = str(problem)
        assert key[:12] not in words
        assert "characters that are no word)" in words


def test_B10_a_file_that_is_no_configuration_is_answered_shortly(tmp_path: Path, catalog: Catalog) -> None:
    """That all of its keys are missing is one line."""
    for text, words in [
        ('"" = 1\n', '"" = 1: no such key'),
        ("[main]\nhost = 1\n", "main = a table: no such key"),
        ('strategy = "x"\rmarket = "BTC-USDT"\r', "a carriage return alone"),
    ]:
        told = [str(problem) for problem in problems(tmp_path, catalog, text)]
        assert any(words in line for line in told)
        assert len(told) <= 2


def test_B10_a_number_that_is_too_large_for_anything_is_told_the_limit(tmp_path: Path, catalog: Catalog) -> None:
    """Whatever the bounds of its key are."""
    (problem,) = problems(tmp_path, catalog, GOOD + "dead_man_switch_s = 1e17\n")
    assert "no number here is larger than 10^15" in str(problem)


def test_B10_no_venue_is_suggested_for_another(tmp_path: Path, catalog: Catalog) -> None:
    """Names whose first word is another venue's get no suggestion; what is installed is listed."""
    for name in ["hyperliquid_perpetual", "kucoin_perpetual", "okx_perpetual", "gate_io_perpetual"]:
        (problem,) = problems(tmp_path, catalog, GOOD.replace("binance_perpetual", name))
        assert "Did you mean" not in problem.allowed
        assert "Installed: binance_perpetual" in problem.allowed


def test_B10_the_same_venue_misspelt_is_suggested(tmp_path: Path, catalog: Catalog) -> None:
    """A name that begins as an installed one does is answered with that one."""
    for name in ["binance_perp", "binance_futures", "binanc_perpetual"]:
        (problem,) = problems(tmp_path, catalog, GOOD.replace("binance_perpetual", name))
        assert "Did you mean 'binance_perpetual'?" in problem.allowed


def test_B10_the_page_has_every_key_of_the_template() -> None:
    """The page tells of each key of the template, and what it says of our own keys is true."""
    page = (ROOT / "docs" / "from_hummingbot.md").read_text()
    template = re.findall(r"^(\w+):", HUMMINGBOT, re.MULTILINE)
    template += [key for key, words in FOREIGN_KEYS.items() if "from_hummingbot" in words and "inventory" not in key]
    assert [key for key in template if f"`{key}`" not in page] == []


def test_B12_advice_names_a_folder_that_is_there() -> None:
    """What is said of a distribution of ours that is not installed works in a clone: the folder is there."""
    from perpmaker.plugins.catalog import FIRST_PARTY, folder_of  # noqa: PLC0415  # of this row alone

    for names in FIRST_PARTY.values():
        for distribution in names.values():
            assert (ROOT / folder_of(distribution) / "pyproject.toml").is_file()
