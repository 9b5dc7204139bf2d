"""Which image the load client runs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from factories import make_image
from memcap.errors import BuildError, ImageMissing
from memcap.images import client_image as subject
from memcap.images.client_image import choose_image, client_image
from memcap.model import ImageFacts, ImageSource

if TYPE_CHECKING:
    from docker import DockerClient

CLIENT = cast("DockerClient", None)


def image(name: str, python: str | None = "3.12.1") -> ImageFacts:
    facts = make_image(name)
    return replace(
        facts, python=None if python is None or facts.python is None else replace(facts.python, version=python)
    )


@pytest.mark.parametrize(
    ("images", "chosen"),
    [
        ((image("web"), image("other")), "other"),
        ((image("web"), image("other", None)), "web"),
        ((image("web", None), image("api"), image("other", "3.7.17")), "api"),
        ((image("web", "3.8.0"),), "web"),
        ((image("web", "3.15.0a1"),), "web"),
        ((image("web", "3.7.17"), image("api", None)), None),
    ],
)
def test_it_has_python_and_is_not_the_servers_own_if_possible(
    images: tuple[ImageFacts, ...], chosen: str | None
) -> None:
    found = choose_image(images, {"web", "api"})
    assert (found and found.name) == chosen


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let images be built as their names say."""

    def build_images(_: object, sources: Sequence[ImageSource], **__: Any) -> tuple[ImageFacts, ...]:
        (source,) = sources
        if source.name == "broken":
            raise BuildError("could not build it")
        return (image(source.name, None if source.name == "go" else "3.12.1"),)

    monkeypatch.setattr(subject, "build_images", build_images)


def test_where_no_image_of_the_plan_has_python_another_of_the_project_is_taken(project: None) -> None:
    others = [ImageSource(name=name) for name in ("broken", "go", "py312", "py313")]
    said: list[str] = []
    found = client_image(CLIENT, [image("web", None)], others, measured={"web"}, say=said.append)
    assert found.name == "py312"
    assert said == ["broken cannot be the load client's image: could not build it"]


def test_where_none_can_be_had_it_says_what_to_do(project: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoRegistry:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def find(self, _: object) -> None:
            raise ImageMissing("no registry answers")

    monkeypatch.setattr(subject, "BaseFinder", NoRegistry)
    with pytest.raises(ImageMissing, match=r"Python 3\.8 or newer, and there is none: no registry answers") as caught:
        client_image(CLIENT, [image("web", None)], [], measured={"web"}, say=lambda _: None)
    assert "docker load" in caught.value.remedy
