"""Ask a daemon what `memcap doctor` wants to know of it; what it does not say stays None."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from memcap.engine.discover import DaemonAddress
from memcap.engine.docker_client import already_gone, environment, translated
from memcap.engine.docker_labels import KIND_LABEL, fresh_name, own_reference, run_labels
from memcap.engine.docker_leftovers import Hold, find_containers
from memcap.errors import MemcapError
from memcap.model import Environment
from memcap.strict import parse_json

if TYPE_CHECKING:
    from docker import DockerClient

_LOOK_SECONDS = 20
_FILES = {
    "thp": "/sys/kernel/mm/transparent_hugepage/enabled",
    "memory": "/proc/meminfo",
    "load": "/proc/loadavg",
}
# Runs in an image of ours, on whatever Python it has; prints the contents of the files it is given as one JSON object.
_READER = """
import json, sys
found = {}
for argument in sys.argv[1:]:
    name, path = argument.split("=")
    try:
        with open(path) as file:
            found[name] = file.read()
    except OSError:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True, kw_only=True)
class KernelFacts:
    """What a container sees of the kernel it runs on, which may be a VM's. ``thp`` is always, madvise or never."""

    thp: str | None = None
    memory_available_bytes: int | None = None
    swap_bytes: int | None = None
    load: float | None = None


@dataclass(frozen=True, kw_only=True)
class DaemonFacts:
    """What a daemon says of itself; ``clock_ahead_seconds`` is how far its clock is ahead of this machine's.

    ``kernel`` is None where there is no image yet to look from.
    """

    address: DaemonAddress
    environment: Environment
    sdk_version: str
    api_version: str
    hostname: str
    storage_driver: str
    data_root: str
    security: tuple[str, ...]
    can_cap_memory: bool | None
    can_limit_pids: bool | None
    warnings: tuple[str, ...]
    clock_ahead_seconds: float | None
    containers_in_use: int
    leftovers: int
    kernel: KernelFacts | None

    @property
    def is_rootless(self) -> bool:
        """Tell whether the daemon runs without root."""
        return "rootless" in self.security


def gather(client: DockerClient, address: DaemonAddress) -> DaemonFacts:
    """Return the facts of the daemon; starts one short container if an image of memcap is there.

    Raises EngineError.
    """
    containers = find_containers(client)
    with translated("ask the daemon about itself"):
        before = datetime.now(timezone.utc)
        info: dict[str, Any] = client.info()
        after = datetime.now(timezone.utc)
        api_version = str(client.version().get("ApiVersion", "unknown"))
    return DaemonFacts(
        address=address,
        environment=environment(client),
        sdk_version=version("docker"),
        api_version=api_version,
        hostname=str(info.get("Name", "")),
        storage_driver=str(info.get("Driver", "unknown")),
        data_root=str(info.get("DockerRootDir", "")),
        security=_security(info),
        can_cap_memory=info.get("MemoryLimit"),
        can_limit_pids=info.get("PidsLimit"),
        warnings=tuple(str(warning) for warning in info.get("Warnings") or ()),
        clock_ahead_seconds=clock_ahead(str(info.get("SystemTime") or ""), before, after),
        containers_in_use=sum(one.hold not in (None, Hold.EARLIER_VERSION) for one in containers),
        leftovers=sum(one.hold is None for one in containers),
        kernel=_kernel_facts(client),
    )


def clock_ahead(system_time: str, before: datetime, after: datetime) -> float | None:
    """Return the seconds that ``system_time`` (RFC 3339, any fraction) lies outside ``before`` … ``after``.

    Within them it is 0.0: the answer was made somewhere in between. None where it cannot be read.
    """
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", system_time)
    if match is None:
        return None
    seconds, fraction, zone = match.groups()
    microseconds = (fraction or ".0")[:7].ljust(7, "0")
    moment = datetime.fromisoformat(f"{seconds}{microseconds}{'+00:00' if zone == 'Z' else zone}")
    if moment > after:
        return (moment - after).total_seconds()
    return min((moment - before).total_seconds(), 0.0)


def read_kernel_files(found: Mapping[str, str]) -> KernelFacts:
    """Return the facts in the contents of the kernel's files, by the names of ``_FILES``; absent is None."""
    chosen = re.search(r"\[(\w+)\]", found.get("thp", ""))
    load = re.match(r"\d+\.\d+", found.get("load", ""))
    return KernelFacts(
        thp=chosen.group(1) if chosen else None,
        memory_available_bytes=_meminfo(found.get("memory", ""), "MemAvailable"),
        swap_bytes=_meminfo(found.get("memory", ""), "SwapTotal"),
        load=float(load.group()) if load else None,
    )


def _meminfo(text: str, name: str) -> int | None:
    match = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(match.group(1)) * 1024 if match else None


def _security(info: dict[str, Any]) -> tuple[str, ...]:
    """Return names such as ``seccomp`` of ``name=seccomp,profile=default``; Podman says `rootless` elsewhere."""
    options = [str(option) for option in info.get("SecurityOptions") or ()]
    names = [match.group(1) if (match := re.match(r"name=([^,]+)", option)) else option for option in options]
    if info.get("Rootless") and "rootless" not in names:
        names.append("rootless")
    return tuple(names)


def _kernel_facts(client: DockerClient) -> KernelFacts | None:
    """Look from inside a container: the files of this machine may be another kernel's."""
    try:
        with translated("look at the daemon's kernel"):
            for kind in ("base", "image"):
                found = client.images.list(filters={"label": f"{KIND_LABEL}={kind}"})  # Podman 4 takes one label
                ours = [image for image in found if own_reference(image.labels, image.tags)]
                if ours:
                    files = parse_json("the kernel's files", _run_reader(client, str(ours[0].id)))
                    return read_kernel_files(files) if isinstance(files, dict) else None
    except (MemcapError, ValueError):  # an odd image is no reason to say nothing else
        return None
    return None


def _run_reader(client: DockerClient, image: str) -> str:
    name = fresh_name("doctor")
    container = client.containers.create(
        image,
        name=name,
        entrypoint=["python3", "-I", "-S", "-c", _READER],
        command=[f"{name}={path}" for name, path in _FILES.items()],
        labels=run_labels(name, campaign="doctor", cell="doctor"),
        network_mode="none",
        mem_limit="256m",
        cap_drop=["ALL"],
    )
    try:
        container.start()
        if container.wait(timeout=_LOOK_SECONDS)["StatusCode"] != 0:
            return "{}"
        return container.logs(stdout=True, stderr=False).decode()
    finally:
        with already_gone():
            container.remove(force=True, v=True)
