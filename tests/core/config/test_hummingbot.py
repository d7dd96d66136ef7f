"""A Hummingbot configuration becomes TOML: what keeps its meaning is carried, and what does not is said."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from perpmaker.config.hummingbot import Carried, carry, differences
from perpmaker.config.yaml_file import LARGEST, read_yaml
from perpmaker.errors import ConfigurationError

CONNECTORS = {"binance_perpetual", "bybit_perpetual", "dydx_perpetual", "binance"}
BASE = {
    "strategy": "perpetual_market_making",
    "derivative": "binance_perpetual",
    "market": "ETH-USDT",
    "leverage": "3",
    "bid_spread": "0.1",
    "order_refresh_time": "30.0",
}


def carried(tmp_path: Path, changes: Mapping[str, str] | None = None, more: str = "") -> Carried:
    """Carry the short configuration over, with some keys otherwise, and lines below it."""
    lines = [f"{key}: {value}" for key, value in {**BASE, **(changes or {})}.items()]

    return of_text(tmp_path, "\n".join([*lines, more]))


def of_text(tmp_path: Path, text: str) -> Carried:
    """Carry a text over."""
    file = tmp_path / "conf.yml"
    file.write_text(text, encoding="utf-8")

    return carry(read_yaml(file), CONNECTORS.__contains__)


def refusal(tmp_path: Path, text: str) -> str:
    """Why a text is not carried over, without the name of its file."""
    with pytest.raises(ConfigurationError) as caught:
        of_text(tmp_path, text)

    return str(caught.value).replace(str(tmp_path / "conf.yml"), "conf.yml")


def words_of(found: Carried, key: str) -> str:
    """What is said of a key."""
    return " ".join(remark.words for remark in (*found.changed, *found.left) if remark.key == key)


def test_B10_each_way_to_write_a_number_is_the_number_and_never_a_binary_one(tmp_path: Path) -> None:
    """Texts, units that the key has anyway, and numbers that YAML and TOML write differently."""
    for key, text, value in (
        ("bid_spread", "0.1", Decimal("0.1")),
        ("bid_spread", '"0.1"', Decimal("0.1")),
        ("bid_spread", "0.1%", Decimal("0.1")),
        ("bid_spread", "'10 bp'", Decimal("0.1")),
        ("bid_spread", ".5", Decimal("0.5")),
        ("bid_spread", "1e-1", Decimal("0.1")),
        ("bid_spread", "0.10000000000000000001", Decimal("0.10000000000000000001")),
        ("bid_spread", "0.1  # tight", Decimal("0.1")),
        ("order_amount", "1_000", 1000),
        ("order_refresh_time", "30s", 30),
        ("order_refresh_time", "1m", 60),
        ("leverage", "10x", 10),
        ("leverage", "3.0", 3),
    ):
        found = carried(tmp_path, {key: text})
        assert found.values[key] == value, text
        assert type(found.values[key]) in {int, Decimal}, text


def test_B10_what_is_no_number_stays_as_it_is_with_words(tmp_path: Path) -> None:
    """Check refuses it then: no default takes its place."""
    for text, words in (
        ("0,1", "decimal comma"),
        ("0.1#tight", "a comment needs a space"),
        ("010", "a 0 too many"),
        ("1:30", "minutes and seconds"),
        ("0.1 USDT", "is no number"),
        ("1m", "has a unit (m)"),
    ):
        found = carried(tmp_path, {"bid_spread": text})
        assert found.values["bid_spread"] == text
        assert words in words_of(found, "bid_spread")


def test_B10_each_way_to_say_yes_no_or_nothing_is_understood(tmp_path: Path) -> None:
    """YAML's own words for it, Hummingbot's, and what a person types."""
    for texts, value in (
        (("true", "True", "yes", "Y", "on", '"true"', "1"), True),
        (("false", "no", "n", "OFF", "0"), False),
        (("null", "~", "", "None", '""', "'null'"), None),
    ):
        for text in texts:
            found = carried(tmp_path, {"order_optimization_enabled": text})
            assert found.values.get("order_optimization_enabled") is value, text

    assert carried(tmp_path, {"order_optimization_enabled": "maybe"}).values["order_optimization_enabled"] == "maybe"


def test_B10_a_connectors_name_loses_its_environment(tmp_path: Path) -> None:
    """It is a setting here; a connector that is not known is left as it is, and check says what is installed."""
    for name, connector, environment in (
        ("binance_perpetual", "binance_perpetual", None),
        ("Binance_Perpetual", "binance_perpetual", None),
        ("binance_perpetual_testnet", "binance_perpetual", "testnet"),
        ("bybit_perpetual_testnet", "bybit_perpetual", "testnet"),
        ("binance_perpetual_paper_trade", "binance_perpetual", "paper"),
        ("dydx_v4_perpetual_testnet", "dydx_perpetual", "testnet"),
        ("hyperliquid_perpetual_testnet", "hyperliquid_perpetual_testnet", None),
    ):
        found = carried(tmp_path, {"derivative": name})
        assert (found.values["derivative"], found.environment) == (connector, environment)
        assert bool(words_of(found, "derivative")) is (connector != name)


def test_B10_a_market_is_understood_however_it_is_written(tmp_path: Path) -> None:
    """As venues and other programs write it; what cannot be split is left for check to refuse."""
    for text in ("ETH-USDT", "ETHUSDT", "eth/usdt", "ETH_USDT", "ETH/USDT:USDT", "ETH-USDT-SWAP"):
        assert carried(tmp_path, {"market": text}).values["market"] == "ETH-USDT", text

    assert carried(tmp_path, {"market": "ETH-USDC_de1_dex_test"}).values["market"] == "ETH-USDC_de1_dex_test"


def test_B10_order_override_is_carried_in_each_of_its_forms(tmp_path: Path) -> None:
    """A table of lists, rows as texts, a list without names, JSON in a text, sides in capitals, numbers as texts."""
    for more, rows in (
        ("order_override:\n  a: [buy, 0.5, 100]\n", {"a": ["buy", Decimal("0.5"), 100]}),
        ('order_override:\n  order 1: [BUY, "0.5%", "1.0"]\n', {"order 1": ["buy", Decimal("0.5"), Decimal("1.0")]}),
        ("order_override:\n  a: bid, 0.5, 5\n", {"a": ["buy", Decimal("0.5"), 5]}),
        ("order_override: [[buy, 1, 2], [sell, 1, 2]]\n", {"order_1": ["buy", 1, 2], "order_2": ["sell", 1, 2]}),
        ('order_override: \'{"a": ["sell", 0.75, 200]}\'\n', {"a": ["sell", Decimal("0.75"), 200]}),
        ("order_override: {a: [buy, x, 1]}\n", {"a": ["buy", "x", 1]}),
    ):
        assert carried(tmp_path, more=more).values["order_override"] == rows, more

    assert "order_override" not in carried(tmp_path, more="order_override:\n").values


def test_B10_keys_of_old_templates_are_renamed_or_told(tmp_path: Path) -> None:
    """What is off says nothing; what is on and is not here is said with the reason."""
    old = (
        "template_version: 3\nposition_management: Profit_taking\nts_activation_spread: 0\nts_callback_rate: 0\n"
        "close_position_order_type: MARKET\nping_pong_enabled: false\nhanging_orders_enabled: No\n"
        "hanging_orders_cancel_pct: 10.0\nadd_transaction_costs: n\ntake_if_crossed:\n"
    )
    found = carried(tmp_path, more=old)
    assert found.version == "3"
    assert found.values["stop_loss_order"] == "market"
    assert found.left == ()

    on = carried(tmp_path, more="ping_pong_enabled: Yes\nhanging_orders_enabled: true\nhanging_orders_cancel_pct: 5\n")
    assert [remark.key for remark in on.left] == [
        "ping_pong_enabled",
        "hanging_orders_enabled",
        "hanging_orders_cancel_pct",
    ]

    first = carried(tmp_path, more="profit_taking_spread: 0.7\n").values
    assert first["long_profit_taking_spread"] == first["short_profit_taking_spread"] == Decimal("0.7")


def test_B10_a_trailing_stop_is_not_left_out_in_silence(tmp_path: Path) -> None:
    """Without it, and without spreads of its own, each position would be closed at its entry price."""
    found = carried(tmp_path, more="position_management: Trailing_stop\nts_activation_spread: 1\nts_callback_rate: 2\n")

    assert "closed at its entry price" in words_of(found, "position_management")
    assert {"ts_activation_spread", "ts_callback_rate"} <= {remark.key for remark in found.left}


def test_keys_that_do_nothing_where_they_stand_are_left_out(tmp_path: Path) -> None:
    """Check would refuse them, and Hummingbot's templates are full of them."""
    more = "price_source: current_market\nprice_source_market: BTC-USDT\ncustom_api_update_interval: 5\n"
    assert {"price_source_market", "custom_api_update_interval"} <= set(carried(tmp_path, more=more).unneeded)

    api = "price_source: custom_api\nprice_type: mid_price\nprice_source_custom_api: https://x.invalid/p\n"
    assert "price_type" not in carried(tmp_path, more=api).values
    assert carried(tmp_path, more=api).values["price_source_custom_api"] == "https://x.invalid/p"

    assert "order_level_spread" not in carried(tmp_path, more="order_level_spread: 0\n").values
    assert carried(tmp_path, {"order_levels": "3"}, "order_level_spread: 0\n").values["order_level_spread"] == 0


def test_a_secret_in_the_file_is_neither_carried_nor_shown(tmp_path: Path) -> None:
    """Whatever its key is called."""
    found = carried(tmp_path, more="binance_perpetual_api_key: 4hT9sK2\nnote: 4hT9sK2\n")

    assert "4hT9sK2" not in str(found)
    assert "a reference" in words_of(found, "binance_perpetual_api_key")


def test_B10_a_file_that_cannot_be_read_is_said_with_its_line(tmp_path: Path) -> None:
    """One sentence each, and nothing of it is run, expanded or waited for."""
    bombs = "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9) if n else 1}]\n" for n in range(12))

    for text, words in (
        ("", "is empty"),
        ("# only comments\n", "is empty"),
        ('strategy = "x"\n', "is TOML already"),
        ("- a\n- b\n", "has no key: value"),
        ("strategy: perpetual_market_making\nbid_spread:0.1\nask_spread: 1\n", ":2: bid_spread: needs a space"),
        ("a:\n\tb: 1\n", ":2: b: is indented with a tab"),
        ("bid_spread: %0.1\n", ":1: bid_spread: has a value that begins with %"),
        ("a: 1\n---\nb: 2\n", "begins a second document"),
        ("a: [1\n", "is not YAML"),
        ("? [a]\n: b\n", "has a key that is no word"),
        ("[" * 1_000, "is nested too deeply"),
        (f"{bombs}order_override: *a11\n", "nested too deeply, or too large"),
        ("x: &b\n  <<: *b\n<<: *b\n", "nested too deeply, or too large"),
        ("x: 1\n" * (LARGEST // 5 + 1), "is over 128 KiB"),
        ("strategy: pure_market_making\nexchange: binance\n", "only perpetual_market_making can be carried over"),
        ("controller_name: pmm_simple\n", "belongs to another strategy"),
        ("x: 1\n", "neither strategy nor derivative"),
        ("derivative: a\nbid_spread: 1\nbid_spread: 2\n", ":3: bid_spread: is there twice"),
    ):
        assert words in refusal(tmp_path, text), text[:60]


def test_anchors_merges_and_tags_are_texts(tmp_path: Path) -> None:
    """An alias is what it stands for, a merged table gives way, a tag builds nothing."""
    found = carried(tmp_path, more="x: &s 0.3\nask_spread: *s\n<<: {bid_spread: 9, order_levels: 2}\n")
    assert found.values["ask_spread"] == Decimal("0.3")
    assert found.values["bid_spread"] == Decimal("0.1")
    assert found.values["order_levels"] == 2

    tagged = carried(tmp_path, more='ask_spread: !!python/object/apply:os.system ["echo no"]\n')
    assert "is no single value" in words_of(tagged, "ask_spread")


def test_differences_are_those_that_the_configuration_meets() -> None:
    """Nobody reads six sentences about features that are off."""
    plain: dict[str, Any] = {"leverage": 1}
    full: dict[str, Any] = {
        "leverage": 5,
        "position_mode": "Hedge",
        "order_optimization_enabled": True,
        "order_levels": 3,
        "stop_loss_spread": Decimal(2),
    }

    assert [line.partition(":")[0] for line in differences(plain)] == [
        "filled_order_delay",
        "A position that perpmaker did not open is not touched.",
    ]
    assert len(list(differences(full))) == 7
