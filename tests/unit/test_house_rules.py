"""Rules that docs/architecture.md states: names, the glossary, sizes of functions, imports inside functions."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import memcap

PACKAGE = Path(memcap.__file__).parent
TREES = {
    path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}

# A command, the workflow behind it, and its report may have one name.
FOLDERS_OF_A_COMMAND = {"cli", "workflows", "report"}
SHARED_FILES = {
    # What a command does, or what it works on, where a module of the root or of a stage has the name already.
    "accept.py", "diff.py", "doctor.py", "plan.py", "profile.py", "report.py", "run.py", "selftest.py", "soak.py",
    "tune.py", "verdict.py",
    # A thing, and how reports show it.
    "answer.py", "baselines.py", "caveats.py", "figures.py", "interval.py",
    # The endings, and how one is decided.
    "ending.py",
}  # fmt: skip


def shared(names: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the names that stand in several places, with these."""
    return {name: places for name, places in names.items() if len(places) > 1}


def test_no_two_classes_share_a_name() -> None:
    places = defaultdict(list)
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{file}:{node.lineno}")

    assert shared(places) == {}


def test_files_are_named_by_their_role() -> None:
    places = defaultdict(list)
    for file in TREES:
        folder, _, name = file.rpartition("/")
        if not name.startswith("__"):
            places[name].append(folder)

    assert {
        name: where
        for name, where in shared(places).items()
        if name not in SHARED_FILES and not set(where) <= FOLDERS_OF_A_COMMAND
    } == {}


def test_the_glossary_has_every_term_once_and_the_words_of_the_architecture() -> None:
    terms = [
        term
        for line in re.findall(r"^(?! )([a-zA-Z' ,-]+)\n    \S", memcap.__doc__ or "", re.MULTILINE)
        for term in line.split(", ")
    ]
    overview = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8").partition("```")[0]
    words = {word.removesuffix("s") for word in re.findall(r"\*\*(\w+)\*\*", overview)} - {"judged", "reported"}

    assert len(terms) > 30
    assert len(set(terms)) == len(terms)
    assert words <= set(terms)


LONGEST_FUNCTION = 60
MOST_PARAMETERS = 6  # self and cls not counted

# A function may import what takes long to import, so that `memcap --help` stays under 0.1 s and nobody waits, or needs
# memory, for what they do not use; and what some Pythons or systems do not have.
HEAVY = {
    "docker", "filelock", "jinja2", "markupsafe", "memray", "numpy", "psutil", "pydantic", "pydantic_core", "pyperf",
    "requests", "tabulate", "urllib3", "vl_convert",
}  # fmt: skip
NOT_EVERYWHERE = {"ctypes", "pip", "pytest", "resource"}
# What these hold is in the process whose memory is measured: they load what a test asks for.
MEASURED = ("pytest_plugin/", "testing/")
# These run where memcap is not: in an image, or beside a process.
ELSEWHERE = (
    "instruments/beside/", "instruments/inside/", "probe/memcap_runner.py", "probe/memcap_soak.py",
    "probe/memcap_explain.py", "probe/memcap_grown.py", "probe/memcap_weight.py",
    "pytest_plugin/memcap_inside.py",
)  # fmt: skip
# Commands import what they need when they are called; see `test_the_command_line_loads_nothing_heavy`.
COMMANDS = ("cli/",)
# What `import memcap` alone runs.
ROOT = ("__init__.py:",)

FUNCTIONS = [
    (f"{file}:{node.name}", node)
    for file, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
]


def test_functions_stay_short_enough_to_read() -> None:
    too_long = {
        name
        for name, node in FUNCTIONS
        if node.end_lineno is not None and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }

    assert too_long == set()


def test_functions_have_few_parameters() -> None:
    def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        own = node.args
        named = [each.arg for each in (*own.posonlyargs, *own.args, *own.kwonlyargs)]
        return len([name for name in named if name not in ("self", "cls")]) + bool(own.vararg) + bool(own.kwarg)

    many = {name for name, node in FUNCTIONS if parameters(node) > MOST_PARAMETERS}

    assert many == set()


def imported(node: ast.AST) -> list[str]:
    """Return the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def loads_something_heavy(module: str, seen: set[str]) -> bool:
    """Tell whether importing a module of memcap imports a heavy library."""
    file = module.removeprefix("memcap.").replace(".", "/")
    tree = TREES.get(f"{file}.py") or TREES.get(f"{file}/__init__.py")
    if tree is None or module in seen:
        return False
    seen.add(module)
    names = [name for node in tree.body for name in imported(node)]
    return any(
        loads_something_heavy(name, seen) if name.startswith("memcap") else name.partition(".")[0] in HEAVY
        for name in names
    )


def test_functions_import_what_is_heavy_or_not_everywhere_alone() -> None:
    light = [
        f"{name} {module}"
        for name, function in FUNCTIONS
        if not name.startswith((*MEASURED, *ELSEWHERE, *COMMANDS, *ROOT))
        for node in ast.walk(function)
        for module in imported(node)
        if module.partition(".")[0] not in HEAVY | NOT_EVERYWHERE and not loads_something_heavy(module, set())
    ]

    assert light == []


def test_the_command_line_loads_nothing_heavy() -> None:
    loaded: set[str] = set()

    def follow(module: str) -> None:
        file = module.removeprefix("memcap.").replace(".", "/")
        tree = TREES.get(f"{file}.py") or TREES.get(f"{file}/__init__.py")
        for name in [name for node in tree.body for name in imported(node)] if tree else [module]:
            if name not in loaded:
                loaded.add(name)
                follow(name)

    follow("memcap.cli")

    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()
