"""The virtual environment: made once, installed into only when what is installed has changed."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from ci import apt
from ci.errors import SetupError
from ci.process import run_quietly
from ci.system import System

REQUIREMENT = ".[dev]"
STAMP = ".memcap-stamp"
# What the installed package is made of, besides Python files, which an editable install reads in place.
INSTALLED_FROM = ("pyproject.toml", "harness/build_supervisor.py", "harness/memcap/probe/csrc/*")
BUILT = "harness/memcap/probe/bin/supervisor-*"


class Environment:
    """The virtual environment of the clone at ``root``."""

    def __init__(self, root: Path, *, windows: bool) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / ("Scripts/python.exe" if windows else "bin/python")
        self._stamp = self.folder / STAMP

    def version(self) -> str | None:
        """Return the version of the environment's Python; None where there is no working environment."""
        configuration = self.folder / "pyvenv.cfg"
        if not self.python.exists() or not configuration.is_file():  # a link to an uninstalled Python does not exist
            return None
        for line in configuration.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip() in ("version", "version_info"):
                return value.strip()
        return None

    def fingerprint(self) -> str:
        """Return a hash of everything that decides what is installed, the clone's own place included."""
        digest = hashlib.sha256()
        for part in (str(self.root), self.version() or "", REQUIREMENT):
            digest.update(part.encode() + b"\0")
        for path in sorted(file for pattern in INSTALLED_FROM for file in self.root.glob(pattern)):
            digest.update(path.relative_to(self.root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()

    def is_current(self) -> bool:
        """Tell whether what is installed still fits the clone."""
        return (
            self._stamp.is_file()
            and self._stamp.read_text(encoding="utf-8") == self.fingerprint()
            and any(self.root.glob(BUILT))
        )

    def mark_current(self) -> None:
        """Remember what was installed."""
        self._stamp.write_text(self.fingerprint(), encoding="utf-8")


def make_environment(environment: Environment, system: System, *, say: Callable[[str], None]) -> None:
    """Create the virtual environment and install memcap with its tools, where that has not been done.

    An environment of another Python than the one that runs this is replaced. Raises SetupError.
    """
    running = ".".join(str(part) for part in sys.version_info[:2])
    found = environment.version()
    if found is None or ".".join(found.split(".")[:2]) != running:
        say(f"virtual environment: creating {environment.folder.name} with Python {running}")
        if missing := missing_modules():
            provide_venv(missing, system, running=running, say=say)
        run_quietly([sys.executable, "-m", "venv", "--clear", str(environment.folder)])
    if environment.is_current():
        say(f"virtual environment: up to date (Python {environment.version()})")
        return
    say("virtual environment: installing memcap and its development tools (a minute or two)")
    run_quietly(
        [str(environment.python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet",
         "--editable", f"{environment.root}{REQUIREMENT[1:]}"],
        remedy="Check the network or pip's configuration (pip config list), and try again.",
    )  # fmt: skip
    environment.mark_current()
    say("virtual environment: installed")


def missing_modules() -> tuple[str, ...]:
    """Return which of the modules that make virtual environments this Python lacks."""
    return tuple(name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None)


def provide_venv(missing: tuple[str, ...], system: System, *, running: str, say: Callable[[str], None]) -> None:
    """Install Debian's package with the ``missing`` modules as root; raise SetupError with what to do elsewhere."""
    package = f"python{running}-venv"  # Debian and Ubuntu take it out of the standard library
    if not (system.is_debian_like and system.is_root):
        advice = (
            f"sudo apt-get install -y {package}"
            if system.is_debian_like
            else "Install your system's complete Python, or one from python.org, and run: make PYTHON=..."
        )
        raise SetupError(
            f"Python {running} lacks {' and '.join(missing)}, which make virtual environments.\n    {advice}"
        )
    say(f"virtual environment: installing {package} with apt-get")
    apt.install(package)
