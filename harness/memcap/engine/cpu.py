"""Which CPU this machine has, as Linux says it."""

from __future__ import annotations

import platform
import re
import socket
from pathlib import Path


def cpu_model() -> str | None:
    """Return the model of this machine's CPU; None where nothing says it, such as on ARM and outside of Linux."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return model_in(text)


def model_in(cpuinfo: str) -> str | None:
    """Return the first model that the text of ``/proc/cpuinfo`` names."""
    found = re.search(r"^model name\s*:\s*(\S.*?)\s*$", cpuinfo, re.MULTILINE)
    return " ".join(found[1].split()) if found else None


def is_this_machine(host: str, kernel: str) -> bool:
    """Tell whether a daemon that says so of its machine runs on this one; it may be in a VM, or anywhere."""
    return (host, kernel) == (socket.gethostname(), platform.release())
