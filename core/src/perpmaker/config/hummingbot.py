"""From a Hummingbot configuration of perpetual_market_making to values of a TOML file, with what differs and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import attrs

from perpmaker.config.habits import FOREIGN_KEYS, split_environment
from perpmaker.config.hummingbot_keys import (
    CONNECTORS,
    IDLE,
    KEPT,
    NO_TRAILING,
    OF_SWITCH,
    RENAMED,
    STRATEGY,
    SWITCHES,
    TRAILING,
    UNNEEDED,
)
from perpmaker.config.hummingbot_values import Plain, is_off, is_yes, read_value
from perpmaker.config.pasted import key_words
from perpmaker.config.structure import is_secret, shown
from perpmaker.config.yaml_file import Entry, Value, YamlFile
from perpmaker.errors import WHOLE_FILE, ConfigurationError, Problem

_OTHERS = ("controller_name", "controller_type", "script_file_name", "maker_market", "primary_market")
_ENTRY = ("derivative", "exchange", "connector")


@attrs.frozen(kw_only=True)
class Remark:
    """What has become of a key: `value` as it stood there (None: it is not shown), and why, or what it is now."""

    key: str
    line: int
    value: str | None
    words: str


@attrs.frozen(kw_only=True)
class Carried:
    """A configuration as TOML has it, and what is to be said about it.

    `values` are those of the top of the file, `environment` what the connector's name said beside the venue, None where
    it said nothing. `changed` were written otherwise, `left` could not be carried, `unneeded` say nothing here.
    """

    values: dict[str, Plain]
    environment: str | None
    changed: tuple[Remark, ...]
    left: tuple[Remark, ...]
    unneeded: tuple[str, ...]
    version: str | None


def carry(file: YamlFile, is_known: Callable[[str], bool]) -> Carried:
    """Carry a configuration over.

    `is_known` tells the names of connectors and of sources. ConfigurationError where it is of another strategy, or
    where a key stands there twice with two values.
    """
    _refuse_others(file)

    return _Conversion(file, is_known).carried()


def _refuse_others(file: YamlFile) -> None:
    found = {entry.key: entry for entry in file.entries}
    strategy = found.get("strategy")
    named = None if strategy is None or not isinstance(strategy.value, str) else strategy.value.strip()
    foreign = next((found[key] for key in _OTHERS if key in found), None)

    if named not in {None, STRATEGY}:
        line = None if strategy is None else strategy.line
        words = f"is of another strategy: only {STRATEGY} can be carried over"
        problem = Problem(file=file.name, key="strategy", line=line, value=shown(("strategy",), named), allowed=words)
        raise ConfigurationError((problem,))

    if foreign is not None:
        words = f"belongs to another strategy: only {STRATEGY} can be carried over"
        raise ConfigurationError((Problem(file=file.name, key=foreign.key, line=foreign.line, allowed=words),))

    if named is None and not any(key in found for key in _ENTRY):
        words = f"is no configuration of Hummingbot's {STRATEGY}: it has neither strategy nor derivative"
        raise ConfigurationError((Problem(file=file.name, key=WHOLE_FILE, allowed=words),))

    if file.doubled:
        words = "is there twice, with two values: leave one out"
        raise ConfigurationError(
            tuple(Problem(file=file.name, key=key_words(key), line=line, allowed=words) for key, line in file.doubled)
        )


class _Conversion:
    """Goes through a file key by key."""

    def __init__(self, file: YamlFile, is_known: Callable[[str], bool]) -> None:
        self._file = file
        self._is_known = is_known
        self._found = {entry.key: entry for entry in file.entries}
        self._values: dict[str, Plain] = {"strategy": STRATEGY}
        self._lines: dict[str, int] = {}
        self._environment: str | None = None
        self._changed: list[Remark] = []
        self._left: list[Remark] = []
        self._unneeded: list[str] = []

    def carried(self) -> Carried:
        """Return what has become of the file."""
        for entry in self._file.entries:
            self._take(entry)

        self._name_connectors()
        self._leave_idle()
        version = self._found.get("template_version")

        return Carried(
            values={key: self._values[key] for key in _ordered(self._values)},
            environment=self._environment,
            changed=tuple(self._changed),
            left=tuple(self._left),
            unneeded=tuple(self._unneeded),
            version=None if version is None or not isinstance(version.value, str) else version.value.strip()[:10],
        )

    def _take(self, entry: Entry) -> None:
        key = entry.key

        if key in KEPT:
            if entry.value is None:
                self._unneeded.append(key)
            else:
                self._put(key, entry)
        elif key in RENAMED:
            self._rename(entry)
        elif key in UNNEEDED or entry.value is None:
            self._unneeded.append(key_words(key))
        elif key in TRAILING:
            self._leave_trailing(entry)
        elif key in SWITCHES:
            self._leave_feature(entry, key, SWITCHES[key])
        elif key in OF_SWITCH:
            self._leave_feature(entry, OF_SWITCH[key], f"belongs to {OF_SWITCH[key]}")
        else:
            self._leave_unknown(entry)

    def _put(self, key: str, entry: Entry, *, was: str | None = None) -> None:
        read = read_value(key, entry.value)
        self._values[key], self._lines[key] = read.value, entry.line
        words = read.words if was is None else f"is called {key} here{f', and {read.words}' if read.words else ''}"

        if words:
            self._changed.append(self._remark(entry, words))

    def _rename(self, entry: Entry) -> None:
        """A key that has another name here, unless that one stands there too."""
        names = [name for name in RENAMED[entry.key] if self._value(name) is None]

        if entry.value is None or not names:
            self._unneeded.append(entry.key)
            return

        for name in names:
            self._put(name, entry, was=entry.key)

        if entry.key == "close_position_order_type":
            self._values["stop_loss_order"] = str(entry.value).strip().casefold()

    def _leave_trailing(self, entry: Entry) -> None:
        mode = self._value("position_management")
        is_trailing = isinstance(mode, str) and mode.strip().casefold().startswith("trailing")

        if not is_trailing:
            self._unneeded.append(entry.key)
        elif entry.key == "position_management":
            self._left.append(self._remark(entry, NO_TRAILING))
        else:
            self._left.append(self._remark(entry, "belongs to the trailing stop"))

    def _leave_feature(self, entry: Entry, switch: str, words: str) -> None:
        if is_yes(self._value(switch)):
            self._left.append(self._remark(entry, words))
        elif switch == entry.key and not is_off(entry.value):
            self._left.append(self._remark(entry, f"is neither yes nor no; {words}"))
        else:
            self._unneeded.append(entry.key)

    def _leave_unknown(self, entry: Entry) -> None:
        """A key that Hummingbot's strategy has not. Its value is not shown: nobody knows what it was to hold."""
        words = FOREIGN_KEYS.get(entry.key, "no such key is known of this strategy, there or here")

        if is_secret(entry.key):
            words = 'keys do not belong in a file: write a reference ("env:NAME") in the table of the connector'

        remark = Remark(key=key_words(entry.key), line=entry.line, value=None, words=words)
        self._left.append(remark)

    def _name_connectors(self) -> None:
        """Connectors' names without the environment, which is a setting here."""
        for key in ("derivative", "price_source_derivative"):
            name = self._values.get(key)

            if not isinstance(name, str):
                continue

            plain = name.strip().casefold()
            split = split_environment(plain, lambda base: self._is_known(CONNECTORS.get(base, base)))
            base, environment = (plain, None) if split is None else split
            base = CONNECTORS.get(base, base)

            if base == name:
                continue

            self._values[key] = base
            words = f'is "{base}" here'

            if environment is not None and key == "derivative":
                self._environment = environment
                words += f', with environment = "{environment}" in the table [{base}]'
            elif environment is not None:
                words += ", asked in the environment of the run"

            self._changed.append(Remark(key=key, line=self._line(key), value=_as_written(key, name), words=words))

    def _leave_idle(self) -> None:
        """Values that do nothing where they stand, which a file here must not have."""
        for key, (other, wanted) in IDLE.items():
            if key in self._values and self._values.get(other, "current_market") != wanted:
                del self._values[key]
                self._unneeded.append(key)

        if self._values.get("price_source") == "custom_api" and self._values.get("price_type") != "custom":
            self._drop("price_type", "custom_api gives the price itself")

        if self._values.get("order_levels", 1) == 1 and self._values.get("order_level_spread") in {0, Decimal(0)}:
            self._drop("order_level_spread", "does nothing with one level, and is above 0 here")

    def _drop(self, key: str, words: str) -> None:
        if key in self._values:
            value = _as_written(key, self._values.pop(key))
            self._changed = [remark for remark in self._changed if remark.key != key]
            self._left.append(Remark(key=key, line=self._line(key), value=value, words=f"{words}: left out"))

    def _value(self, key: str) -> Value:
        return None if key not in self._found else self._found[key].value

    def _line(self, key: str) -> int:
        return self._lines.get(key, 0)

    def _remark(self, entry: Entry, words: str) -> Remark:
        return Remark(key=entry.key, line=entry.line, value=_as_written(entry.key, entry.value), words=words)


def _as_written(key: str, value: object) -> str | None:
    """A value as a message may show it, without the quotes that YAML does not ask for."""
    text = shown((key,), value)

    return text[1:-1] if text is not None and isinstance(value, str) else text


def _ordered(values: dict[str, Plain]) -> Iterator[str]:
    """The keys in the order in which a person looks for them; the stop's kind beside the stop."""
    known = [*KEPT[: KEPT.index("stop_loss_slippage_buffer") + 1], "stop_loss_order", *KEPT]
    yield from dict.fromkeys(key for key in known if key in values)


def differences(values: dict[str, Plain]) -> Iterator[str]:
    """Yield what this program does otherwise on purpose, as far as the configuration meets it."""
    if values.get("position_mode") == "Hedge":
        yield "Hedge: each side quotes for itself; there any position stops all new quotes."

    yield (
        "filled_order_delay: quotes that were filled and stops start it; there a profit-taking order that was filled "
        "starts it as well."
    )

    levels = values.get("order_levels", 1)

    if values.get("order_optimization_enabled") is True:
        is_several = isinstance(levels, int) and levels > 1
        several = " It works with several levels; there it is left out then." if is_several else ""
        yield (
            'order_optimization_enabled: order_optimization_mode = "retreat" never moves a quote nearer to the market, '
            f'as there; "top" does.{several}'
        )

    if values.get("stop_loss_spread") not in {None, 0, Decimal(0)}:
        yield (
            "stop_loss_spread: the stop's limit follows the market at once; there it hangs on the stop's level and is "
            "renewed by a timer."
        )
        yield "venue_backstop: beside it a stop rests on the venue, for when this program dies or hangs."

    if values.get("leverage") not in {None, 1}:
        yield (
            'order_amount is the amount of a quote whatever the leverage, as there; order_amount_basis = "margin" '
            "multiplies it, as the documentation there says."
        )

    yield "A position that perpmaker did not open is not touched."
