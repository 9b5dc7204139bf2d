"""A file tree as a deterministic tar: what goes to the daemon depends on contents only, so hashes can name it."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from memcap.errors import BuildError

# Zip files, and so wheels, cannot hold a time before 1980; any fixed time after that will do.
_FIXED_TIME = 1_577_836_800
_CHUNK = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class _Entry:
    kind: bytes
    mode: int
    content: Path | bytes = b""
    target: str = ""
    owner: int = 0


class Tree:
    """The files, folders and links of an archive. The owner is root where no other is named, times fixed, order sorted.

    Paths are relative to the root, with ``/``. Parents are added as needed; a later entry replaces an earlier one.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._entries

    def add_folder(self, path: str, *, mode: int = 0o755, owner: int = 0) -> None:
        """Add a folder; one that is there already gets the mode and the owner, a uid."""
        self._add(path, _Entry(kind=tarfile.DIRTYPE, mode=mode, owner=owner))

    def add_file(self, path: str, content: Path | bytes, *, executable: bool = False) -> None:
        """Add a file; the content of a path is read when the archive is written or hashed."""
        self._add(path, _Entry(kind=tarfile.REGTYPE, mode=0o755 if executable else 0o644, content=content))

    def add_link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._add(path, _Entry(kind=tarfile.SYMTYPE, mode=0o777, target=target))

    def digest(self) -> str:
        """Return the SHA-256 (hex) of everything the archive would hold."""
        whole = hashlib.sha256()
        for path, entry in sorted(self._entries.items()):
            content = _content_digest(entry.content)
            line = f"{path}\0{entry.kind!r}\0{entry.mode:o}\0{entry.owner}\0{entry.target}\0{content}\0"
            whole.update(line.encode("utf-8", "surrogateescape"))
        return whole.hexdigest()

    def write(self, stream: IO[bytes]) -> None:
        """Write the tar to ``stream``."""
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path, entry in sorted(self._entries.items()):
                info = tarfile.TarInfo(path)
                info.type, info.mode, info.linkname, info.mtime = entry.kind, entry.mode, entry.target, _FIXED_TIME
                info.uid = entry.owner
                if isinstance(entry.content, Path):
                    with entry.content.open("rb") as file:
                        info.size = entry.content.stat().st_size
                        tar.addfile(info, file)
                else:
                    info.size = len(entry.content)
                    tar.addfile(info, io.BytesIO(entry.content))

    def _add(self, path: str, entry: _Entry) -> None:
        parts = path.split("/")
        if not path or any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"{path!r} is not a clean relative path")
        for depth in range(1, len(parts)):
            self._entries.setdefault("/".join(parts[:depth]), _Entry(kind=tarfile.DIRTYPE, mode=0o755))
        self._entries[path] = entry


def digest_of(directory: Path, paths: Iterable[Path]) -> str:
    """Return a hash of the files ``paths`` in ``directory``, links as links.

    Raises BuildError if one cannot be read.
    """
    tree = Tree()
    try:
        for path in paths:
            name = path.relative_to(directory).as_posix()
            if path.is_symlink():
                tree.add_link(name, str(path.readlink()))
            elif path.is_file():
                tree.add_file(name, path, executable=bool(path.stat().st_mode & 0o100))
        return tree.digest()
    except OSError as error:
        raise BuildError(f"could not read {error.filename}: {error.strerror}", remedy="Fix its permissions.") from error


def add_folder_files(
    tree: Tree, directory: Path, place: PurePosixPath, *, is_wanted: Callable[[Path], bool] = lambda _: True
) -> None:
    """Add the wanted files of ``directory`` under ``place``, links as what they lead to.

    Raises BuildError for a link out of the directory, and for what is neither file nor folder.
    """
    inside = Path(os.path.realpath(directory))
    tree.add_folder(inside_root(place))
    for folder, subfolders, files in os.walk(directory):
        here = Path(folder)
        subfolders[:] = sorted(name for name in subfolders if is_wanted(here / name))
        for name in (*subfolders, *sorted(files)):
            path = here / name
            if not is_wanted(path):
                continue
            target = inside_root(place / path.relative_to(directory).as_posix())
            real = Path(os.path.realpath(path))  # Path.resolve() raises for a link to itself, on some Pythons
            if path.is_symlink() and (not real.is_relative_to(inside) or real.is_dir()):
                raise BuildError(
                    f"{path} is a link that leads out of {directory} or to a folder",
                    remedy="Put the file itself there: only what is in the folder goes into the container.",
                )
            if path.is_dir():
                tree.add_folder(target)
            elif real.is_file():
                tree.add_file(target, real, executable=bool(real.stat().st_mode & 0o100))
            else:
                raise BuildError(f"{path} is neither a file nor a folder", remedy="Remove it.")


def inside_root(path: PurePosixPath) -> str:
    """Return an absolute path as a Tree has it."""
    return path.relative_to("/").as_posix()


def _content_digest(content: Path | bytes) -> str:
    found = hashlib.sha256()
    if isinstance(content, bytes):
        found.update(content)
    else:
        with content.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
    return found.hexdigest()
