"""What kind of machine this is, as far as setting up depends on it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class System:
    """The facts that decide how Docker is made ready.

    ``distributions`` are ID and ID_LIKE of os-release, nearest first; empty outside Linux.
    """

    platform: str
    distributions: tuple[str, ...] = ()
    is_root: bool = False
    has_systemd: bool = False
    has_dockerd: bool = False
    environ: Mapping[str, str]

    @property
    def is_debian_like(self) -> bool:
        """Tell whether packages are installed with apt-get."""
        return "debian" in self.distributions

    @property
    def chosen_daemon(self) -> str | None:
        """Return the setting by which the user chose a daemon, such as ``DOCKER_HOST=tcp://...``, or None."""
        for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
            if value := self.environ.get(name):
                return f"{name}={value}"
        return None


def parse_os_release(text: str) -> tuple[str, ...]:
    """Return ID and then ID_LIKE of an os-release file; empty if it names neither."""
    fields = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            fields[key] = value.strip("\"'")
    return tuple(f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".lower().split())


def path_with_sbin() -> str:
    """Return PATH with the folders of system programs, which `su` and cron leave out."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def find_program(name: str) -> str | None:
    """Return the path of a program, which may be one of the system's, or None where it is not installed."""
    return shutil.which(name, path=path_with_sbin())


def find_dockerd() -> str | None:
    """Return the path of dockerd, or None where it is not installed."""
    return find_program("dockerd")


def read_system() -> System:
    """Look at this machine."""
    os_release = Path("/etc/os-release")
    return System(
        platform=sys.platform,
        distributions=parse_os_release(os_release.read_text(encoding="utf-8")) if os_release.is_file() else (),
        is_root=hasattr(os, "geteuid") and os.geteuid() == 0,
        has_systemd=Path("/run/systemd/system").is_dir(),  # what sd_booted(3) looks at
        has_dockerd=find_dockerd() is not None,
        environ=dict(os.environ),
    )
