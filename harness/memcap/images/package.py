"""The project's own package, as an image gets it: unpacked from a wheel, or the files as they are.

A wheel is used if it was built already. Otherwise it is built of a copy, so that nothing is written into the project,
and kept in the user's cache by its contents.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Final

import tomli
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from memcap.errors import BuildError
from memcap.images.archive import Tree, add_folder_files, digest_of
from memcap.images.built_wheels import choose_wheel, newest_wheels, wheels_in
from memcap.images.kept import kept_folder
from memcap.images.pip_for_image import marker_environment
from memcap.images.wheels import QUIET_PIP, UNREACHABLE, Constrained, Lock, last_lines, unpack_wheel
from memcap.model import ImageFacts, Package, PythonFacts
from memcap.model.places import PACKAGE
from memcap.units import format_bytes

_MOST_BYTES: Final = 512 * 1024**2
_NOT_CODE: Final = frozenset({"__pycache__", "node_modules"})
_OF_BUILDS: Final = frozenset({"build", "dist"})
_OF_MEMCAP: Final = frozenset({"images", "results", "suites"})
# There is no repository in the copy, by which some backends number their wheels. The time is the first that zip knows.
_ENVIRON: Final = {
    "SETUPTOOLS_SCM_PRETEND_VERSION": "0.0.0",
    "PBR_VERSION": "0.0.0",
    "POETRY_DYNAMIC_VERSIONING_BYPASS": "0.0.0",
    "SOURCE_DATE_EPOCH": "315532800",
    "PIP_USER": "0",
}
_NO_BACKEND: Final = re.compile(r"No matching distribution found for (.+)|Could not find a version that satisfies (.+)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def add_package(
    tree: Tree, package: Package, image: ImageFacts, python: PythonFacts, *, say: Callable[[str], None]
) -> tuple[Requirement, ...]:
    """Add the files of ``package`` under PACKAGE, as the image's Python would have them installed.

    Return what its wheel needs there. Raises BuildError when no wheel can be built, and when none is for
    that Python.
    """
    if is_installable(package.path):
        wheel = build_wheel(package, say=say)
        _refuse_compiled(wheel, package)
    elif wheels := wheels_in(package.path):
        wheel = choose_wheel(wheels, image, python)
        say(f"{image.name} gets {wheel.name}")
    else:
        _check_size(package)
        add_folder_files(tree, package.path, PACKAGE, is_wanted=lambda path: _is_code(path, package))
        return ()
    metadata = _metadata(wheel)
    wanted = metadata.get("Requires-Python") or ""
    there = {**marker_environment(python.version, python.implementation, image.architecture), "extra": ""}
    try:
        is_for_it = SpecifierSet(wanted).contains(python.version, prereleases=True)
        needed = [Requirement(line) for line in metadata.get_all("Requires-Dist") or ()]
        needed_there = tuple(one for one in needed if one.marker is None or one.marker.evaluate(there))
    except ValueError as error:  # what pip does not read either
        raise BuildError(
            f"the metadata of {wheel.name} cannot be read: {error}", remedy="Fix what it needs."
        ) from error
    if not is_for_it:
        raise BuildError(
            f"{wheel.name} needs Python {wanted}, and image {image.name} has {python.version}",
            remedy="Choose other images, or widen `requires-python` of the package.",
        )
    add_folder_files(tree, unpack_wheel(wheel, image, python), PACKAGE)
    return needed_there


def is_installable(directory: Path) -> bool:
    """Tell whether pip can build a wheel of ``directory``; a pyproject.toml may be there for tools alone."""
    if (directory / "setup.py").is_file():
        return True
    path = directory / "pyproject.toml"
    try:
        tables = tomli.loads(path.read_text(encoding="utf-8") if path.is_file() else "")
    except (OSError, ValueError, RecursionError):
        return False
    return "project" in tables or "build-system" in tables


def build_wheel(package: Package, *, say: Callable[[str], None]) -> Path:
    """Return the wheel of ``package``, from the user's cache if its files are those of an earlier one.

    Raises BuildError.
    """
    _check_size(package)

    def build(target: Path) -> None:
        say(f"building a wheel of {package.path.name}")
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary) / "copy"
            shutil.copytree(package.path, copy, symlinks=True, ignore=_ignore(package))
            _run_build(package, copy, target)

    [wheel] = kept_folder("packages", _digest(package), build).glob("*.whl")
    return wheel


def lock_of(package: Package, needed: Sequence[Requirement]) -> Lock | None:
    """Return what pins ``needed``, which is what ``package`` needs in an image; None if nothing does."""
    if package.requirements is None or package.constraints is None:
        return package.requirements
    if not needed:
        return None
    # By name alone, where the wheel names an address: the lock file knows the version.
    requirements = (f"{one.name}[{','.join(sorted(one.extras))}]{one.specifier}".replace("[]", "") for one in needed)
    return Constrained(file=package.requirements, requirements=tuple(requirements), constraints=package.constraints)


def unlocked(needed: Sequence[Requirement], locks: Sequence[Lock]) -> tuple[str, ...]:
    """Return the names of those of ``needed`` that no line of ``locks`` pins."""
    pinned = {
        canonicalize_name(found.group())
        for lock in locks
        for line in _pins(lock)
        if (found := _NAME.match(line.strip()))
    }
    return tuple(one.name for one in needed if canonicalize_name(one.name) not in pinned)


def _pins(lock: Lock) -> Sequence[str]:
    return lock.constraints if isinstance(lock, Constrained) else lock.read_text(encoding="utf-8").splitlines()


def required(package: Package, *, say: Callable[[str], None]) -> tuple[str, ...]:
    """Return what ``package`` requires, with markers; empty if it is no wheel and none can be built of it.

    Raises BuildError.
    """
    if is_installable(package.path):
        wheel = build_wheel(package, say=say)
    elif wheels := wheels_in(package.path):
        wheel = newest_wheels(wheels)[0]
    else:
        return ()
    return tuple(_metadata(wheel).get_all("Requires-Dist") or ())


def _refuse_compiled(wheel: Path, package: Package) -> None:
    if not wheel.name.endswith("-none-any.whl"):
        raise BuildError(
            f"{wheel.name} has compiled parts, which are made for this machine and not for an image",
            remedy=f"Build a wheel of {package.path} for each Python into one folder (`cibuildwheel --output-dir "
            "wheelhouse`, or `pip wheel --no-deps --wheel-dir wheelhouse .` with each), and write "
            '`package = "wheelhouse"`. Or compile it in a Dockerfile of images/, and remove `[project] package`.',
        )


def _metadata(wheel: Path) -> Message:
    try:
        with zipfile.ZipFile(wheel) as archive:
            [name] = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return BytesParser().parsebytes(archive.read(name), headersonly=True)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise BuildError(f"{wheel} cannot be read as a wheel: {error}", remedy="Build it again.") from error


def _is_code(path: Path, package: Package) -> bool:
    return not path.name.startswith(".") and not _is_ignored(path, package)


def _is_ignored(path: Path, package: Package) -> bool:
    name = path.name
    if name in _NOT_CODE or name.endswith(".egg-info") or (path / "pyvenv.cfg").is_file():
        return True
    if path.parent == package.path and name in _OF_BUILDS:
        return True
    if path.parent == package.project and name in _OF_MEMCAP and not (path / "__init__.py").is_file():
        return True
    if path.parent == package.project / "results" and (name == "baselines" or path.suffix == ".json"):
        return True
    return name.startswith(".") and path.is_dir() and not path.is_symlink()


def _ignore(package: Package) -> Callable[[str, list[str]], list[str]]:
    return lambda folder, names: [name for name in names if _is_ignored(Path(folder) / name, package)]


def _files(package: Package) -> Iterator[Path]:
    for folder, subfolders, names in os.walk(package.path):
        here = Path(folder)
        subfolders[:] = sorted(name for name in subfolders if not _is_ignored(here / name, package))
        links = (name for name in subfolders if (here / name).is_symlink())
        yield from (here / name for name in (*links, *sorted(names)) if not _is_ignored(here / name, package))


def _check_size(package: Package) -> None:
    size = 0
    for path in _files(package):
        size += path.lstat().st_size
        if size > _MOST_BYTES:
            raise BuildError(
                f"{package.path} has more than {format_bytes(_MOST_BYTES)} of files",
                remedy="Name the folder with the code alone in `[project] package`, or move the data out of it.",
            )


def _digest(package: Package) -> str:
    """Return a hash of all that a wheel is built from."""
    files = digest_of(package.path, _files(package))
    return hashlib.sha256(f"{sys.version}\0{files}".encode()).hexdigest()


def _run_build(package: Package, copy: Path, target: Path) -> None:
    """Build the wheel of ``copy`` into ``target``: apart from what is installed here, unless no index offers that."""
    done = _pip_wheel(copy, target)
    if done.returncode != 0 and (UNREACHABLE.search(done.stderr) or _NO_BACKEND.search(done.stderr)):
        here = _pip_wheel(copy, target, "--no-build-isolation")
        if here.returncode != 0:
            raise BuildError(
                f"a wheel of {package.path} cannot be built: its build backend is neither on the package index "
                f"nor installed next to memcap:\n{last_lines(here.stderr)}",
                remedy="Make the index reachable (PIP_INDEX_URL, PIP_FIND_LINKS), or install `build-system.requires` "
                "of its pyproject.toml into memcap's environment.",
            )
        done = here
    if done.returncode != 0:
        raise BuildError(
            f"could not build a wheel of {package.path}:\n{last_lines(done.stderr)}",
            remedy=f"Fix it until `pip wheel --no-deps {package.path}` works.",
        )


def _pip_wheel(copy: Path, target: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", *QUIET_PIP, *options]
    command += ["--wheel-dir", str(target), str(copy)]
    environ = {**os.environ, **_ENVIRON}
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environ)
