"""The images of a project: folders under ``images/``, and ``[images.NAME]`` of ``limits.toml``."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from memcap.config.source import Source, shown
from memcap.errors import Problem
from memcap.model import ImageSource
from memcap.model.names import LONGEST_REFERENCE, image_name

FOLDER = "images"
DOCKERFILE = "Dockerfile"
_SOURCES = ("reference", "dockerfile")


def image_of_folder(root: Path, name: str) -> ImageSource:
    """Return the image of the folder ``images/name``."""
    return ImageSource(name=name, directory=root / FOLDER / name)


def read_images(root: Path, source: Source, folders: Collection[str]) -> tuple[dict[str, ImageSource], list[Problem]]:
    """Return the images that ``limits.toml`` names, and what is wrong with them; ``folders`` are the others' names.

    What is of another type than it should be is left out, as the schema says so. A Dockerfile that is missing is no
    problem of the file: it hinders those who use the image, when they do.
    """
    found: dict[str, ImageSource] = {}
    problems: list[Problem] = []
    for name in source.table(FOLDER):
        of_one = _problems(root, source, name, folders)
        problems += of_one
        if not of_one:
            found |= _image(root, source, name)
    return found, problems


def _problems(root: Path, source: Source, name: str, folders: Collection[str]) -> list[Problem]:
    path, table = (FOLDER, name), source.table(FOLDER, name)
    problems = []
    if name in folders:
        problems.append(source.problem(path, f"there is a folder {FOLDER}/{name}, too; remove or rename one of them"))
    if len([key for key in _SOURCES if key in table]) != 1:
        message = 'needs either reference = "shop/prod:1.0" or dockerfile = "Dockerfile"'
        problems.append(source.problem(path, message))
    if "context" in table and "dockerfile" not in table:
        problems.append(source.problem((*path, "context"), "goes with dockerfile only"))
    reference = table.get("reference")
    if isinstance(reference, str) and not (image_name(reference) and len(reference) <= LONGEST_REFERENCE):
        message = f"{shown(reference)} is not a reference to an image; write it like shop/prod:1.0"
        problems.append(source.problem((*path, "reference"), message))
    return problems + _file_problems(root, source, name)


def _file_problems(root: Path, source: Source, name: str) -> list[Problem]:
    path, table = (FOLDER, name), source.table(FOLDER, name)
    dockerfile, context = table.get("dockerfile"), table.get("context")
    if not isinstance(dockerfile, str):
        return []
    if long := source.long_names(path, ("dockerfile", "context")):
        return long
    if (root / dockerfile).is_dir():
        return [source.problem((*path, "dockerfile"), f"{shown(dockerfile)} is a folder; name the Dockerfile in it")]
    if not isinstance(context, str):
        return []
    folder = (root / context).resolve()
    if not folder.is_dir():
        return [source.problem((*path, "context"), f"there is no folder {shown(context)} in the project")]
    if not (root / dockerfile).resolve().is_relative_to(folder):
        return [source.problem((*path, "context"), f"{shown(dockerfile)} is not in this folder")]
    return []


def _image(root: Path, source: Source, name: str) -> dict[str, ImageSource]:
    table = source.table(FOLDER, name)
    reference, dockerfile, context = (table.get(key) for key in (*_SOURCES, "context"))
    if isinstance(reference, str):
        return {name: ImageSource(name=name, reference=reference)}
    if not isinstance(dockerfile, str) or not isinstance(context, str | None):
        return {}
    file = (root / dockerfile).resolve()
    folder = file.parent if context is None else (root / context).resolve()
    results = os.path.relpath(root.resolve() / "results", folder).replace(os.sep, "/")
    ignored = (".git", *(() if results.startswith("../") else (results,)))  # they change, and the image does not
    return {name: ImageSource(name=name, directory=folder, dockerfile=file, ignored=ignored)}
