"""Which images an instrument can be put into, and what is said where it cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from factories import make_image
from memcap.errors import BuildError
from memcap.images import instrumented
from memcap.images.instrumented import INSIDE, _refuse_unfit, _wheels
from memcap.images.layer import quoted
from memcap.model import ImageFacts, ProfileTool

IMAGE = make_image()


def python(**changes: str) -> ImageFacts:
    assert IMAGE.python is not None
    return replace(IMAGE, python=replace(IMAGE.python, **changes))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (make_image(python=None), "has no Python"),
        (python(implementation="PyPy"), "PyPy 3.12.7, for which there is neither"),
        (python(version="3.7.17"), "CPython 3.7.17, for which there is neither"),
    ],
)
def test_what_no_instrument_is_for(image: ImageFacts, message: str) -> None:
    with pytest.raises(BuildError, match=message) as refused:
        _refuse_unfit(image, ProfileTool.MEMRAY)
    assert refused.value.remedy


@pytest.mark.parametrize("version", ["3.8.18", "3.10.0", "3.14.0"])
def test_what_one_is_for(version: str) -> None:
    assert _refuse_unfit(python(version=version), ProfileTool.TRACEMALLOC).version == version


def test_without_a_wheel_there_is_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> Path:
        raise BuildError("no wheel of memray==1.20.0 for CPython 3.12.7 on musl 1.1", remedy="Pin another.")

    monkeypatch.setattr(instrumented, "resolve_dependencies", none)
    assert IMAGE.python is not None
    with pytest.raises(BuildError, match=r"no wheel of memray==1\.20\.0") as refused:
        _wheels(INSIDE / "requirements.txt", IMAGE, IMAGE.python)
    assert "--tracemalloc" in refused.value.remedy


def test_a_search_path_keeps_its_characters_in_a_dockerfile() -> None:
    assert quoted('/a b:/$HOME:/"x"\\') == '/a b:/\\$HOME:/\\"x\\"\\\\'


def test_every_requirement_is_pinned() -> None:
    lines = (INSIDE / "requirements.txt").read_text().splitlines()

    assert all("==" in line for line in lines if not line.startswith("#"))
