"""Find a project and read all its configuration files; report everything that is wrong with them together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from memcap.config.docker_options import anchored
from memcap.config.image_sources import DOCKERFILE, FOLDER, image_of_folder, read_images
from memcap.config.project import read_package
from memcap.config.renamed import with_new_names
from memcap.config.source import Source, nearest, read_source, without_known
from memcap.errors import ConfigError, MemcapError, Problem
from memcap.model import Config, ImageSource
from memcap.model.names import name_complaint

LIMITS_FILE = "limits.toml"


class NoProject(ConfigError):  # noqa: N818 - reads as what happened
    """No folder here is a project."""

    def __init__(self) -> None:
        MemcapError.__init__(
            self,
            f"no {LIMITS_FILE} in this folder or above it",
            remedy="`memcap init` makes one; --project names another folder; `memcap measure IMAGE -- CMD` needs none.",
        )
        self.problems = ()


def find_root(start: Path) -> Path:
    """Return the nearest folder with a ``limits.toml``, from ``start`` upwards.

    Raises NoProject if there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / LIMITS_FILE).is_file():
            return folder
    raise NoProject


def find_image(root: Path, name: str) -> ImageSource | None:
    """Return the image ``name`` of the project at ``root``; None if it has none.

    Suites are not read, so that mistakes in them hinder nobody. Raises ConfigError for a mistake in this image, or in
    the package that it gets.
    """
    if name_complaint(name):
        return None
    source, _ = read_source(root, Path(LIMITS_FILE))
    if (root / FOLDER / name / DOCKERFILE).is_file():
        package, problems = read_package(root, source) if source is not None else (None, [])
        if problems:
            raise ConfigError(tuple(problems))
        return replace(image_of_folder(root, name), package=package)
    images, problems = read_images(root, source, ()) if source is not None else ({}, [])
    mine = tuple(problem for problem in problems if problem.key.split(".")[1] == name)
    if mine:
        raise ConfigError(mine)
    return images.get(name)


def folder_in_repository(root: Path) -> str:
    """Return the folder ``root`` from the top of its git repository, with forward slashes.

    Empty for the top itself, and outside of a repository.
    """
    root = root.resolve()
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    return "" if top == root else root.relative_to(top).as_posix()


def folder_problems(root: Path) -> tuple[Problem, ...]:
    """Return what is wrong with the folders of suites/ and images/ in ``root``, which may be no project yet."""
    return tuple(
        problem
        for kind, needed in (("suites", "suite.toml"), (FOLDER, DOCKERFILE))
        for problem in _folders(root, kind, needed)[1]
    )


def load_config(root: Path, *, is_older: bool = False) -> Config:
    """Read the configuration of the project at ``root``; no code of a suite is imported.

    In an older revision of a project (``is_older``) old names of keys are accepted.
    Raises ConfigError with all problems of all files.
    """
    # pydantic is heavy, and `memcap --help` must not wait for it.
    from memcap.config.limits_file import read_limits  # noqa: PLC0415
    from memcap.config.suite_file import read_suite, to_suite  # noqa: PLC0415
    from memcap.config.values import Names  # noqa: PLC0415

    root = root.resolve()
    suite_files, problems = _folders(root, "suites", "suite.toml")
    image_files, image_problems = _folders(root, FOLDER, DOCKERFILE)
    problems += image_problems
    folders = {file.parent.name: image_of_folder(root, file.parent.name) for file in image_files}

    limits_source, limits_problems = _read(root, Path(LIMITS_FILE), is_older=is_older)
    problems += limits_problems
    names = Names(
        suites=frozenset(file.parent.name for file in suite_files),
        images=frozenset((*folders, *(() if limits_source is None else limits_source.table(FOLDER)))),
        caps=None if limits_source is None else frozenset(limits_source.table("caps")),
        services=None if limits_source is None else frozenset(limits_source.table("services")),
    )
    limits, named = None, dict[str, ImageSource]()
    if limits_source is not None:
        limits, further = read_limits(root, limits_source, names)
        problems += without_known(further, limits_problems)
        named, further = read_images(root, limits_source, folders)
        problems += without_known(further, limits_problems)

    suites = {}
    for file in suite_files:
        source, suite_problems = _read(root, file, is_older=is_older)
        problems += suite_problems
        if source is not None:
            suites[file.parent.name], further = read_suite(root, source, names)
            problems += without_known(further, suite_problems)
    if problems or limits is None:
        raise ConfigError(tuple(sorted(problems, key=lambda problem: (problem.file.as_posix(), problem.line or 0))))
    limits = replace(limits, policy=anchored(limits.policy, root))
    return Config(
        root=root,
        caps=limits.caps,
        profiles=limits.profiles,
        rules=limits.rules,
        suites={
            name: to_suite(root / "suites" / name, suite, limits) for name, suite in suites.items() if suite is not None
        },
        images={
            **{name: replace(image, package=limits.package) for name, image in folders.items()},
            **named,
        },
        policy=limits.policy,
        run_time_limit_seconds=limits.run_time_limit_seconds,
    )


def _read(root: Path, file: Path, *, is_older: bool) -> tuple[Source | None, list[Problem]]:
    source, problems = read_source(root, file)
    if source is not None and is_older:
        source = replace(source, data=with_new_names(source.data))
    return source, problems


def _folders(root: Path, kind: str, needed: str) -> tuple[list[Path], list[Problem]]:
    """Return ``kind/*/needed`` (relative to ``root``, by name), and the folders that are not what they should be.

    A folder without files of its own is not looked at: version control leaves such behind. Nor is one of pictures:
    under images/, a file must have nearly the name that is needed.
    """
    found, problems = [], []
    folders = sorted(path for path in (root / kind).glob("*") if path.is_dir() and not path.name.startswith("."))
    for folder in folders:
        file = folder / needed
        if file.is_file():
            found.append(file.relative_to(root))
            message = name_complaint(folder.name)
        else:
            names = tuple(path.name for path in folder.iterdir() if path.is_file())
            is_meant = bool(nearest(needed, names) if kind == "images" else names)
            message = f"this folder has no {needed}, as each folder of {kind}/ must" if is_meant else ""
        if message:
            problems.append(Problem(file=folder.relative_to(root), line=None, key="", message=message))
    return found, problems
