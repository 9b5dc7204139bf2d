"""The supervisor's looks at a soak in real containers: known memory, threads and files, and what ends a run."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import docker.errors
import pytest
from integration.measuring import cell, launched, scaled

from memcap.measuring import measure
from memcap.model import Ending, Measurement, MemoryLook, Mount, MountKind, RawRun
from memcap.model.places import OUT
from memcap.probe.process_journal import parse_processes
from memcap.probe.report import parse_report
from memcap.probe.soak_journal import SoakJournal, parse_looks

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
STEP = scaled(0.5)
SMALL = Mount(kind=MountKind.TMPFS, target=str(OUT), options="size=64k,mode=1777")
HOLD = """
import sys, threading, time
kept = b"x" * (64 << 20)
files = [open("/proc/self/status") for _ in range(40)]
for _ in range(3):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
time.sleep(float(sys.argv[1]))
"""
FORK = """
import os, sys, time
kept = b"x" * (64 << 20)
child = os.fork()
time.sleep(float(sys.argv[1]))
if child:
    os.waitpid(child, 0)
"""
GROW = """
import time
kept = []
while True:
    kept.append(b"x" * (8 << 20))
    time.sleep(0.05)
"""
FALL = """
import sys, time
while True:
    kept = b"x" * (64 << 20)
    time.sleep(2.7 * float(sys.argv[1]))  # most looks fall into this, and none of them into the same part of it
    del kept
    time.sleep(float(sys.argv[1]))
"""
TIDY = """
import signal, sys, time
kept = [b"x" * (64 << 20)]
def leave(*_):
    kept.clear()
    time.sleep(float(sys.argv[1]))
    sys.exit(3)
signal.signal(signal.SIGTERM, leave)
while True:
    time.sleep(1)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(1)
"""
REPLACE = """
import os, sys, time
def work(mib, seconds):
    pid = os.fork()
    if pid == 0:
        kept = b"x" * (mib << 20)
        time.sleep(seconds)
        os._exit(0)
    return pid
for _ in range(40):
    os.waitpid(work(8, float(sys.argv[1])), 0)
print(work(0, 600), flush=True)
time.sleep(float(sys.argv[2]))
"""
FILL = """
import os, sys, time
def fill():
    with open("{OUT}/filler", "wb", 0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            pass
while not os.path.exists("{OUT}/supervisor.jsonl"):
    time.sleep(0.1)
time.sleep(float(sys.argv[1]))
fill()
time.sleep(float(sys.argv[1]))
os.unlink("{OUT}/filler")
time.sleep(float(sys.argv[1]))
print("done", flush=True)
time.sleep(600)
""".replace("{OUT}", str(OUT))


def soak(
    client: DockerClient, source: str, *words: object, cap: str = "512m", **fields: Any
) -> tuple[RawRun, SoakJournal, Measurement]:
    """Run Python source as a soak."""
    one = cell(("python", "-c", source, *map(str, words)), cap=cap, time_limit=scaled(60))
    with launched(client, one) as (engine, spec):
        watched = replace(spec, **{"look_seconds": STEP, **fields})
        raw = engine.execute(watched)
    return raw, parse_looks(raw.supervisor_journal), measure(raw, watched, cpus=2)


def cheap(looks: Sequence[MemoryLook]) -> MemoryLook:
    """Return the last look that has shares: in a run so short they are not asked for at each."""
    return [look for look in looks if look.pss_bytes is not None][-1]


def test_what_it_has_in_memory_and_open(docker_client: DockerClient) -> None:
    before = time.time()
    raw, journal, run = soak(docker_client, HOLD, 8.5 * STEP)  # it ends between two looks
    report = parse_report(raw.report or "")
    *looks, last = journal.looks

    assert run.ending is Ending.COMPLETED, run.detail
    assert report.started_ns is not None
    assert journal.started == report.started_ns / 1e9
    assert journal.started_wall is not None
    assert before - 60 < journal.started_wall < time.time() + 60
    numbers = [int(look.seconds / STEP) for look in looks]
    assert numbers == sorted(set(numbers)), "on a busy machine some are left out"
    assert 4 <= len(looks) <= 12
    assert last.low_bytes is None, "it was about to end"
    assert last.seconds > looks[-1].seconds

    assert report.wall_ns is not None
    assert report.supervisor_cpu_ns is not None
    assert report.supervisor_cpu_ns / report.wall_ns <= 0.1, "so much of a run so short; 1 % of a longer one"

    look = cheap(looks)
    assert look.unreclaimable_bytes is not None
    assert look.low_bytes is not None
    assert look.usage_bytes is not None
    assert look.rss_bytes is not None
    assert look.vms_bytes is not None
    assert look.pss_bytes is not None
    assert 64 * MIB < look.low_bytes <= look.unreclaimable_bytes < 80 * MIB
    assert look.unreclaimable_bytes <= look.usage_bytes + MIB
    assert 64 * MIB < look.pss_bytes <= look.rss_bytes < 90 * MIB
    assert look.vms_bytes > look.rss_bytes
    assert (look.processes, look.threads, look.open_files) == (1, 4, 43)


def test_sums_over_two_processes(docker_client: DockerClient) -> None:
    _, journal, _ = soak(docker_client, FORK, 6 * STEP)
    look = cheap(journal.looks)
    assert (look.processes, look.threads, look.open_files) == (2, 2, 6)
    assert look.rss_bytes is not None
    assert look.pss_bytes is not None
    assert 128 * MIB < look.rss_bytes < 180 * MIB
    assert 64 * MIB < look.pss_bytes < 90 * MIB, "they share the 64 MiB"


def test_the_least_since_the_look_before(docker_client: DockerClient) -> None:
    _, journal, _ = soak(docker_client, FALL, STEP / 5, stop_after_seconds=8 * STEP, grace_seconds=scaled(5))
    lows = [look.low_bytes for look in journal.looks[2:]]
    shown = [look.unreclaimable_bytes or 0 for look in journal.looks[2:]]
    assert sum(low is not None and low < 32 * MIB for low in lows) > len(lows) / 2, lows
    assert max(shown) > 64 * MIB


def test_too_much_resident_memory_ends_it(docker_client: DockerClient) -> None:
    _, journal, run = soak(docker_client, GROW, max_rss_bytes=128 * MIB)
    assert run.ending is Ending.LIMIT_EXCEEDED, run.detail
    assert run.detail.startswith("the limit of RSS is 128.0 MiB; ")
    assert run.detail.endswith(" MiB were resident")
    rss = journal.looks[-1].rss_bytes
    assert rss is not None
    assert 128 * MIB < rss < 256 * MIB


def test_the_cap_comes_first_where_it_is_lower(docker_client: DockerClient) -> None:
    _, journal, run = soak(docker_client, GROW, cap="128m", max_rss_bytes=512 * MIB)
    assert run.ending is Ending.OOM_KILLED, run.detail
    assert journal.looks[-1].unreclaimable_bytes is not None
    assert journal.looks[-1].unreclaimable_bytes > 64 * MIB


def test_it_is_stopped_after_its_time_and_what_it_tidies_up_is_not_looked_at(docker_client: DockerClient) -> None:
    after, grace = 6 * STEP, scaled(20)
    raw, journal, run = soak(docker_client, TIDY, 3 * STEP, stop_after_seconds=after, grace_seconds=grace)
    report = parse_report(raw.report or "")
    assert (run.ending, run.detail, run.exit_code) == (Ending.COMPLETED, "", 3)
    assert report.stopped_at_ns is not None
    assert report.wall_ns is not None
    assert after <= report.stopped_at_ns / 1e9 < after + STEP
    assert report.wall_ns > report.stopped_at_ns + 2 * STEP * 1e9
    assert journal.looks[-1].seconds <= report.stopped_at_ns / 1e9
    assert journal.looks[-1].rss_bytes is not None
    assert all((look.low_bytes or 0) > 64 * MIB for look in journal.looks[3:])


def test_one_that_does_not_stop_is_ended(docker_client: DockerClient) -> None:
    _, journal, run = soak(docker_client, DEAF, stop_after_seconds=2 * STEP, grace_seconds=STEP)
    assert run.ending is Ending.TIMED_OUT
    assert run.detail.endswith("of its stop signal")
    assert len(journal.looks) >= 2


@pytest.mark.parametrize(("code", "ending"), [(0, Ending.COMPLETED), (5, Ending.FAILED)])
def test_one_that_ends_before_its_time_ends_as_any_other(
    docker_client: DockerClient, code: int, ending: Ending
) -> None:
    raw, _, run = soak(docker_client, f"raise SystemExit({code})", stop_after_seconds=scaled(50))
    assert (run.ending, parse_report(raw.report or "").stopped_at_ns) == (ending, None)


def test_a_time_limit_may_be_shorter(docker_client: DockerClient) -> None:
    _, _, run = soak(docker_client, DEAF, time_limit_seconds=2 * STEP, stop_after_seconds=scaled(50))
    assert run.ending is Ending.TIMED_OUT
    assert run.detail.startswith("after ")


def test_a_server_has_its_processes_in_each_look(docker_client: DockerClient) -> None:
    raw, journal, run = soak(
        docker_client, FORK, 600, stop_signal=15, stop_after_seconds=4 * STEP, grace_seconds=scaled(5)
    )
    assert run.ending is Ending.COMPLETED, run.detail
    listed = parse_processes(raw.supervisor_journal)
    assert {each.seconds for each in listed} == {look.seconds for look in journal.looks}
    assert len({each.pid for each in listed}) == 2


def test_workers_that_replace_larger_ones_are_in_the_looks(docker_client: DockerClient) -> None:
    raw, journal, run = soak(docker_client, REPLACE, scaled(0.2), 4 * STEP, stop_signal=15)
    assert run.ending is Ending.COMPLETED, run.detail
    shown = {each.pid for each in parse_processes(raw.supervisor_journal) if each.seconds == journal.looks[-2].seconds}
    assert int(raw.output) in shown
    assert len(shown) == 2


def test_a_full_disk_costs_the_looks_of_that_time_and_no_others(docker_client: DockerClient) -> None:
    """The last look before the disk is full is cut off, unless it just fits."""
    pause = 8 * STEP
    one = cell(("python", "-c", FILL, str(pause)), cap="256m", time_limit=scaled(120))
    with launched(docker_client, one) as (engine, spec), ThreadPoolExecutor(max_workers=1) as pool:
        policy = replace(spec.policy, mounts=(SMALL,))
        running = pool.submit(engine.execute, replace(spec, look_seconds=STEP / 4, policy=policy))
        try:
            deadline = time.monotonic() + scaled(60)
            while not running.done() and b"done" not in _logs(docker_client, spec.name):
                assert time.monotonic() < deadline
                time.sleep(0.2)
            assert not running.done(), running.result()
            content = _read(docker_client, spec.name, f"{OUT}/supervisor.jsonl")
        finally:
            engine.cancel()
    lines = content.splitlines()[1:]
    seconds = [look.seconds for look in parse_looks("\n".join(lines)).looks]
    missing = max(late - early for early, late in itertools.pairwise(seconds))

    assert len(seconds) > 30
    assert missing > pause / 2, "the disk was full"
    assert seconds[-1] > 2 * pause
    cut = [line for line in lines if line and not _is_json(line)]
    assert len(cut) <= 1
    assert all("}" not in line for line in cut), "the next line is one of its own"


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _logs(client: DockerClient, container: str) -> bytes:
    try:
        return bytes(client.api.logs(container))
    except docker.errors.NotFound:
        return b""


def _read(client: DockerClient, container: str, path: str) -> str:
    """Return a file that no archive of a container has, as a tmpfs is not in one."""
    argv = ["python", "-c", f"print(open({path!r}).read(), end='')"]
    command = client.api.exec_create(container, argv, user="0")
    return bytes(client.api.exec_start(command["Id"])).decode()
