"""Take programs of this machine into an image: their files, and the libraries that ``ldd`` names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from truth.programs.model import UnavailableError

from memcap.images.archive import Tree

_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_PASSWD = b"root:x:0:0::/scratch:/bin/sh\nnobody:x:65534:65534::/scratch:/bin/sh\n"


def bare_tree() -> Tree:
    """Return what any of the images has: folders that anybody may write to, and two users."""
    tree = Tree()
    for folder in ("tmp", "scratch"):
        tree.add_folder(folder, mode=0o1777)
    tree.add_file("etc/passwd", _PASSWD)
    return tree


def find_program(name: str, package: str = "") -> Path:
    """Return where a program of this machine is. Raises UnavailableError."""
    found = shutil.which(name)
    if found is None:
        raise UnavailableError(f"{name} is not installed (on Debian: apt-get install {package or name})")
    return Path(found)


def add_programs(tree: Tree, programs: Iterable[Path]) -> None:
    """Add programs at the paths that they have here, with their libraries."""
    programs = list(programs)
    for program in programs:
        tree.add_file(_inside(program), program.resolve(), executable=True)
    add_libraries(tree, programs)


def add_libraries(tree: Tree, programs: Iterable[Path]) -> None:
    """Add the libraries of programs, and of libraries, with the loader; scripts have none."""
    for program in programs:
        done = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
        for library in _LIBRARY.findall(done.stdout):
            tree.add_file(_inside(Path(library)), Path(library).resolve(), executable=True)


def add_folder(
    tree: Tree, folder: Path, place: str = "", *, is_wanted: Callable[[Path], bool] = lambda _: True
) -> None:
    """Add the files of a folder at the path that it has here or at ``place``, links as what they lead to."""
    inside = place or _inside(folder)
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and is_wanted(Path(here, name)))
        for name in sorted(files):
            path = Path(here, name)
            if path.is_file() and is_wanted(path):
                target = f"{inside}/{path.relative_to(folder).as_posix()}"
                tree.add_file(target, path.resolve(), executable=os.access(path, os.X_OK))


def run(command: list[str], *, cwd: Path | None = None) -> str:
    """Return what a program of this machine printed. Raises UnavailableError."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, cwd=cwd, timeout=900
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise UnavailableError(f"{command[0]}: {last[:200]}")
    return done.stdout


def _inside(path: Path) -> str:
    return os.path.normpath(path).lstrip("/")
