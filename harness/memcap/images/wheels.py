"""Resolve locked requirements to wheels for an image's Python, and unpack them into a folder of the host.

This happens outside the container, so that building a layer needs no network there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from memcap.errors import BuildError
from memcap.images.kept import kept_folder
from memcap.model import ImageFacts, PythonFacts

# The oldest C libraries that wheels still name (PEP 600: manylinux1 is glibc 2.5; PEP 656: musllinux starts at 1.1).
_OLDEST_GLIBC = 5
_OLDEST_MUSL = 1
UNREACHABLE = re.compile(r"NewConnectionError|ConnectTimeout|ReadTimeout|Max retries exceeded|name resolution|Proxy")
_NO_WHEEL = re.compile(r"No matching distribution found for (.+)")
_SHOWN_LINES = 15
_KIND = "wheels"
QUIET_PIP = ("--no-input", "--quiet", "--disable-pip-version-check", "--retries", "2")


@dataclass(frozen=True, kw_only=True)
class Constrained:
    """Some ``requirements``, and the versions that ``file`` pins for them and for others (``constraints``)."""

    file: Path
    requirements: tuple[str, ...]
    constraints: tuple[str, ...]


Lock = Path | Constrained  # a file whose lines are requirements, or requirements that another file pins


def dependencies_key(locks: Sequence[Lock], image: ImageFacts, python: PythonFacts) -> str:
    """Return a hash of all that decides which wheels are taken: requirements, Python, C library, machine."""
    return _key("\0".join(map(_text, locks)), image, python)


def resolve_dependencies(locks: Sequence[Lock], image: ImageFacts, python: PythonFacts, *, alone: bool = False) -> Path:
    """Return a folder with the unpacked wheels of ``locks`` for the image, from the user's cache if known.

    ``alone``: nothing is installed but what the file names, whatever that asks for.
    That every line is pinned, and none refers to another file, has been checked with the configuration.
    Raises BuildError when no wheel fits, or the package index does not answer.
    """
    subject = " and ".join(str(lock.file if isinstance(lock, Constrained) else lock) for lock in locks)

    def install(target: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="memcap-lock-") as temporary:
            wanted = ["--no-deps"] if alone else []
            for place, lock in enumerate(locks):
                if isinstance(lock, Constrained):
                    constraints = Path(temporary) / f"{place}.txt"
                    constraints.write_text("\n".join(lock.constraints), encoding="utf-8")
                    wanted += ["--constraint", str(constraints), *lock.requirements]
                else:
                    wanted += ["--requirement", str(lock)]
            _install(wanted, target, image, python, subject=subject)

    return kept_folder(_KIND, dependencies_key(locks, image, python), install)


def unpack_wheel(wheel: Path, image: ImageFacts, python: PythonFacts) -> Path:
    """Return a folder with the contents of ``wheel`` as the image's Python would have them installed, without others.

    Raises BuildError when the wheel is not for that Python.
    """

    def install(target: Path) -> None:
        _install(["--no-deps", str(wheel)], target, image, python, subject=wheel.name)

    return kept_folder(_KIND, _key(hashlib.sha256(wheel.read_bytes()).hexdigest(), image, python), install)


def _key(subject: str, image: ImageFacts, python: PythonFacts) -> str:
    facts = (subject, python.implementation, python.version, abi_tag(python), python.libc, image.architecture)
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


def platform_tags(libc: str, architecture: str) -> tuple[str, ...]:
    """Return the platform tags of wheels that run with ``libc`` (``glibc 2.36``, ``musl 1.2.4``), best first.

    Raises BuildError for a C library without wheels.
    """
    name, _, version = libc.partition(" ")
    numbers = [int(number) for number in re.findall(r"\d+", version)[:2]]
    if len(numbers) == 2 and numbers[0] == 2 and name == "glibc":
        named = [f"manylinux_2_{minor}_{architecture}" for minor in range(numbers[1], _OLDEST_GLIBC - 1, -1)]
        old = [f"manylinux2014_{architecture}"] if numbers[1] >= 17 else []
        return (*named, *old, f"linux_{architecture}")
    if len(numbers) == 2 and numbers[0] == 1 and name == "musl":
        named = [f"musllinux_1_{minor}_{architecture}" for minor in range(numbers[1], _OLDEST_MUSL - 1, -1)]
        return (*named, f"linux_{architecture}")
    raise BuildError(
        f"the image's C library is unknown ({libc or 'it does not name itself'}), so no wheel can be chosen for it",
        remedy="Install the suite's dependencies in the image's Dockerfile, and remove its requirements.txt.",
    )


def _install(wanted: Sequence[str], target: Path, image: ImageFacts, python: PythonFacts, *, subject: str) -> None:
    done = run_pip(["install", "--target", str(target), "--no-compile", "--no-warn-conflicts", *wanted], image, python)
    if done.returncode != 0:
        raise resolve_failure(subject, done.stderr, image, python)
    shutil.rmtree(target / "bin", ignore_errors=True)  # scripts that name this machine's interpreter


def run_pip(arguments: Sequence[str], image: ImageFacts, python: PythonFacts) -> subprocess.CompletedProcess[str]:
    """Run a command of pip that installs or resolves wheels, as if it ran in the image."""
    major, minor = python.version.split(".")[:2]
    platforms = [word for tag in platform_tags(python.libc, image.architecture) for word in ("--platform", tag)]
    command = [
        sys.executable, "-m", "memcap.images.pip_for_image", python.version, python.implementation, image.architecture,
        *arguments, *QUIET_PIP, "--only-binary=:all:",
        "--python-version", f"{major}.{minor}", "--implementation", "cp", "--abi", abi_tag(python), *platforms,
    ]  # fmt: skip
    # pip refuses --target together with --user, which a user's configuration may ask for.
    environ = {**os.environ, "PIP_USER": "0"}
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environ)


def resolve_failure(subject: str, stderr: str, image: ImageFacts, python: PythonFacts) -> BuildError:
    """Return what pip's errors mean."""
    wanted = f"{python.implementation} {python.version} on {python.libc} {image.architecture} (image {image.name})"
    if UNREACHABLE.search(stderr):
        return BuildError(
            f"the package index did not answer while resolving {subject} for {wanted}",
            remedy="Check the network, or point pip at a reachable index (PIP_INDEX_URL, PIP_FIND_LINKS).",
        )
    missing = _NO_WHEEL.search(stderr)
    if missing:
        return BuildError(
            f"no wheel of {missing[1].strip()} for {wanted}; asked for by {subject}",
            remedy="Pin a version that has one, offer a wheel (PIP_FIND_LINKS), or leave the image out of this suite.",
        )
    return BuildError(
        f"could not resolve {subject} for {wanted}:\n{last_lines(stderr)}",
        remedy="Fix what it asks for; see pip's output above.",
    )


def last_lines(output: str) -> str:
    """Return the end of a program's output as a message shows it."""
    return "\n".join(f"  | {line}" for line in output.strip().splitlines()[-_SHOWN_LINES:])


def _text(lock: Lock) -> str:
    if isinstance(lock, Constrained):
        return "\n".join((*lock.requirements, "", *lock.constraints))
    try:
        return lock.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"could not read {lock}: {error}", remedy="Mend or remove the file.") from error


def abi_tag(python: PythonFacts) -> str:
    """Return the tag of the ABI that compiled wheels for ``python`` have. Raises BuildError where it is unknown."""
    major, minor = python.version.split(".")[:2]
    if python.implementation != "CPython":
        raise BuildError(
            f"wheels for {python.implementation} cannot be chosen from outside",
            remedy="Install the suite's dependencies in the image's Dockerfile, and remove its requirements.txt.",
        )
    return f"cp{major}{minor}" + ("t" if "free-threading" in python.build else "")
