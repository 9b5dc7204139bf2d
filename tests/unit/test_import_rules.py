"""The rules of the layout: who may import whom, which module owns which library, how long files are."""

from __future__ import annotations

import fnmatch
import os
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from imported import MODULES, PACKAGE, ROOT, imports, imports_of

# Which part of memcap may import which others; a part is a module or a package directly under memcap. Everyone but the
# probe may import the root (the version). "engine.docker_client" allows that module alone.
WORDS = ("errors", "units", "untrusted")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "errors": (),
    "strict": ("errors", "untrusted"),
    "units": ("errors",),
    "untrusted": (),
    "json_text": ("untrusted",),
    "redaction": (),
    "model": ("units", "stats"),
    "probe": ("errors", "strict", "untrusted", "model"),
    "stats": (),
    "machine": (),
    "config": (*WORDS, "strict", "model", "load"),
    "references": ("errors", "units", "model"),
    "plan": (*WORDS, "model", "references"),
    "feasible": ("errors", "units", "model"),
    "init": (*WORDS, "strict", "model", "config", "images.package"),
    "images": (*WORDS, "strict", "model", "probe", "engine.docker_client", "engine.docker_labels"),
    "engine": (*WORDS, "strict", "model", "probe", "load"),
    "measuring": (*WORDS, "strict", "redaction", "model", "probe", "load", "stats"),
    "store": (*WORDS, "strict", "model", "stats", "run_growth"),
    "run_spec": (*WORDS, "model"),
    "soak_spec": ("model", "run_spec", "instruments.launching"),
    "serving_spec": ("errors", "units", "model", "load", "run_spec"),
    "load": (*WORDS, "strict", "model", "probe"),
    "admission": (),
    "dispatch": ("admission", "model"),
    "turns": ("admission", "dispatch", "model"),
    "worktree": ("errors", "store"),
    "revision": ("errors", "model", "plan"),
    "shards": ("errors", "units", "model", "stats"),
    "doctor": (*WORDS, "model", "machine", "engine.docker_facts"),
    "calibration": (*WORDS, "model", "probe", "run_spec", "engine"),
    "campaign": (
        *WORDS,
        "model",
        "calibration",
        "probe",
        "config",
        "plan",
        "images",
        "run_spec",
        "serving_spec",
        "admission",
        "dispatch",
        "turns",
        "engine",
        "measuring",
        "store",
    ),
    "instruments": (
        *WORDS,
        "strict",
        "redaction",
        "model",
        "images",
        "engine",
        "run_spec",
        "serving_spec",
        "measuring",
        "calibration",
        "campaign",
    ),
    "judge": (*WORDS, "model", "stats", "leaks", "run_growth"),
    "comparing": (*WORDS, "model", "stats", "judge"),
    "leaks": ("units", "stats"),
    "soaking": (*WORDS, "strict", "redaction", "model", "stats", "probe", "load", "measuring", "leaks"),
    "tune": ("model", "stats"),
    "run_growth": ("units", "model", "leaks"),
    "serving": ("model", "stats", "leaks", "run_growth"),
    "selftest": ("model", "stats", "judge"),
    "profile_diff": (*WORDS, "model"),
    "fitting": (*WORDS, "model", "stats", "campaign"),
    "repro": (*WORDS, "model", "stats", "leaks", "probe", "engine", "instruments"),
    "report": (
        *WORDS,
        "json_text",
        "model",
        "stats",
        "comparing",
        "tune",
        "serving",
        "run_growth",
        "selftest",
        "fitting",
        "profile_diff",
        "repro",
        "leaks",
        "soaking",
    ),
    "workflows": (
        *WORDS,
        "strict",
        "redaction",
        "probe",
        "measuring",
        "serving_spec",
        "soak_spec",
        "model",
        "config",
        "load",
        "references",
        "plan",
        "feasible",
        "images",
        "engine",
        "store",
        "worktree",
        "revision",
        "shards",
        "calibration",
        "campaign",
        "instruments",
        "judge",
        "comparing",
        "tune",
        "serving",
        "selftest",
        "profile_diff",
        "leaks",
        "soaking",
        "fitting",
        "repro",
        "report",
    ),
    "api": ("errors", "model", "store", "workflows", "report"),
    "testing": (*WORDS, "stats", "probe"),
    "pytest_plugin": (
        *WORDS,
        "testing",
        "model",
        "config",
        "references",
        "plan",
        "feasible",
        "images",
        "engine",
        "measuring",
        "run_spec",
        "calibration",
        "campaign",
        "store",
    ),
}
# These compose the others and are imported by none of them.
TOP = ("cli", "__main__")

# Which files may import a library when they run. Imports for annotations alone (under TYPE_CHECKING) are free.
OWNERS = {
    "docker": ("engine/docker*.py", "images/*.py"),
    "pyperf": ("store/pyperf_codec.py",),
    "pytest": ("pytest_plugin/*.py", "testing/helpers.py"),  # memcap does not depend on it
}

LONGEST_FILE = 400

NOT_TRACKED = {
    ".git", ".venv", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", "fuzz-found", "__pycache__",
    "build", "dist", "bin", "node_modules",
}  # fmt: skip
PLACES_OF_ONE_MACHINE = re.compile(r"(?<![\w.])/(?:root|work)/|\.\./shared\b")


def part_of(module: str) -> str:
    """Return the part that a module belongs to: ``engine`` for ``memcap.engine.docker``, empty for the root."""
    return module.split(".")[1] if "." in module else ""


def is_allowed(importer: str, imported: str) -> bool:
    """Tell whether one module of memcap may import another."""
    source, target = part_of(importer), part_of(imported)
    if source in TOP or source == target:
        return True
    if source == "":
        return target == "api"  # when it is asked for
    if target == "":
        return source != "probe"
    allowed = MAY_IMPORT.get(source, ())
    return target in allowed or imported.removeprefix("memcap.") in allowed


def test_every_part_has_a_place_in_the_table() -> None:
    parts = {part_of(module) for module in MODULES} - {""}

    assert parts <= {*MAY_IMPORT, *TOP}


def test_the_table_has_no_cycle() -> None:
    graph = {part: {name.partition(".")[0] for name in allowed} for part, allowed in MAY_IMPORT.items()}

    assert set(TopologicalSorter(graph).static_order()) == set(MAY_IMPORT)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_parts_import_only_what_the_table_allows(module: str) -> None:
    broken = [
        f"line {found.line}: {module} imports {found.module}"
        for found in imports_of(module)
        if found.module.partition(".")[0] == "memcap" and not is_allowed(module, found.module)
    ]

    assert broken == []


def test_modules_do_not_import_each_other_in_circles() -> None:
    graph = {
        module: {found.module for found in imports_of(module) if found.module in MODULES and found.at_run_time}
        for module in MODULES
    }

    assert set(TopologicalSorter(graph).static_order()) == set(MODULES)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_library_is_imported_by_its_owner_alone(module: str) -> None:
    path = MODULES[module].relative_to(PACKAGE).as_posix()
    broken = [
        f"line {found.line}: {path} imports {found.module}; ask its owner {owners}"
        for found in imports_of(module)
        if (owners := OWNERS.get(found.module.partition(".")[0])) and found.at_run_time
        if not any(fnmatch.fnmatch(path, owner) for owner in owners)
    ]

    assert broken == []


@pytest.mark.parametrize("module", sorted(name for name in MODULES if part_of(name) == "probe"))
def test_the_probe_needs_the_standard_library_alone(module: str) -> None:
    foreign = [
        found.module
        for found in imports_of(module)
        if found.module.partition(".")[0] not in (*sys.stdlib_module_names, "memcap")
    ]

    assert foreign == []


SAMPLE = """
import docker.errors
from typing import TYPE_CHECKING
from memcap import model, __version__
from . import base
from ..units import parse_bytes
if TYPE_CHECKING:
    from pyperf import Run
def late():
    import memcap.judge
"""


def test_imports_are_found_wherever_they_are() -> None:
    found = {(item.module, item.at_run_time) for item in imports(SAMPLE, "memcap.engine.docker", is_package=False)}

    assert found == {
        ("docker.errors", True),
        ("typing", True),
        ("memcap.model", True),
        ("memcap", True),
        ("memcap.engine.base", True),
        ("memcap.units", True),
        ("pyperf", False),
        ("memcap.judge", True),
    }


@pytest.mark.parametrize(
    ("importer", "imported", "expected"),
    [
        ("memcap.engine.docker", "memcap.engine.base", True),
        ("memcap.images.build", "memcap.engine.docker_client", True),
        ("memcap.images.build", "memcap.engine.docker", False),
        ("memcap.model", "memcap.engine.base", False),
        ("memcap.probe.report", "memcap.units", False),
        ("memcap.probe.report", "memcap", False),
        ("memcap", "memcap.errors", False),
        ("memcap.errors", "memcap", True),
        ("memcap.cli.run", "memcap.campaign", True),
        ("memcap.store.files", "memcap.cli", False),
    ],
)
def test_the_table_is_read_as_it_is_meant(importer: str, imported: str, *, expected: bool) -> None:
    assert is_allowed(importer, imported) is expected


def own_files() -> Iterator[tuple[str, str]]:
    """Yield path and text of every text file that is, or could be, tracked."""
    for place, folders, names in os.walk(ROOT):
        folder = Path(place)
        folders[:] = [name for name in folders if name not in NOT_TRACKED]
        if folder == ROOT / "results":
            folders[:] = ["baselines"]
            continue
        for name in names:
            path = folder / name
            try:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_files_stay_short_enough_to_read() -> None:
    too_long = {
        path: length
        for path, text in own_files()
        if path.endswith((".py", ".c", ".h"))
        if (length := len(text.splitlines())) > LONGEST_FILE
    }

    assert too_long == {}


def test_nobody_is_excused_from_six_parameters() -> None:
    excused = [path for path, text in own_files() if path.startswith("harness/") and "noqa: PLR0913" in text]

    assert excused == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    named = [
        f"{path}:{number}: {line.strip()}"
        for path, text in own_files()
        if path != Path(__file__).relative_to(ROOT).as_posix()
        for number, line in enumerate(text.splitlines(), start=1)
        if PLACES_OF_ONE_MACHINE.search(line)
    ]

    assert named == []


def test_places_are_recognised() -> None:
    assert PLACES_OF_ONE_MACHINE.search('open("/' + 'root/x")')
    assert PLACES_OF_ONE_MACHINE.search("see ../" + "shared")
    assert not PLACES_OF_ONE_MACHINE.search("https://example.org/home" + "/work/")
