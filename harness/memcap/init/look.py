"""Look at a repository: what it is called, what is in it, and what of memcap is there already."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli

from memcap.config.calls import is_call
from memcap.config.load import LIMITS_FILE, folder_in_repository, folder_problems, load_config
from memcap.config.requirements import check_requirements
from memcap.errors import ConfigError
from memcap.images.package import is_installable
from memcap.init.code import PythonCode, module_file, read_code
from memcap.init.discovery import Addition, lines_for_setuptools
from memcap.init.dockerfile import has_python
from memcap.model import Config
from memcap.strict import MOST_CONFIG_BYTES, TextError, read_text

_COMMAND: Final = re.compile(r"[\w.-]+", re.ASCII)
_DOCKERFILE: Final = re.compile(r"(?:Dockerfile|Containerfile)(?:\.(?!dockerignore)[\w.-]+)?|[\w.-]+\.Dockerfile")
_PARSERS: Final = re.compile(r"^\s*(?:import|from)\s+(argparse|click|typer|cyclopts)\b", re.MULTILINE)
_LARGE: Final = re.compile(
    r"^\W*(torch|tensorflow|jax|transformers|pandas|scipy|scikit-learn|polars|pyarrow|pyspark|xgboost|lightgbm)\b",
    re.IGNORECASE | re.MULTILINE,
)
_NOT_OF_PRODUCTION: Final = re.compile(r"test|dev|debug|docs|lint|\bci\b")
_OF_RESULTS: Final = re.compile(r"baselines|profiles|repro|explained|\d{8}T\d{6}-.*|memcap.*|\..*")  # memcap's own
FOLDERS_OF_DOCKERFILES: Final = (".", "docker", "deploy", "build", "ops")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that installing the package gives, whose module takes its options with a well-known parser."""

    name: str
    module: str
    function: str


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What the files of packaging say; empty where they do not."""

    name: str = ""
    requires_python: str = ""
    commands: Mapping[str, str] | None = None
    dependencies: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Repository:
    """What there is in ``root``; paths are relative to it, with ``/``.

    ``top`` is the folder of its git repository, which is where CI looks for its files, and ``folder`` the way from
    there. ``project`` is what memcap finds, None where there is no limits.toml; ``for_setuptools`` what its files
    lack, so that setuptools takes no folder of memcap's for a package. ``shares_results``: results/ has files that are
    not memcap's, and that git keeps.
    """

    root: Path
    top: Path
    folder: str
    metadata: Metadata
    python_version: str
    code: PythonCode
    commands: tuple[Command, ...]
    installable: tuple[str, ...]
    dockerfiles: tuple[str, ...]
    locked: tuple[str, ...]
    unlocked: tuple[str, ...]
    has_large_dependencies: bool
    services: tuple[str, ...]
    gitignore: str
    shares_results: bool
    files: frozenset[str]
    for_setuptools: Addition | None
    project: Config | None


def look(root: Path) -> Repository:
    """Return what there is in the folder ``root``.

    Raises ConfigError if there is a limits.toml with mistakes, or a folder of suites/ that memcap would find wrong.
    """
    root = root.resolve()
    is_project = (root / LIMITS_FILE).is_file()
    if not is_project and (problems := folder_problems(root)):
        raise ConfigError(problems)
    folder = folder_in_repository(root)
    top = root.parents[folder.count("/")] if folder else root
    metadata, code, gitignore = _metadata(root), read_code(root), _any_text(root / ".gitignore")
    requirements = sorted(
        path.name
        for path in root.glob("requirements*.txt")
        if path.is_file() and not _NOT_OF_PRODUCTION.search(path.name)
    )
    locked = tuple(
        name for name in requirements if _text(root / name).strip() and not check_requirements(root, Path(name))
    )
    bases = tuple(dict.fromkeys((*(module.base for module in code.packages), "", "src")))
    texts = [*metadata.dependencies, *(_text(root / name) for name in requirements)]
    return Repository(
        root=root,
        top=top,
        folder=folder,
        metadata=metadata,
        python_version=_python_version(root),
        code=code,
        commands=_commands(root, metadata, bases),
        installable=tuple(base for base in ("", *bases) if is_installable(root / base)),
        dockerfiles=_dockerfiles(root),
        locked=locked,
        unlocked=tuple(name for name in requirements if name not in locked and _text(root / name).strip()),
        has_large_dependencies=any(_LARGE.search(text) for text in texts),
        services=tuple(
            service for service, sign in (("github", ".github"), ("gitlab", ".gitlab-ci.yml")) if (top / sign).exists()
        ),
        gitignore=gitignore,
        shares_results=_shares_results(root, gitignore),
        files=frozenset(path.name for path in root.iterdir()),
        for_setuptools=lines_for_setuptools(
            root,
            _tables(root / "pyproject.toml"),
            code,
            setup=(_text(root / "setup.py"), _text(root / "setup.cfg")),
        ),
        project=load_config(root) if is_project else None,
    )


def _shares_results(root: Path, gitignore: str) -> bool:
    folder = root / "results"
    if any(line.strip().strip("/*") == "results" for line in gitignore.splitlines()) or not folder.is_dir():
        return False
    return any(not _OF_RESULTS.fullmatch(path.name) for path in folder.iterdir())


def _text(path: Path) -> str:
    """Return the text of a file; empty where there is none that can be read."""
    try:
        return read_text(path, most_bytes=MOST_CONFIG_BYTES) if path.is_file() else ""
    except (TextError, OSError):
        return ""


def _any_text(path: Path) -> str:
    """Return the text of a file in whatever encoding: its last line must not be lost sight of."""
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return ""


def _tables(path: Path) -> Mapping[str, Any]:
    try:
        return tomli.loads(_text(path))
    except (ValueError, RecursionError):
        return {}


def _metadata(root: Path) -> Metadata:
    """Return what pyproject.toml says, or else setup.cfg."""
    tables = _tables(root / "pyproject.toml")
    project, poetry = _table(tables, "project"), _table(_table(tables, "tool"), "poetry")
    if project or poetry:
        of_poetry = _table(poetry, "dependencies")
        dependencies = project.get("dependencies")
        python = _string(project.get("requires-python")) or _as_specifier(_string(of_poetry.get("python")))
        return Metadata(
            name=_string(project.get("name") or poetry.get("name")),
            requires_python=python,
            commands=_strings(_table(project, "scripts") or _table(poetry, "scripts")),
            dependencies=tuple(map(str, dependencies if isinstance(dependencies, list) else of_poetry)),
        )
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(_text(root / "setup.cfg"))
    except configparser.Error:
        return Metadata()
    scripts = parser.get("options.entry_points", "console_scripts", fallback="")
    pairs = (line.partition("=") for line in scripts.splitlines() if "=" in line)
    return Metadata(
        name=parser.get("metadata", "name", fallback=""),
        requires_python=parser.get("options", "python_requires", fallback=""),
        commands={name.strip(): target.strip() for name, _, target in pairs},
        dependencies=tuple(parser.get("options", "install_requires", fallback="").split("\n")),
    )


def _as_specifier(of_poetry: str) -> str:
    """Return what Poetry's ^3.11, ~3.11 and 3.11.* mean, as others write it."""
    parts = [part.strip() for part in of_poetry.split(",")]
    forms = ((r"\^(.+)", r">=\1"), (r"~(\d+\.\d+)", r"==\1.*"), (r"~(\d.*)", r"~=\1"), (r"(\d.*)", r"==\1"))
    return ",".join(
        next((re.sub(form, into, part) for form, into in forms if re.fullmatch(form, part)), part) for part in parts
    )


def _table(tables: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = tables.get(key)
    return found if isinstance(found, dict) else {}


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _strings(table: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in table.items() if isinstance(value, str)}


def _commands(root: Path, metadata: Metadata, bases: tuple[str, ...]) -> tuple[Command, ...]:
    """Return the commands whose `--help` is sure to be one."""
    found = []
    for name, target in (metadata.commands or {}).items():
        module, _, function = target.partition(":")
        if not (_COMMAND.fullmatch(name) and is_call(target)):
            continue
        file = module_file(root, module, bases)
        if file is not None and _PARSERS.search(_text(file)):
            found.append(Command(name=name, module=module, function=function))
    return tuple(found)


def _python_version(root: Path) -> str:
    """Return the version that pyenv, uv and others use here, such as 3.12; empty where none is named."""
    match = re.match(r"\s*(?:python-|cpython-)?(3\.\d+)", _text(root / ".python-version"))
    return match[1] if match else ""


def _dockerfiles(root: Path) -> tuple[str, ...]:
    """Return the Dockerfiles that may have Python in them: that of production first."""
    found = []
    for folder in FOLDERS_OF_DOCKERFILES:
        for path in sorted((root / folder).glob("*")):
            if _DOCKERFILE.fullmatch(path.name) and has_python(_text(path)):
                found.append(path.relative_to(root).as_posix())
    return tuple(sorted(found, key=_production_first))


def _production_first(path: str) -> tuple[int, int, str]:
    name = path.rpartition("/")[2].lower()
    if _NOT_OF_PRODUCTION.search(name):
        kind = 2
    else:
        kind = 0 if "prod" in name or name in ("dockerfile", "containerfile") else 1
    return kind, path.count("/"), path
