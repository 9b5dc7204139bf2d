"""What the section consists of: programs, and the images they run in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from memcap.images.archive import Tree

if TYPE_CHECKING:
    from docker import DockerClient

KIB = 1024
MIB = 1024 * KIB


class UnavailableError(Exception):
    """A program cannot be had here; the words say why."""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where images are made: the daemon, and the project's image that brings the interpreter."""

    client: DockerClient
    python_image: str
    say: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an image is made from what is on this machine.

    ``fill`` returns the files; it raises UnavailableError with the reason where they cannot be had. ``on_python`` puts
    them on top of the project's own Python image, otherwise there is nothing below them.
    """

    name: str
    fill: Callable[[Workshop], Tree]
    on_python: bool = False
    user: str = ""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program, and what its run needs.

    ``slope``: near its smallest cap it is a matter of how fast the disk is, because most of its memory are pages of
    files. ``patchy``: it may die with more where it lives with less. ``elsewhere``: it is also worth a run with cgroup
    v2, where its memory is counted in another way.
    """

    name: str
    what: str
    recipe: Recipe
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    slope: bool = False
    patchy: bool = False
    elsewhere: bool = False
