"""What an image of the project is built from: its Dockerfile, and the folder that goes to the daemon with it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docker.utils.build import exclude_paths, tar

from memcap.images.archive import digest_of
from memcap.model import ImageSource


def dockerfile_of(source: ImageSource, directory: Path) -> Path:
    """Return the Dockerfile of an image that is built from ``directory``."""
    return source.dockerfile or directory / "Dockerfile"


def context_digest(source: ImageSource, directory: Path) -> str:
    """Return a hash of the image's name, and of the files it is built from, links as links.

    Raises BuildError if one cannot be read.
    """
    digest = digest_of(directory, _paths(source, directory))
    if source.dockerfile is None:
        return digest
    return hashlib.sha256(f"{digest} {_name(source.dockerfile, directory)}".encode()).hexdigest()


@contextmanager
def build_arguments(source: ImageSource, directory: Path) -> Iterator[dict[str, Any]]:
    """Yield what the Docker SDK's build needs to be given the folder."""
    if source.dockerfile is None:
        yield {"path": str(directory)}
        return
    name = _name(source.dockerfile, directory)
    with tempfile.TemporaryFile() as archive:
        tar(directory, exclude=_excluded(source, directory), dockerfile=(name, None), fileobj=archive)
        archive.seek(0)
        yield {"fileobj": archive, "custom_context": True, "dockerfile": name}


def _paths(source: ImageSource, directory: Path) -> list[Path]:
    if source.dockerfile is None:
        return sorted(directory.rglob("*"))
    excluded = _excluded(source, directory)
    names: set[str] = exclude_paths(str(directory), excluded, dockerfile=_name(source.dockerfile, directory))
    return sorted(directory / name for name in names)


def _excluded(source: ImageSource, directory: Path) -> list[str]:
    """Return the patterns of .dockerignore, and what the project itself leaves out."""
    file = directory / ".dockerignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    patterns = [line.strip() for line in lines]
    return [*(line for line in patterns if line and not line.startswith("#")), *source.ignored]


def _name(dockerfile: Path, directory: Path) -> str:
    return dockerfile.relative_to(directory).as_posix()
