from __future__ import annotations

from typing import Any

import pytest

from memcap.engine.docker_labels import container_labels, image_labels
from memcap.errors import SelectionError
from memcap.images.inventory import Built, choose_built, find_built


def make(kind: str, image: str, reference: str) -> Built:
    return Built(
        kind=kind,
        image=image,
        suite="",
        reference=reference,
        id=reference,
        origin="registry",
        size_bytes=1,
        created=1.0,
    )


BUILT = (
    make("layer", "py310", "memcap/layer:1"),
    make("layer", "py312", "memcap/layer:2"),
    make("image", "py312", "memcap/py312:3"),
    make("base", "", "memcap/host-base:3.12.1-4"),
)


def test_a_name_means_the_image_and_its_layers() -> None:
    assert choose_built(BUILT, ["py312"]) == BUILT[1:3]


def test_a_reference_means_that_one() -> None:
    assert choose_built(BUILT, ["memcap/host-base:3.12.1-4", "memcap/layer:1"]) == (BUILT[0], BUILT[3])


@pytest.mark.parametrize(("name", "hint"), [("py132", "py312"), ("", "memcap images list")])
def test_an_unknown_name_is_an_error_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(SelectionError) as caught:
        choose_built(BUILT, [name])
    assert hint in caught.value.remedy


class Daemon:
    """Answers with the images that it is given."""

    def __init__(self, *images: dict[str, Any]) -> None:
        self.api = self
        self._images = list(images)

    def images(self, **_: object) -> list[dict[str, Any]]:
        return self._images


def listed(labels: dict[str, str], *tags: str) -> dict[str, Any]:
    return {"Id": "sha256:1", "RepoTags": list(tags) or None, "Labels": labels, "Size": 1, "Created": 1}


def test_only_what_has_the_tag_that_memcap_gave_is_listed_under_that_tag() -> None:
    mine = "memcap/py312:0123456789ab"
    labels = image_labels(mine, kind="image") | {"memcap.image": "py312"}
    earlier = {"memcap": "1", "memcap.kind": "base"}
    daemon = Daemon(
        listed(labels, "aaa/kept:1", mine),
        listed(labels, "shop/derived:1"),
        listed(labels),
        listed(earlier, "memcap/host-base:3.12.1-0123456789ab"),
        listed(earlier, "shop/based:1"),
        listed(container_labels("memcap-c1-x", kind="run"), "memcap-c1-x:latest"),
    )
    found = find_built(daemon)  # type: ignore[arg-type]
    assert [one.reference for one in found] == [mine, "memcap/host-base:3.12.1-0123456789ab"]
