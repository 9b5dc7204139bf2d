"""Facts about the machine that memcap itself runs on; the daemon's machine may be another."""

from __future__ import annotations

import os
import platform
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from memcap import __version__


@dataclass(frozen=True, kw_only=True)
class MachineFacts:
    """What `memcap doctor` says of this machine; ``disk_free_bytes`` is that of the working folder."""

    memcap_version: str
    python_version: str
    platform: str
    hostname: str
    kernel: str
    memory_available_bytes: int
    disk_free_bytes: int
    load: float | None


def look(folder: Path) -> MachineFacts:
    """Return the facts of this machine now; ``folder`` is where results are written."""
    try:
        load = os.getloadavg()[0]
    except (OSError, AttributeError):  # Windows has none
        load = None
    return MachineFacts(
        memcap_version=__version__,
        python_version=f"{platform.python_implementation()} {platform.python_version()}",
        platform=sys.platform,
        hostname=socket.gethostname(),
        kernel=platform.release(),
        memory_available_bytes=psutil.virtual_memory().available,
        disk_free_bytes=psutil.disk_usage(str(folder)).free,
        load=load,
    )
