"""Where an image comes from, and which code of the project it gets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Package:
    """The project's own code: a folder that a wheel is built of, one that is taken as it is, or wheels.

    ``path`` is a folder of any of these kinds, or one wheel.
    ``project`` is the folder with limits.toml, whose suites, images and results are no part of it; ``requirements`` is
    the lock file of its dependencies, if it has one. ``constraints`` are the versions in it, if it is that of another
    tool: it may pin more than the package needs. None: all lines of the file are requirements.
    """

    path: Path
    project: Path
    requirements: Path | None = None
    constraints: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """An image to run workloads in: a folder with a Dockerfile, a reference to an existing image, or a Debian package.

    ``dockerfile`` is a file in ``directory`` (None: its ``Dockerfile``). ``ignored`` are what is no part of the folder
    beside what its .dockerignore names, in the same form.
    ``package`` is put into it, next to what a suite brings.
    """

    name: str
    directory: Path | None = None
    reference: str | None = None
    package: Package | None = None
    dockerfile: Path | None = None
    ignored: tuple[str, ...] = ()
    debian_package: str | None = None

    @property
    def lacks_dockerfile(self) -> bool:
        """Tell whether the file that ``dockerfile`` names is not there."""
        return self.dockerfile is not None and not self.dockerfile.is_file()
