"""From a plan to its layers: each image is made once, each (image, suite) once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from factories import make_image, make_layer, make_plan, make_plan_cell
from memcap.images import prepare
from memcap.model import ImageFacts, ImageSource, Layer, Suite

if TYPE_CHECKING:
    from docker import DockerClient

AGENTS = Suite(name="agents", directory=Path("suites/agents"), description="", benchmarks=())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Return what is made, in order, instead of making it."""
    made: list[tuple[str, ...]] = []

    def build_images(_: object, sources: Sequence[ImageSource], **__: Any) -> tuple[ImageFacts, ...]:
        made.append(("images", *(source.name for source in sources)))
        return tuple(make_image(source.name) for source in reversed(sources))

    def build_layer(_: object, image: ImageFacts, suite: Suite | None, **__: Any) -> Layer:
        made.append(("layer", image.name, suite.name if suite else "none"))
        return make_layer(image.name)

    monkeypatch.setattr(prepare, "build_images", build_images)
    monkeypatch.setattr(prepare, "build_layer", build_layer)
    return made


def test_each_image_and_each_layer_is_made_once(made: list[tuple[str, ...]]) -> None:
    cells = [make_plan_cell(name, image) for name in ("crew", "llm") for image in ("py312", "py313")]
    alone = replace(make_plan_cell(), benchmark=replace(make_plan_cell().benchmark, suite="alone"))
    client = cast("DockerClient", None)
    layers = prepare.prepare_layers(client, make_plan(*cells, alone), {"agents": AGENTS}, say=lambda _: None)
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
