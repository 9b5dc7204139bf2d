"""Find what a Dockerfile stands on: an image of the daemon, of a registry, or one made from a host interpreter."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memcap.errors import BuildError, ImageMissing
from memcap.images.host_base import HostBase, make_host_base, plan_host_base, usable_host_python
from memcap.images.registry import find_local, find_own, is_unreachable, pull

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

_ARGUMENT = re.compile(r"ARG\s+BASE(?:\s*=\s*(\S+))?", re.IGNORECASE)
_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+).*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class BaseLine:
    """The base that a Dockerfile names; ``replaceable`` if by ``ARG BASE``, so that another may stand in."""

    reference: str
    replaceable: bool


@dataclass(frozen=True, kw_only=True)
class BaseImage:
    """A base on the daemon: ``key`` changes when its contents do, ``origin`` says in words where it came from."""

    reference: str
    key: str
    origin: str


def parse_base(dockerfile: str) -> BaseLine | None:
    """Return the base that ``dockerfile`` names, or None if it stands on nothing or on what only the daemon can tell.

    Raises BuildError when ``ARG BASE`` has no default, or when there is no FROM.
    """
    argument: str | None = None
    for line in dockerfile.splitlines():
        if match := _ARGUMENT.fullmatch(line.strip()):
            if match[1] is None:
                raise BuildError(
                    "`ARG BASE` has no default", remedy="Write the usual base: `ARG BASE=python:3.12-slim`."
                )
            argument = match[1].strip("\"'")
        elif match := _FROM.fullmatch(line.strip()):
            named = match[1].strip("\"'")
            if argument is not None and named in ("$BASE", "${BASE}"):
                return BaseLine(reference=argument, replaceable=True)
            return None if "$" in named or named == "scratch" else BaseLine(reference=named, replaceable=False)
    raise BuildError("the Dockerfile has no FROM", remedy="Begin it with `ARG BASE=…` and `FROM ${BASE}`.")


class BaseFinder:
    """Finds bases for the images of one build; once a registry did not answer, it is not asked again."""

    def __init__(self, client: DockerClient, *, say: Callable[[str], None]) -> None:
        self._client = client
        self._say = say
        self._lock = threading.Lock()
        self._unreachable: dict[str, ImageMissing] = {}

    def find(self, line: BaseLine) -> BaseImage:
        """Return the base, pulled or made if need be. Raises ImageMissing or EngineError.

        A host interpreter's base that exists is preferred to a pull: results stay comparable when a network returns.
        """
        existing, plan, why_not = self._look(line)
        if existing is not None:
            return existing
        try:
            return _as_base(line.reference, self._pull(line.reference))
        except ImageMissing as error:
            if not is_unreachable(error):
                raise
            if plan is None:
                raise ImageMissing(f"{error.message}; {why_not}", remedy=_REMEDY) from error
        self._say(f"{line.reference}: no registry answers; using the {plan.python.origin} instead")
        make_host_base(self._client, plan)
        return _as_made(plan)

    def find_existing(self, line: BaseLine) -> BaseImage | None:
        """Return the base that ``find`` would take from the daemon, or None. Raises EngineError."""
        return self._look(line)[0]

    def _look(self, line: BaseLine) -> tuple[BaseImage | None, HostBase | None, str]:
        """Return the base that is there, what could be made from a host interpreter, and why nothing could."""
        local = find_local(self._client, line.reference)
        if local is not None:
            return _as_base(line.reference, local), None, ""
        python = usable_host_python(self._client, line.reference) if line.replaceable else _NOT_REPLACEABLE
        if isinstance(python, str):
            return None, None, python
        plan = plan_host_base(python)
        is_there = find_own(self._client, plan.reference) is not None
        return (_as_made(plan) if is_there else None), plan, ""

    def _pull(self, reference: str) -> Image:
        registry = _registry_of(reference)
        with self._lock:  # the second image waits to hear whether the first found a registry
            if registry in self._unreachable:
                raise self._unreachable[registry]
            self._say(f"pulling {reference}")
            try:
                return pull(self._client, reference)
            except ImageMissing as error:
                if is_unreachable(error):
                    self._unreachable[registry] = error
                raise


_NOT_REPLACEABLE = "nothing can stand in for it, because the Dockerfile does not take its base from `ARG BASE`"
_REMEDY = (
    "Make the registry reachable, write a mirror's name into the Dockerfile, `docker load` the image, install that "
    "Python with pyenv or uv, or measure another image with `--image`."
)


def _registry_of(reference: str) -> str:
    """Return the registry that ``reference`` names; the default one is ``""``."""
    first, slash, _ = reference.partition("/")
    return first if slash and (first == "localhost" or "." in first or ":" in first) else ""


def _as_made(plan: HostBase) -> BaseImage:
    return BaseImage(reference=plan.reference, key=plan.reference, origin=plan.python.origin)


def _as_base(reference: str, image: Image) -> BaseImage:
    digests: list[str] = image.attrs.get("RepoDigests") or []
    exact = f"{reference}@{digests[0].rpartition('@')[2]}" if digests and "@" not in reference else reference
    return BaseImage(reference=reference, key=str(image.id), origin=f"built from {exact}")
