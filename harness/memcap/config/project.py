"""``[project]`` of ``limits.toml``: the package of the project's own, as the images of ``images/`` get it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

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
    if not (path.is_file() if is_wheel else path.is_dir()):
        message = f"there is no {'wheel' if is_wheel else 'folder'} {shown(keys['package'])}"
        problems.append(source.problem(("project", "package"), message))
    lock = keys.get("requirements") or (LOCK_FILE if (root / LOCK_FILE).is_file() else None)
    if lock is not None and not (root / lock).is_file():
        problems.append(source.problem(("project", "requirements"), f"there is no file {shown(lock)}"))
    elif lock is not None:
        problems += check_requirements(root, Path(lock))
    return Package(path=path.resolve(), project=root, requirements=root / lock if lock else None), problems
