"""The two sizes of the tests: what `pytest` runs, and `--full`, which adds the other event loop and long fuzzing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import settings

for finder in sys.meta_path:
    # pytest takes apart and puts together again every file of an editable distribution that has a plugin for it, in
    # every process: six seconds each, and none of them asserts but the contract suites, which are named by themselves.
    getattr(finder, "_must_rewrite", set()).discard("perpmaker")

from perpmaker.testing.canary import Canaries  # noqa: E402  # after that

FULL_SEEDS = 200
"""How many seeds of a session, a story or a market `--full` takes; each of these tests has its own smaller number."""

BYTECODE = pytest.StashKey[tempfile.TemporaryDirectory[str]]()

PLANTED = "PERPMAKER_CANARY"
"""A variable of every process that the tests start. Nothing refers to it, and nothing may show it."""

CANARIES = Canaries(
    {
        PLANTED: os.environ.setdefault(PLANTED, "c4n4ry/Zx+90_nobody-shows-this:2f7d~Q1"),
        # Every session on a sandbox is signed with one of these, which `perpmaker sandbox` alone shows.
        "Binance's api_secret": "NOT_A_SECRET_binance_test_0123456789abcdef",
        "Bybit's api_secret": "NOT_A_SECRET_bybit_test_0123456789",
        "dYdX's key": "e92a6595c934c991d3b3e987ea9b3125bf61a076deab3a9cb519787b7b3e8d77",
    }
)
LEAKS: list[str] = []

BROKEN_ON_PURPOSE = "test_a_broken_connector_fails_the_test_of_what_is_broken[test_secrets_"
"""The test whose connector shows its secret, which the suite for connectors has to find."""

# The same examples each time: what fails in one run fails in the next, and news is what `--full` is for.
settings.register_profile("every time", max_examples=60, deadline=None, derandomize=True)
settings.register_profile("full", max_examples=1000, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--full`."""
    parser.addoption(
        "--full",
        action="store_true",
        help=f"every async test on trio too, {FULL_SEEDS} seeds where a few are the rule, 1,000 examples for 60",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Set the size of the fuzz, and give the commands that tests start a place for their bytecode."""
    config.addinivalue_line("markers", "full: only with --full")
    config.addinivalue_line("markers", "browser: needs a Chromium, and is left out where there is none")
    config.addinivalue_line("markers", "long: begins first, so that no process is left alone with it at the end")
    config.addinivalue_line("markers", "each_value: each value of each parameter once; each combination with --full")
    settings.load_profile("full" if config.getoption("--full") else "every time")

    if config.getoption("--full"):
        os.environ.setdefault("PERPMAKER_SEEDS", str(FULL_SEEDS))
        os.environ.setdefault("PERPMAKER_VIRTUAL_LOOP", "trio")

    if os.environ.get("PYTHONDONTWRITEBYTECODE") and "PYTHONPYCACHEPREFIX" not in os.environ:
        # Without bytecode every command would compile the whole program, which takes longer than what it is tested for.
        config.stash[BYTECODE] = tempfile.TemporaryDirectory(prefix="perpmaker-bytecode-")
        os.environ["PYTHONPYCACHEPREFIX"] = config.stash[BYTECODE].name
        os.environ["PYTHONDONTWRITEBYTECODE"] = ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One test process more than there are cores: some of them always wait for the process of a command."""
    return (os.cpu_count() or 1) + 1


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the bytecode."""
    if BYTECODE in config.stash:
        config.stash[BYTECODE].cleanup()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and leave out what only `--full` runs."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)

    if config.getoption("--full"):
        return

    left_out = {item for item in items if item.get_closest_marker("full")}
    left_out |= _combinations(item for item in items if item.get_closest_marker("each_value") and item not in left_out)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


def _combinations(items: Iterable[Any]) -> set[Any]:
    """Give the items without which each value of each parameter of their tests is still tried."""
    tests: dict[str, dict[Any, set[tuple[str, int]]]] = defaultdict(dict)

    for item in items:
        tests[item.nodeid.partition("[")[0]][item] = {(name, id(value)) for name, value in item.callspec.params.items()}

    for values in tests.values():
        missing = set().union(*values.values())
        tried: Counter[tuple[str, int]] = Counter()

        while missing:
            best = max(values, key=lambda item: (len(values[item] & missing), -sum(tried[one] for one in values[item])))
            tried.update(values[best])
            missing -= values.pop(best)

    return {item for values in tests.values() for item in values}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin each test, and the commands that it starts, with signals as a terminal gives them.

    Whoever runs the tests in the background has SIGINT ignored, and a run in this process ignores all three at its end.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether everything is tried, and not a slice of it."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(params=["asyncio", pytest.param("trio", marks=pytest.mark.full)])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """Virtual time on asyncio, and with `--full` on trio too; modules with real sockets override this fixture."""
    return request.getfixturevalue(f"virtual_{request.param}")


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox that serves for all tests which only look at it."""
    words = [sys.executable, "-m", "perpmaker", "sandbox", "binance_perpetual", "--json", "--until-stdin-closes"]
    environment = {**os.environ, "PERPMAKER_HOME": str(tmp_path_factory.mktemp("sandbox"))}
    pipe = subprocess.PIPE

    with subprocess.Popen([*words, "--seed", "1"], stdin=pipe, stdout=pipe, text=True, env=environment) as process:  # noqa: S603
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
        process.communicate()


def look_for_canaries(text: object, test: str = "") -> None:
    """Note each secret in what a test has caught of the program, with the test that runs."""
    content = text if isinstance(text, bytes) else str(text or "").encode("utf-8", "backslashreplace")
    where = test or os.environ.get("PYTEST_CURRENT_TEST", "")

    if BROKEN_ON_PURPOSE in where:
        return

    LEAKS.extend(f"{where}: {name}" for name in CANARIES.found_in(content) if b"control_token" not in content)


@pytest.fixture(scope="session", autouse=True)
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaries]:
    """Look for secrets in what the program wrote during all tests of this process: terminals, pipes and files."""
    caught, ended = pytest.CaptureFixture.readouterr, subprocess.Popen.communicate

    def readouterr(self: Any) -> Any:
        result = caught(self)
        look_for_canaries(result.out + result.err if isinstance(result.out, str) else result.out)

        return result

    def communicate(self: Any, *arguments: Any, **named: Any) -> Any:
        output = ended(self, *arguments, **named)

        if "sandbox" not in self.args:
            for one in output:
                look_for_canaries(one)

        return output

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytest.CaptureFixture, "readouterr", readouterr)
        patch.setattr(subprocess.Popen, "communicate", communicate)
        yield CANARIES

    LEAKS.extend(CANARIES.found_below(tmp_path_factory.getbasetemp()))
    assert LEAKS == [], "the program has written secrets"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Look for secrets in what a test has left on the terminal, in the log, and in the text of its failure."""
    report = yield
    look_for_canaries("".join(text for _, text in report.sections), item.nodeid)

    return report
