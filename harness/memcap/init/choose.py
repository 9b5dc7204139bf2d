"""Choose what a new project measures, in which image, and what judges it in CI. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from packaging.specifiers import SpecifierSet

from memcap.config.lock_files import LOCK_FILES
from memcap.config.project import LOCK_FILE
from memcap.init.code import Module
from memcap.init.look import FOLDERS_OF_DOCKERFILES, Repository
from memcap.model.names import name_complaint, slug
from memcap.units import parse_bytes

PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13")  # whose images can be made of interpreters of most machines
_OTHER_PYTHONS: Final = ("3.8", "3.9", "3.14")
CAPS: Final[Mapping[str, str]] = {
    "128m": "128MiB",
    "256m": "256MiB",
    "512m": "512MiB",
    "1g": "1GiB",
    "2g": "2GiB",
    "4g": "4GiB",
}
_USUAL_CAP: Final = "512m"
_LARGE_CAP: Final = "2g"  # for libraries that need hundreds of MiB to be imported
SERVICES: Final = ("github", "gitlab")


class ImageKind(str, Enum):
    """Where the image of a new project comes from."""

    REFERENCE = "reference"
    DOCKERFILE = "dockerfile"
    PYTHON = "python"
    PRESENT = "present"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user asked for: an image or a Dockerfile, and a CI service ("none": none; None: what is there)."""

    reference: str | None = None
    dockerfile: str | None = None
    service: str | None = None
    running_python: str = PYTHONS[-1]


@dataclass(frozen=True, kw_only=True)
class ChosenImage:
    """An image by its name; ``source`` is a reference, or a path; ``pythons`` are those that get an image of theirs."""

    kind: ImageKind
    name: str
    source: str = ""
    pythons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ChosenBenchmark:
    """A benchmark that certainly runs: it imports ``module``, or calls ``function`` of it as ``command --help``."""

    name: str
    description: str
    module: str = ""
    function: str = ""
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class ChosenLock:
    """Whose dependencies get a lock file: a package's, and those of the file ``requirements``, on ``pythons``."""

    package: Path
    requirements: Path | None
    pythons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """All that is chosen, with ``reasons`` as (what, what was chosen, why).

    ``package`` and ``requirements`` are the keys of ``[project]``. ``cap`` is the name of the benchmark's cap. None for
    ``suite``, ``service`` or ``lock``: there is nothing to write.
    """

    image: ChosenImage
    package: str | None
    requirements: str | None
    lock: ChosenLock | None
    suite: str | None
    workloads: str
    benchmark: ChosenBenchmark
    cap: str
    service: str | None
    reasons: tuple[tuple[str, str, str], ...]


def choose(repository: Repository, wishes: Wishes) -> Choice:
    """Return what a new project in ``repository`` is made of, or what is missing from the one that is there."""
    image, why_image = _image(repository, wishes)
    module, benchmark, why_benchmark = _benchmark(repository)
    package = _package(repository, module) if image.kind is ImageKind.PYTHON else None
    requirements = repository.locked[0] if package is not None and repository.locked else None
    suite = None if repository.project and repository.project.suites else _suite_name(repository)
    service, why_service = _service(repository, wishes)
    cap, why_cap = _cap(repository)
    reasons = [("image", image.name, why_image)]
    if package is not None:
        form = "a wheel of it is" if package in repository.installable else "its files are"
        reasons.append(("package", package or ".", f"{form} put into the images"))
    other_lock = _other_lock(repository, package) if requirements is None else None
    if other_lock is not None:
        reasons.append(("lock file", other_lock, "pins what the package needs"))
    if suite:
        reasons += [("benchmark", f"{suite}.{benchmark.name}", why_benchmark), ("cap", cap, why_cap)]
    reasons.append(("CI", service or "none", why_service))
    return Choice(
        image=image,
        package=package,
        requirements=requirements,
        lock=_lock(repository, package, image) if requirements is None and other_lock is None else None,
        suite=suite,
        workloads="memcap_workloads" if _is_taken(repository, "workloads") else "workloads",
        benchmark=benchmark,
        cap=cap,
        service=service,
        reasons=tuple(reasons),
    )


def as_name(text: str, *, otherwise: str) -> str:
    """Return ``text`` as the name of a suite or image, or ``otherwise`` where it cannot be one."""
    name = slug(text)[:40].strip("_")
    return otherwise if not name or name_complaint(name) else name


def _image(repository: Repository, wishes: Wishes) -> tuple[ChosenImage, str]:
    if repository.project is not None and repository.project.images:
        name = next(iter(repository.project.images))
        return ChosenImage(kind=ImageKind.PRESENT, name=name), "limits.toml and images/ stay as they are"
    if wishes.reference is not None:
        name = as_name(wishes.reference.partition("@")[0].rpartition("/")[2].partition(":")[0], otherwise="prod")
        return ChosenImage(
            kind=ImageKind.REFERENCE, name=name, source=wishes.reference
        ), f"{wishes.reference}, by --image"
    if wishes.dockerfile is not None:
        return _of_dockerfile(wishes.dockerfile), f"built of {wishes.dockerfile}, by --dockerfile"
    if repository.dockerfiles and repository.project is None:
        first, *others = repository.dockerfiles
        more = f"; for another: --dockerfile {others[0]}" if others else ""
        return _of_dockerfile(first), f"built of {first}{more}"
    pythons, why = _pythons(repository, wishes.running_python)
    names = [f"py{python.replace('.', '')}" for python in pythons]
    further = f"; {names[1]} is there to compare with" if len(names) > 1 else ""
    return ChosenImage(kind=ImageKind.PYTHON, name=names[0], pythons=pythons), f"Python {pythons[0]}: {why}{further}"


def _of_dockerfile(path: str) -> ChosenImage:
    folder, _, file = path.rpartition("/")
    kind = re.sub(r"(?i)^(dockerfile|containerfile)\.?|\.?(dockerfile|containerfile)$", "", file)
    kind = kind or (folder.rpartition("/")[2] if folder not in FOLDERS_OF_DOCKERFILES else "")
    return ChosenImage(kind=ImageKind.DOCKERFILE, name=as_name(kind, otherwise="prod"), source=path)


def _pythons(repository: Repository, running: str) -> tuple[tuple[str, ...], str]:
    """Return the Python to measure on, and another to compare it with; and why it is that one."""
    wanted = repository.metadata.requires_python
    usual = [python for python in PYTHONS if _is_allowed(wanted, python)]
    others = [python for python in _OTHER_PYTHONS if _is_allowed(wanted, python)]
    known = usual or others[-1:] or [PYTHONS[-1]]
    if repository.python_version:
        first, why = repository.python_version, ".python-version names it"
    elif running in known:
        first, why = running, "it runs memcap here" + (f", and {wanted} allows it" if wanted else "")
    else:
        first, why = known[-1], f"requires-python is {wanted}" if wanted else "the newest that is known"
    further = [python for python in (known[-1], known[0]) if python != first]
    return (first, *further[:1]), why


def _is_allowed(wanted: str, python: str) -> bool:
    """Tell whether some version of ``python`` meets ``wanted``; all do where that cannot be read."""
    try:
        allowed = SpecifierSet(wanted)
        return any(allowed.contains(f"{python}.{patch}") for patch in (0, 99))
    except ValueError:  # no specifier, or a number with thousands of digits
        return True


def _benchmark(repository: Repository) -> tuple[Module | None, ChosenBenchmark, str]:
    """Return the module that is measured, its benchmark, and why: what says most among what is sure to work."""
    code = repository.code
    if code.applications:
        application = code.applications[0]
        name = application.module.name
        what = f"imports {name}, where the {application.framework} application is"
        description = f"Import {name}: what each process of the application needs before the first request"
        return application.module, ChosenBenchmark(name="import_app", description=description, module=name), what
    if repository.commands:
        command = repository.commands[0]
        description = f"{command.name} --help: what each start of the command needs"
        benchmark = ChosenBenchmark(
            name="show_help",
            description=description,
            module=command.module,
            function=command.function,
            command=command.name,
        )
        top = command.module.partition(".")[0]
        package = next((one for one in code.packages if one.name == top), Module(name=top, base=""))
        return package, benchmark, f"runs `{command.name} --help`"
    own = as_name(repository.metadata.name, otherwise="")
    modules = sorted(code.packages, key=lambda module: module.name != own) or list(code.programs)
    if modules:
        name = modules[0].name
        description = f"Import {name}: what each program that uses it needs"
        return (
            modules[0],
            ChosenBenchmark(name="import_package", description=description, module=name),
            f"imports {name}",
        )
    description = "An example, as there is no Python code yet: a list of 100 000 strings"
    return None, ChosenBenchmark(name="example", description=description), "an example: no Python code was found"


def _package(repository: Repository, module: Module | None) -> str | None:
    """Return the folder for ``[project] package``; "" is the repository itself."""
    if "" in repository.installable:
        return ""
    return module.base if module is not None else None


def _other_lock(repository: Repository, package: str | None) -> str | None:
    """Return the lock file of another tool, where it takes the place of memcap's own."""
    if package not in repository.installable or LOCK_FILE in repository.files:
        return None
    return next((name for name in LOCK_FILES if name in repository.files), None)


def _lock(repository: Repository, package: str | None, image: ChosenImage) -> ChosenLock | None:
    """Return what is to be locked; of a project that is there, the package that has no lock file."""
    if LOCK_FILE in repository.files:
        return None
    path, pythons = repository.root / (package or ""), image.pythons
    if package is None:
        images = repository.project.images.values() if repository.project else ()
        own = next((image.package for image in images if image.package and not image.package.requirements), None)
        named = (re.fullmatch(r"py(\d)(\d+)", image.name) for image in images)
        pythons = tuple(f"{name[1]}.{name[2]}" for name in named if name)
        if own is None or not pythons:
            return None
        path = own.path
    requirements = repository.root / repository.unlocked[0] if repository.unlocked else None
    return ChosenLock(package=path, requirements=requirements, pythons=pythons)


def _suite_name(repository: Repository) -> str:
    return as_name(repository.metadata.name or repository.root.name, otherwise="app")


def _is_taken(repository: Repository, module: str) -> bool:
    tops = {one.name.partition(".")[0] for one in (*repository.code.packages, *repository.code.programs)}
    return module in tops or f"{module}.py" in repository.files


def _service(repository: Repository, wishes: Wishes) -> tuple[str | None, str]:
    if wishes.service is not None:
        return (None if wishes.service == "none" else wishes.service), "by --ci"
    if repository.services:
        signs = {"github": ".github", "gitlab": ".gitlab-ci.yml"}
        return repository.services[0], f"{signs[repository.services[0]]} is there"
    return None, "neither .github nor .gitlab-ci.yml is there; for one: --ci github, --ci gitlab"


def _cap(repository: Repository) -> tuple[str, str]:
    """Return a cap that is large enough for an import, by its name."""
    name, why = _USUAL_CAP, "enough to import most applications"
    if repository.has_large_dependencies:
        name, why = _LARGE_CAP, "enough to import the large libraries that it needs"
    if repository.project is None:
        return name, f"{why}; `memcap fit` finds the smallest"
    caps = repository.project.caps.values()
    least = parse_bytes(CAPS[name])
    fits = [cap for cap in caps if cap.bytes >= least] or [max(caps, key=lambda cap: cap.bytes)]
    return min(fits, key=lambda cap: cap.bytes).name, f"{why}, of those in limits.toml"
