"""The keys of containers in limits.toml, and in a benchmark of suite.toml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from memcap.config import load_config
from memcap.errors import ConfigError
from memcap.model import UNLIMITED, ContainerPolicy, Mount, MountKind, RunLimits, Ulimit

MakeProject = Callable[[dict[str, str]], Path]


def test_every_key_of_a_container_is_read(make_project: MakeProject) -> None:
    limits = """
[caps]
1g = "1GiB"
[profiles.quick]
[container]
env_files = "prod.env"
pass_env = ["TOKEN"]
public_env = ["REGION"]
entrypoint = ["tini", "--"]
workdir = "/srv"
volumes = ["./data:/data:ro", "cache:/cache"]
mounts = ["type=tmpfs,target=/scratch,tmpfs-size=1m"]
tmpfs = "/tmp"
add_hosts = ["db:10.0.0.5"]
"""
    root = make_project({"limits.toml": limits}).resolve()
    assert load_config(root).policy == ContainerPolicy(
        env_files=(str(root / "prod.env"),),
        pass_env=("TOKEN",),
        public_env=("REGION",),
        entrypoint=("tini", "--"),
        working_directory="/srv",
        mounts=(
            Mount(kind=MountKind.BIND, source=str(root / "data"), target="/data", read_only=True),
            Mount(kind=MountKind.VOLUME, source="cache", target="/cache"),
            Mount(kind=MountKind.TMPFS, target="/scratch", options="size=1048576"),
            Mount(kind=MountKind.TMPFS, target="/tmp"),
        ),
        add_hosts=("db:10.0.0.5",),
    )


def test_a_benchmarks_container_keeps_what_it_leaves_out(make_project: MakeProject) -> None:
    limits = """
[caps]
1g = "1GiB"
[profiles.quick]
[container]
network = "bridge"
volumes = ["cache:/cache"]
ulimits = { nofile = 1024, stack = 64 }
"""
    suite = """
[benchmarks.leak]
call = "work:leak"
[benchmarks.open]
call = "work:leak"
container = { entrypoint = "", network = "none", tmpfs = "/tmp", volumes = "./in:/in", ulimits = { stack = -1 } }
"""
    root = make_project({"limits.toml": limits, "suites/demo/suite.toml": suite}).resolve()
    config = load_config(root)
    plain, own = (benchmark.policy for benchmark in config.suites["demo"].benchmarks)
    assert plain is None
    assert own == replace(
        config.policy,
        network="none",
        entrypoint=(),
        mounts=(
            Mount(kind=MountKind.VOLUME, source="cache", target="/cache"),
            Mount(kind=MountKind.BIND, source=str(root / "in"), target="/in"),
            Mount(kind=MountKind.TMPFS, target="/tmp"),
        ),
        limits=RunLimits(
            ulimits={"nofile": Ulimit(soft=1024, hard=1024), "stack": Ulimit(soft=UNLIMITED, hard=UNLIMITED)}
        ),
    )


@pytest.mark.parametrize(("value", "name"), [("true", "bridge"), ("false", "none")])
def test_a_network_has_a_name_now_and_had_none_in_older_revisions(
    make_project: MakeProject, value: str, name: str
) -> None:
    root = make_project({"limits.toml": f'[caps]\n1g = "1g"\n[profiles.quick]\n[container]\nnetwork = {value}\n'})
    with pytest.raises(ConfigError, match=f'write "{name}" for {value}'):
        load_config(root)
    assert load_config(root, is_older=True).policy.network == name
