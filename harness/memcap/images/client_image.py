"""Choose the image that the load client runs in: it needs Python, and no more of it than the standard library."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from memcap.errors import BuildError, ImageMissing
from memcap.images.bases import BaseFinder, BaseLine
from memcap.images.build import build_images
from memcap.images.inspect import image_facts
from memcap.images.registry import find_local
from memcap.model import ImageFacts, ImageSource

if TYPE_CHECKING:
    from docker import DockerClient

_OLDEST_PYTHON: Final = (3, 8)
_USUAL: Final = "python:3.13-slim"


def client_image(
    client: DockerClient,
    own: Sequence[ImageFacts],
    others: Iterable[ImageSource],
    *,
    measured: Collection[str],
    say: Callable[[str], None],
) -> ImageFacts:
    """Return an image with Python: one of ``own``, the images of a plan, or of ``others``, or the official one.

    ``measured`` are the names of images that servers run in: those are taken last of ``own``, because files that two
    processes map at the same time are shared between them. Raises ImageMissing where there is none, or EngineError.
    """
    if fit := choose_image(own, measured):
        return fit
    for source in others:
        try:
            (facts,) = build_images(client, (source,), say=say)
        except (BuildError, ImageMissing) as error:
            say(f"{source.name} cannot be the load client's image: {error.message}")
            continue
        if runs_client(facts):
            return facts
    return _usual_image(client, say)


def choose_image(own: Iterable[ImageFacts], measured: Collection[str]) -> ImageFacts | None:
    """Return the first of ``own`` with a Python for the client, not one of ``measured`` if possible, or None."""
    return next(filter(runs_client, sorted(own, key=lambda facts: facts.name in measured)), None)


def runs_client(image: ImageFacts) -> bool:
    """Tell whether the Python of ``image`` is new enough for the client."""
    if image.python is None:
        return False
    return tuple(int(number) for number in re.findall(r"\d+", image.python.version)[:2]) >= _OLDEST_PYTHON


def _usual_image(client: DockerClient, say: Callable[[str], None]) -> ImageFacts:
    """Return the official image, or what stands in for it."""
    try:
        base = BaseFinder(client, say=say).find(BaseLine(reference=_USUAL, replaceable=True))
        image = find_local(client, base.reference)
    except ImageMissing as error:
        raise _no_image(error.message) from error
    if image is None:
        raise _no_image(f"{base.reference} is gone")
    return image_facts(client, image, name=_USUAL, reference=base.reference, content_addressed=False)


def _no_image(reason: str) -> ImageMissing:
    return ImageMissing(
        f"the load client needs an image with Python {'.'.join(map(str, _OLDEST_PYTHON))} or newer, and there is none: "
        f"{reason}",
        remedy=f"`docker pull {_USUAL}`, or `docker load` it; or add an image with Python to the project.",
    )
