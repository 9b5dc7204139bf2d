"""Limits besides memory, broken and kept in real containers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import cell, launched, scaled

from memcap.measuring import measure
from memcap.model import CaveatKind, Ending, Measurement, RawRun, RunLimits, Ulimit

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
WRITE = """
import sys
count, path = int(sys.argv[1]), sys.argv[2]
with open(path, "wb") as file:
    for _ in range(count):
        file.write(bytes(1 << 20))
"""
SPIN = """
import os, sys, time
children = [os.fork() for _ in range(int(sys.argv[1]))]
while time.process_time() < float(sys.argv[2]):
    pass
if all(children):
    for child in children:
        os.waitpid(child, 0)
"""
ABORT = """
import os, signal
os.chdir("/tmp")
if os.fork() == 0:
    os.abort()
_, status = os.wait()
print(os.listdir("."), os.WCOREDUMP(status))
"""


def execute(client: DockerClient, limits: RunLimits, source: str, *words: str) -> tuple[RawRun, Measurement]:
    """Run Python source with its arguments under ``limits``."""
    one = cell(("python", "-c", source, *words), cap="256m", time_limit=scaled(60))
    with launched(client, one) as (engine, spec):
        limited = replace(spec, policy=replace(spec.policy, limits=limits))
        raw = engine.execute(limited)
        return raw, measure(raw, limited, cpus=2)


def test_three_gigabytes_are_not_written_to_disk(docker_client: DockerClient) -> None:
    _, run = execute(docker_client, RunLimits(disk_bytes=64 * MIB), WRITE, "3000", "/tmp/large")
    assert run.ending is Ending.LIMIT_EXCEEDED, run.detail
    assert run.detail == "the limit of disk is 64.0 MiB; more was written"


def test_what_is_written_below_the_limit_or_to_memory_breaks_none(docker_client: DockerClient) -> None:
    limits = RunLimits(disk_bytes=64 * MIB, file_size_bytes=48 * MIB)
    for count, path in (("32", "/tmp/small"), ("48", "/dev/shm/small")):
        _, run = execute(docker_client, limits, WRITE, count, path)
        assert run.ending is Ending.COMPLETED, run.detail


@pytest.mark.parametrize("path", ["/tmp/large", "/dev/shm/large"])
def test_a_file_is_no_larger_than_it_may(docker_client: DockerClient, path: str) -> None:
    _, run = execute(docker_client, RunLimits(file_size_bytes=MIB), WRITE, "4", path)
    assert run.ending is Ending.LIMIT_EXCEEDED, run.detail
    assert run.detail == "the limit of file size is 1.0 MiB; OSError: [Errno 27] File too large"


def test_a_program_that_dies_of_the_signal(docker_client: DockerClient) -> None:
    source = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n" + WRITE
    _, run = execute(docker_client, RunLimits(file_size_bytes=MIB), source, "4", "/tmp/large")
    assert (run.ending, run.signal) == (Ending.LIMIT_EXCEEDED, 25)
    assert run.detail == "the limit of file size is 1.0 MiB; a larger file was written (SIGXFSZ)"


def test_cpu_time_is_that_of_all_processes(docker_client: DockerClient) -> None:
    limits = RunLimits(cpu_time_seconds=2)
    _, broken = execute(docker_client, limits, SPIN, "1", "1.5")
    assert broken.ending is Ending.LIMIT_EXCEEDED, broken.detail
    assert broken.detail.startswith("the limit of CPU time is 2.0 s; 2.")
    assert broken.detail.endswith(" s were used")
    _, kept = execute(docker_client, limits, SPIN, "0", "1")
    assert kept.ending is Ending.COMPLETED, kept.detail


def test_a_quota_of_cpus_throttles(docker_client: DockerClient) -> None:
    _, run = execute(docker_client, RunLimits(cpus=0.2), SPIN, "0", "0.3")
    assert run.ending is Ending.COMPLETED, run.detail
    assert CaveatKind.THROTTLED in {caveat.kind for caveat in run.caveats}


def test_ulimits_are_those_of_the_workload(docker_client: DockerClient) -> None:
    limits = RunLimits(ulimits={"nofile": Ulimit(soft=64, hard=128)})
    source = "import json, resource as r; print(json.dumps([r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_CORE)]))"
    raw, _ = execute(docker_client, limits, source)
    assert json.loads(raw.output) == [[64, 128], [0, 0]]
    _, run = execute(docker_client, limits, "files = [open('/dev/null') for _ in range(70)]")
    assert run.ending is Ending.FAILED
    assert run.peak_bytes is not None, "the supervisor has files enough"
    assert "Too many open files" in run.output_tail


def test_a_limit_above_a_ulimit_of_the_container_is_refused(docker_client: DockerClient) -> None:
    limits = RunLimits(file_size_bytes=8 * MIB, ulimits={"fsize": Ulimit(soft=MIB, hard=MIB)})
    _, run = execute(docker_client, limits, "print('started')")
    assert run.ending is Ending.NOT_STARTED
    assert run.detail == "cannot use the limit file_size=8388608 bytes: a ulimit of the container is lower"


def test_a_core_dump_is_written_if_asked_for(docker_client: DockerClient) -> None:
    raw, _ = execute(docker_client, RunLimits(), ABORT)
    assert raw.output == "[] False\n"
    if Path("/proc/sys/kernel/core_pattern").read_text(encoding="utf-8").strip() not in ("core", "core.%p"):
        pytest.skip("core dumps of this machine go elsewhere")
    raw, _ = execute(docker_client, RunLimits(core_bytes=64 * MIB), ABORT)
    assert raw.output.startswith("['core")
    assert raw.output.endswith("True\n")


def test_the_workload_sees_no_cgroup_path_of_the_host(docker_client: DockerClient) -> None:
    raw, run = execute(docker_client, RunLimits(), "print(open('/proc/self/cgroup').read())")
    paths = {line.split(":", 2)[2] for line in raw.output.split()}
    assert paths == {"/"}
    assert run.cgroup_version is not None
    assert run.peak_bytes is not None
