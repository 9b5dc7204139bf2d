"""What the images of services are made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.config import load_config
from memcap.images.service_sources import package_sources, service_source
from memcap.model import ImageSource, Service

PG = ImageSource(name="pg", directory=Path("images/pg"))


@pytest.mark.parametrize(
    ("service", "source"),
    [
        (Service(name="db", image="pg"), PG),
        (Service(name="db", image="postgres:15"), ImageSource(name="postgres:15", reference="postgres:15")),
        (Service(name="db", package="pg"), ImageSource(name="debian/pg", debian_package="pg")),
    ],
)
def test_a_service_is_an_image_of_the_project_a_reference_or_a_package(service: Service, source: ImageSource) -> None:
    assert service_source(service, {"pg": PG}) == source


def test_the_packages_of_a_project_are_those_of_its_servers(tmp_path: Path) -> None:
    (tmp_path / "suites" / "web").mkdir(parents=True)
    (tmp_path / "limits.toml").write_text(
        '[caps]\n1g = "1GiB"\n[profiles.quick]\n[services.db]\npackage = "postgresql"\ncommand = ["postgres"]\n'
    )
    (tmp_path / "suites" / "web" / "suite.toml").write_text(
        '[services.cache]\npackage = "redis-server"\ncommand = ["redis-server"]\n'
        '[services.queue]\nimage = "redis:7"\n'
        '[benchmarks.web]\nkind = "server"\ncommand = ["serve"]\nready = "tcp://localhost:80"\n'
        'load = "GET / rate=1 for 2s"\nservices = ["cache", "queue"]\n'
    )
    name = "debian/redis-server"
    assert package_sources(load_config(tmp_path)) == {name: ImageSource(name=name, debian_package="redis-server")}
