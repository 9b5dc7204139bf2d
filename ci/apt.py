"""Install packages on Debian and its relatives."""

from __future__ import annotations

from ci.process import run_quietly
from ci.system import path_with_sbin

# A fresh machine often has its own updates under way: wait for their lock instead of failing.
_APT_GET = ("apt-get", "-o", "DPkg::Lock::Timeout=120")


def install(*packages: str) -> None:
    """Install packages as root, asking nothing; raise SetupError with apt-get's words if that fails."""
    environ = {"DEBIAN_FRONTEND": "noninteractive", "PATH": path_with_sbin()}
    remedy = f"Mend apt-get, or install {' '.join(packages)} another way, and try again."
    run_quietly([*_APT_GET, "update"], environ=environ, remedy=remedy)
    run_quietly([*_APT_GET, "install", "-y", "--no-install-recommends", *packages], environ=environ, remedy=remedy)
