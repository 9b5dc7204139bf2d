"""What every engine passes to its supervisor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
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


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"grace_seconds": 5.0}, ()),
        ({"stop_signal": 3, "grace_seconds": 0.5}, ("stop=3", "grace=500")),
        ({"stop_after_seconds": 120, "grace_seconds": 10.0}, ("grace=10000", "stop-after=120000")),
        ({"stop_signal": 15, "stop_after_seconds": 0.0001}, ("stop=15", "grace=0", "stop-after=1")),
        ({"look_seconds": 0.5}, ("soak=500",)),
        ({"look_seconds": 60, "max_rss_bytes": 0}, ("soak=60000", "max-rss=0")),
    ],
)
def test_how_it_is_stopped_and_looked_at(fields: dict[str, Any], options: tuple[str, ...]) -> None:
    assert workload_options(replace(SPEC, **fields)) == ("core=0", *options)
