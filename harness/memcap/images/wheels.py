"""Resolve a suite's locked requirements to wheels for an image's Python, and unpack them into a folder of the host.

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
from pathlib import Path

from platformdirs import user_cache_path

from memcap.errors import BuildError
from memcap.model import ImageFacts, PythonFacts

# The oldest C libraries that wheels still name (PEP 600: manylinux1 is glibc 2.5; PEP 656: musllinux starts at 1.1).
_OLDEST_GLIBC = 5
_OLDEST_MUSL = 1
_UNREACHABLE = re.compile(r"NewConnectionError|ConnectTimeout|ReadTimeout|Max retries exceeded|name resolution|Proxy")
_NO_WHEEL = re.compile(r"No matching distribution found for (.+)")
_SHOWN_LINES = 15


def dependencies_key(requirements: Path, image: ImageFacts, python: PythonFacts) -> str:
    """Return a hash of all that decides which wheels are taken: requirements, Python, C library, machine."""
    facts = (_read(requirements), python.implementation, python.version, _abi(python), python.libc, image.architecture)
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


def resolve_dependencies(requirements: Path, image: ImageFacts, python: PythonFacts, *, alone: bool = False) -> Path:
    """Return a folder with the unpacked wheels of ``requirements`` for the image, from the user's cache if known.

    ``alone``: nothing is installed but what the file names, whatever that asks for.
    That every line is pinned, and none refers to another file, has been checked with the configuration.
    Raises BuildError when no wheel fits, or the package index does not answer.
    """
    cached = user_cache_path("memcap") / "wheels" / dependencies_key(requirements, image, python)[:32]
    if cached.is_dir():
        return cached
    cached.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cached.parent, prefix="new-") as temporary:
        unpacked = Path(temporary) / "wheels"
        _install(requirements, unpacked, image, python, *(["--no-deps"] if alone else []))
        unpacked.mkdir(exist_ok=True)  # no requirement may apply to this Python
        shutil.rmtree(unpacked / "bin", ignore_errors=True)  # scripts that name this machine's interpreter
        try:
            unpacked.rename(cached)
        except OSError:
            if not cached.is_dir():  # else another process was quicker
                raise
    return cached


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


def _install(requirements: Path, target: Path, image: ImageFacts, python: PythonFacts, *options: str) -> None:
    major, minor = python.version.split(".")[:2]
    platforms = [word for tag in platform_tags(python.libc, image.architecture) for word in ("--platform", tag)]
    command = [
        sys.executable, "-m", "memcap.images.pip_for_image", python.version, python.implementation, image.architecture,
        "install", "--target", str(target), "--only-binary=:all:", "--no-compile", "--no-input", "--quiet",
        "--disable-pip-version-check", "--no-warn-conflicts", "--retries", "2",
        "--python-version", f"{major}.{minor}", "--implementation", "cp", "--abi", _abi(python),
        *platforms, *options, "--requirement", str(requirements),
    ]  # fmt: skip
    # pip refuses --target together with --user, which a user's configuration may ask for.
    environ = {**os.environ, "PIP_USER": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environ)
    if done.returncode != 0:
        raise _failure(requirements, done.stderr, image, python)


def _failure(requirements: Path, stderr: str, image: ImageFacts, python: PythonFacts) -> BuildError:
    wanted = f"{python.implementation} {python.version} on {python.libc} {image.architecture} (image {image.name})"
    if _UNREACHABLE.search(stderr):
        return BuildError(
            f"the package index did not answer while resolving {requirements} for {wanted}",
            remedy="Check the network, or point pip at a reachable index (PIP_INDEX_URL, PIP_FIND_LINKS).",
        )
    missing = _NO_WHEEL.search(stderr)
    if missing:
        return BuildError(
            f"no wheel of {missing[1].strip()} for {wanted}; asked for by {requirements}",
            remedy="Pin a version that has one, offer a wheel (PIP_FIND_LINKS), or leave the image out of this suite.",
        )
    shown = "\n".join(f"  | {line}" for line in stderr.strip().splitlines()[-_SHOWN_LINES:])
    return BuildError(
        f"could not resolve {requirements} for {wanted}:\n{shown}", remedy="Mend requirements.txt; read pip's words."
    )


def _read(requirements: Path) -> str:
    try:
        return requirements.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"could not read {requirements}: {error}", remedy="Mend or remove the file.") from error


def _abi(python: PythonFacts) -> str:
    major, minor = python.version.split(".")[:2]
    if python.implementation != "CPython":
        raise BuildError(
            f"wheels for {python.implementation} cannot be chosen from outside",
            remedy="Install the suite's dependencies in the image's Dockerfile, and remove its requirements.txt.",
        )
    return f"cp{major}{minor}" + ("t" if "free-threading" in python.build else "")
