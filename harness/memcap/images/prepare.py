"""Make everything ready that a plan's containers are started from: images, then a layer for each (image, suite).

Servers need two more: a layer for each of their services, and that of the load client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from memcap.images.build import build_images
from memcap.images.client_image import client_image
from memcap.images.layer import build_layer
from memcap.images.service_sources import service_source
from memcap.model import CLIENT_LAYER, ImageSource, Layer, Plan, ServerWorkload, Suite

if TYPE_CHECKING:
    from docker import DockerClient

_NO_IMAGES: Final[Mapping[str, ImageSource]] = MappingProxyType({})


def prepare_layers(
    client: DockerClient,
    plan: Plan,
    suites: Mapping[str, Suite],
    *,
    images: Mapping[str, ImageSource] = _NO_IMAGES,
    say: Callable[[str], None],
) -> dict[tuple[str, str], Layer]:
    """Return the layer of each (image name, suite name) of ``plan``, built or found; ``say`` hears what is done.

    A suite that is not in ``suites`` has no files: its layer holds the probe alone. Those of services and of the load
    client come last, as Service.layer_name and CLIENT_LAYER; ``images`` are those of the project, which services may
    name. Raises BuildError, ImageMissing or EngineError.
    """
    of_cells = {cell.image.name: cell.image for cell in plan.cells}
    of_services = {service.image_name: service_source(service, images) for service in plan.services}
    sources = tuple(dict.fromkeys((*of_cells.values(), *of_services.values())))
    facts = dict(zip(sources, build_images(client, sources, say=say), strict=True))
    pairs = dict.fromkeys((cell.image, cell.benchmark.suite) for cell in plan.cells)
    layers = {
        (image.name, suite): build_layer(client, facts[image], suites.get(suite), package=image.package, say=say)
        for image, suite in pairs
    }
    for service in plan.services:
        source = of_services[service.image_name]
        layers[service.layer_name] = build_layer(client, facts[source], None, say=say)
    if plan.servers:
        measured = {cell.image.name for cell in plan.cells if isinstance(cell.benchmark.workload, ServerWorkload)}
        own = tuple(facts[image] for image in of_cells.values())
        others = tuple(image for image in images.values() if image not in facts)
        image = client_image(client, own, others, measured=measured, say=say)
        layers[CLIENT_LAYER] = build_layer(client, image, None, say=say)
    return layers
