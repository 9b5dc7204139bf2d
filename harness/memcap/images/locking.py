"""Write the lock file of a project's dependencies: one version of each for every Python that they are measured on."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from memcap.errors import BuildError
from memcap.images.package import required
from memcap.images.wheels import resolve_failure, run_pip
from memcap.model import ImageFacts, Package, PythonFacts
from memcap.strict import read_object

_LIBC: Final = "glibc 2.28"  # older than in any official image that is still built
_ARCHITECTURES: Final = {"AMD64": "x86_64", "arm64": "aarch64"}  # as Windows and macOS call them


def lock_dependencies(
    package: Package, requirements: Path | None, pythons: Sequence[str], *, say: Callable[[str], None]
) -> str:
    """Return the lines that pin what ``package`` and the file ``requirements`` need on each of ``pythons`` ("3.12").

    Where it is possible, all Pythons get the versions of the oldest, so that a comparison compares Pythons alone.
    Empty if nothing is needed. Raises BuildError when no wheel can be built or found.
    """
    wanted = ["--requirement", str(requirements)] if requirements is not None else []
    wanted += required(package, say=say)
    resolved: dict[str, dict[str, str]] = {}
    for python in sorted(pythons, key=lambda text: tuple(map(int, text.split(".")))) if wanted else ():
        oldest = next(iter(resolved.values()), {})
        try:
            resolved[python] = _resolve(wanted, python, package.path.name, prefer=oldest)
        except BuildError:
            if not oldest:
                raise
            resolved[python] = _resolve(wanted, python, package.path.name)
    return lock_lines(resolved)


def lock_lines(resolved: Mapping[str, Mapping[str, str]]) -> str:
    """Return a line for each version of each name in ``resolved`` (Python to name to version)."""
    lines = []
    for name in sorted({name for versions in resolved.values() for name in versions}):
        pythons: dict[str, list[str]] = {}
        for python, versions in resolved.items():
            if name in versions:
                pythons.setdefault(versions[name], []).append(python)
        for version, own in sorted(pythons.items()):
            marker = " or ".join(f'python_version == "{python}"' for python in own)
            lines.append(f"{name}=={version}" if len(own) == len(resolved) else f"{name}=={version} ; {marker}")
    return "".join(f"{line}\n" for line in lines)


def _resolve(
    wanted: Sequence[str], python: str, subject: str, *, prefer: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the version of each package that pip would install, without those that it was given as files."""
    image, facts = _usual(python)
    with tempfile.TemporaryDirectory(prefix="memcap-lock-") as temporary:
        report, constraints = Path(temporary) / "report.json", Path(temporary) / "constraints.txt"
        constraints.write_text(lock_lines({python: prefer or {}}), encoding="utf-8")
        options = ["--dry-run", "--ignore-installed", "--target", temporary, "--report", str(report)]
        done = run_pip(["install", *options, "--constraint", str(constraints), *wanted], image, facts)
        if done.returncode != 0:
            raise resolve_failure(f"the dependencies of {subject}", done.stderr, image, facts)
        entries = read_object(report.name, report.read_text(encoding="utf-8"))["install"]
    return {
        str(entry["metadata"]["name"]).lower(): str(entry["metadata"]["version"])
        for entry in entries
        if not entry.get("is_direct")
    }


def _usual(python: str) -> tuple[ImageFacts, PythonFacts]:
    """Return what is known of the official image of ``python`` before it is there."""
    facts = PythonFacts(executable="python", implementation="CPython", version=f"{python}.0", build="", libc=_LIBC)
    image = ImageFacts(
        name=f"py{python.replace('.', '')}",
        reference=f"python:{python}-slim",
        id="",
        digest=None,
        origin="",
        architecture=_ARCHITECTURES.get(platform.machine(), platform.machine()),
        python=facts,
    )
    return image, facts
