"""Create the containers of a run: that of the workload or a service, and where there is a pod, its others."""

# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from memcap.engine.base import SHM_BYTES, workload_options
from memcap.engine.docker_labels import run_labels
from memcap.engine.docker_mounts import host_mounts
from memcap.engine.framed import SECRET_VARIABLE
from memcap.model import NO_NETWORK, ContainerPolicy, RunSpec, Serving
from memcap.model.places import ARTEFACTS, CLIENT, OUT, SUPERVISOR

if TYPE_CHECKING:
    from docker import DockerClient

# For the supervisor alone, which drops all of them before the workload starts: to become another user (its own, and the
# workload's), and to end and look at processes of another user.
SUPERVISOR_CAPABILITIES: Final = ("DAC_READ_SEARCH", "KILL", "SETGID", "SETPCAP", "SETUID", "SYS_PTRACE")
REPORTS_BYTES: Final = 256 * 1024  # of the log, so that reports leave the workload its share
HOLDER_BYTES: Final = 16 * 1024**2  # runc's own start needs 4
CLIENT_BYTES: Final = 512 * 1024**2
CLIENT_LOG_BYTES: Final = 32 * 1024**2  # a soak's lines of progress take half of it
NOBODY: Final = "65534"


Labels = Mapping[str, str]
_NONE: Final[Labels] = MappingProxyType({})


def in_network(spec: RunSpec, network: str) -> RunSpec:
    """Return ``spec`` in ``network``. What joins one has no hosts of its own: the network's owner has them."""
    return replace(spec, policy=replace(spec.policy, network=network, add_hosts=()))


def is_network_disabled(policy: ContainerPolicy) -> bool:
    """Tell whether a container without a network can do without Docker's work for one, nearly half of its start.

    Docker does not write /etc/hosts then. The supervisor does, unless the container is read-only, has names of the
    user's, or something of the user's is mounted there.
    """
    is_own = any(PurePosixPath(mount.target).is_relative_to("/etc") for mount in policy.mounts)
    return policy.network == NO_NETWORK and not (policy.read_only or policy.add_hosts or is_own)


def _supervisor_argv(spec: RunSpec) -> list[str]:
    """Return how the supervisor starts, up to the words of the workload."""
    return [
        str(SUPERVISOR),
        str(OUT),
        str(round(spec.time_limit_seconds * 1000)),
        str(round(spec.policy.sample_interval_seconds * 1_000_000)),
        *workload_options(spec),
        *((f"user={spec.user}",) if spec.user else ()),
        *(("home",) if spec.user and not spec.has_home else ()),
        *(("hosts",) if is_network_disabled(spec.policy) else ()),
        "--",
    ]


def create_run(client: DockerClient, spec: RunSpec, secret: str, *, copies_mounts: bool, labels: Labels = _NONE) -> str:
    """Return the id of a new container for a run, which the supervisor starts in. Raises docker's APIError.

    ``labels`` are added to those that each run has.
    """
    from docker.types import LogConfig, Ulimit

    policy, api = spec.policy, client.api
    cap = spec.cap_bytes + spec.supervisor_bytes
    host_config = api.create_host_config(
        mem_limit=cap,
        memswap_limit=cap,  # the same as the cap means: no swap at all
        network_mode=policy.network,
        extra_hosts=list(policy.add_hosts) or None,
        port_bindings={port: ("127.0.0.1", port) for port in spec.ports} or None,
        **host_mounts(policy, copied=copies_mounts),
        cap_drop=["ALL"],
        cap_add=list(SUPERVISOR_CAPABILITIES),
        cgroupns="private",  # no paths of the host in /proc/self/cgroup; ignored by daemons and kernels without it
        security_opt=["no-new-privileges"],
        pids_limit=policy.pids,
        cpuset_cpus=spec.cpuset or None,
        nano_cpus=None if policy.limits.cpus is None else round(policy.limits.cpus * 1e9),
        ulimits=[Ulimit(name=name, soft=own.soft, hard=own.hard) for name, own in policy.limits.ulimits.items()]
        or None,
        shm_size=policy.shm_size_bytes or SHM_BYTES,
        read_only=policy.read_only,
        # Two files, so that a workload's last words survive the daemon's rotation.
        log_config=LogConfig(
            type="json-file", config={"max-size": str(policy.output_limit_bytes + REPORTS_BYTES), "max-file": "2"}
        ),
    )
    created = api.create_container(
        spec.image_id,
        name=spec.name,
        entrypoint=_supervisor_argv(spec),
        command=list(spec.argv),
        environment=dict(spec.env) | {SECRET_VARIABLE: secret},
        ports=list(spec.ports) or None,
        hostname=None if policy.network.startswith("container:") else policy.hostname,
        network_disabled=is_network_disabled(policy),
        working_dir=spec.working_directory or None,
        user="0",  # the supervisor's; the workload's is among its options
        labels={**run_labels(spec.name, campaign=spec.campaign, cell=spec.cell_id), **labels},
        healthcheck={"test": ["NONE"]},
        # An anonymous volume, removed with the container: the one place that can be written where the rest cannot.
        volumes=[str(OUT), *([str(ARTEFACTS)] if spec.artefacts else [])] if policy.read_only else None,
        host_config=host_config,
    )
    return str(created["Id"])


def create_holder(client: DockerClient, spec: RunSpec, labels: Labels = _NONE) -> str:
    """Return the id of a new container that owns the network of a pod and does nothing.

    All its names are in one file of hosts: the services, the pod itself, and what the user adds. The containers that
    join it can have none of their own (Docker refuses that).
    """
    policy, api, name = spec.policy, client.api, f"{spec.name}-pod"
    assert spec.serving is not None
    names = [policy.hostname, *(each.service.name for each in spec.serving.services)]
    host_config = api.create_host_config(
        mem_limit=HOLDER_BYTES,
        memswap_limit=HOLDER_BYTES,
        network_mode=policy.network,
        extra_hosts=[*(f"{each}:127.0.0.1" for each in names), *policy.add_hosts],
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        read_only=True,
    )
    created = api.create_container(
        spec.image_id,
        name=name,
        entrypoint=[str(SUPERVISOR), "hold"],
        command=[],
        hostname=policy.hostname,
        user=NOBODY,
        labels={**run_labels(name, campaign=spec.campaign, cell=spec.cell_id), **labels},
        healthcheck={"test": ["NONE"]},
        host_config=host_config,
    )
    return str(created["Id"])


def create_client(
    client: DockerClient,
    spec: RunSpec,
    serving: Serving,
    network: str,
    labels: Labels = _NONE,
    env: Mapping[str, str] = _NONE,
) -> str:
    """Return the id of a new container of the load client, which has to be given its files before it starts."""
    from docker.types import LogConfig

    api, name = client.api, f"{spec.name}-client"
    host_config = api.create_host_config(
        mem_limit=CLIENT_BYTES,
        memswap_limit=CLIENT_BYTES,
        network_mode=network,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        log_config=LogConfig(type="json-file", config={"max-size": str(CLIENT_LOG_BYTES)}),
    )
    created = api.create_container(
        serving.client_image_id,
        name=name,
        entrypoint=[serving.client_python, "-I", "-B", f"{CLIENT}/memcap_load", "--phases", f"{CLIENT}/script.json"],
        command=[],
        environment=dict(env),
        user=NOBODY,
        labels={**run_labels(name, campaign=spec.campaign, cell=spec.cell_id), **labels},
        healthcheck={"test": ["NONE"]},
        host_config=host_config,
    )
    return str(created["Id"])
