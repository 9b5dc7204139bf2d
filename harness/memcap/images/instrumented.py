"""Derive the layer with an instrument: memray's wheel for the image's Python, and what starts it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from memcap.engine.docker_client import translated
from memcap.errors import BuildError
from memcap.images.archive import Tree, add_folder_files, inside_root
from memcap.images.layer import REPOSITORY, Recipe, commit, quoted
from memcap.images.registry import find_own
from memcap.images.wheels import dependencies_key, resolve_dependencies
from memcap.model import ImageFacts, Layer, ProfileTool, PythonFacts
from memcap.model.places import INSTRUMENTS, START
from memcap.probe.programs import LOOKS
from memcap.units import format_seconds

if TYPE_CHECKING:
    from docker import DockerClient

LIBRARY: Final = INSTRUMENTS / "lib"
INSIDE: Final = Path(__file__).resolve().parent.parent / "instruments" / "inside"  # its files are copied

_VERSION = "1"  # raise this when the way the layer is made changes
_OLDEST_PYTHON = (3, 8)
_NOT_COPIED = frozenset({"requirements.txt", "__pycache__"})


def build_instrumented(client: DockerClient, layer: Layer, tool: ProfileTool, *, say: Callable[[str], None]) -> Layer:
    """Return ``layer`` with ``tool`` in it, ready to be started by the environment; made if it is new.

    PYTHONPATH of the image begins with START then, so that every Python in it finds the instrument, and starts it if
    the environment says so. Raises BuildError where the tool cannot be had for the image, with another way, or
    EngineError.
    """
    python = _refuse_unfit(layer.image, tool)
    requirements = INSIDE / "requirements.txt"
    tree = Tree()
    add_folder_files(tree, INSIDE, INSTRUMENTS, is_wanted=lambda path: path.name not in _NOT_COPIED)
    for file in LOOKS:
        tree.add_file(inside_root(INSTRUMENTS / file.name), file)
    tree.add_folder("memcap/artefacts", mode=0o1777)  # a volume there, in a read-only container, is made like it
    wheels = dependencies_key((requirements,), layer.image, python) if tool is ProfileTool.MEMRAY else ""
    path = _python_path(client, layer)
    key = hashlib.sha256("\0".join((_VERSION, layer.id, tree.digest(), wheels, path)).encode()).hexdigest()[:24]
    existing = find_own(client, f"{REPOSITORY}:{key}")
    if existing is not None:
        return replace(layer, id=str(existing.id))
    started = time.monotonic()
    if tool is ProfileTool.MEMRAY:
        add_folder_files(tree, _wheels(requirements, layer.image, python), LIBRARY)
    recipe = Recipe(
        tree=tree,
        key=key,
        suite=layer.suite,
        compiled=(INSTRUMENTS,),
        changes=(f'ENV PYTHONPATH="{quoted(path)}"',),
    )
    layer_id = commit(client, replace(layer.image, id=layer.id), recipe)
    say(f"{tool.value} for {layer.image.name}: ready after {format_seconds(time.monotonic() - started)}")
    return replace(layer, id=layer_id)


def memray_files(image: ImageFacts) -> Path:
    """Return the folder with memray for the Python of ``image``. Raises BuildError where there is none."""
    return _wheels(INSIDE / "requirements.txt", image, _refuse_unfit(image, ProfileTool.MEMRAY))


def _refuse_unfit(image: ImageFacts, tool: ProfileTool) -> PythonFacts:
    python = image.python
    if python is None:
        raise BuildError(
            f"image {image.name} has no Python, and only Python's allocations can be told apart",
            remedy="Measure it: memcap measure. For other languages, use a profiler of theirs in the image.",
        )
    named = f"{python.implementation} {python.version}"
    if python.implementation != "CPython" or tuple(map(int, python.version.split(".")[:2])) < _OLDEST_PYTHON:
        raise BuildError(
            f"image {image.name} has {named}, for which there is neither memray nor tracemalloc",
            remedy="Profile with CPython 3.8 or newer (memray: 3.9).",
        )
    return python


def _wheels(requirements: Path, image: ImageFacts, python: PythonFacts) -> Path:
    try:
        return resolve_dependencies((requirements,), image, python, alone=True)
    except BuildError as error:
        raise BuildError(
            f"memray cannot be put into image {image.name}: {error.message}",
            remedy="Use --tracemalloc, which needs nothing but Python itself, or offer pip a wheel (PIP_FIND_LINKS).",
        ) from error


def _python_path(client: DockerClient, layer: Layer) -> str:
    """Return PYTHONPATH of the image with START before what it has."""
    with translated(f"look at the layer of {layer.image.name}"):
        environment: list[str] = client.images.get(layer.id).attrs["Config"].get("Env") or []
    own = next((pair.partition("=")[2] for pair in environment if pair.startswith("PYTHONPATH=")), "")
    return f"{START}:{own}" if own else str(START)
