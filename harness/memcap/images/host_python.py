"""Find CPython interpreters of this machine that can be laid into a base image."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from memcap.errors import FileFormatError
from memcap.strict import read_object

# A tag of the official image: a version, then perhaps a pre-release, then perhaps the distribution it stands on.
_TAG = re.compile(
    r"(\d+)\.(\d+)(?:\.(\d+))?(?:(?:a|b|rc)\d*|-rc|-dev)?(?:-slim)?(?:-(?:trixie|bookworm|bullseye|buster))?"
)
_QUESTION = """
import json, os, platform, sys, sysconfig
print(json.dumps({
    "executable": os.path.realpath(sys.executable),
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "stdlib": sysconfig.get_path("stdlib"),
    "special": hasattr(sys, "gettotalrefcount") or bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"""


@dataclass(frozen=True, kw_only=True)
class WantedPython:
    """The version that a base image's tag names; ``micro`` is None if any will do."""

    major: int
    minor: int
    micro: int | None

    @property
    def short(self) -> str:
        """Return the version as in ``python3.12``."""
        return f"{self.major}.{self.minor}"

    def __str__(self) -> str:
        return self.short if self.micro is None else f"{self.short}.{self.micro}"


@dataclass(frozen=True, kw_only=True)
class HostPython:
    """An interpreter of this machine; ``kind`` says in a word who installed it."""

    executable: Path
    version: str
    stdlib: Path
    kind: str

    @property
    def origin(self) -> str:
        """Say where an image made of it comes from, without a path of this machine."""
        return f"host interpreter CPython {self.version} ({self.kind})"


def wanted_python(reference: str) -> WantedPython | None:
    """Return the version that ``reference`` names, if it is an official Python image of glibc Linux.

    Other images (other names, Alpine, Windows, no version) give None: no interpreter of this machine is like them.
    """
    name, _, tag = reference.partition("@")[0].rpartition(":")
    match = _TAG.fullmatch(tag)
    if match is None or name.rpartition("/")[2] != "python":
        return None
    major, minor, micro = match.groups()
    return WantedPython(major=int(major), minor=int(minor), micro=None if micro is None else int(micro))


def find_host_python(wanted: WantedPython, *, environ: Mapping[str, str], home: Path) -> HostPython | None:
    """Return the newest matching CPython of pyenv, uv or the system (in this order if equal), or None."""
    found = [
        python
        for kind, executable in _candidates(wanted, environ=environ, home=home)
        if (python := _ask(executable, kind)) is not None and _fits(python, wanted)
    ]
    return max(found, key=lambda python: _numbers(python.version), default=None)


def _candidates(wanted: WantedPython, *, environ: Mapping[str, str], home: Path) -> Iterator[tuple[str, Path]]:
    program, seen = f"python{wanted.short}", set()
    pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv")
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    places = (
        ("pyenv", sorted((pyenv / "versions").glob(f"{wanted.short}*/bin/{program}"))),
        ("uv", sorted(uv.glob(f"cpython-{wanted.short}*/bin/{program}"))),
        ("system", [Path("/usr/local/bin", program), Path("/usr/bin", program)]),
    )
    for kind, paths in places:
        for path in paths:
            real = path.resolve()
            if os.access(real, os.X_OK) and real not in seen:
                seen.add(real)
                yield kind, real


def _ask(executable: Path, kind: str) -> HostPython | None:
    try:
        answer = subprocess.run(
            [executable, "-I", "-S", "-c", _QUESTION], capture_output=True, text=True, timeout=30, check=True
        ).stdout
        facts = read_object(str(executable), answer)
        if facts["implementation"] != "CPython" or facts["special"]:
            return None  # debug and free-threaded builds need other memory than the image that was asked for
        return HostPython(
            executable=Path(facts["executable"]), version=str(facts["version"]), stdlib=Path(facts["stdlib"]), kind=kind
        )
    except (OSError, ValueError, KeyError, TypeError, FileFormatError, subprocess.SubprocessError):
        return None  # a broken installation is no candidate


def _fits(python: HostPython, wanted: WantedPython) -> bool:
    numbers = _numbers(python.version)
    return numbers[:2] == (wanted.major, wanted.minor) and (wanted.micro is None or numbers[2] == wanted.micro)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
