"""What a run costs beside the fastest container that the daemon offers, in one session: alternating, medians, ratios.

    PYTHONPATH=tests python tests/perf/containers.py
    PYTHONPATH=tests python tests/perf/containers.py --rounds 7 --only run --only others

"Bare" is a container with the same cap, without a network, made, started, waited for and removed through the Docker
SDK. What a run of memcap takes is the slope between a measurement of few and one of many runs, so without the start of
the command, which is told apart. Quiet machines only: what else runs is measured, too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from memcap.engine.docker_client import connect

if TYPE_CHECKING:
    from docker import DockerClient

LABEL = {"memcap-perf": "1"}
CAP_BYTES = 128 * 1024**2
COMMAND = ("python3", "-c", "pass")
FEW, MANY = 10, 50
AT_ONCE = (1, 2, 4)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure, what it is compared with, and the goal of their ratio."""

    what: str
    measured: str
    beside: str
    ratio: float | None
    goal: str


def bare(client: DockerClient, image: str, *, network: bool = False) -> float:
    """Return the seconds that the fastest container takes, or one with the network `none`."""
    began, api = time.perf_counter(), client.api
    limits = api.create_host_config(mem_limit=CAP_BYTES, memswap_limit=CAP_BYTES, network_mode="none")
    made = api.create_container(
        image, entrypoint=list(COMMAND), host_config=limits, labels=LABEL, network_disabled=not network
    )["Id"]
    api.start(made)
    api.wait(made)
    api.remove_container(made, force=True)
    return time.perf_counter() - began


def bare_at_once(client: DockerClient, image: str, jobs: int, runs: int) -> float:
    """Return how many such containers end in a second."""
    began = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda _: bare(client, image), range(runs)))
    return runs / (time.perf_counter() - began)


def memcap(*words: str) -> float:
    """Return the seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "memcap", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def measure(image: str, runs: int, jobs: int) -> float:
    return memcap("measure", image, "--cap", "128m", "-n", str(runs), "--jobs", str(jobs), "--", *COMMAND)


def seconds_of_a_run(image: str, jobs: int, more: int = MANY) -> float:
    """Return what each further run adds to a measurement."""
    return (measure(image, FEW + more, jobs) - measure(image, FEW, jobs)) / more


def of_runs(client: DockerClient, image: str, rounds: int) -> Iterator[Row]:
    """One run after the other."""
    found = [(median(bare(client, image) for _ in range(MANY // 2)), seconds_of_a_run(image, 1)) for _ in range(rounds)]
    ratio = median(own / least for least, own in found)
    yield Row(
        what="a run, one at a time",
        measured=_ms(median(own for _, own in found)),
        beside=f"bare {_ms(median(least for least, _ in found))}",
        ratio=ratio,
        goal="<= 1.15",
    )
    networked = median(bare(client, image, network=True) for _ in range(MANY // 2))
    yield Row(
        what="bare with network none",
        measured=_ms(networked),
        beside=f"bare {_ms(median(least for least, _ in found))}",
        ratio=networked / median(least for least, _ in found),
        goal="",
    )


def of_matrix(client: DockerClient, image: str, rounds: int) -> Iterator[Row]:
    """Runs per second with several at once, against the machine's own ceiling."""
    best: dict[int, list[tuple[float, float]]] = {jobs: [] for jobs in AT_ONCE}
    for _ in range(rounds):
        for jobs, found in best.items():
            found.append((bare_at_once(client, image, jobs, MANY), 1 / seconds_of_a_run(image, jobs)))
    ceiling = max(median(least for least, _ in found) for found in best.values())
    for jobs, found in best.items():
        own = median(own for _, own in found)
        yield Row(
            what=f"runs a second, {jobs} at once",
            measured=f"{own:.1f}",
            beside=f"bare {median(least for least, _ in found):.1f}, the most {ceiling:.1f}",
            ratio=own / ceiling,
            goal=">= 0.9" if jobs == max(AT_ONCE) else "",
        )


def of_commands(client: DockerClient, image: str, rounds: int) -> Iterator[Row]:
    """A whole `memcap measure`, and how soon a command's first container starts."""
    runs = 20
    found = []
    for _ in range(rounds):
        least = sum(bare(client, image) for _ in range(runs + 1))
        found.append((least, measure(image, runs, 1)))
    least, own = median(a for a, _ in found), median(b for _, b in found)
    yield Row(
        what=f"memcap measure -n {runs}, with its warm-up",
        measured=f"{own:.2f} s",
        beside=f"{runs + 1} bare {least:.2f} s",
        ratio=median((b - 0.3) / a for a, b in found),
        goal="<= 1.3 after 0.3 s",
    )
    with project(image) as folder:
        run_in(folder, "first")
        starts = [first_start(client, folder, number) for number in range(rounds)]
    yield Row(
        what="memcap run, to its first container", measured=_ms(median(starts)), beside="", ratio=None, goal="<= 500 ms"
    )


def first_start(client: DockerClient, folder: Path, number: int) -> float:
    """Return the seconds from the start of `memcap run` to that of its first container, by the daemon's events."""
    with closing(client.events(decode=True, filters={"type": "container", "event": "start"})) as events:
        began = time.time()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(run_in, folder, str(number))
            first: dict[str, Any] = next(events)
            running.result()
    return float(first["timeNano"]) / 1e9 - began


def run_in(folder: Path, name: str) -> None:
    memcap("run", "-C", str(folder), "--no-check", "-o", str(folder / f"{name}.json"))


@contextmanager
def project(image: str) -> Iterator[Path]:
    """Yield a project with one benchmark that does nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        profile = '[caps]\n128m = "128MiB"\n[profiles.quick]\nruns = 2\nwarmups = 1\n'
        (folder / "limits.toml").write_text(f'{profile}[images.bare]\nreference = "{image}"\n')
        suite = folder / "suites" / "nothing"
        suite.mkdir(parents=True)
        suite.joinpath("suite.toml").write_text('[benchmarks.pass]\ncommand = ["python3", "-c", "pass"]\n')
        yield folder


def of_others(client: DockerClient, image: str, rounds: int) -> Iterator[Row]:
    """The same command on this machine under pyperf and BenchExec's runexec, where those are installed."""
    least = median(bare(client, image) for _ in range(MANY // 2))
    yield Row(what="bare", measured=_ms(least), beside="", ratio=1.0, goal="")
    yield Row(what="memcap", measured=_ms(seconds_of_a_run(image, 1)), beside="bare", ratio=None, goal="")
    for name, words in _others().items():
        took = median(_timed(words) for _ in range(max(rounds, 10)))
        yield Row(what=name, measured=_ms(took), beside="bare", ratio=took / least, goal="")


def _others() -> dict[str, Sequence[str]]:
    plain = (sys.executable, "-m", "pyperf", "command", "--processes", "1", "--values", "1", "--warmups", "0", "--")
    found: dict[str, Sequence[str]] = {"pyperf command, a process, no container": (*plain, *COMMAND)}
    if program := shutil.which("runexec"):
        found["runexec, a container without Docker"] = (program, "--memlimit", "128MB", "--", *COMMAND)
        found["runexec --no-container, a cgroup"] = (program, "--no-container", "--memlimit", "128MB", "--", *COMMAND)
    return found


def _timed(words: Sequence[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run(words, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - began


def of_neighbours(client: DockerClient, image: str, rounds: int) -> Iterator[Row]:
    """What runs beside a run do to its byte metrics."""
    for name, program in PROGRAMS.items():
        found = {jobs: _metrics(image, jobs, program, runs=4 * rounds) for jobs in AT_ONCE}
        for metric in ("unreclaimable_peak", "peak", "rss_peak"):
            alone = median(found[1][metric])
            for jobs, values in found.items():
                here = median(values[metric])
                spread = median(abs(value - here) for value in values[metric])
                yield Row(
                    what=f"{metric} of {name}, {jobs} at once",
                    measured=f"{here / 1024**2:.2f} MiB, MAD {spread / 1024:.0f} KiB",
                    beside=f"alone {alone / 1024**2:.2f} MiB",
                    ratio=here / alone,
                    goal="",
                )


PROGRAMS = {
    "nothing": "pass",
    "64 MiB": "held = bytearray(b'x') * (64 << 20)",
    "a file of 16 MiB": "open('/tmp/f', 'wb').write(b'x' * (16 << 20)); open('/tmp/f', 'rb').read()",
}


def _metrics(image: str, jobs: int, program: str, *, runs: int) -> dict[str, list[float]]:
    words = ("measure", image, "--cap", "256m", "-n", str(runs), "--jobs", str(jobs), "--json")
    ended = subprocess.run(
        [sys.executable, "-m", "memcap", *words, "--", "python3", "-c", program],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (cell,) = json.loads(ended.stdout)["cells"]
    names = ("unreclaimable_peak", "peak", "rss_peak")
    return {name: [run[f"{name}_bytes"] for run in cell["runs"]] for name in names}


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


KINDS: dict[str, Callable[[DockerClient, str, int], Iterator[Row]]] = {
    "run": of_runs,
    "matrix": of_matrix,
    "command": of_commands,
    "others": of_others,
    "neighbours": of_neighbours,
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", default="", help="an image with python3 (default: memcap's newest py312)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default: 5)")
    parser.add_argument("--only", action="append", choices=list(KINDS), help="one kind of figure; may be repeated")
    options = parser.parse_args(arguments)
    with closing(connect()) as client:
        image = options.image or client.images.list("memcap/py312")[0].tags[0]
        print(f"{image}; load {os.getloadavg()[0]:.1f}; {options.rounds} rounds, medians\n")
        for name in options.only or KINDS:
            rows = list(KINDS[name](client, image, options.rounds))
            told = [
                (row.what, row.measured, row.beside, "" if row.ratio is None else f"{row.ratio:.2f}", row.goal)
                for row in rows
            ]
            print(tabulate(told, headers=["figure", "measured", "beside", "ratio", "goal"]), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
