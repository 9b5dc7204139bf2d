"""One test in one process: start it, watch its memory, end it above its limit, and make reports of what it left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from memcap.errors import MemcapError
from memcap.pytest_plugin.figures import Figures, figures_of_report, keep
from memcap.testing.cgroup import own_cgroup
from memcap.testing.reading import descendants, tree_bytes
from memcap.testing.table import megabytes

_CHILD = Path(__file__).with_name("child.py")
_STREAMS = ("stdout", "stderr")
_LOOK_SECONDS = 0.01
_STACK_SECONDS = 0.25
# "Too much of a resource": hardly anybody handles this one.
_STACK_SIGNAL: int | None = getattr(signal, "SIGXCPU", None)


@dataclass(kw_only=True)
class _Ended:
    """How the process ended, and what it left."""

    code: int
    peak_bytes: int
    over_limit: int | None = None
    oom_kills: int = 0
    stack: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    output: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def phase(self) -> str:
        """Return the phase that it was in, empty before the first."""
        return next((line["phase"] for line in reversed(self.lines) if "phase" in line), "")


def run_apart(item: pytest.Item, limit: int | None) -> list[pytest.TestReport]:
    """Run ``item`` in a new process, with the options of this session, and return its reports; ``limit`` in bytes.

    Fixtures of wider scope are made in that process again. Whatever becomes of it, there is a report.
    """
    with tempfile.TemporaryDirectory(prefix="memcap-") as folder:
        ended = _execute(item, limit, Path(folder))
    reports = list(_reports(item, ended))
    _pass_on_warnings(item, ended)
    if not any(report.when == "teardown" for report in reports):
        reports += _reports_of_death(item, ended, limit)
    for report in reports:
        figures = figures_of_report(report)
        if figures is None and report.when == "call":
            keep(report.user_properties, Figures(metric="rss", is_alone=True, limit=limit, peak=ended.peak_bytes))
    return reports


def _execute(item: pytest.Item, limit: int | None, folder: Path) -> _Ended:
    config = item.config
    captures = config.getoption("capture", "fd") != "no"
    job = {
        "args": [str(word) for word in config.invocation_params.args],
        "path": str(item.path),
        "nodeid": item.nodeid,
        "sys_path": [str(place) for place in sys.path],
        "basetemp": _base_of_temporary_folders(config, folder),
        "limit_bytes": limit,
        "captures": captures,
        "stack_signal": _STACK_SIGNAL,
        **{name: str(folder / name) for name in ("journal", "stack", *_STREAMS)},
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    with ExitStack() as files:
        stdout, stderr = (files.enter_context((folder / name).open("ab")) for name in _STREAMS)
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-u", str(_CHILD), str(folder / "job.json")],
            cwd=config.invocation_params.dir,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for pytest, which then ends the child
            stdout=stdout if captures else None,
            stderr=stderr if captures else None,
        )
        ended = _watch(process, limit, folder)
    ended.seconds = time.monotonic() - started
    ended.lines = list(_journal(folder / "journal"))
    ended.output = {name: _text(folder / name) for name in _STREAMS}
    return ended


def _watch(process: subprocess.Popen[bytes], limit: int | None, folder: Path) -> _Ended:
    """Wait for the end of the process; bring it about above ``limit``, or when this one is interrupted."""
    peak, over, kills = 0, None, _oom_kills()
    try:
        while process.poll() is None:
            held = tree_bytes(process.pid)
            peak = max(peak, held)
            if limit is not None and held > limit:
                over = held
                _ask_for_stack(process, folder / "stack")
                break
            time.sleep(_LOOK_SECONDS)
    finally:
        _end(process)
    return _Ended(
        code=process.returncode,
        peak_bytes=peak,
        over_limit=over,
        oom_kills=_oom_kills() - kills,
        stack=_text(folder / "stack"),
    )


def _ask_for_stack(process: subprocess.Popen[bytes], stack: Path) -> None:
    """Let the process write where it is; give it a moment."""
    if _STACK_SIGNAL is None or not stack.exists():  # it has not come so far as to be asked
        return
    process.send_signal(_STACK_SIGNAL)
    deadline = time.monotonic() + _STACK_SECONDS
    while process.poll() is None and not stack.stat().st_size and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS / 4)
    time.sleep(_LOOK_SECONDS)  # the rest of it


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process, if it is still there, and what it started."""
    import psutil  # noqa: PLC0415 - heavy

    started = []
    for pid in descendants(process.pid) if process.poll() is None else ():
        with suppress(psutil.Error):
            started.append(psutil.Process(pid))
    if process.poll() is None:
        process.kill()
    process.wait()
    for other in started:
        with suppress(psutil.Error):
            other.kill()


def _reports(item: pytest.Item, ended: _Ended) -> Iterator[pytest.TestReport]:
    for line in ended.lines:
        if "report" in line:
            report = item.config.hook.pytest_report_from_serializable(config=item.config, data=line["report"])
            report.nodeid = item.nodeid  # xdist names groups behind it
            report.location = item.location
            # JSON knows no tuples.
            report.sections = [(name, text) for name, text in report.sections]
            report.user_properties = [(name, value) for name, value in report.user_properties]
            if isinstance(report.longrepr, list):
                path, number, reason = report.longrepr
                report.longrepr = (path, number, reason)
            yield report


def _reports_of_death(item: pytest.Item, ended: _Ended, limit: int | None) -> list[pytest.TestReport]:
    """Return what is to be said of a process that did not come to its end."""
    phase = ended.phase or "setup"
    told, ending = _reason(ended, limit)
    problems = [line["problem"] for line in ended.lines if "problem" in line]
    parts = [told, *problems, *_where(ended.stack)]
    sections = [(f"Captured {name} {phase}", text) for name, text in ended.output.items() if text]
    failed = _report(item, phase, "failed", "\n\n".join(parts), ended.seconds)
    failed.sections += sections
    keep(
        failed.user_properties,
        Figures(metric="rss", is_alone=True, limit=limit, peak=ended.peak_bytes, ended=ending),
    )
    _honour_xfail(item, failed)
    return [failed] if phase == "teardown" else [failed, _report(item, "teardown", "passed", None, 0.0)]


def _reason(ended: _Ended, limit: int | None) -> tuple[str, str]:
    """Say why the process ended, and name its Ending."""
    where = {"": "before the test began", "setup": "in setup", "call": "in call", "teardown": "in teardown"}[
        ended.phase
    ]
    if ended.over_limit is not None and limit is not None:
        text = (
            f"memory_limit: the process of this test held {megabytes(ended.over_limit)}, over its limit of "
            f"{megabytes(limit)}, and was ended {where}"
        )
        if not ended.phase:
            text += "\nWhat the test imports needs more than the limit already; raise max_mb."
        return text, "cap_exceeded"
    if ended.code < 0:
        name = signal.Signals(-ended.code).name
        if ended.oom_kills:
            return f"the kernel killed the process of this test {where}: its cgroup has no memory left", "oom_killed"
        by = "; somebody else did it" if name == "SIGKILL" else ""
        return f"the process of this test was ended {where} by {name}{by}", "crashed"
    return f"the process of this test ended {where} with exit code {ended.code} and no report", "failed"


def _where(stack: str) -> list[str]:
    """Return the part of the dumped stacks that is of the test: up to pytest's own calls."""
    shown = []
    for block in stack.strip().split("\n\n"):
        lines = block.splitlines()
        own = [line for line in lines if '"' in line]
        cut = next((i for i, line in enumerate(own) if "_pytest" in line or "pluggy" in line), len(own))
        if own[:cut]:
            shown.append("\n".join([lines[0], *own[:cut]]))
    return ["It was here then:\n" + "\n".join(shown)] if shown else []


def _report(item: pytest.Item, phase: Any, outcome: Any, text: str | None, seconds: float) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords=dict.fromkeys(item.keywords, 1),
        outcome=outcome,
        longrepr=text,
        when=phase,
        duration=seconds,
    )


def _honour_xfail(item: pytest.Item, report: pytest.TestReport) -> None:
    """Let a test that is marked to fail, without conditions, be one that did as expected."""
    mark = item.get_closest_marker("xfail")
    if mark is not None and not mark.args and not set(mark.kwargs) - {"reason", "strict"}:
        report.outcome = "skipped"
        report.wasxfail = str(mark.kwargs.get("reason", ""))


def _pass_on_warnings(item: pytest.Item, ended: _Ended) -> None:
    for line in ended.lines:
        if "warning" in line:
            module, name = line["category"]
            kind = getattr(sys.modules.get(module), name, UserWarning)
            message = warnings.WarningMessage(line["warning"], kind, line["filename"], line["lineno"])
            item.config.hook.pytest_warning_recorded.call_historic(
                kwargs={"warning_message": message, "nodeid": item.nodeid, "when": "runtest", "location": None}
            )


def _journal(path: Path) -> Iterator[dict[str, Any]]:
    for line in _text(path).splitlines():
        with suppress(ValueError):  # a kill in the middle of a line
            yield json.loads(line)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _oom_kills() -> int:
    try:
        return own_cgroup().oom_kills() or 0
    except MemcapError:
        return 0


def _base_of_temporary_folders(config: pytest.Config, folder: Path) -> str:
    """Return a folder for ``tmp_path`` of the test, beside those of the session's other tests, as xdist does it."""
    factory = getattr(config, "_tmp_path_factory", None)
    return str((factory.getbasetemp() if factory else folder) / f"memcap-{time.monotonic_ns()}")
