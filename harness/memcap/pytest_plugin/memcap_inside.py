"""What runs one test inside a container; it lies beside the tests there, and memcap's runner calls it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OWN = HERE / "memcap_here"  # what of memcap tests import, for images that have none
WHEELS = "/memcap/deps"  # pytest, for images that have none


class Inside:
    """The plugin that picks the one test, and remembers how it went."""

    def __init__(self, nodeid: str) -> None:
        self._nodeid = nodeid
        self.outcomes: list[str] = []
        self.is_out_of_memory = False
        self.is_finished = False

    def pytest_addoption(self, pluginmanager: Any) -> None:
        """Make known, early, that this is the test's own process: memory_limit needs no other one."""
        pluginmanager.register(object(), "memcap-child")

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the one test."""
        items[:] = [item for item in items if item.nodeid == self._nodeid][:1]

    def pytest_exception_interact(self, call: Any) -> None:
        """Remember a MemoryError: it is another ending than a failure."""
        self.is_out_of_memory = self.is_out_of_memory or issubclass(call.excinfo.type, MemoryError)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Remember the outcome. Only a test that was torn down came to its end."""
        self.is_finished = self.is_finished or report.when == "teardown"
        self.outcomes.append(
            "xfailed" if report.outcome == "skipped" and hasattr(report, "wasxfail") else report.outcome
        )


def run_test(nodeid: str) -> dict[str, int]:
    """Run the test with pytest; return whether it was ``skipped`` or ``xfailed``.

    That something is returned proves that the test came to its end: it may end this process with exit code 0 before.
    Ends the process with exit code 1 for a failure, 2 where the test cannot be run or does not come to its end. Raises
    MemoryError if the test did.
    """
    process = os.getpid()
    # What the image has comes first; the runner has put the wheels before it.
    sys.path[:] = [*(place for place in sys.path if place != WHEELS), str(OWN), WHEELS]
    os.chdir(HERE)
    try:
        import pytest  # noqa: PLC0415 - it may be missing
    except ImportError as error:
        print(f"memcap: the image has no pytest, and its wheels could not be added to it ({error})")  # noqa: T201
        sys.exit(2)
    inside = Inside(nodeid)
    arguments = [nodeid.partition("::")[0], "--rootdir", str(HERE), "-p", "no:cacheprovider", "-o", "addopts="]
    arguments += ["-q", "--no-header", "--color=no", "--tb=short", "--capture=no"]
    plugins: list[object] = [inside]
    if "memcap" not in _plugins_of_image():
        arguments += ["-p", "memcap.pytest_plugin"]
    code = pytest.main(arguments, plugins=plugins)
    if os.getpid() != process:  # the test forked, and its child came here as well
        os._exit(1)
    if inside.is_out_of_memory:
        raise MemoryError
    if code == 0 and inside.outcomes and not inside.is_finished:
        print("memcap: the session ended before the test did")  # noqa: T201
    if code != 0 or not inside.is_finished:
        sys.exit(1 if code == 1 else 2)
    return {name: int(name in inside.outcomes) for name in ("skipped", "xfailed")}


def _plugins_of_image() -> set[str]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - for this alone

    return {each.name for each in entry_points(group="pytest11")}
