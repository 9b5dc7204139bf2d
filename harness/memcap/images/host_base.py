"""Make a base image from an interpreter of this machine, for where no registry can be reached.

The root file system holds the interpreter at /usr/local as the official images do, the shared libraries that the
loader names for it, and what the C library wants. No package manager, no tools beyond a shell, no pip, no tkinter.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memcap.engine.docker_client import environment
from memcap.engine.docker_labels import image_labels
from memcap.errors import ImageMissing
from memcap.images.archive import Tree
from memcap.images.host_python import HostPython, find_host_python, wanted_python
from memcap.images.importing import import_archive
from memcap.images.registry import ORIGIN_LABEL

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

REPOSITORY = "memcap/host-base"
# Raise this when the layout below changes in a way that the tree's own hash does not show.
_LAYOUT = "1"

# Left out of the standard library: tests, bundled programs, what only builds extensions, and graphics, which would
# pull in a dozen libraries. Compiled files are left out because each image compiles its own.
_LEFT_OUT_FOLDERS = frozenset(
    {"test", "tests", "idlelib", "turtledemo", "tkinter", "ensurepip", "site-packages", "dist-packages", "__pycache__"}
)
_LEFT_OUT_MODULES = re.compile(r"_(test|tkinter|ctypes_test|xxtest)|xxlimited")
# Wheels expect these from the distribution (PEP 513, PEP 600); the interpreter itself may not need them.
_LIBRARIES_OF_WHEELS = ("libstdc++.so.6", "libgcc_s.so.1", "libz.so.1", "libm.so.6")
# The C library opens these by name at run time, so the loader does not name them; those that exist are taken.
_LIBRARIES_BY_NAME = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "libpthread.so.0", "libdl.so.2",
                      "librt.so.1", "libutil.so.1")  # fmt: skip
_DATA = ("usr/share/zoneinfo", "usr/lib/locale/C.utf8", "usr/lib/locale/C.UTF-8", "etc/protocols", "etc/services")
_LEFT_OUT_DATA = frozenset({"posix", "right"})  # second and third copies of every time zone
_TEXTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n",
}
_CHANGES = [
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
    "ENV LANG=C.UTF-8",
    'CMD ["python3"]',
]


@dataclass(frozen=True, kw_only=True)
class HostBase:
    """A base image that could be made; ``reference`` names its contents, so it need not be made twice."""

    reference: str
    python: HostPython
    tree: Tree


def plan_host_base(python: HostPython) -> HostBase:
    """Collect what the base image of ``python`` would hold. Raises ImageMissing if its libraries cannot be found."""
    tree = _root_file_system(python)
    return HostBase(reference=f"{REPOSITORY}:{python.version}-{tree.digest()[:12]}", python=python, tree=tree)


def make_host_base(client: DockerClient, base: HostBase) -> Image:
    """Import the base image into the daemon. Raises EngineError."""
    labels = {**image_labels(base.reference, kind="base"), ORIGIN_LABEL: base.python.origin}
    with tempfile.TemporaryFile() as archive:
        base.tree.write(archive)
        archive.seek(0)
        return import_archive(client, archive, base.reference, labels=labels, changes=_CHANGES)


def usable_host_python(client: DockerClient, reference: str) -> HostPython | str:
    """Return the interpreter that can stand in for the image ``reference``, or the reason why there is none."""
    wanted = wanted_python(reference)
    if wanted is None:
        return "an interpreter of this machine can stand in for `python:3.x` and `python:3.x-slim` only"
    if sys.platform != "linux":
        return "an interpreter of this machine can stand in for an image on Linux only"
    machine, daemon = platform.machine(), environment(client).architecture
    if machine != daemon:
        return f"the daemon runs {daemon}, this machine is {machine}, so its interpreters cannot stand in"
    python = find_host_python(wanted, environ=os.environ, home=Path.home())
    return python or f"no CPython {wanted} was found with pyenv, uv or the system to stand in for it"


def _root_file_system(python: HostPython) -> Tree:
    tree = Tree()
    for folder in ("bin", "lib", "lib64", "sbin"):
        tree.add_folder(f"usr/{folder}")
        tree.add_link(folder, f"usr/{folder}")
    for folder in ("dev", "etc", "home", "proc", "root", "run", "sys", "usr/local/bin", "var"):
        tree.add_folder(folder)
    for folder in ("tmp", "var/tmp"):
        tree.add_folder(folder, mode=0o1777)
    for path, text in _TEXTS.items():
        tree.add_file(path, text.encode())
    tree.add_file("usr/share/memcap/layout", _LAYOUT.encode())
    for data in _DATA:
        _add_data(tree, Path("/", data))
    programs = [python.executable, *_add_interpreter(tree, python)]
    shell = Path("/bin/sh").resolve()
    if shell.is_file():
        tree.add_file("usr/bin/sh", shell, executable=True)
        programs.append(shell)
    _add_libraries(tree, _linked_libraries(programs))
    return tree


def _add_interpreter(tree: Tree, python: HostPython) -> list[Path]:
    """Lay the interpreter at /usr/local and return its extension modules."""
    short, library = python.stdlib.name, python.stdlib.parent.name  # python3.12, and lib (lib64 on Fedora)
    if library != "lib":
        tree.add_link("usr/local/lib", library)
    tree.add_file(f"usr/local/bin/{short}", python.executable, executable=True)
    tree.add_link("usr/local/bin/python3", short)
    tree.add_link("usr/local/bin/python", "python3")
    tree.add_folder(f"usr/local/{library}/{short}/site-packages")
    extensions = []
    for folder, subfolders, files in os.walk(python.stdlib):
        here = Path(folder)
        subfolders[:] = [
            name for name in subfolders if name not in _LEFT_OUT_FOLDERS and not name.startswith("config-")
        ]
        for name in files:
            file = here / name
            is_extension = here.name == "lib-dynload" and name.endswith(".so")
            if not file.is_file() or (is_extension and _LEFT_OUT_MODULES.match(name)) or name == "sitecustomize.py":
                continue  # a distribution's sitecustomize is not Python's; a dead link is nothing
            tree.add_file(f"usr/local/{library}/{short}/{file.relative_to(python.stdlib).as_posix()}", file)
            if is_extension:
                extensions.append(file)
    return extensions


def _add_data(tree: Tree, source: Path) -> None:
    if source.is_file():
        tree.add_file(source.relative_to("/").as_posix(), source)
    for folder, subfolders, files in os.walk(source):
        subfolders[:] = [name for name in subfolders if name not in _LEFT_OUT_DATA]
        for name in files:
            file = Path(folder, name)
            if file.is_file():
                tree.add_file(file.relative_to("/").as_posix(), file)


def _linked_libraries(programs: Iterable[Path]) -> dict[str, Path]:
    """Return what the loader would load for ``programs``: name -> file; the loader itself by its absolute path."""
    try:
        output = subprocess.run(
            ["ldd", *programs],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageMissing(
            f"could not find the shared libraries of the host interpreter: {error}",
            remedy="Install `ldd`, or make a registry reachable.",
        ) from error
    return parse_ldd(output)


def parse_ldd(output: str) -> dict[str, Path]:
    """Return name -> file of each library in ldd's ``output``; a library that is not found is left out."""
    named = re.findall(r"^\s+(\S+) => (/\S.*) \(0x[0-9a-f]+\)$", output, re.MULTILINE)
    loaders = re.findall(r"^\s+(/\S+) \(0x[0-9a-f]+\)$", output, re.MULTILINE)
    return {name: Path(path) for name, path in named} | {path: Path(path) for path in loaders}


def _add_libraries(tree: Tree, libraries: dict[str, Path]) -> None:
    """Put each library beside the C library: the one place where its loader looks without any configuration."""
    beside = libraries["libc.so.6"].resolve().parent if "libc.so.6" in libraries else Path("/usr/lib")
    place = beside.as_posix().lstrip("/")
    place = place if place.startswith("usr/") else f"usr/{place}"
    for name in (*_LIBRARIES_OF_WHEELS, *_LIBRARIES_BY_NAME):
        if (beside / name).is_file():
            libraries.setdefault(name, beside / name)
    for name, file in libraries.items():
        if name.startswith("/"):
            path = name.lstrip("/")
            tree.add_file(path if path.startswith("usr/") else f"usr/{path}", file, executable=True)
        else:
            tree.add_file(f"{place}/{name}", file, executable=True)
