"""The program that runs one test in a process of its own; ``isolation`` starts it and reads its journal.

Started by its path, so that nothing of memcap is imported before pytest loads its plugins. The journal has a JSON
object a line: ``phase`` when one begins, ``report`` when it is over, ``warning``, ``problem`` for what else went wrong,
and at the end ``peak``, the largest resident size of the process in bytes.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import sys
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

# Above the limit, so that threads can reserve their stacks; it holds an allocation that would outrun the watchdog.
DATA_SLACK_BYTES = 512 * 1024 * 1024
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# What this process must not do a second time, or not here: other options are those of the session.
_OPTIONS: dict[str, object] = {
    "maxfail": 0, "usepdb": False, "trace": False, "collectonly": False, "pyargs": False, "keyword": "", "markexpr": "",
    "lf": False, "failedfirst": False, "newfirst": False, "stepwise": False, "stepwise_skip": False,
    "cacheclear": False, "log_file": os.devnull, "xmlpath": None, "pastebin": None, "htmlpath": None,
    "report_log": None, "json_report": False, "no_cov": True, "memcap_report": None, "memcap_runs": None,
    "dist": "no", "distload": False, "tx": [], "numprocesses": None, "maxprocesses": None, "looponfail": False,
}  # fmt: skip


class Child:
    """The plugin that picks the one test and writes the journal."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._journal = Path(job["journal"])
        self._pid = os.getpid()

    def tell(self, **what: object) -> None:
        """Append one line to the journal; it is on the disk before the test goes on.

        A child that the test forked and that came out of the test function proves nothing of the test.
        """
        if os.getpid() != self._pid:
            return
        with self._journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(what, default=repr) + "\n")

    def pytest_addoption(self, pluginmanager: pytest.PytestPluginManager) -> None:
        """Make known, early, that this is a child."""
        pluginmanager.register(object(), "memcap-child")  # the plugin looks for this name; see settings.CHILD

    @pytest.hookimpl(hookwrapper=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, object, None]:
        """Turn the session's options into those of one test, and let pytest's own words go nowhere."""
        for name, value in _OPTIONS.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)
        self._config = config
        config.option.basetemp = self._job["basetemp"]
        config.args = [self._job["path"]]
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            sys.stdout = nowhere
            yield
            sys.stdout = sys.__stdout__

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Give the standard output back: the terminal's reporter has the other one by now."""
        sys.stdout = sys.__stdout__

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of what could not be collected."""
        if report.failed:
            self.tell(problem=report.longreprtext)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the one test. xdist names groups behind an id, in its workers only."""
        wanted: str = self._job["nodeid"]
        items[:] = [item for item in items if item.nodeid == wanted or wanted.startswith(f"{item.nodeid}@")][:1]
        if not items:
            self.tell(problem=f"{wanted} was not found again: its id is another one each time tests are collected")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self) -> None:
        """Set the limit that the kernel keeps to, when all is imported."""
        limit = self._job["limit_bytes"]
        if limit is not None and sys.platform.startswith("linux"):
            import resource  # noqa: PLC0415 - not on Windows

            hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
            asked = limit + DATA_SLACK_BYTES
            soft = asked if hard == resource.RLIM_INFINITY else min(asked, hard)
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, None]:
        """Tell of the phase, and keep what it prints; what was printed before is nobody's."""
        for handle in (1, 2) if self._job["captures"] else ():
            os.ftruncate(handle, 0)
        self.tell(phase="setup")
        yield
        self._keep_output(item, "setup")

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, None]:
        """Tell of the phase, and keep what it prints."""
        self.tell(phase="call")
        yield
        self._keep_output(item, "call")

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, None]:
        """Tell of the phase, and keep what it prints."""
        self.tell(phase="teardown")
        yield
        self._keep_output(item, "teardown")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hand the report on."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self.tell(report=data)
        if report.when == "teardown":
            from memcap.testing.meters import lifetime_peak_bytes  # noqa: PLC0415 - not before pytest loads plugins

            self.tell(peak=lifetime_peak_bytes())

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage, when: str) -> None:
        """Hand a warning on."""
        if when == "runtest":
            kind = warning_message.category
            self.tell(
                warning=str(warning_message.message),
                category=[kind.__module__, kind.__qualname__],
                filename=warning_message.filename,
                lineno=warning_message.lineno,
            )

    def _keep_output(self, item: pytest.Item, phase: str) -> None:
        """Move what was printed into the report: what is left in the files is of a phase that was not survived."""
        if not self._job["captures"]:
            return
        for handle, name in ((1, "stdout"), (2, "stderr")):
            text = Path(self._job[name]).read_text(encoding="utf-8", errors="replace")
            os.ftruncate(handle, 0)
            if text:
                item.add_report_section(phase, name, text)


def die_with(parent: int) -> None:
    """Have the kernel end this process with ``parent``: nobody would watch its memory then (Linux)."""
    if sys.platform.startswith("linux"):
        import ctypes  # noqa: PLC0415 - for Linux

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was quicker
            os._exit(1)


def main() -> int:
    """Run the test of the job on the command line; return pytest's exit code."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    die_with(job["parent"])
    sys.path[:] = job["sys_path"]
    sys.argv[:] = ["pytest", *job["args"]]
    if sys.platform != "win32" and job["stack_signal"] is not None:
        # Opened for as long as the process lives; faulthandler writes into it without the interpreter's help.
        stack = Path(job["stack"]).open("w", encoding="utf-8")  # noqa: SIM115
        faulthandler.register(signal.Signals(job["stack_signal"]), file=stack, all_threads=True)
    args = list(job["args"])
    place = args.index("--") if "--" in args else len(args)
    args[place:place] = ["--capture=no"]  # what captured output there is must be there after a kill
    with contextlib.suppress(BrokenPipeError):
        return int(pytest.main(args, plugins=[Child(job)]))
    return 1


if __name__ == "__main__":
    sys.exit(main())
