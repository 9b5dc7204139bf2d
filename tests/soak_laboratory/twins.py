"""The chat service of suites/soak and its leaky twins: is each found, at its rate, with its line?"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from soak_laboratory.experiments import MEMCAP
from truth.table import Table

ROOT: Final = Path(__file__).resolve().parents[2]
SUITE: Final = ROOT / "suites" / "soak"
IN_CONTAINER: Final = "/memcap/suite/"
RATE: Final = 10  # requests a second, each of which is a message 9 times of 10
TRUTH: Final = 48 * 1024 * 0.9 / 3  # bytes a request: 48 KiB of each session, which has three messages
MARGIN: Final = 0.2
IN_PYTHON: Final = ("generators", "contexts", "scores", "listeners")
LINES: Final = ("--tracemalloc", "--frames", "1")
SOAKS: Final[dict[str, tuple[str, ...]]] = {
    "chat_filling": (),
    **{f"leak_{name}": () for name in IN_PYTHON},
    "leak_native": ("--memray",),
}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a soak of the service said."""

    kind: str
    leak: bool | None
    bytes_per_request: float | None
    line: str | None


def twins(image: str, minutes: float) -> Table:
    """Soak the service with a cache that fills, and each twin, all at once; then each for a minute to have its line."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(len(SOAKS)) as pool:
        jobs = {
            name: pool.submit(_soaked, name, image, minutes, Path(folder) / name, words)
            for name, words in SOAKS.items()
        }
        found = {name: job.result() for name, job in jobs.items()}
        traced = {
            f"leak_{name}": pool.submit(_soaked, f"leak_{name}", image, 1, Path(folder) / f"line_{name}", LINES)
            for name in IN_PYTHON
        }
        found.update({name: replace(found[name], line=job.result().line) for name, job in traced.items()})
    return Table(
        title=f"The chat service and its twins, {minutes:g} minutes at once",
        columns=("benchmark", "class", "KiB a request", "line"),
        rows=tuple(_row(name, each) for name, each in found.items()),
        wrong=tuple(problem for name, each in found.items() for problem in _problems(name, each)),
    )


def _soaked(name: str, image: str, minutes: float, folder: Path, words: tuple[str, ...]) -> Judged:
    order = (f"soak.{name}-{image}-256m", "--duration", f"{minutes}min", "--rate", str(RATE), *words)
    done = subprocess.run(
        [*MEMCAP, *order, "-o", str(folder), "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not done.stdout:
        raise RuntimeError(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout)
    sites = report["top_allocations"] or report["living_allocations"] or ()
    own = (site for site in sites if site["file"].startswith(IN_CONTAINER))
    lines = (f"{site['file'].removeprefix(IN_CONTAINER)}:{site['line']}" for site in own)
    verdict = report["verdict"]
    return Judged(
        kind=verdict["class"],
        leak=verdict["leak"],
        bytes_per_request=verdict["rate_bytes_per_request"],
        line=next(lines, None),
    )


def _row(name: str, found: Judged) -> tuple[str, ...]:
    rate = "-" if found.bytes_per_request is None else f"{found.bytes_per_request / 1024:.1f}"
    return (name, found.kind, rate if found.leak else "-", found.line or "-")


def _problems(name: str, found: Judged) -> list[str]:
    if not name.startswith("leak_"):
        return [] if found.leak is False else [f"{name}: {found.kind}"]
    if not found.leak or found.bytes_per_request is None:
        return [f"{name}: {found.kind}"]
    problems, expected = [], marked(name.removeprefix("leak_"))
    if abs(found.bytes_per_request / TRUTH - 1) > MARGIN:
        problems.append(f"{name}: {found.bytes_per_request:.0f} bytes a request in place of {TRUTH:.0f}")
    if found.line != expected:
        problems.append(f"{name}: {found.line} in place of {expected}")
    return problems


def marked(leak: str) -> str:
    """Return the line that allocates what a leak keeps."""
    (found,) = (
        f"{file.name}:{number}"
        for file in SUITE.glob("*.py")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(rf"# kept by the leak: {leak}$", line)
    )
    return found
