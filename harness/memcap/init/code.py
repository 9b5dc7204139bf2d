"""Find in Python files what a repository is started by: web applications, and modules that are programs."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOST_FILES: Final = 2000
_MOST_BYTES: Final = 256 * 1024
_DEEPEST: Final = 5
_NOT_LOOKED_INTO: Final = frozenset({
    "__pycache__", "benchmarks", "build", "dist", "docs", "doc", "examples", "images", "migrations", "node_modules",
    "results", "scripts", "suites", "test", "tests", "venv",
})  # fmt: skip
_NO_PROGRAMS: Final = frozenset({"setup", "conftest", "noxfile", "tasks", "manage", "gunicorn_conf"})
# What makes an application, and the package that it is imported from.
_MAKERS: Final = {
    "FastAPI": "fastapi",
    "Starlette": "starlette",
    "Litestar": "litestar",
    "Flask": "flask",
    "Quart": "quart",
    "get_asgi_application": "django",
    "get_wsgi_application": "django",
    "Celery": "celery",
}
_USUAL_NAMES: Final = ("main", "app", "application", "asgi", "wsgi", "server", "api")


@dataclass(frozen=True, kw_only=True)
class Module:
    """A module by the name that it is imported by, from the folder ``base`` (relative to the repository)."""

    name: str
    base: str


@dataclass(frozen=True, kw_only=True)
class Application:
    """A module in which ``framework`` (as people call it) is given its application."""

    module: Module
    framework: str


@dataclass(frozen=True, kw_only=True)
class PythonCode:
    """The Python of a repository: ``packages`` and ``programs`` are at the top, or under src."""

    applications: tuple[Application, ...] = ()
    packages: tuple[Module, ...] = ()
    programs: tuple[Module, ...] = ()


def read_code(root: Path) -> PythonCode:
    """Return what the Python files of ``root`` are; those that cannot be read are nothing."""
    applications: list[tuple[tuple[bool, bool, int, int, str], Application]] = []
    packages: dict[str, Module] = {}
    programs: list[Module] = []
    for path in _python_files(root):
        module = _module(root, path)
        if module is None:
            continue
        depth = module.name.count(".")
        if path.name == "__init__.py" and depth == 0:
            packages.setdefault(module.name, module)
        tree = _parse(path)
        if tree is None:
            continue
        maker, at_top = _maker(tree)
        if maker:
            usual = _USUAL_NAMES.index(path.stem) if path.stem in _USUAL_NAMES else len(_USUAL_NAMES)
            framework = "Django" if _MAKERS[maker] == "django" else maker
            rank = (maker == "Celery", not at_top, depth, usual, module.name)
            applications.append((rank, Application(module=module, framework=framework)))
        if depth == 0 and module.base in ("", "src") and path.stem not in _NO_PROGRAMS and _has_guard(tree):
            programs.append(module)
    return PythonCode(
        applications=tuple(application for _, application in sorted(applications, key=lambda pair: pair[0])),
        packages=tuple(packages[name] for name in sorted(packages)),
        programs=tuple(programs),
    )


def module_file(root: Path, name: str, bases: Sequence[str]) -> Path | None:
    """Return the file of the module ``name`` in the first of ``bases`` that has it."""
    for base in bases:
        path = root / base / name.replace(".", "/")
        for file in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


def _python_files(root: Path) -> Iterator[Path]:
    count = 0
    for folder, subfolders, files in os.walk(root):
        here = Path(folder)
        depth = len(here.relative_to(root).parts)
        subfolders[:] = sorted(name for name in subfolders if depth < _DEEPEST and _is_looked_into(here / name))
        for name in sorted(files):
            if name.endswith(".py") and not name.startswith("test_") and count < _MOST_FILES:
                count += 1
                yield here / name


def _is_looked_into(folder: Path) -> bool:
    name = folder.name
    return not (
        name.startswith(".") or name in _NOT_LOOKED_INTO or folder.is_symlink() or (folder / "pyvenv.cfg").is_file()
    )


def _module(root: Path, path: Path) -> Module | None:
    """Return the module in ``path``; None where it has no name that can be imported.

    A folder with ``__init__.py`` is a package, and what it is in is the base. So is ``src``. A folder without is a
    package, too, where the file is near the top: `uvicorn app.main:app` is started in the folder above `app`.
    """
    base = path.parent
    while (base / "__init__.py").is_file() and base != root:
        base = base.parent
    if base != root and base == path.parent and base.name != "src":
        base = root / "src" if (root / "src") in base.parents else root
    parts = path.relative_to(base).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    if not parts or not all(part.isidentifier() for part in parts):
        return None
    inside = base.relative_to(root).as_posix()
    return Module(name=".".join(parts), base="" if inside == "." else inside)


def _parse(path: Path) -> ast.Module | None:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:  # a pipe would wait for its writer
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape is not our business
            return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _maker(tree: ast.Module) -> tuple[str, bool]:
    """Return the name of what makes an application in the module, and whether importing the module makes it."""
    imported = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if alias.name in _MAKERS and node.module.partition(".")[0] == _MAKERS[alias.name]
    }
    modules = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }

    def made(node: ast.AST) -> str:
        if not isinstance(node, ast.Call):
            return ""
        if isinstance(node.func, ast.Name):
            return imported.get(node.func.id, "")
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            name = node.func.attr
            return name if name in _MAKERS and modules.get(node.func.value.id) == _MAKERS[name] else ""
        return ""

    at_top = [made(node.value) for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value]
    anywhere = [made(node) for node in ast.walk(tree)]
    for found, is_at_top in ((at_top, True), (anywhere, False)):
        for maker in _MAKERS:
            if maker in found:
                return maker, is_at_top
    return "", False


def _has_guard(tree: ast.Module) -> bool:
    """Tell whether the module is a program that importing does not start: `if __name__ == "__main__":`."""
    return any(
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and any(isinstance(name, ast.Name) and name.id == "__name__" for name in ast.walk(node.test))
        for node in tree.body
    )
