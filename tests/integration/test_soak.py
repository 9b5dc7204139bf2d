"""Soaks of real programs: the verdict, the ways to end one, and that a client may die."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import scaled, write_project
from integration.soak_clients import LEAK, MB, SoakClients, containers, report

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

CACHE = """
import collections, time
kept = collections.deque(maxlen=160)
while True:
    kept.append(bytearray(50_000))
    time.sleep(0.05)
"""  # full after 8 s
IN_C = """
import _ssl, ctypes, re, time
crypto = ctypes.CDLL(re.search(r"\\S*/libcrypto\\S*", open("/proc/self/maps").read())[0])
crypto.CRYPTO_malloc.restype = ctypes.c_void_p
while True:
    ctypes.memset(crypto.CRYPTO_malloc(50_000, None, 0), 1, 50_000)
    time.sleep(0.05)
"""  # 1 MB a second that Python knows nothing of
LIMITS = """
[caps]
128m = "128MiB"
[profiles.quick]
runs = 1
"""
SUITE = """
[benchmarks.sessions]
call = "work:sessions"
[benchmarks.once]
call = "work:once"
[benchmarks.renewed]
call = "work:renewed"
[benchmarks.chained]
call = "work:chained"
"""
WORK = """
import collections, gc, time
KEPT = []
def sessions():
    number = 0
    while True:
        number += 1
        KEPT.append(bytearray(100_000))
        time.sleep(0.1)
        yield {"kept": number}
def once():
    time.sleep(0.02)
    return {"rows": 3}
class Page:
    def __init__(self):
        self.me = self
        self.text = bytearray(16_000)
def pages(most):
    gc.set_threshold(1_000_000)  # as rare as the oldest generation is in a large program
    kept = collections.deque(maxlen=most)
    while True:
        kept.append(Page())
        time.sleep(0.01)
        yield
def renewed():
    return pages(most=100)
def chained():
    return pages(most=None)
"""


# Soaks that take their time, and do not mind each other: they run at once. The exit code of each, and its words.
WHOLE: dict[str, tuple[int, tuple[str, ...]]] = {
    "leak": (100, ("py312", "--duration", "25s", "--interval", "5s", "--", "python", "-c", LEAK)),
    "cache": (0, ("py312", "--duration", "30s", "--interval", "5s", "--", "python", "-c", CACHE)),
    "generator": (100, ("small.sessions-py312-128m", "--duration", "20s", "--interval", "4s", "--tracemalloc")),
    "function": (0, ("small.once-py312-128m", "--duration", "20s", "--interval", "2s")),
    "garbage": (94, ("small.renewed-py312-128m", "--duration", "20s", "--interval", "2s")),
    "collected": (0, ("small.renewed-py312-128m", "--duration", "20s", "--interval", "2s", "--gc")),
    "cycles": (100, ("small.chained-py312-128m", "--duration", "20s", "--interval", "2s")),
    "max_rss": (97, ("py312", "--duration", "1h", "--interval", "2s", "--max-rss", "25MB", "--", "python", "-c", LEAK)),
    "cap": (97, ("py312", "--duration", "1h", "--interval", "2s", "--cap", "24m", "--", "python", "-c", LEAK)),
    "twin": (100, ("py312", "--duration", "20s", "--memray", "--tracemalloc", "--", "python", "-c", IN_C)),
    "fails": (96, ("py312", "--", "python", "-c", "raise SystemExit('no database')")),
    "missing": (96, ("py312", "--", "no-such-program")),
}


def make_project(folder: Path) -> Path:
    write_project(folder, limits=LIMITS, suite=SUITE)
    (folder / "suites" / "small" / "work.py").write_text(WORK)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path)


@pytest.fixture
def soak(project: Path, docker_client: DockerClient) -> Iterator[SoakClients]:
    clients = SoakClients(project)
    yield clients
    assert clients.remove_all(docker_client) == []


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory, docker_client: DockerClient) -> dict[str, tuple[str, Path]]:
    """Return what each of WHOLE printed, and its folder."""
    folder = make_project(tmp_path_factory.mktemp("whole"))
    clients = SoakClients(folder)
    running = {name: clients("-o", str(folder / name), *words) for name, (_, words) in WHOLE.items()}
    found = {name: (clients.ended(each, WHOLE[name][0])[0], folder / name) for name, each in running.items()}
    assert clients.remove_all(docker_client) == []
    return found


Soaked = dict[str, tuple[str, Path]]


def test_a_leak_is_found_and_its_rate(soaked: Soaked) -> None:
    out, folder = soaked["leak"]
    found = report(folder)
    verdict = found["verdict"]
    assert (verdict["class"], verdict["leak"]) == ("linear_leak", True)
    first, last = found["samples"][1], found["samples"][-1]
    grown = last["unreclaimable_bytes"] - first["unreclaimable_bytes"]
    hours = (last["seconds"] - first["seconds"]) / 3600
    assert verdict["rate_bytes_per_hour"] == pytest.approx(grown / hours, rel=0.1)
    assert found["ending"] == "completed"
    assert len(found["samples"]) in (6, 7)
    assert out.startswith("Leaks ")
    assert {path.name for path in folder.iterdir()} == {
        "soak.json", "samples.csv", "index.html", "soak.md", "memory.svg", "openmetrics.txt", "trace.json",
    }  # fmt: skip


def test_a_cache_that_is_full_is_no_leak(soaked: Soaked) -> None:
    assert report(soaked["cache"][1])["verdict"]["class"] == "bounded_cache"


def test_a_generator_is_stepped_and_its_leaking_line_named(soaked: Soaked) -> None:
    found = report(soaked["generator"][1])
    assert found["verdict"]["rate_bytes_per_cycle"] == pytest.approx(100_000, rel=0.1)
    (largest, *_) = found["top_allocations"]
    assert largest["source"] == "KEPT.append(bytearray(100_000))"
    assert largest["file"].endswith("work.py")
    last = found["samples"][-1]
    assert last["work"]["done"] > 100
    assert last["work"]["metrics"]["kept"] == pytest.approx(last["work"]["done"], abs=2)
    counts = [sample["python"][0]["gc_objects"] for sample in found["samples"] if sample["python"]]
    assert max(count or 0 for count in counts) > 1000, "objects are counted at some looks, if not at the last"


def test_a_function_is_called_again_and_again(soaked: Soaked) -> None:
    last = report(soaked["function"][1])["samples"][-1]["work"]
    assert last["done"] > 100
    assert 0.02 < last["p50_seconds"] < scaled(0.2)


def test_cyclic_garbage_that_was_never_collected_is_no_leak_but_cycles_that_are_kept_are(soaked: Soaked) -> None:
    found, collected, kept = (report(soaked[name][1]) for name in ("garbage", "collected", "cycles"))
    assert found["verdict"]["class"] == "not_enough_data"
    assert "garbage that Python's collector had not freed yet" in found["answer"]
    assert found["garbage"]["freed_objects"] > 1000
    assert collected["verdict"]["leak"] is False
    assert kept["verdict"]["leak"] is True
    assert kept["garbage"]["freed_objects"] < 1000


def test_resident_memory_above_the_limit_ends_it_with_all_samples(soaked: Soaked) -> None:
    found = report(soaked["max_rss"][1])
    assert found["ending"] == "limit_exceeded"
    assert found["samples"][-1]["rss_bytes"] == pytest.approx(25 * MB, rel=0.2)


def test_a_kill_at_the_cap_keeps_all_samples(soaked: Soaked) -> None:
    found = report(soaked["cap"][1])
    assert found["ending"] == "oom_killed"
    assert found["samples"][-1]["unreclaimable_bytes"] > 20 * 1024 * 1024


def test_a_twin_under_memray_sees_what_compiled_code_leaks(soaked: Soaked) -> None:
    folder = soaked["twin"][1]
    found = report(folder)
    (largest, *_) = found["living_allocations"]
    assert largest["line"] == 6
    assert largest["bytes"] > 5 * MB
    assert all(each["bytes"] < MB for each in found["top_allocations"]), "tracemalloc cannot see it"
    names = {path.name.partition("-")[2] for path in (folder / "memray").iterdir()}
    assert {"leaks.html", "flamegraph.html", "table.html", "stats.json"} <= names


def test_a_program_that_fails_or_is_missing_is_told(soaked: Soaked) -> None:
    assert "no database" in soaked["fails"][0]
    assert "no-such-program" in soaked["missing"][0]


def test_ctrl_c_ends_it_with_its_twin_and_what_there_is_is_judged(
    soak: SoakClients, project: Path, docker_client: DockerClient
) -> None:
    before = {container.id for container in docker_client.containers.list(all=True)}
    running = soak("py312", "--duration", "1h", "--interval", "500ms", "--memray", "--", "python", "-c", LEAK)
    soak.wait_for_samples(running, 22)
    running.send_signal(signal.SIGINT)
    soak.ended(running, 100)
    assert report(project)["ending"] == "completed"
    left = [each for each in docker_client.containers.list(all=True) if each.id not in before]
    assert [each.name for each in left if "-twin-" in (each.name or "")] == []


def test_a_soak_outlives_its_client_and_another_finds_it(soak: SoakClients, project: Path) -> None:
    words = ("py312", "--duration", "20s", "--interval", "1s", "--detach", "--", "python", "-c", LEAK)
    name = soak.ended(soak(*words), 0)[0].strip()
    for _ in range(3):
        client = soak("attach", name)
        soak.wait_for_samples(client, 2)
        client.send_signal(signal.SIGKILL)
        client.communicate()
    out, _ = soak.ended(soak("list"), 0)
    assert name in out
    soak.ended(soak("attach", name, "-o", str(project / "found")), 100)
    seconds = [sample["seconds"] for sample in report(project / "found")["samples"]]
    assert len(seconds) >= 18
    assert max(after - before for before, after in pairwise(seconds)) < scaled(3)
    assert "no soak" in soak.ended(soak("attach", name), 12)[1]


def test_a_closed_terminal_leaves_it_running(soak: SoakClients, project: Path, docker_client: DockerClient) -> None:
    running = soak("py312", "--duration", "1h", "--interval", "1s", "--", "python", "-c", LEAK)
    soak.wait_for_samples(running, 2)
    running.send_signal(signal.SIGHUP)
    running.communicate()
    name = soak.only_id()
    (container,) = containers(docker_client, name)
    assert container.status == "running"
    out, _ = soak.ended(soak("stop", name, "--json"), 94)
    assert json.loads(out)["verdict"]["class"] == "not_enough_data"


def test_gc_leaves_a_soak_alone(soak: SoakClients, project: Path, docker_client: DockerClient) -> None:
    name = soak.ended(soak("py312", "--duration", "2s", "--detach", "--", "python", "-c", "pass"), 0)[0].strip()
    (container,) = containers(docker_client, name)
    container.wait()
    gc = subprocess.run(
        [sys.executable, "-m", "memcap", "gc", "--campaign", name], capture_output=True, text=True, check=True
    )
    assert "1 soak" in gc.stdout
    soak.ended(soak("attach", name), 94)


def test_a_report_that_cannot_be_saved_leaves_the_soak_for_another_try(soak: SoakClients, project: Path) -> None:
    (project / "file").write_text("")
    unfit = ("-o", str(project / "file" / "folder"))
    command = ("--", "python", "-c", "pass")
    _, err = soak.ended(soak("py312", "--duration", "3s", *unfit, *command), 1)
    assert "file is a file" in err, "it is not started"
    soak.ended(soak("py312", "--duration", "3s", "--detach", *command), 0)
    name = soak.only_id()
    _, err = soak.ended(soak("attach", name, *unfit), 1)
    assert f"memcap soak attach {name}" in err
    soak.ended(soak("attach", name, "-o", str(project / "saved")), 94)
    assert (project / "saved" / "soak.json").exists()
