from __future__ import annotations

import pytest

from memcap.errors import SelectionError
from memcap.images.inventory import Built, choose_built


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
