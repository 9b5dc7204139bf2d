"""Make a cgroup for one run, where this machine lets us, and remove it with all that is in it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from memcap.errors import EngineError

ROOT: Final = Path("/sys/fs/cgroup")
_PREFIX: Final = "memcap"  # then the PID of the memcap that made it, and something random
_REMOVAL_SECONDS: Final = 10


@dataclass(frozen=True, kw_only=True)
class CgroupPlace:
    """Where cgroups of runs may be made; ``pids`` is a folder apart on v1, the same on v2, or None where there is none.

    They are made below memcap's own cgroup or one above it, so that limits above memcap hold for what it starts too.
    """

    version: int
    memory: Path
    pids: Path | None


def places(membership: str, *, root: Path = ROOT) -> Iterator[CgroupPlace]:
    """Yield the places to try, nearest first; ``membership`` is the text of /proc/self/cgroup.

    On v2 a cgroup with processes in it cannot have children with controllers, so the next one above that has them is
    tried (such as ``app.slice`` of a user's systemd). Not promised: that it may be written to.
    """
    paths = {controller: path for _, names, path in _fields(membership) for controller in names.split(",")}
    if (root / "cgroup.controllers").exists():
        own = _visible(root, paths.get("", "/"))
        with suppress(OSError):  # only the root of the tree may have processes and children
            (own / "cgroup.subtree_control").write_text("+memory +pids")
        for folder in (own, *own.parents):
            if not folder.is_relative_to(root):
                return
            controllers = _read(folder / "cgroup.subtree_control").split()
            if "memory" in controllers:
                yield CgroupPlace(version=2, memory=folder, pids=folder if "pids" in controllers else None)
    elif "memory" in paths:
        pids = _visible(root / "pids", paths["pids"]) if "pids" in paths else None
        yield CgroupPlace(version=1, memory=_visible(root / "memory", paths["memory"]), pids=pids)


@contextmanager
def run_cgroup(place: CgroupPlace, *, cap_bytes: int, pids: int) -> Iterator[tuple[str, ...]]:
    """Yield the supervisor's options for a new cgroup with these limits; at the end nothing of it is left.

    Raises OSError where it cannot be made, EngineError where it cannot be removed.
    """
    name = f"{_PREFIX}-{os.getpid()}-{os.urandom(4).hex()}"
    folders = dict.fromkeys(folder / name for folder in (place.memory, place.pids) if folder is not None)
    memory = place.memory / name
    try:
        for folder in folders:
            folder.mkdir()
        if place.version == 1:
            _write(memory / "memory.limit_in_bytes", cap_bytes)
            _write_if_there(memory / "memory.memsw.limit_in_bytes", cap_bytes)
        else:
            _write(memory / "memory.max", cap_bytes)
            _write_if_there(memory / "memory.swap.max", 0)
        if place.pids is not None:
            _write(place.pids / name / "pids.max", pids)
        others = [folder for folder in folders if folder != memory]
        yield (f"cgroup={memory}", *(f"enter={folder}" for folder in others))
    finally:
        for folder in folders:
            remove(folder)


def remove(folder: Path) -> None:
    """Remove a cgroup. What is still in it, as its supervisor was killed itself, is killed. Raises EngineError."""
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while folder.exists():
        _kill_members(folder)
        try:
            folder.rmdir()
        except OSError as error:  # processes take a moment to end
            if time.monotonic() > deadline:
                raise EngineError(
                    f"the cgroup {folder} cannot be removed: {error.strerror}",
                    remedy="See what runs in it (cgroup.procs), end that, and rmdir it.",
                ) from error
            time.sleep(0.01)


def remove_leftovers(place: CgroupPlace) -> None:
    """Remove the empty cgroups of memcaps that are gone: they were killed before they could."""
    for parent in {place.memory, place.pids or place.memory}:
        for folder in parent.glob(f"{_PREFIX}-*-*"):
            maker = folder.name.split("-")[1]
            if not Path("/proc", maker).exists():
                with suppress(OSError):  # not empty, or not ours
                    folder.rmdir()


def _kill_members(folder: Path) -> None:
    """Kill the members, each only if it is one for certain: a handle means one process, whatever becomes of its PID."""
    for word in _read(folder / "cgroup.procs").split():
        pid = int(word)
        if pid <= 1 or pid == os.getpid():
            continue
        with suppress(OSError):  # it ended by itself
            handle = os.pidfd_open(pid)
            try:
                paths = [path for _, _, path in _fields(_read(Path("/proc", word, "cgroup")))]
                if any(path.endswith(f"/{folder.name}") for path in paths):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)


def _fields(membership: str) -> list[tuple[str, str, str]]:
    """Return number, controllers and path of each line of a /proc/PID/cgroup: ``4:memory:/user``."""
    lines = (line.split(":", 2) for line in membership.splitlines())
    return [(line[0], line[1], line[2]) for line in lines if len(line) == 3]


def _visible(mount: Path, path: str) -> Path:
    """Return the folder of a cgroup: below the mount, or the mount itself where a container sees no more."""
    folder = mount / path.lstrip("/")
    return folder if folder.exists() else mount


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _write(path: Path, value: int) -> None:
    path.write_text(str(value))


def _write_if_there(path: Path, value: int) -> None:
    """Write a limit of swap; without swap accounting there is no such file, and the report says what was applied."""
    if path.exists():
        _write(path, value)
