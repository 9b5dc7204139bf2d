"""Make everything ready that a plan's containers are started from: images, then a layer for each (image, suite)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from memcap.images.build import build_images
from memcap.images.layer import build_layer
from memcap.model import Layer, Plan, Suite

if TYPE_CHECKING:
    from docker import DockerClient


def prepare_layers(
    client: DockerClient, plan: Plan, suites: Mapping[str, Suite], *, say: Callable[[str], None]
) -> dict[tuple[str, str], Layer]:
    """Return the layer of each (image name, suite name) of ``plan``, built or found; ``say`` hears what is done.

    A suite that is not in ``suites`` has no files: its layer holds the probe alone. Raises BuildError, ImageMissing or
    EngineError.
    """
    sources = {cell.image.name: cell.image for cell in plan.cells}
    images = {facts.name: facts for facts in build_images(client, tuple(sources.values()), say=say)}
    pairs = dict.fromkeys((cell.image.name, cell.benchmark.suite) for cell in plan.cells)
    return {
        (image, suite): build_layer(client, images[image], suites.get(suite), package=sources[image].package, say=say)
        for image, suite in pairs
    }
