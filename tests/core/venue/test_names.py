"""How much of perpmaker the author of a plugin must learn, counted over whole plugins as they stand.

Counted is, each name once:

* every name that is taken from the core, by an import or out of a door (`kit.Endpoint`), also for an annotation alone;
* every member of a protocol of the core that a class of the author implements (`ROLES` says which class is what), and
  what the core asks of settings besides (`BY_CONVENTION`);
* every attribute or method of a class of the doors that the author's code reads or calls, on `self` only where the
  author's class is over one of the doors.

Arguments of calls, which signatures and error messages show, are counted apart. Not counted are members of enumerations
and what the author has named: functions, and members of classes that no protocol asks for (whatever else bears such a
name).
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import attrs

import perpmaker
from perpmaker import Approved, OrderKind, Position, PositionSide, Quote, Refused, Side, Slot, venue
from perpmaker.testing.view import make_instrument, make_view

ROOT = Path(__file__).parents[3]
DOORS = (perpmaker, venue)
DOOR_NAMES = {"perpmaker", "perpmaker.venue"}
ROLES: dict[str, tuple[type[Any], ...]] = {
    "Settings": (venue.KeySettings,),
    "PriceFile": (perpmaker.ReferenceReceiver,),
    "Microprice": (perpmaker.ReferenceReceiver,),
    "ExposureLimit": (perpmaker.RiskModule,),
    "SmallCap": (perpmaker.RiskModule,),
    "Bell": (perpmaker.Observer,),
}
BY_CONVENTION = {"environment", "faults"}
"""What the core reads of settings, if it is there, and no protocol of a door has."""

SMALL_CAP = '''
@attrs.frozen(kw_only=True)
class Settings:
    """The table [risk.small_cap]: from how much base on nothing more is quoted."""

    most: Annotated[Decimal, Range(above=0)]


class SmallCap:
    """Refuses every quote while the position that it acts on is large."""

    def __init__(self, settings, instrument):
        self._most = settings.most

    def review(self, view, quote):
        """Look at the position as it is."""
        if abs(view.positions[quote.slot.position_side].amount) < self._most:
            return Approved(quote=quote)

        return Refused(quote=quote, reason=f"the position is at its cap of {self._most}")


@hookimpl
def register_risk_modules(register):
    """Declare it."""
    register(RiskModuleDeclaration(name="small_cap", summary="A cap", settings=Settings, build=SmallCap))
'''


@attrs.frozen(kw_only=True)
class Learnt:
    """What an author must learn: names, those of them that are behind the doors, what is implemented, what is used.

    `annotated` are names that stand in annotations alone: who writes no types needs none of them. `arguments` are names
    of arguments in calls of what the doors have, and are part of nothing else.
    """

    names: frozenset[str]
    annotated: frozenset[str]
    beyond: frozenset[str]
    implemented: frozenset[str]
    used: frozenset[str]
    arguments: frozenset[str]

    @property
    def everything(self) -> frozenset[str]:
        """Each name once."""
        return self.names | self.implemented | self.used


@cache
def door_names() -> frozenset[str]:
    """Every name of the doors."""
    return frozenset(name for door in DOORS for name in door.__all__)


def members(kind: type[Any]) -> set[str]:
    """The public attributes and methods of a class."""
    found = {*dir(kind), *inspect.get_annotations(kind), *(one.name for one in getattr(kind, "__attrs_attrs__", ()))}

    return {name for name in found if not name.startswith("_")}


@cache
def door_members() -> frozenset[str]:
    """Those of every class of the doors that is no error and no enumeration."""
    named = (getattr(door, name) for door in DOORS for name in door.__all__)
    classes = [one for one in named if inspect.isclass(one) and not issubclass(one, Enum | BaseException)]

    return frozenset(name for one in classes for name in members(one))


def learn(texts: Iterable[str]) -> Learnt:
    """Count over the files of one plugin."""
    counts = _Counts()

    for tree in map(ast.parse, texts):
        _count_file(tree, counts)

    return Learnt(
        names=frozenset(counts.names - {"venue"}),
        annotated=frozenset(counts.names - counts.running),
        beyond=frozenset(counts.beyond),
        implemented=frozenset(counts.implemented),
        used=frozenset((counts.used & door_members()) - counts.own),
        arguments=frozenset(counts.arguments),
    )


@attrs.define
class _Counts:
    """What was found so far; `own` are the names that the author has given, `running` stand outside of annotations."""

    names: set[str] = attrs.field(factory=set)
    running: set[str] = attrs.field(factory=set)
    beyond: set[str] = attrs.field(factory=set)
    implemented: set[str] = attrs.field(factory=set)
    used: set[str] = attrs.field(factory=set)
    arguments: set[str] = attrs.field(factory=set)
    own: set[str] = attrs.field(factory=set)


def _count_file(tree: ast.Module, counts: _Counts) -> None:
    nodes = list(ast.walk(tree))
    modules = dict(_module_names(nodes))
    counts.running |= set(_running_names(tree))
    imported = [(node.module or "", one.name) for node in nodes if _is_of_core(node) for one in node.names]
    counts.names |= {name for module, name in imported if f"{module}.{name}" not in DOOR_NAMES}
    counts.beyond |= {f"{module}.{name}" for module, name in imported if module not in DOOR_NAMES}
    counts.own |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    counts.own |= set(_made_fields(tree))

    if not any(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes):  # a piece of the documentation
        counts.names |= {node.id for node in nodes if isinstance(node, ast.Name)} & door_names()

    for node in nodes:
        if isinstance(node, ast.ClassDef):
            if any(_is_of_door(base, modules, counts.names) for base in node.bases):
                counts.used |= set(_own_attributes(node))

            defined = set(_members_of(node))
            asked = BY_CONVENTION.union(*map(members, ROLES[node.name])) if node.name in ROLES else set()
            counts.implemented |= defined & asked
            counts.own |= defined - asked
        elif isinstance(node, ast.Call):
            made = any(_is_of_door(one, modules, counts.names) for one in (node.func, *node.args[:1]))  # or a `partial`
            counts.arguments |= {one.arg for one in node.keywords if made and one.arg is not None}
        elif isinstance(node, ast.Attribute):
            whose = node.value.id if isinstance(node.value, ast.Name) else ""

            if modules.get(whose) in DOOR_NAMES:
                counts.names.add(node.attr)
            elif whose != "self" and whose not in modules:
                counts.used.add(node.attr)


def _is_of_door(node: ast.expr, modules: dict[str, str], names: set[str]) -> bool:
    """Whether an expression is a name of the doors: one that was imported, or out of a door."""
    match node:
        case ast.Attribute(value=ast.Name(id=module)):
            return modules.get(module) in DOOR_NAMES
        case ast.Subscript(value=value):
            return _is_of_door(value, modules, names)
        case ast.Name(id=name):
            return name in names & door_names()
        case _:
            return False


def _own_attributes(node: ast.ClassDef) -> Iterator[str]:
    """What a class reads or calls of itself."""
    for inner in ast.walk(node):
        match inner:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                yield name
            case _:
                pass


def _running_names(tree: ast.Module) -> Iterator[str]:
    """Names and attributes that stand elsewhere than in an annotation."""
    annotations = [
        annotation
        for node in ast.walk(tree)
        for annotation in (
            getattr(node, "annotation", None),
            node.returns if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None,
        )
        if annotation is not None
    ]
    apart = {id(inner) for annotation in annotations for inner in ast.walk(annotation)}

    for node in ast.walk(tree):
        if id(node) not in apart and isinstance(node, ast.Name | ast.Attribute):
            yield node.id if isinstance(node, ast.Name) else node.attr


def _is_of_core(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and not node.level and f"{node.module}.".startswith("perpmaker.")


def _module_names(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Names that stand for whole modules, and for which: the doors, other people's, and the author's own."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((one.asname or one.name, one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            whole = [one for one in node.names if node.module is None or f"{node.module}.{one.name}" in DOOR_NAMES]
            yield from ((one.asname or one.name, f"{node.module or ''}.{one.name}") for one in whole)


def _made_fields(tree: ast.Module) -> Iterator[str]:
    """Names of fields that a file gives to classes which it makes by a call, of a function of its own."""
    makers = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

    for node in tree.body:
        match node:
            case ast.Assign(value=ast.Call(func=ast.Name(id=name), args=args, keywords=keywords)) if name in makers:
                texts = [one.value for one in args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                yield from (word for text in texts for word in text.split())
                yield from (one.arg for one in keywords if one.arg is not None)
            case _:
                pass


def _members_of(node: ast.ClassDef) -> Iterator[str]:
    """What a class defines: methods, fields, and what it sets of itself."""
    for inner in ast.walk(node):
        match inner:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                parts = [part for one in targets for part in (one.elts if isinstance(one, ast.Tuple) else [one])]
                yield from (part.id for part in parts if isinstance(part, ast.Name) and inner in node.body)
                yield from (part.attr for part in parts if isinstance(part, ast.Attribute))


def files(folder: Path) -> list[str]:
    """The texts of the files of a folder, without those of folders in it."""
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))]


FATHOM = Path(__file__).with_name("fathom")
PRICE_FILE = ROOT / "examples" / "custom_price_source" / "src" / "perpmaker_price_file"
RISK_MODULES = ROOT / "plugins" / "risk_modules" / "src" / "perpmaker_risk_modules"
BELL = re.compile(r"```python\n(@attrs\.frozen\(kw_only=True\)\nclass Settings:\n    file.*?)```", re.DOTALL)
MICROPRICE = re.compile(r"```python\n(class Microprice.*?)```", re.DOTALL)


def test_a_connector_takes_nothing_from_behind_the_doors() -> None:
    """What its author needs is in one of the two; and it is not long."""
    assert learn(files(FATHOM)).beyond == set()
    assert sum(len(text.splitlines()) for text in files(FATHOM)) <= 500


def test_a_connector_takes_forty_five_names() -> None:
    """The aim of the design, names that stand in annotations alone among them; a change that makes it more says why."""
    learnt = learn(files(FATHOM))

    assert len(learnt.everything) <= 45
    assert len(learnt.everything - learnt.annotated) <= 41
    assert len(learnt.arguments) <= 80


def test_a_price_source_takes_eight_names() -> None:
    """The example that authors copy, and the one of the documentation."""
    (microprice,) = MICROPRICE.findall((ROOT / "docs" / "plugins.md").read_text(encoding="utf-8"))

    assert learn(files(PRICE_FILE)).everything == {
        *("ConnectivityError", "PriceSourceDeclaration", "Range", "ReferenceChanged", "Register", "SourceContext"),
        *("hookimpl", "receive"),
    }
    assert len(learn([microprice]).everything) <= 8


def test_a_risk_module_takes_ten_names() -> None:
    """The smallest that is of use; `exposure_limit` counts everything that may still fill, and takes what it needs."""
    assert len(learn([SMALL_CAP]).everything) <= 10
    exposure_limit = (RISK_MODULES / "exposure_limit.py").read_text(encoding="utf-8")
    assert len(learn([exposure_limit]).everything) <= 48


def test_an_observer_takes_eight_names(tmp_path: Path) -> None:
    """The example of the documentation, in fifteen lines of code; and it is one: it writes down what it is told."""
    (bell,) = BELL.findall((ROOT / "docs" / "plugins.md").read_text(encoding="utf-8"))
    learnt = learn([bell]).everything - {"write"}  # a file's
    assert learnt == {"ObserverDeclaration", "hookimpl", "observe", "at", "text"}
    assert len([line for line in bell.splitlines() if line.strip()]) <= 15

    namespace: dict[str, Any] = {"attrs": attrs} | {name: getattr(perpmaker, name) for name in learn([bell]).names}
    exec(bell, namespace)  # noqa: S102  # it is the text that is counted
    declared: list[Any] = []
    namespace["register_observers"](declared.append)
    (declaration,) = declared
    observer = declaration.build(declaration.settings(file=str(tmp_path / "bell")), None)
    about = dict.fromkeys(("bot", "environment", "venue", "market", "account"), "")
    observer.observe(perpmaker.Happening(kind="fill", text="bought", facts={}, at_ms=1, **about))
    assert (tmp_path / "bell").read_text() == "1970-01-01T00:00:00.001Z bought\a\n"


def test_the_small_risk_module_is_one() -> None:
    """What is counted works: it refuses once the position is at its cap, on either side of it."""
    namespace: dict[str, Any] = {"attrs": attrs, "Annotated": Annotated, "Decimal": Decimal}
    namespace |= {name: getattr(perpmaker, name) for name in learn([SMALL_CAP]).names}
    exec(SMALL_CAP, namespace)  # noqa: S102  # it is the text that is counted
    declared: list[Any] = []
    namespace["register_risk_modules"](declared.append)
    (declaration,) = declared
    market = make_instrument()
    module = declaration.build(declaration.settings(most=Decimal(1)), market)
    quote = Quote(slot=Slot(OrderKind.QUOTE, Side.BUY), ticks=100, lots=1, generation=1, reasons=())

    def verdict(amount: str) -> type[Any]:
        position = Position(side=PositionSide.NET, amount=Decimal(amount))

        return type(module.review(make_view(instrument=market, positions={PositionSide.NET: position}), quote))

    assert [verdict(amount) for amount in ("0", "0.9", "1", "-2")] == [Approved, Approved, Refused, Refused]
