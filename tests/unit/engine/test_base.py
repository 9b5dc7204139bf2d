"""What every engine passes to its supervisor."""

from __future__ import annotations

from dataclasses import replace

from measured import SPEC

from memcap.engine.base import workload_options
from memcap.model import ContainerPolicy, Quiet, RunLimits


def test_no_core_dumps_and_no_limits_by_default() -> None:
    assert workload_options(SPEC) == ("core=0",)


def test_all_limits_and_settings() -> None:
    limits = RunLimits(disk_bytes=0, file_size_bytes=5, cpus=1.5, cpu_time_seconds=1.5, core_bytes=7)
    spec = replace(SPEC, quiet=Quiet(thp=False, aslr=False), policy=ContainerPolicy(limits=limits))
    options = ("no-thp", "no-aslr", "file-size=5", "core=7", "disk=0", "cpu-time=1500")
    assert workload_options(spec) == options
