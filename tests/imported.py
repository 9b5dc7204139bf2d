"""What the modules of memcap import, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "harness" / "memcap"


@dataclass(frozen=True, kw_only=True)
class Import:
    """One import statement's module, whether it is there at run time, and where."""

    module: str
    line: int
    at_run_time: bool


def modules() -> dict[str, Path]:
    """Return every module of the package: dotted name → file."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = ("memcap", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(source: str, module: str, *, is_package: bool) -> Iterator[Import]:
    """Yield all imports of ``source``, those inside functions too; relative ones are resolved from ``module``."""
    tree = ast.parse(source)
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                kept = len(parents) - node.level + is_package
                base = ".".join([*parents[:kept], *([node.module] if node.module else [])])
            # `from package import module` means that module; `from module import name` means the module.
            names = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names]
        else:
            continue
        for name in names:
            yield Import(module=name, line=node.lineno, at_run_time=id(node) not in for_types)


def imports_of(module: str) -> list[Import]:
    path = MODULES[module]
    return list(imports(path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py"))


def imported_modules() -> dict[str, set[str]]:
    """Return what each module imports of memcap, wherever in it: those above import those below."""
    return {module: {found.module for found in imports_of(module) if found.at_run_time} for module in MODULES}
