"""Other tools on the same workloads, side by side. They are installed into an environment of their own, when asked."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from statistics import median

from integration.measuring import cell
from platformdirs import user_cache_path
from truth.lab import CAP, FOLDER, Bench, Lab, Run, needs, peaks
from truth.table import Table

MIB = 1024 * 1024
PROGRAM = FOLDER / "workloads.py"
WORKLOADS = {
    "held": ("64 MiB held", "64.0"),
    "spike": ("200 MiB for a moment", "200.0"),
    "child": ("200 MiB in a child", "200.0"),
    "file": ("100 MB file written", "95.4 of page cache, 0 of need"),
}
REQUIREMENTS = ("pyperf", "psutil", "memray", "benchexec")
PATIENCE_SECONDS = 300


class PeerError(Exception):
    """A tool could not measure here; the words say why."""


def experiment(lab: Lab) -> list[Table]:
    """Measure each workload with each tool, net of the same tool's figure for a program that does nothing."""
    runs = lab.times(5)
    python = _environment(lab)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tools: dict[str, Callable[[str], list[float]]] = {
            "memcap peak": lambda workload: peaks(_memcap(lab, workload, runs)),
            "memcap unreclaimable_peak": lambda workload: needs(_memcap(lab, workload, runs)),
            "BenchExec runexec": lambda workload: [_runexec(python, workload, folder) for _ in range(runs)],
            "/usr/bin/time -v": lambda workload: [_time(python, workload) for _ in range(runs)],
            "memray": lambda workload: [_memray(python, workload, folder) for _ in range(runs)],
            "pyperf command": lambda workload: _pyperf_command(python, workload, folder, runs),
            "pyperf bench_func": lambda workload: _pyperf_function(python, workload, folder, runs),
        }
        rows = []
        for tool, measured in tools.items():
            rows.append(_row(tool, measured))
            lab.say("  ".join(rows[-1]))
    truth = ["(truth)", "", *(truth for _, truth in WORKLOADS.values())]
    versions = _run([str(python), "-m", "pip", "freeze", "--exclude-editable"])
    wanted = [line for line in versions.splitlines() if line.split("==")[0].lower() in REQUIREMENTS]
    notes = (
        f"MiB: lowest to highest of n={runs}, net of the tool's own median for a program that does nothing.",
        "memcap runs in its container, the others on this machine.",
        f"Versions: {', '.join(wanted)}; Python {sys.version.split()[0]} for the others.",
    )
    columns = ("tool", "nothing", *(words for words, _ in WORKLOADS.values()))
    return [Table(title="Beside other tools", columns=columns, rows=[truth, *rows], notes=notes)]


def _row(tool: str, measured: Callable[[str], list[float]]) -> list[str]:
    try:
        floor = median(measured("nothing"))
    except PeerError as error:
        return [tool, f"cannot measure here: {error}", *([""] * len(WORKLOADS))]
    row = [tool, f"{floor / MIB:.1f}"]
    for workload in WORKLOADS:
        try:
            net = [(value - floor) / MIB for value in measured(workload)]
        except PeerError as error:
            row.append(str(error))
            continue
        low, high = f"{min(net):.1f}", f"{max(net):.1f}"
        row.append(low if low == high else f"{low} to {high}")
    return row


def _memcap(lab: Lab, workload: str, runs: int) -> list[Run]:
    return lab.run(cell(("python", "/memcap/suite/workloads.py", workload), on=lab.image, cap=CAP), Bench(runs=runs))


def _runexec(python: Path, workload: str, folder: Path) -> float:
    """Read ``memory=…B`` of runexec; without its own container, which needs other privileges."""
    runexec = python.parent / "runexec"
    command = [str(runexec), "--no-container", "--memlimit", str(1 << 31), "--output", str(folder / "out"), "--"]
    printed = _run([*command, str(python), str(PROGRAM), workload])
    found = re.search(r"^memory=(\d+)B$", printed, re.MULTILINE)
    if found is None:
        raise PeerError(_last_words(printed) or "runexec reports no memory")
    return float(found[1])


def _time(python: Path, workload: str) -> float:
    program = shutil.which("time")
    if program is None:
        raise PeerError("GNU time is not installed (on Debian: apt install time)")
    printed = _run([program, "-v", str(python), str(PROGRAM), workload])
    found = re.search(r"Maximum resident set size \(kbytes\): (\d+)", printed)
    if found is None:
        raise PeerError("not GNU time")
    return float(found[1]) * 1024


def _memray(python: Path, workload: str, folder: Path) -> float:
    capture, stats = folder / "memray.bin", folder / "memray.json"
    _run([str(python), "-m", "memray", "run", "-q", "-f", "-o", str(capture), str(PROGRAM), workload])
    _run([str(python), "-m", "memray", "stats", "--json", "-f", "-o", str(stats), str(capture)])
    return float(json.loads(stats.read_text(encoding="utf-8"))["metadata"]["peak_memory"])


def _pyperf_command(python: Path, workload: str, folder: Path, runs: int) -> list[float]:
    options = ["--track-memory", "-p", str(runs), "-n", "1", "-w", "0", "-l", "1", "-q"]
    return _pyperf(
        [str(python), "-m", "pyperf", "command", *options], ["--", str(python), str(PROGRAM), workload], folder
    )


def _pyperf_function(python: Path, workload: str, folder: Path, runs: int) -> list[float]:
    script = Path(__file__).with_name("pyperf_bench.py")
    options = ["--track-memory", "-p", str(runs), "-n", "1", "-w", "0", "-l", "1", "-q"]
    return _pyperf([str(python), str(script), *options], [workload], folder)


def _pyperf(command: list[str], last: list[str], folder: Path) -> list[float]:
    result = folder / "pyperf.json"
    result.unlink(missing_ok=True)
    _run([*command, "-o", str(result), *last])
    (benchmark,) = json.loads(result.read_text(encoding="utf-8"))["benchmarks"]
    return [value for run in benchmark["runs"] for value in run.get("values", ())]


def _environment(lab: Lab) -> Path:
    """Return the Python of the peers' own virtual environment, made if need be."""
    folder = user_cache_path("memcap") / f"truth-peers-{sys.version_info[0]}.{sys.version_info[1]}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    complete = folder / "complete"
    if not complete.exists():
        lab.say(f"installing {', '.join(REQUIREMENTS)} into {folder}")
        venv.create(folder, with_pip=True, clear=True)
        _run([str(python), "-m", "pip", "install", "-q", *REQUIREMENTS])
        complete.touch()
    return python


def _run(command: list[str]) -> str:
    """Return what a program printed. Raises PeerError when it cannot be started or fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(str(error)) from error
    if done.returncode != 0:
        raise PeerError(_last_words(done.stdout) or f"exit code {done.returncode}")
    return done.stdout


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:160] if lines else ""
