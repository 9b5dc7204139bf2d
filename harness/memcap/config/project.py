"""``[project]`` of ``limits.toml``: the package of the project's own, as the images of ``images/`` get it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from memcap.config.requirements import check_requirements
from memcap.config.source import Source
from memcap.errors import Problem
from memcap.model import Package

if TYPE_CHECKING:
    from memcap.config.schema import ProjectTable

LOCK_FILE: Final = "memcap-requirements.txt"  # `memcap init` writes it


def read_package(root: Path, source: Source, table: ProjectTable) -> tuple[Package | None, list[Problem]]:
    """Return the package of the project at ``root``, None where there is none, and what is wrong with it."""
    problems = []
    for key, text in (("package", table.package), ("requirements", table.requirements)):
        if text is not None and (not text or PurePosixPath(text).is_absolute() or Path(text).is_absolute()):
            message = f'{text!r} is not a path from the project\'s folder; write one such as "." or "src"'
            problems.append(source.problem(("project", key), message))
    if table.requirements is not None and table.package is None:
        problems.append(source.problem(("project", "requirements"), "has no meaning without package"))
    if problems or table.package is None:
        return None, problems
    if not (root / table.package).is_dir():
        message = f"there is no folder {table.package!r}"
        problems.append(source.problem(("project", "package"), message))
    lock = table.requirements or (LOCK_FILE if (root / LOCK_FILE).is_file() else None)
    if lock is not None and not (root / lock).is_file():
        problems.append(source.problem(("project", "requirements"), f"there is no file {lock!r}"))
    elif lock is not None:
        problems += check_requirements(root, Path(lock))
    package = Package(
        directory=(root / table.package).resolve(), project=root, requirements=root / lock if lock else None
    )
    return package, problems
