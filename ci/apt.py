"""Install packages on Debian and its relatives."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

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


def install_program(package: str, program: str, *, folder: Path = Path("/usr/local/bin")) -> None:
    """Put ``program`` of a package into ``folder``, and nothing else: no dependencies, and no daemon that is started.

    Raises SetupError with apt-get's words if that fails.
    """
    remedy = f"Mend apt-get, or install {program} another way, and try again."
    run_quietly([*_APT_GET, "update"], environ={"PATH": path_with_sbin()}, remedy=remedy)
    with tempfile.TemporaryDirectory() as made:
        run_quietly(["env", f"--chdir={made}", "apt-get", "download", package], remedy=remedy)
        (archive,) = Path(made).glob("*.deb")
        run_quietly(["dpkg-deb", "--extract", str(archive), made], remedy=remedy)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(Path(made) / "usr" / "bin" / program, folder / program)
