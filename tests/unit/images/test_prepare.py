"""From a plan to its layers: each image is made once, each (image, suite) once, and what servers need besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from factories import make_image, make_layer, make_plan, make_plan_cell, make_server
from memcap.images import prepare
from memcap.model import CLIENT_LAYER, ImageFacts, ImageSource, Layer, Service, Suite

if TYPE_CHECKING:
    from docker import DockerClient

AGENTS = Suite(name="agents", directory=Path("suites/agents"), description="", benchmarks=())


CLIENT = cast("DockerClient", None)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return what is made, in order, instead of making it."""
    made: list[tuple[str, ...]] = []

    def build_images(_: object, sources: Sequence[ImageSource], **__: Any) -> tuple[ImageFacts, ...]:
        made.append(("images", *(source.name for source in sources)))
        return tuple(make_image(source.name) for source in sources)

    def build_layer(_: object, image: ImageFacts, suite: Suite | None, **__: Any) -> Layer:
        made.append(("layer", image.name, suite.name if suite else "none"))
        return make_layer(image.name)

    monkeypatch.setattr(prepare, "build_images", build_images)
    monkeypatch.setattr(prepare, "build_layer", build_layer)
    return made


def test_each_image_and_each_layer_is_made_once(made: list[tuple[str, ...]]) -> None:
    cells = [make_plan_cell(name, image) for name in ("crew", "llm") for image in ("py312", "py313")]
    alone = replace(make_plan_cell(), benchmark=replace(make_plan_cell().benchmark, suite="alone"))
    layers = prepare.prepare_layers(CLIENT, make_plan(*cells, alone), {"agents": AGENTS}, say=lambda _: None)
    assert made == [
        ("images", "py312", "py313"),
        ("layer", "py312", "agents"),
        ("layer", "py313", "agents"),
        ("layer", "py312", "none"),
    ]
    assert {key: layer.image.name for key, layer in layers.items()} == {
        ("py312", "agents"): "py312",
        ("py313", "agents"): "py313",
        ("py312", "alone"): "py312",
    }


def test_servers_get_their_services_and_a_client_next_to_them(made: list[tuple[str, ...]]) -> None:
    server = make_server(
        Service(name="db", image="pg"),
        Service(name="cache", package="redis-server"),
        Service(name="queue", image="redis:7"),
        Service(name="other_queue", image="redis:7"),
    )
    plan = make_plan(
        *(make_plan_cell(image=image, workload=server) for image in ("py312", "py313")), make_plan_cell("llm")
    )
    known = {"pg": ImageSource(name="pg", directory=Path("images/pg")), "py310": ImageSource(name="py310")}
    layers = prepare.prepare_layers(CLIENT, plan, {"agents": AGENTS}, images=known, say=lambda _: None)
    assert made == [
        ("images", "py312", "py313", "pg", "debian/redis-server", "redis:7"),
        ("layer", "py312", "agents"),
        ("layer", "py313", "agents"),
        *(("layer", name, "none") for name in ("pg", "debian/redis-server", "redis:7", "redis:7")),
        ("layer", "py312", "none"),
    ]
    assert list(layers) == [
        ("py312", "agents"),
        ("py313", "agents"),
        *(service.layer_name for service in server.services[:3]),
        CLIENT_LAYER,
    ]
    assert layers[CLIENT_LAYER].image.name == "py312"
