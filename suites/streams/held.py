"""What this process holds, as the kernel counts it. Linux; Python 3.8+, standard library only."""

from __future__ import annotations

MEGABYTE = 1_000_000


def held_mb() -> float:
    """Return the anonymous memory of this process in MB of 1,000,000 bytes, exact to the page."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:  # noqa: PTH123 - pathlib would be held too
        for line in file:
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) * 1024 / MEGABYTE
    raise RuntimeError("this kernel does not tell what is anonymous memory")
