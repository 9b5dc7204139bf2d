"""What the images of services are made from. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from memcap.model import Config, ImageSource, ServerWorkload, Service


def service_source(service: Service, known: Mapping[str, ImageSource]) -> ImageSource:
    """Return the image of ``service``: one of ``known`` (the project's, by name), a reference or a Debian package."""
    name = service.image_name
    if service.package is not None:
        return ImageSource(name=name, debian_package=service.package)
    return known.get(name) or ImageSource(name=name, reference=name)


def package_sources(config: Config) -> dict[str, ImageSource]:
    """Return the images of Debian packages that the project's servers need, by their names."""
    services = (
        service
        for suite in config.suites.values()
        for benchmark in suite.benchmarks
        if isinstance(benchmark.workload, ServerWorkload)
        for service in benchmark.workload.services
    )
    return {each.image_name: service_source(each, {}) for each in services if each.package is not None}
