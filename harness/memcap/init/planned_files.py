"""The files of a new project, as text. Pure: what is there already is never replaced."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from memcap.init.choose import CAPS, Choice, ImageKind
from memcap.init.look import FOLDERS_OF_DOCKERFILES, Repository
from memcap.init.services import service_files

LOCK_HEADER: Final = """\
# What the package needs on the Pythons that it is measured on, written by `memcap init`. To renew it, remove it and run
# `memcap init` again.
"""
# Also where lines before these, or those of folders above, ignore `results/` or `*.json`.
_IGNORED: Final = "!/results/\n/results/*\n!/results/baselines/\n!/results/baselines/*\n"
# Where results/ has files of others, too: names begin with the time of a campaign, or as the CI job calls its reports.
_IGNORED_AMONG_OTHERS: Final = (
    "/results/[0-9]*T[0-9]*-*\n/results/memcap*\n/results/profiles/\n/results/repro/\n/results/explained/\n"
    "!/results/baselines/\n!/results/baselines/*\n"
)
_LIMITS: Final = """\
# What memcap measures, and how much of it may change. `memcap plan` shows what this file asks for.
{images}{project}
[caps]  # the memory limits that containers run under, by their names
{caps}

[profiles.quick]  # what `memcap run` measures; lists that are left out mean all
images = [{image}]
runs = 5  # of each benchmark, each in a fresh container
warmups = 1

# A change counts when it is certainly more than both parts. These are the defaults.
[tolerances.peak]  # the highest memory of the container, page cache included
relative = "1%"
absolute = "512KiB"

[tolerances.unreclaimable_peak]  # what the kernel cannot take back: what must fit under the cap
relative = "0.25%"
absolute = "256KiB"

[tolerances.rss_peak]  # the largest process
relative = "1%"
absolute = "512KiB"
"""
_SUITE: Final = """\
[suite]
description = {title}

[benchmarks.{name}]
description = {description}
call = "{workloads}:{name}"
caps = ["{cap}"]
"""
_WORKLOADS: Final = '''\
"""What memcap measures here: each function is a benchmark of suite.toml. Add what needs memory in production."""

from __future__ import annotations

'''
_IMPORT: Final = '''\
import importlib


def {name}() -> None:
    """{description}."""
    importlib.import_module("{module}")
'''
_HELP: Final = '''\
import importlib
import sys


def {name}() -> None:
    """{description}."""
    sys.argv = ["{command}", "--help"]
    try:
        importlib.import_module("{module}").{function}()
    except SystemExit as ended:  # this is how parsers end after the help
        if ended.code:
            raise
'''
_EXAMPLE: Final = '''\

def {name}() -> None:
    """{description}."""
    strings = [str(number) for number in range(100_000)]
    assert len(strings) == 100_000
'''
# As images/py312/Dockerfile of memcap's own repository, so that both are one image.
_DOCKERFILE: Final = (
    """\
# CPython {python} as its users run it: the official slim image, or whatever BASE names.
ARG BASE=python:{python}-slim
FROM ${{BASE}}

# The official slim images ship no compiled files. Every run is a fresh container, so every run would compile the
# modules it imports, and that memory would be measured with the workload's. unchecked-hash: file times do not matter.
RUN ["python", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-x", """
    """"/(test|tests|idlelib|turtledemo|ensurepip|site-packages/pip)/", "/usr/local/lib"]
"""
)


@dataclass(frozen=True, kw_only=True)
class PlannedFile:
    """A file to be written; ``appends``: its text comes after what is there."""

    path: Path
    text: str
    appends: bool = False


def plan_files(repository: Repository, choice: Choice) -> tuple[PlannedFile, ...]:
    """Return the files that are missing, in the order in which they make sense to a reader."""
    files = []
    if repository.project is None:
        files.append(PlannedFile(path=Path("limits.toml"), text=_limits(choice)))
    if choice.suite is not None:
        folder = Path("suites", choice.suite)
        files.append(PlannedFile(path=folder / "suite.toml", text=_suite(choice, choice.suite)))
        files.append(PlannedFile(path=folder / f"{choice.workloads}.py", text=_workloads(choice)))
    files += [
        PlannedFile(
            path=Path("images", f"py{python.replace('.', '')}", "Dockerfile"), text=_DOCKERFILE.format(python=python)
        )
        for python in choice.image.pythons
    ]
    absolute = [PlannedFile(path=repository.root / file.path, text=file.text) for file in files]
    absolute += [
        PlannedFile(path=repository.top / path, text=text) for path, text in service_files(repository, choice).items()
    ]
    return (*(file for file in absolute if not file.path.exists()), *_gitignore(repository))


def services_in_the_way(repository: Repository, choice: Choice) -> tuple[Path, ...]:
    """Return the files of CI that are there already, and do not run memcap in this folder."""
    found = []
    folder = repository.folder
    for path in service_files(repository, choice):
        there = repository.top / path
        if there.exists() and path != ".gitlab-ci.yml":
            said = there.read_text(encoding="utf-8", errors="replace") if there.is_file() else ""
            is_here = not folder or json.dumps(folder) in said or f"cd {shlex.quote(folder)}\n" in said
            if "memcap run" not in said or not is_here:
                found.append(there)
    return tuple(found)


def limits_additions(repository: Repository, choice: Choice) -> str:
    """Return what a limits.toml that is there lacks; only its owner changes it."""
    return "" if repository.project is None else (_images(choice) + _project(choice)).strip()


def _gitignore(repository: Repository) -> tuple[PlannedFile, ...]:
    before = repository.gitignore
    lines = "\n".join(("", *map(str.strip, before.splitlines()), ""))
    if any(f"\n{block}" in lines for block in (_IGNORED, _IGNORED_AMONG_OTHERS)):
        return ()
    ignored = _IGNORED_AMONG_OTHERS if repository.shares_results else _IGNORED
    start = "\n" if before and not before.endswith("\n") else ""
    text = f"{start}# what memcap writes, except the baselines\n{ignored}"
    return (PlannedFile(path=repository.root / ".gitignore", text=text, appends=True),)


def _limits(choice: Choice) -> str:
    caps = "\n".join(f'{name} = "{size}"' for name, size in CAPS.items())
    return _LIMITS.format(images=_images(choice), project=_project(choice), caps=caps, image=_quoted(choice.image.name))


def _images(choice: Choice) -> str:
    image = choice.image
    if image.kind is ImageKind.REFERENCE:
        note = f"`memcap run --image {image.name}=OTHER:TAG` measures another build of it"
        return f"\n[images.{image.name}]  # {note}\nreference = {_quoted(image.source)}\n"
    if image.kind is ImageKind.DOCKERFILE:
        folder = image.source.rpartition("/")[0]
        context = 'context = "."\n' if folder in FOLDERS_OF_DOCKERFILES else ""
        return f"\n[images.{image.name}]  # built when needed\ndockerfile = {_quoted(image.source)}\n{context}"
    return ""


def _project(choice: Choice) -> str:
    if choice.package is None:
        return ""
    lines = [f"\n[project]  # the code that the images of images/ get\npackage = {_quoted(choice.package or '.')}\n"]
    if choice.requirements is not None:
        lines.append(f"requirements = {_quoted(choice.requirements)}\n")
    return "".join(lines)


def _suite(choice: Choice, suite: str) -> str:
    benchmark = choice.benchmark
    return _SUITE.format(
        title=_quoted(f"What {suite} needs"),
        name=benchmark.name,
        description=_quoted(benchmark.description),
        workloads=choice.workloads,
        cap=choice.cap,
    )


def _workloads(choice: Choice) -> str:
    benchmark = choice.benchmark
    body = _HELP if benchmark.command else _IMPORT if benchmark.module else _EXAMPLE
    return _WORKLOADS + body.format(
        name=benchmark.name,
        description=benchmark.description,
        module=benchmark.module,
        function=benchmark.function,
        command=benchmark.command,
    )


def _quoted(text: str) -> str:
    """Return ``text`` as a string of TOML, which has JSON's escapes."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
