"""``[project]`` of ``limits.toml``: the package of the project's own, as the images of ``images/`` get it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Final

from memcap.config.lock_files import LOCK_FILES, is_lock_file, read_lock_file
from memcap.config.requirements import check_requirements
from memcap.config.source import Source, shown
from memcap.errors import Problem
from memcap.model import Package

_KEYS: Final = ("package", "requirements")
LOCK_FILE: Final = "memcap-requirements.txt"  # `memcap init` writes it


def read_package(root: Path, source: Source) -> tuple[Package | None, list[Problem]]:
    """Return the package of the project at ``root``, None where there is none, and what is wrong with it.

    What is no string is left out, as the schema says so.
    """
    keys = {key: text for key, text in source.table("project").items() if key in _KEYS and isinstance(text, str)}
    problems = []
    for key, text in keys.items():
        if not text or PurePosixPath(text).is_absolute() or Path(text).is_absolute():
            message = f'{shown(text)} is not a path from the project\'s folder; write one such as "." or "src"'
            problems.append(source.problem(("project", key), message))
    if "requirements" in keys and "package" not in keys:
        problems.append(source.problem(("project", "requirements"), "has no meaning without package"))
    if problems or "package" not in keys:
        return None, problems
    path = root / keys["package"]
    is_wheel = path.suffix == ".whl"
    # Unlike Path, these do not raise for a name that is too long.
    if not (os.path.isfile(path) if is_wheel else os.path.isdir(path)):  # noqa: PTH112, PTH113
        message = f"there is no {'wheel' if is_wheel else 'folder'} {shown(keys['package'])}"
        problems.append(source.problem(("project", "package"), message))
    lock = Path(keys["requirements"]) if "requirements" in keys else _find_lock(root, Path(keys["package"]))
    constraints, lock_problems = None, list[Problem]()
    if lock is not None and not os.path.isfile(root / lock):  # noqa: PTH113
        lock_problems = [source.problem(("project", "requirements"), f"there is no file {shown(str(lock))}")]
    elif lock is not None and is_lock_file(lock):
        constraints, lock_problems = read_lock_file(root, lock)
    elif lock is not None:
        lock_problems = check_requirements(root, lock)
    requirements = root / lock if lock is not None else None
    package = Package(path=path.resolve(), project=root, requirements=requirements, constraints=constraints)
    return package, problems + lock_problems


def _find_lock(root: Path, package: Path) -> Path | None:
    """Return the lock file that no key names: memcap's own, or another tool's beside the package or in ``root``."""
    places = (Path(LOCK_FILE), *(folder / name for folder in (package, Path()) for name in LOCK_FILES))
    return next((place for place in places if os.path.isfile(root / place)), None)  # noqa: PTH113
