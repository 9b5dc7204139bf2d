"""Check that the function a benchmark calls exists, without importing the suite."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from memcap.config.source import nearest

_LONGEST_CALL = 200  # its parts are names of files
_CALL = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclass(frozen=True, kw_only=True)
class ModuleNames:
    """The names at the top level of a module; ``is_open`` when there may be more (``import *``, ``__getattr__``)."""

    names: frozenset[str]
    is_open: bool


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """What is wrong with a call: ``file`` and ``line`` are set if the mistake is in the module, not in the call."""

    message: str
    suggestion: str = ""
    file: Path | None = None
    line: int | None = None


def is_call(text: str) -> bool:
    """Tell whether ``text`` reads ``module:function``; a module may be ``package.module``."""
    return len(text) <= _LONGEST_CALL and _CALL.fullmatch(text) is not None


def check_call(directory: Path, call: str) -> Complaint | None:
    """Check ``module:function`` against the files in ``directory``; None if all is well.

    Suites run in their image; importing them here would run foreign code and need their dependencies.
    """
    module, _, function = call.partition(":")
    file = _module_file(directory, module)
    if file is None:
        there = _module_names(directory)
        expected = module.replace(".", "/") + ".py"
        return Complaint(message=f"the suite has no {expected}", suggestion=nearest(module, there))
    try:
        found = top_level_names(file.read_bytes())
    except SyntaxError as error:
        return Complaint(message=f"this is not Python: {error.msg}", file=file, line=error.lineno)
    except (RecursionError, MemoryError):  # the parser has both for an expression that is nested too deeply
        return Complaint(message="is nested too deeply to be read", file=file)
    except (OSError, ValueError) as error:
        return Complaint(message=f"cannot be read: {error}", file=file)
    if found.is_open or function in found.names:
        return None
    return Complaint(
        message=f"{file.relative_to(directory).as_posix()} has no {function!r} at its top level",
        suggestion=nearest(function, found.names),
    )


@lru_cache(maxsize=256)  # a module has many benchmarks
def top_level_names(code: bytes) -> ModuleNames:
    """Return the names that importing ``code`` would bind, wherever at module level they are bound.

    Raises SyntaxError, also for what is syntax only in a newer Python than this one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is not our business
        tree = ast.parse(code)
    names = frozenset(name for node in _module_level(tree) for name in _bound_names(node))
    return ModuleNames(names=names, is_open="*" in names or "__getattr__" in names)


def _module_level(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs at module level: into `if`, `try`, `with` and loops, not into functions and classes."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _module_level(node)


def _bound_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    if isinstance(node, ast.Import):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    return []


def _module_file(directory: Path, module: str) -> Path | None:
    base = directory.joinpath(*module.split("."))
    candidates = (base.with_name(base.name + ".py"), base / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def _module_names(directory: Path) -> tuple[str, ...]:
    modules = [file.stem for file in directory.glob("*.py")]
    return tuple(modules + [file.parent.name for file in directory.glob("*/__init__.py")])
