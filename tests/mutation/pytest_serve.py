"""A pytest plugin of the mutation command: collects the tests once, and tries each change in a fork of its process.

A change inside a function is made by giving the function other code: nothing is imported anew. `MUTATION_SERVE` names
two file descriptors, from which a change is read and to which what became of it is written: lines of JSON.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

import pytest

MEMORY = 3 * 2**30
"""What a change that fills the memory may take: bytes."""


class Server:
    """Tries one change after the other, each in a process that ends with the first test that fails."""

    def __init__(self, descriptors: str) -> None:
        asked, answer = (int(one) for one in descriptors.split(","))
        self.asked = os.fdopen(asked, "r")
        self.answer = os.fdopen(answer, "w")
        self.failed: str | None = None
        self.functions: list[FunctionType] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer until nothing is asked any more."""
        items = {item.nodeid: item for item in session.items}
        gc.collect()
        self.functions = [one for one in gc.get_objects() if isinstance(one, FunctionType)]
        gc.freeze()
        self.answer.write("collected\n")
        self.answer.flush()

        for line in self.asked:
            self.answer.write(json.dumps(self._judge(json.loads(line), items)) + "\n")
            self.answer.flush()

        return True

    def _judge(self, change: dict[str, Any], items: dict[str, pytest.Item]) -> dict[str, Any]:
        """Believe a test that fails alone with the change, and passes alone without it; go on without any other."""
        while True:
            outcome = self._fork(change, items)
            by = outcome.get("by")

            if by is None:
                return outcome

            alone = {**change, "tests": {by: change["tests"][by]}}

            if self._fork({**alone, "after": None}, items)["outcome"] != "survived":
                del items[by]  # it needs what went before it, or a process of its own
            elif self._fork(alone, items)["outcome"] != "survived":
                return outcome

            change["tests"] = {test: spent for test, spent in change["tests"].items() if test != by}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the first test that fails."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def _fork(self, change: dict[str, Any], items: dict[str, pytest.Item]) -> dict[str, Any]:
        told, tell = os.pipe()
        child = os.fork()

        if child == 0:
            os.close(told)
            outcome: dict[str, Any] = {"outcome": "failed"}

            try:
                outcome = self._try(change, items, tell)
            finally:
                os.write(tell, json.dumps(outcome).encode() + b"\n")
                os._exit(0)

        os.close(tell)

        with os.fdopen(told) as file:
            said = [json.loads(line) for line in file.read().splitlines()]

        os.waitpid(child, 0)
        last = said[-1] if said else {}

        return last if "outcome" in last else {"outcome": "timeout", "by": last.get("runs")}

    def _try(self, change: dict[str, Any], items: dict[str, pytest.Item], tell: int) -> dict[str, Any]:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

        functions = [one for one in self.functions if one.__code__.co_filename == change["file"]]

        if change["after"] is not None and not swap(functions, change["before"], change["after"]):
            return {"outcome": "not swapped"}

        until = time.monotonic() + change["limit_s"]
        chosen = [(items[test], spent) for test, spent in change["tests"].items() if test in items]

        for place, (item, spent) in enumerate(chosen):
            signal.setitimer(signal.ITIMER_REAL, 20 + 10 * spent)
            os.write(tell, json.dumps({"runs": item.nodeid}).encode() + b"\n")
            following = chosen[place + 1][0] if place + 1 < len(chosen) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            signal.setitimer(signal.ITIMER_REAL, 0)

            if self.failed is not None:
                return {"outcome": "killed", "by": self.failed}

            if time.monotonic() > until:
                return {"outcome": "timeout", "by": item.nodeid}

        return {"outcome": "survived"}


def swap(functions: list[FunctionType], before: str, after: str) -> bool:
    """Give every live function of a file the code that it has after a change; False where none has another."""
    known, changed = (list(codes(compile(text, "", "exec", dont_inherit=True))) for text in (before, after))
    pairs = [(place(old), code) for old, code in zip(known, changed, strict=False) if old != code]
    new = dict(pairs)
    found = [one for one in functions if place(one.__code__) in new and len(known) == len(changed)]

    if len(new) < len(pairs):  # two of one name in one line
        return False

    for one in found:
        one.__code__ = new[place(one.__code__)]

    return bool(found)


def place(code: CodeType) -> tuple[str, int]:
    """Tell which function of a file a code belongs to."""
    return code.co_qualname, code.co_firstlineno


def codes(code: CodeType) -> Iterator[CodeType]:
    """Give a code and all that it contains."""
    yield code

    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def pytest_configure(config: pytest.Config) -> None:
    """Serve where the environment says so."""
    if descriptors := os.environ.get("MUTATION_SERVE"):
        config.pluginmanager.register(Server(descriptors))
