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

# Names that are still there twice; take them out as they go.
SHARED_CLASSES: set[str] = set()
# A command, the workflow behind it, and its report may have one name.
FOLDERS_OF_A_COMMAND = {"cli", "workflows", "report"}
SHARED_FILES = {
    # What a command does, or what it works on, where a module of the root or of a stage has the name already.
    "accept.py", "diff.py", "doctor.py", "plan.py", "profile.py", "report.py", "run.py", "selftest.py", "tune.py",
    "verdict.py",
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

    assert {name: where for name, where in shared(places).items() if name not in SHARED_CLASSES} == {}


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
