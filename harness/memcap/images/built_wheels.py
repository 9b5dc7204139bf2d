"""Wheels of the project that were built already, as CI has them: which one an image gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import BuildTag, InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from memcap.errors import BuildError
from memcap.images.wheels import abi_tag, platform_tags
from memcap.model import ImageFacts, PythonFacts


@dataclass(frozen=True, kw_only=True)
class _Wheel:
    path: Path
    project: str
    version: Version
    build: BuildTag
    tags: frozenset[Tag]


def wheels_in(path: Path) -> tuple[Path, ...]:
    """Return the wheel that ``path`` is, or those of a folder without other code; empty if it is a folder of code."""
    if path.is_file():
        return (path,)
    wheels = tuple(sorted(path.glob("*.whl")))
    return wheels if wheels and next(path.rglob("*.py"), None) is None else ()


def newest_wheels(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return those of ``paths`` that have the newest version. Raises BuildError if they are not of one project."""
    return tuple(wheel.path for wheel in _newest(paths))


def choose_wheel(paths: Sequence[Path], image: ImageFacts, python: PythonFacts) -> Path:
    """Return the one of ``paths`` that fits the image best, of the newest version.

    Raises BuildError if none of that version fits, or if they are not of one project.
    """
    wheels = _newest(paths)
    places = {tag: place for place, tag in enumerate(_tags(image, python))}
    fitting = [wheel for wheel in wheels if not wheel.tags.isdisjoint(places)]
    if fitting:
        return max(fitting, key=lambda wheel: (-min(places[t] for t in wheel.tags & places.keys()), wheel.build)).path
    needed = next(iter(places))
    family = "musllinux" if "musl" in needed.platform else "manylinux"
    there = "".join(f"\n  {path.name}" for path in paths)
    raise BuildError(
        f"no wheel of {wheels[0].project} {wheels[0].version} is for {python.implementation} {python.version} on "
        f"{python.libc} {image.architecture} (image {image.name}), which takes {needed}. {paths[0].parent} has{there}",
        remedy=f"Build one: `cibuildwheel --only {needed.abi}-{family}_{image.architecture} --output-dir FOLDER`, or "
        "`pip wheel --no-deps --wheel-dir FOLDER .` with such a Python on such a system.",
    )


def _newest(paths: Sequence[Path]) -> list[_Wheel]:
    wheels = [_parsed(path) for path in paths]
    projects = sorted({wheel.project for wheel in wheels})
    if len(projects) > 1:
        raise BuildError(
            f"{paths[0].parent} has wheels of {' and '.join(projects)}",
            remedy="Name the wheel itself in `[project] package`, or leave the wheels of one project in the folder "
            "(`pip wheel --no-deps` writes no others).",
        )
    newest = max(wheel.version for wheel in wheels)
    return [wheel for wheel in wheels if wheel.version == newest]


def _parsed(path: Path) -> _Wheel:
    try:
        project, version, build, tags = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise BuildError(
            f"{path} does not have the name of a wheel: {error}",
            remedy="Give it the name that it was built with, such as shop-1.0-cp312-cp312-manylinux_2_28_x86_64.whl.",
        ) from error
    return _Wheel(path=path, project=project, version=version, build=build, tags=tags)


def _tags(image: ImageFacts, python: PythonFacts) -> list[Tag]:
    """Return the tags of wheels that the image's Python can use, best first."""
    major, minor = map(int, python.version.split(".")[:2])
    platforms = platform_tags(python.libc, image.architecture)
    return [
        *cpython_tags((major, minor), abis=[abi_tag(python)], platforms=platforms),
        *compatible_tags((major, minor), interpreter=f"cp{major}{minor}", platforms=platforms),
    ]
