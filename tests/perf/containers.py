"""What a run costs beside the fastest container that the daemon offers: alternating, medians, ratios.

"Bare" is a container with the same cap and without a network, made, started, waited for and removed through the Docker
SDK. What a run of memcap takes is the slope between a measurement of few and one of many runs, so without the start of
the command, which is told apart.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from perf.figures import Row, Scale

from memcap.engine.docker_client import connect

if TYPE_CHECKING:
    from docker import DockerClient

LABEL = {"memcap-perf": "1"}
CAP_BYTES = 128 * 1024**2
COMMAND = ("python3", "-c", "pass")
FEW, MORE = 10, 40
AT_ONCE = (1, 2, 4)
METRICS = ("unreclaimable_peak", "peak", "rss_peak")
PROGRAMS = {
    "nothing": "pass",
    "64 MiB": "held = bytearray(b'x') * (64 << 20)",
    "a file of 16 MiB": "open('/tmp/f', 'wb').write(b'x' * (16 << 20)); open('/tmp/f', 'rb').read()",
}


def run_rows(scale: Scale) -> Iterator[Row]:
    """Yield what a run takes, one at a time, and what networking would."""
    with daemon() as (client, image):
        found = [
            (median(bare(client, image) for _ in range(MORE)), seconds_of_a_run(image, 1))
            for _ in range(_rounds(scale))
        ]
        networked = median(bare(client, image, network=True) for _ in range(MORE))
    least, own = median(each for each, _ in found), median(each for _, each in found)
    ratio = median(own / least for least, own in found)
    yield Row(what="a run", command="bare", measured=_ms(least))
    yield Row(what="a run", command="bare, network none", measured=f"{_ms(networked)}, {networked / least:.2f} x bare")
    yield Row(what="a run", command="memcap", measured=f"{_ms(own)}, {ratio:.2f} x bare", goal="<= 1.15 x bare")


def matrix_rows(scale: Scale) -> Iterator[Row]:
    """Yield the runs per second with several at once, against the machine's own ceiling."""
    found: dict[int, list[tuple[float, float]]] = {jobs: [] for jobs in AT_ONCE}
    with daemon() as (client, image):
        for _ in range(_rounds(scale)):
            for jobs, both in found.items():
                both.append((bare_at_once(client, image, jobs, MORE), 1 / seconds_of_a_run(image, jobs)))
    ceiling = max(median(least for least, _ in both) for both in found.values())
    for jobs, both in found.items():
        least, own = median(each for each, _ in both), median(each for _, each in both)
        yield Row(what=f"{jobs} at once", command="bare", measured=f"{least:.1f} runs a second")
        measured = f"{own:.1f} runs a second, {own / ceiling:.2f} x the ceiling"
        yield Row(what=f"{jobs} at once", command=f"memcap --jobs {jobs}", measured=measured)
    best = max(median(own for _, own in both) for both in found.values()) / ceiling
    yield Row(what="the most", command="memcap", measured=f"{best:.2f} x the ceiling", goal=">= 0.9 x the ceiling")


def command_rows(scale: Scale) -> Iterator[Row]:
    """Yield what a whole `memcap measure` takes, and how soon the first container of `memcap run` starts."""
    runs = 20
    with daemon() as (client, image), project(image) as folder:
        found = [
            (sum(bare(client, image) for _ in range(runs + 1)), measure(image, runs, 1)) for _ in range(_rounds(scale))
        ]
        run_in(folder, "first")
        starts = [first_start(client, folder, number) for number in range(_rounds(scale))]
    least, own = median(each for each, _ in found), median(each for _, each in found)
    ratio = median((own - 0.3) / least for least, own in found)
    yield Row(what="a command", command=f"{runs + 1} bare", measured=f"{least:.2f} s")
    yield Row(
        what="a command",
        command=f"memcap measure -n {runs}, and a warm-up",
        measured=f"{own:.2f} s, {ratio:.2f} x bare + 0.3 s",
        goal="<= 1.3 x bare + 0.3 s",
    )
    yield Row(
        what="a command", command="memcap run, to its first container", measured=_ms(median(starts)), goal="<= 500 ms"
    )


def other_rows(scale: Scale) -> Iterator[Row]:
    """Yield what the same command takes under pyperf, and BenchExec's runexec if that is installed."""
    with daemon() as (client, image):
        least = median(bare(client, image) for _ in range(MORE))
        yield Row(what="others", command="bare", measured=_ms(least))
        own = seconds_of_a_run(image, 1)
        yield Row(what="others", command="memcap", measured=f"{_ms(own)}, {own / least:.2f} x bare")
        for name, words in _others().items():
            took = median(_timed(words) for _ in range(max(_rounds(scale), 10)))
            yield Row(what="others", command=name, measured=f"{_ms(took)}, {took / least:.2f} x bare")


def neighbour_rows(scale: Scale) -> Iterator[Row]:
    """Yield what other runs beside a run do to its byte metrics."""
    with daemon() as (_, image):
        for name, program in PROGRAMS.items():
            found = {jobs: metrics_of(image, jobs, program, runs=4 * _rounds(scale)) for jobs in AT_ONCE}
            for metric in METRICS:
                alone = median(found[1][metric])
                for jobs, values in found.items():
                    here = median(values[metric])
                    spread = median(abs(value - here) for value in values[metric])
                    measured = (
                        f"{here / 1024**2:.2f} MiB ({(here - alone) / 1024:+.0f} KiB), MAD {spread / 1024:.0f} KiB"
                    )
                    yield Row(what=f"{name}, {jobs} at once", command=metric, measured=measured)


@contextmanager
def daemon() -> Iterator[tuple[DockerClient, str]]:
    """Yield a client, and an image with Python that is there."""
    with closing(connect()) as client:
        yield client, client.images.list("memcap/py312")[0].tags[0]


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


def seconds_of_a_run(image: str, jobs: int) -> float:
    """Return what each further run adds to a measurement."""
    few = measure(image, FEW, jobs)
    return (measure(image, FEW + MORE, jobs) - few) / MORE


def measure(image: str, runs: int, jobs: int) -> float:
    """Return the seconds that `memcap measure` takes."""
    return _timed(_memcap("measure", image, "--cap", "128m", "-n", str(runs), "--jobs", str(jobs), "--", *COMMAND))


def metrics_of(image: str, jobs: int, program: str, *, runs: int) -> dict[str, list[float]]:
    """Return the byte metrics of runs of a program of which so many run at once."""
    words = ("measure", image, "--cap", "256m", "-n", str(runs), "--jobs", str(jobs), "--json")
    ended = subprocess.run(
        _memcap(*words, "--", "python3", "-c", program), check=True, capture_output=True, text=True, encoding="utf-8"
    )
    (cell,) = json.loads(ended.stdout)["cells"]
    return {name: [run[f"{name}_bytes"] for run in cell["runs"]] for name in METRICS}


@contextmanager
def project(image: str) -> Iterator[Path]:
    """Yield a project with one benchmark that does nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        profile = '[caps]\n128m = "128MiB"\n[profiles.quick]\nruns = 2\nwarmups = 1\n'
        (folder / "limits.toml").write_text(f'{profile}[images.bare]\nreference = "{image}"\n', encoding="utf-8")
        suite = folder / "suites" / "nothing"
        suite.mkdir(parents=True)
        text = '[benchmarks.pass]\ncommand = ["python3", "-c", "pass"]\n'
        (suite / "suite.toml").write_text(text, encoding="utf-8")
        yield folder


def run_in(folder: Path, name: str) -> float:
    """Return the seconds that `memcap run` takes in a project."""
    return _timed(_memcap("run", "-C", str(folder), "--no-check", "-o", str(folder / f"{name}.json")))


def first_start(client: DockerClient, folder: Path, number: int) -> float:
    """Return the seconds from the start of `memcap run` to that of its first container, by the daemon's events."""
    with closing(client.events(decode=True, filters={"type": "container", "event": "start"})) as events:
        began = time.time()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(run_in, folder, str(number))
            first: dict[str, Any] = next(events)
            running.result()
    return float(first["timeNano"]) / 1e9 - began


def _others() -> dict[str, Sequence[str]]:
    plain = (sys.executable, "-m", "pyperf", "command", "--processes", "1", "--values", "1", "--warmups", "0", "--")
    found: dict[str, Sequence[str]] = {"pyperf command: a process": (*plain, *COMMAND)}
    if program := shutil.which("runexec"):
        found["runexec: a container of its own kind"] = (program, "--memlimit", "128MB", "--", *COMMAND)
        found["runexec --no-container: a cgroup"] = (program, "--no-container", "--memlimit", "128MB", "--", *COMMAND)
    return found


def _memcap(*words: str) -> Sequence[str]:
    return (sys.executable, "-m", "memcap", *words)


def _timed(words: Sequence[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run(words, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - began


def _rounds(scale: Scale) -> int:
    return max(1, scale.repeats // 3)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
