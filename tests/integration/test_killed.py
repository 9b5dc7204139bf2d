"""SIGKILL at random moments of a campaign loses the runs under way at most, and `--resume` makes exactly the rest.

`MEMCAP_KILLS=200` kills so often instead of a few times; docs/reliability.md has the figures of such runs.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from factories import make_layer
from memcap.campaign import RunEnded
from memcap.cli import main
from memcap.cli.progress import CampaignProgress
from memcap.engine.fake import FakeEngine
from memcap.model import RawRun, RunSpec
from memcap.store import journal_path, load_interrupted, load_result
from memcap.workflows import execute
from memcap.workflows.caller import Tell
from memcap.workflows.ready import Ready
from memcap.workflows.request import CampaignRequest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

KILLS = int(os.environ.get("MEMCAP_KILLS", "20"))
JOBS, RUNS, WARMUPS = 2, 4, 1
IMAGES, BENCHMARKS = ("py312", "py313"), ("crew", "llm", "rlm")
LIMITS = f"""\
[caps]
128m = "128MiB"
[profiles.quick]
runs = {RUNS}
warmups = {WARMUPS}
[tolerances.peak]
relative = "1%"
[judge]
minimum_runs = 2
"""


class Slow(FakeEngine):
    """Take some time for each run, and write down in ``log`` which began and which ended."""

    def __init__(self, log: int) -> None:
        super().__init__({})
        self._log = log

    def execute(self, spec: RunSpec) -> RawRun:
        os.write(self._log, f"began {spec.cell_id}\n".encode())
        time.sleep(random.uniform(0.001, 0.01))
        raw = super().execute(spec)
        os.write(self._log, f"ended {spec.cell_id}\n".encode())
        return raw


@pytest.fixture
def project(tmp_path: Path) -> Path:
    suite = "".join(f'[benchmarks.{name}]\ncommand = ["true"]\n' for name in BENCHMARKS)
    files = {"limits.toml": LIMITS, "suites/demo/suite.toml": suite}
    files |= {f"images/{name}/Dockerfile": "FROM scratch\n" for name in IMAGES}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run_memcap(project: Path, result: Path, log: Path) -> None:
    """Begin the campaign, or continue it, in this process, which a kill may end."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - until the process ends

    @contextmanager
    def made_ready(request: CampaignRequest, tell: Tell) -> Iterator[Ready]:
        layers = {(cell.image.name, "demo"): make_layer(cell.image.name) for cell in request.plan.cells}
        yield Ready(engine=Slow(descriptor), layers=layers)

    def report(self: CampaignProgress, event: RunEnded) -> None:
        os.write(descriptor, f"{'warmup' if event.warmup else 'reported'} {event.cell_id}\n".encode())

    vars(execute)["made_ready"] = made_ready
    CampaignProgress.__call__ = report  # type: ignore[method-assign]
    exists = result.exists() or journal_path(result).exists()
    where = ["--resume", str(result)] if exists else ["--output", str(result)]
    sys.argv = ["memcap", "run", "--project", str(project), "--jobs", str(JOBS), "--no-check", *where]
    main()


def on_disk(result: Path) -> Counter[str]:
    if not result.exists() and not journal_path(result).exists():
        return Counter()
    return Counter({cell.cell.id: len(cell.runs) for cell in load_interrupted(result).cells})


def logged(log: Path, word: str) -> Counter[str]:
    lines = log.read_text().splitlines() if log.exists() else []
    return Counter(line.partition(" ")[2] for line in lines if line.startswith(f"{word} "))


def start(*arguments: Any) -> Any:
    process = multiprocessing.get_context("fork").Process(target=run_memcap, args=arguments)
    process.start()
    return process


def test_kills_at_random_moments_lose_at_most_the_runs_under_way(project: Path) -> None:
    chance = random.Random(12)
    began = time.monotonic()
    whole = start(project, project / "whole.json", project / "whole.log")
    whole.join()
    usual = time.monotonic() - began
    assert whole.exitcode == 0

    kills = campaigns = lost = 0
    while kills < KILLS:
        campaigns += 1
        result, log = project / f"{campaigns}.json", project / f"{campaigns}.log"
        process = start(project, result, log)
        while process.is_alive() and kills < KILLS:
            process.join(chance.uniform(0, usual))
            if not process.is_alive():
                break
            process.kill()
            process.join()
            kills += 1
            reported, kept = logged(log, "reported"), on_disk(result)
            assert not reported - kept, "a run was reported and is lost"
            process = start(project, result, log)
        process.join()
        assert process.exitcode == 0
        cells = load_result(result).cells
        assert [len(cell.runs) for cell in cells] == [RUNS] * len(IMAGES) * len(BENCHMARKS)
        assert not journal_path(result).exists()
        made = logged(log, "began")
        del made["calibration"]
        lost += made.total() - len(cells) * (RUNS + WARMUPS)
    assert lost <= kills * JOBS, "more than the runs under way was made twice"
    print(f"{kills} kills of {campaigns} campaigns of {usual:.2f} s: {lost} runs were under way and made again")
