"""The engine without containers: true bytes and endings, in a cgroup and without one, and nothing is left behind."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from integration.attacks import ATTACKS, HELD, Attack
from integration.measuring import SUITE, cell
from integration.promises import require

from factories import MIB, make_settings
from memcap.campaign import Campaign
from memcap.engine.process import ProcessEngine
from memcap.errors import Interrupted
from memcap.images.this_machine import host_layers
from memcap.measuring import measure
from memcap.model import CaveatKind, Cell, Ending, Measurement, Plan, RunLimits, RunSpec
from memcap.run_spec import run_spec

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="the process engine needs Linux"
)
PATIENCE_SECONDS = 30
# Allocate, fork a child that shares it and needs as much again, hold both; tell nothing.
FAMILY = f"""
import os, time
ours = bytearray(b"x") * (32 * {MIB})
child = os.fork()
theirs = bytearray(b"y") * (32 * {MIB}) if child == 0 else None
time.sleep(0.4)
child and os.waitpid(child, 0)
"""
DAEMON = """
import os, sys, time
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").write(str(os.getpid()))
        os.close(write)
        time.sleep(600)
    os._exit(0)
os.close(write)
os.read(read, 1)
"""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """An engine on this machine, and how to use it in one line."""

    engine: ProcessEngine

    def spec(self, one: Cell) -> RunSpec:
        plan = Plan(profile="truth", cells=(one,), runs=1, warmups=0)
        ((_, layer),) = host_layers(plan, {"truth": SUITE}).items()
        return run_spec(one, layer, make_settings(), attempt="1")

    def measure(self, one: Cell) -> Measurement:
        """Measure as a campaign does: with a trial run before, and with all caveats."""
        plan = Plan(profile="truth", cells=(one,), runs=1, warmups=0)
        layers = {("py312", suite): layer for (_, suite), layer in host_layers(plan, {"truth": SUITE}).items()}
        campaign = Campaign(plan, engine=self.engine, layers=layers, settings=make_settings())
        result = campaign.run(tell=lambda _: None, save=lambda _: None)
        return result.cells[0].runs[0]


def cgroups_of(pid: int) -> list[str]:
    """Return the cgroups that the memcap with this number made; `os.walk` does not mind those of others going away."""
    every = (name for _, names, _ in os.walk("/sys/fs/cgroup") for name in names)
    return [name for name in every if name.startswith(f"memcap-{pid}-")]


@pytest.fixture
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check that no folder, no cgroup and no process of ours is there at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = psutil.Process().children(recursive=True)  # what a test that failed before this one left
    yield
    assert list(folder.iterdir()) == []
    assert cgroups_of(os.getpid()) == []
    assert [one for one in psutil.Process().children(recursive=True) if one not in before] == []


@pytest.fixture
def in_cgroup(nothing_is_left: None) -> Iterator[Bench]:
    with ProcessEngine() as engine:
        require(
            "cgroup",
            available=engine.environment().cgroup_version is not None,
            reason="no cgroup may be made here; try as root, or: systemd-run --user --scope -p Delegate=yes pytest",
        )
        yield Bench(engine=engine)


@pytest.fixture
def without_cgroup(nothing_is_left: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr("memcap.engine.process.places", lambda membership: iter(()))
    with ProcessEngine() as engine:
        assert engine.environment().cgroup_version is None
        yield Bench(engine=engine)


@pytest.fixture(params=["in_cgroup", "without_cgroup"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Return each of the two kinds in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Bench)
    return found


# What a process can do without harm to this machine. It has the supervisor's own user and its files, so it can keep the
# report from arriving; that is why a workload that is not trusted belongs into a container.
HARMLESS = (
    *("write_report", "append_to_report", "remove_report", "replace_report", "remove_journal", "write_journal"),
    *("folder_instead_of_report", "pipe_instead_of_report", "link_instead_of_report", "many_files", "large_files"),
    *("forged_output", "flood_of_lines", "flood_of_both", "long_lines", "without_waiting", "closed_output"),
    *("small_pipe", "last_word_without_end", "child_that_stays", "child_that_writes_on", "zombies", "stopped"),
    *("killed_by_itself", "exit_code_of_a_kill"),
)
LOSES_THE_REPORT = ("write_report", "append_to_report", "remove_report", "replace_report")


@pytest.mark.parametrize("attack", [one for one in ATTACKS if one.name in HARMLESS], ids=lambda attack: attack.name)
def test_hostile_processes_end_and_show_the_truth_or_nothing(in_cgroup: Bench, attack: Attack) -> None:
    limit = 3 if attack.ending is Ending.TIMED_OUT else 30
    one = cell((sys.executable, str(SUITE.directory / "hostile.py"), attack.name), cap="512m", time_limit=limit)
    begun = time.monotonic()
    run = in_cgroup.measure(one)

    assert time.monotonic() - begun < limit + 30
    if run.ending is Ending.LOST:
        assert attack.name in LOSES_THE_REPORT
        return
    assert (run.ending, run.exit_code) == (attack.ending, attack.exit_code), run.detail
    assert run.unreclaimable_peak_bytes is not None
    assert run.unreclaimable_peak_bytes > HELD


def need_of(measurement: Measurement) -> int:
    assert measurement.ending is Ending.COMPLETED, (measurement.detail, measurement.output_tail)
    assert measurement.unreclaimable_peak_bytes is not None
    return measurement.unreclaimable_peak_bytes


def kinds_of(measurement: Measurement) -> set[CaveatKind]:
    return {caveat.kind for caveat in measurement.caveats}


def test_64_mib_are_64_mib_in_a_cgroup(in_cgroup: Bench) -> None:
    empty, full = in_cgroup.measure(cell("nothing")), in_cgroup.measure(cell("allocate", mib=64))
    assert abs(need_of(full) - need_of(empty) - 64 * MIB) <= 0.64 * MIB
    assert empty.peak_bytes is not None
    assert full.peak_bytes is not None
    assert full.peak_bytes >= need_of(full)
    assert full.cap_bytes is not None
    assert 128 * MIB <= full.cap_bytes <= 128 * MIB + 128 * 1024, "the cap, and what the supervisor needs"
    assert CaveatKind.NO_CONTAINER in kinds_of(full)
    assert CaveatKind.CAP_NOT_AS_ASKED not in kinds_of(full)
    assert full.page_size_bytes == os.sysconf("SC_PAGE_SIZE")


def test_without_a_cgroup_it_says_what_it_cannot_know(without_cgroup: Bench) -> None:
    held = (sys.executable, "-c", f"import time; held = bytearray(b'x') * (64 * {MIB}); time.sleep(0.3)")
    bare = (sys.executable, "-c", "import time; time.sleep(0.3)")
    empty, full = without_cgroup.measure(cell(bare)), without_cgroup.measure(cell(held))
    assert abs(need_of(full) - need_of(empty) - 64 * MIB) <= 0.64 * MIB
    assert (full.peak_bytes, full.at_peak.file, full.oom.kills, full.cgroup_version) == (None, None, None, None)
    assert {CaveatKind.NO_CONTAINER, CaveatKind.SAMPLED_ONLY} <= kinds_of(full)
    assert not {CaveatKind.CAP_NOT_AS_ASKED, CaveatKind.PEAK_MISSING} & kinds_of(full)


def test_children_count_and_what_they_share_counts_once(bench: Bench) -> None:
    empty = need_of(bench.measure(cell((sys.executable, "-c", "import time; time.sleep(0.3)"))))
    family = bench.measure(cell((sys.executable, "-c", FAMILY)))
    assert 64 * MIB <= need_of(family) - empty <= 68 * MIB
    assert family.process_count == 2


def test_an_oom_kill_in_the_cgroup_is_proven(in_cgroup: Bench) -> None:
    killed = in_cgroup.measure(cell("allocate", cap="64m", mib=200))
    assert (killed.ending, killed.signal, killed.oom.kills) == (Ending.OOM_KILLED, signal.SIGKILL, 1)


def test_the_watchdog_ends_what_outgrows_the_cap(without_cgroup: Bench) -> None:
    ended = without_cgroup.measure(cell("grow_for_ever", cap="64m", mib_per_second=200))
    assert ended.ending is Ending.CAP_EXCEEDED
    assert ended.unreclaimable_peak_bytes is not None
    assert ended.unreclaimable_peak_bytes > 64 * MIB


def test_one_huge_allocation_without_a_cgroup_is_a_memory_error(without_cgroup: Bench) -> None:
    ended = without_cgroup.measure(cell((sys.executable, "-c", f"bytearray({1024 * MIB})"), cap="64m"))
    assert ended.ending is Ending.MEMORY_ERROR


def test_a_daemon_ends_with_the_run(bench: Bench, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    run = bench.measure(cell((sys.executable, "-c", DAEMON, str(note))))
    assert run.ending is Ending.COMPLETED
    assert not psutil.pid_exists(int(note.read_text()))


def test_the_time_limit_ends_all(bench: Bench) -> None:
    many = "import os, time\nfor _ in range(20): os.fork() or time.sleep(600)\ntime.sleep(600)"
    run = bench.measure(cell((sys.executable, "-c", many), time_limit=1.0))
    assert run.ending is Ending.TIMED_OUT
    assert run.process_count == 21


def run_and_disturb(bench: Bench, disturb: Callable[[psutil.Process], object]) -> Measurement:
    """Do something to the supervisor of a run while its workload sleeps."""
    spec = bench.spec(cell("sleep_for_ever"))
    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(bench.engine.execute, spec)
        deadline = time.monotonic() + PATIENCE_SECONDS
        # By its name: whatever else is a child of pytest must not be mistaken for it, let alone pytest itself.
        while not (found := [one for one in psutil.Process().children() if one.name().startswith("supervisor")
                             and one.children()]):  # fmt: skip
            assert time.monotonic() < deadline, "the workload never started"
            assert not running.done(), running.result()
            time.sleep(0.02)
        disturb(found[0])
        return measure(running.result(PATIENCE_SECONDS), spec, cpus=None)


def test_a_supervisor_that_is_killed_leaves_nothing_either(bench: Bench) -> None:
    assert run_and_disturb(bench, lambda supervisor: supervisor.kill()).ending is Ending.KILLED_FROM_OUTSIDE


def test_cancelling_ends_the_run(bench: Bench) -> None:
    with pytest.raises(Interrupted):
        run_and_disturb(bench, lambda _: bench.engine.cancel())
    with pytest.raises(Interrupted):
        bench.engine.execute(bench.spec(cell("nothing")))


def test_a_memcap_that_is_killed_takes_its_workload_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    command = (sys.executable, "-m", "memcap", "measure", "host", "--cap", "64m", "--", sys.executable, "-c", code)
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    memcap = subprocess.Popen((*command, str(note)), env=environ, stderr=subprocess.DEVNULL)
    try:
        workload = int(_when_written(note))
    finally:
        memcap.kill()
        memcap.wait()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while psutil.pid_exists(workload):
        assert time.monotonic() < deadline, "the workload outlived memcap"
        time.sleep(0.05)
    with ProcessEngine():  # removes the empty cgroup of the memcap that is gone
        assert cgroups_of(memcap.pid) == []


def test_measure_host_prints_that_it_was_no_container(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "memcap", "measure", "host", "--cap", "64m", "--runs", "1", "--warmups", "0")
    done = subprocess.run((*command, "--json", "--", "true"), cwd=tmp_path, capture_output=True, check=True, text=True)
    assert "no_container" in json.dumps(json.loads(done.stdout))


def test_output_is_kept_to_its_limit(without_cgroup: Bench) -> None:
    run = without_cgroup.measure(cell("chatter", mib=4))
    assert run.ending is Ending.FAILED
    assert run.output_tail.endswith("RuntimeError: the last words")
    assert CaveatKind.OUTPUT_TRUNCATED in kinds_of(run)
    assert not [thread for thread in threading.enumerate() if thread.name == "memcap-output"]


def _when_written(note: Path) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not note.exists() or not note.read_text():
        assert time.monotonic() < deadline, "the workload never started"
        time.sleep(0.05)
    return note.read_text()


def test_limits_besides_memory(in_cgroup: Bench) -> None:
    source = "import sys; open('file', 'wb').write(bytes(int(sys.argv[1])))"
    spec = in_cgroup.spec(cell(("python", "-c", source, str(16 * MIB))))
    for limits in (RunLimits(disk_bytes=8 * MIB), RunLimits(file_size_bytes=8 * MIB)):
        limited = replace(spec, policy=replace(spec.policy, limits=limits))
        ended = measure(in_cgroup.engine.execute(limited), limited, cpus=None)
        assert ended.ending is Ending.LIMIT_EXCEEDED, ended.detail
    assert measure(in_cgroup.engine.execute(spec), spec, cpus=None).ending is Ending.COMPLETED
