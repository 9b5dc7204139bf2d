"""Large campaigns: seconds and memory of reading, judging and rendering, side by side with pyperf on the same figures.

    PYTHONPATH=tests python tests/perf/scale.py --cells 1000 --runs 20
    PYTHONPATH=tests python tests/perf/scale.py --cells 10000 --runs 20 --without "pyperf compare_to"

pyperf looks for each benchmark among all of the other file: 21 s for 1200 cells, and half an hour for 10 000.

Each stage is a process of its own, which reads the files that the first one wrote. Seconds are those of the CPU,
without starting Python. What a stage needs first, such as reading and judging for the report, is told apart.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from factories import MIB, make_cell, make_measurement, make_result
from memcap.cli import COLLECT_RARELY
from memcap.judge import judge
from memcap.model import CampaignResult, CellResult, Metric, Moment, Rules, Tolerance
from memcap.report import build_view
from memcap.store import load_baselines, load_result, save_baselines, save_result
from memcap.store.accept import as_baselines
from memcap.store.files import write_atomically

RULES = Rules(
    tolerances={
        Metric.PEAK: Tolerance(relative=0.02, absolute=512 * 1024),
        Metric.UNRECLAIMABLE_PEAK: Tolerance(relative=0.01, absolute=256 * 1024),
        Metric.RSS_PEAK: Tolerance(relative=0.03, absolute=MIB),
    }
)
TESTS = Path(__file__).resolve().parents[1]
MOMENTS = 60  # of memory over time, kept of one run a cell


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What one stage took."""

    name: str
    read_seconds: float
    seconds: float
    peak_bytes: int


def make_campaign(cells: int, runs: int, *, seed: int, grown: int) -> CampaignResult:
    """Return a campaign of ``cells``; each 100th cell needs ``grown`` bytes more."""
    chance = random.Random(seed)
    return make_result(
        *(_cell(number, runs, chance, grown if number % 100 == 0 else 0) for number in range(cells)), runs=runs
    )


def _cell(number: int, runs: int, chance: random.Random, grown: int) -> CellResult:
    need = (40 + number % 50) * MIB + grown
    series = tuple(
        Moment(
            seconds=place / 100, usage=need * place // MOMENTS, anon=need * place // MOMENTS, file=0, shmem=0, kernel=0,
            low=need * place // MOMENTS,
        )
        for place in range(MOMENTS)
    )  # fmt: skip
    measured = [
        make_measurement(
            None,
            peak_bytes=need + 2 * MIB + int(chance.gauss(0, 60_000)),
            unreclaimable_peak_bytes=need + int(chance.gauss(0, 30_000)),
            rss_peak_bytes=need + 9 * MIB + int(chance.gauss(0, 60_000)),
            series=series if run == 0 else (),
        )
        for run in range(runs)
    ]
    return make_cell(f"scale.benchmark_{number}-py312-128m", measured)


def prepare(folder: Path, cells: int, runs: int) -> None:
    """Write a result, the baselines it is judged against, and the same two as pyperf files."""
    base, head = (make_campaign(cells, runs, seed=seed, grown=grown) for seed, grown in ((1, 0), (2, 4 * MIB)))
    save_result(head, folder / "head.json", overwrite=True)
    save_result(base, folder / "base.json", overwrite=True)
    save_baselines(as_baselines(base)[0], folder / "baselines")
    for name in ("base", "head"):
        document = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        del document["memcap"]
        (folder / f"{name}.pyperf.json").write_text(json.dumps(document), encoding="utf-8")


def reading(folder: Path) -> Callable[[], object]:
    """Return the reading of the result."""
    return lambda: load_result(folder / "head.json")


def judging(folder: Path) -> Callable[[], object]:
    """Return the judging of the result."""
    head, baselines = load_result(folder / "head.json"), load_baselines(folder / "baselines")
    return lambda: judge(head, baselines, RULES)


def rendering(folder: Path) -> Callable[[], object]:
    """Return the rendering of the judged result as HTML."""
    from memcap.report.html import html_parts

    head, baselines = load_result(folder / "head.json"), load_baselines(folder / "baselines")
    verdicts = judge(head, baselines, RULES)
    return lambda: write_atomically(folder / "report.html", html_parts(build_view(head, verdicts)), overwrite=True)


def pyperf_comparing(folder: Path) -> Callable[[], object]:
    """Return pyperf's comparison of the same values, as a table without what it calls insignificant."""
    from pyperf.__main__ import Benchmarks
    from pyperf._compare import compare_suites

    suites = Benchmarks()
    suites.load_benchmark_suites([str(folder / f"{name}.pyperf.json") for name in ("base", "head")])
    args = argparse.Namespace(
        group_by_speed=False, table=True, table_format="rest", quiet=True, verbose=False, min_speed=None
    )
    return lambda: compare_suites(suites, args)  # prints


STAGES = {"read": reading, "judge": judging, "html": rendering, "pyperf compare_to": pyperf_comparing}


def run_stage(name: str, folder: Path) -> None:
    """Run one stage in this process and print what it took on standard error."""
    gc.set_threshold(*COLLECT_RARELY)  # as the command line does
    began = time.process_time()
    stage = STAGES[name](folder)
    read = time.process_time()
    stage()
    done = time.process_time()
    # Not ru_maxrss: that of the parent is inherited.
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (peak,) = (int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    print(json.dumps({"read": read - began, "seconds": done - read, "peak": peak}), file=sys.stderr)


def measure_stage(name: str, folder: Path) -> Stage:
    """Run one stage in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--stage", name, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    said = json.loads(done.stderr.splitlines()[-1])
    return Stage(name=name, read_seconds=said["read"], seconds=said["seconds"], peak_bytes=said["peak"])


def main() -> None:
    """Measure all stages and print a table."""
    parser = argparse.ArgumentParser(description="Measure judging and rendering of a large campaign.")
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--without", action="append", choices=STAGES, default=[], help="leave a stage out")
    parser.add_argument("--stage", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        run_stage(arguments.stage[0], Path(arguments.stage[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), arguments.cells, arguments.runs)
        stages = [measure_stage(name, Path(folder)) for name in STAGES if name not in arguments.without]
        size = (Path(folder) / "report.html").stat().st_size
    rows = [
        [stage.name, f"{stage.seconds:.1f} s", f"{stage.read_seconds:.1f} s", f"{stage.peak_bytes / 1e6:.0f} MB"]
        for stage in stages
    ]
    print(f"{arguments.cells} cells of {arguments.runs} runs")
    print(tabulate(rows, headers=["stage", "CPU", "before it", "RSS peak"], colalign=("left", *["right"] * 3)))
    print(f"report.html: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
