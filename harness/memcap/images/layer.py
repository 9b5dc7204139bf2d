"""Derive the layer of (image, suite): probe, suite files and dependencies on top of the image, ready to run."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from memcap.engine.docker_client import already_gone, translated
from memcap.engine.docker_labels import container_labels, fresh_name, image_labels
from memcap.errors import BuildError
from memcap.images.archive import Tree, add_folder_files, inside_root
from memcap.images.package import add_package, lock_of, unlocked
from memcap.images.registry import IMAGE_LABEL, ORIGIN_LABEL, SUITE_LABEL, find_own
from memcap.images.wheels import Constrained, Lock, dependencies_key, resolve_dependencies
from memcap.model import ImageFacts, Layer, Package, Suite
from memcap.model.places import DEPENDENCIES, PACKAGE, RUNNER, SUITE, SUPERVISOR
from memcap.probe.programs import RUNNER as RUNNER_FILES
from memcap.probe.programs import is_for_runs, supervisor_program
from memcap.units import format_seconds

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

REPOSITORY = "memcap/layer"
SUPERVISOR_UID = 63636  # OWN_ID in csrc/apart.h

# Raise this when the way a layer is made changes; layers made in another way are not used then.
_LAYER_VERSION = "1"
_COMPILE_SECONDS = 600


def build_layer(
    client: DockerClient,
    image: ImageFacts,
    suite: Suite | None,
    *,
    package: Package | None = None,
    say: Callable[[str], None],
) -> Layer:
    """Return the layer of ``image`` and ``suite``, made if its contents are new; no suite: the probe alone.

    ``package`` is the project's own code; an image without Python does without it.
    Nothing of the image is executed but its Python, to compile; an image without Python or shell will do.
    Raises BuildError or EngineError.
    """
    tree, python = _probe_tree(image), image.python
    if suite is not None:
        add_suite_files(tree, suite.directory)
    needed: tuple[Requirement, ...] = ()
    if package is not None and python is not None:
        needed = add_package(tree, package, image, python, say=say)
    locks = _locks(image, suite, package, needed)
    try:
        key = _key(image, tree, dependencies_key(locks, image, python) if locks and python else "")
    except OSError as error:
        raise BuildError(f"could not read {error.filename}: {error.strerror}", remedy="Fix its permissions.") from error
    name = suite.name if suite is not None else ""
    search_path = tuple(
        path
        for path, is_there in (
            (SUITE, suite is not None),
            (PACKAGE, inside_root(PACKAGE) in tree),
            (DEPENDENCIES, bool(locks)),
        )
        if is_there
    )
    existing = find_own(client, f"{REPOSITORY}:{key}")
    if existing is not None:
        return Layer(image=image, suite=name, id=str(existing.id), search_path=search_path)
    started = time.monotonic()
    if locks and python is not None:
        files = (lock.file if isinstance(lock, Constrained) else lock for lock in locks)
        say(f"dependencies of {image.name}: the versions in {' and '.join(file.name for file in files)}")
        add_folder_files(tree, resolve_dependencies(locks, image, python), DEPENDENCIES)
    compiled = (*search_path, RUNNER.parent) if search_path else ()
    layer_id = commit(client, image, Recipe(tree=tree, key=key, suite=name, compiled=compiled))
    subject = f"{image.name} for {name}" if name else image.name
    say(f"layer of {subject}: ready after {format_seconds(time.monotonic() - started)}")
    return Layer(image=image, suite=name, id=layer_id, search_path=search_path)


def _locks(
    image: ImageFacts, suite: Suite | None, package: Package | None, needed: tuple[Requirement, ...]
) -> tuple[Lock, ...]:
    """Return what pins the needs of the suite, and those of the package (``needed``).

    Raises BuildError if they do not pin all of it.
    """
    own = suite.requirements if suite is not None else None
    if image.python is None:
        if suite is not None and own is not None:
            raise BuildError(
                f"suite {suite.name} has {own.name}, but image {image.name} has no Python",
                remedy="Remove the requirements, or leave the image out of this suite.",
            )
        return ()
    locks = tuple(
        lock for lock in (own, (lock_of(package, needed) if package is not None else None)) if lock is not None
    )
    missing = unlocked(needed, locks)
    if package is not None and missing:
        raise BuildError(
            f"{package.path.name} needs {', '.join(missing)}, which no lock file pins",
            remedy="Lock again with the tool that wrote the lock file. Where there is none, run `memcap init`, which "
            "writes one, or name one in `[project] requirements` of limits.toml.",
        )
    return locks


def add_suite_files(tree: Tree, directory: Path) -> None:
    """Add the files of a suite that a workload may read: all but its configuration, README, caches and hidden files.

    Raises BuildError for a link that leads out of the suite: what is there is not the suite's, and may be secret.
    """
    add_folder_files(tree, directory, SUITE, is_wanted=lambda path: is_for_runs(path.name))


def supervisor_for(architecture: str, image: str) -> Path:
    """Return the supervisor that ``image``, made for ``architecture``, needs. Raises BuildError if there is none."""
    supervisor = supervisor_program(architecture)
    if supervisor is None:
        raise BuildError(
            f"memcap has no supervisor for {architecture}, which image {image} is made for",
            remedy="Use an image for x86_64 or aarch64; in a source tree, install memcap again to compile it.",
        )
    return supervisor


def _probe_tree(image: ImageFacts) -> Tree:
    tree = Tree()
    tree.add_file(inside_root(SUPERVISOR), supervisor_for(image.architecture, image.name), executable=True)
    for file in RUNNER_FILES:
        tree.add_file(inside_root(RUNNER.parent / file.name), file)
    # Any user of the image may write here; in the supervisor's folder nobody else removes what it opened.
    tree.add_folder("memcap/out", mode=0o1777, owner=SUPERVISOR_UID)
    tree.add_folder("memcap/tmp", mode=0o1777)
    return tree


def _key(image: ImageFacts, tree: Tree, dependencies: str) -> str:
    parts = (_LAYER_VERSION, image.id, image.user, tree.digest(), dependencies)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is put on top of an image, and as what: the folders ``compiled`` are compiled by the image's Python.

    ``key`` is the tag of the layer, ``changes`` are instructions of a Dockerfile.
    """

    tree: Tree
    key: str
    suite: str
    compiled: tuple[PurePosixPath, ...]
    changes: tuple[str, ...] = ()


def commit(client: DockerClient, image: ImageFacts, recipe: Recipe) -> str:
    """Return the id of a new image: ``image`` with what ``recipe`` says. Raises BuildError, EngineError."""
    program = [str(SUPERVISOR)]
    compiles = bool(recipe.compiled) and image.python is not None
    if compiles and image.python is not None:
        mode = ["--invalidation-mode", "unchecked-hash"]  # file times do not matter then
        mode += ["-j", "0"] if DEPENDENCIES in recipe.compiled else []  # all CPUs, where there is enough to do
        program = [image.python.executable, "-I", "-m", "compileall", "-q", *mode, *map(str, recipe.compiled)]
    with _container(client, image, program) as container:
        with tempfile.TemporaryFile() as archive, translated(f"put files into {image.name}"):
            recipe.tree.write(archive)
            archive.seek(0)
            container.put_archive("/", archive)
        if compiles:
            _compile(container, image, recipe.suite)
        labels = image_labels(f"{REPOSITORY}:{recipe.key}", kind="layer")
        labels |= {IMAGE_LABEL: image.name, SUITE_LABEL: recipe.suite, ORIGIN_LABEL: image.origin}
        # `HEALTHCHECK NONE` it has from the container; Podman refuses to hear of it again.
        own = [f'ENTRYPOINT ["{SUPERVISOR}"]', *recipe.changes]
        own += [f'LABEL {label}="{quoted(value)}"' for label, value in labels.items()]
        own += [f"USER {image.user}"] if image.user else []
        with translated(f"commit the layer of {image.name}"):
            committed = container.commit(repository=REPOSITORY, tag=recipe.key, changes=own)
    return str(committed.id)


def quoted(text: str) -> str:
    """Return ``text`` as it stands between double quotes in a Dockerfile."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")


@contextmanager
def _container(client: DockerClient, image: ImageFacts, program: list[str]) -> Iterator[Container]:
    name = fresh_name("layer")
    with translated(f"create a container of {image.name}"):
        container = client.containers.create(
            image.id,
            entrypoint=program,
            command=[],
            user="0" if image.user else None,  # /memcap belongs to root
            network_mode="none",
            name=name,
            labels=container_labels(name, kind="layer"),
            healthcheck={"test": ["NONE"]},
        )
    try:
        yield container
    finally:
        with translated(f"remove {container.id}"), already_gone():
            container.remove(force=True, v=True)


def _compile(container: Container, image: ImageFacts, suite: str) -> None:
    """Compile what is new, so that no run does; a file that is no Python is for the workload to stumble over."""
    with translated(f"compile {suite} in {image.name}"):
        container.start()
        status = container.wait(timeout=_COMPILE_SECONDS)
        output = container.logs().decode("utf-8", "replace")
    if status["StatusCode"] not in (0, 1):  # 1: some file does not compile
        raise BuildError(
            f"compiling suite {suite} in image {image.name} ended with {status['StatusCode']}:\n{output[-2000:]}",
            remedy="Try the image's Python by hand: `docker run --rm IMAGE python -c 'print(1)'`.",
        )
