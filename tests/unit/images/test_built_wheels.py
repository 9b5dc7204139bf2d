"""Which of the wheels that were built already an image gets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from own_wheels import make_wheel

from factories import make_image
from memcap.errors import BuildError
from memcap.images.built_wheels import choose_wheel, newest_wheels, wheels_in
from memcap.model import PythonFacts

IMAGE = make_image()
PYTHON = PythonFacts(
    executable="/usr/local/bin/python", implementation="CPython", version="3.12.1", build="main", libc="glibc 2.31"
)


def named(*names: str) -> tuple[Path, ...]:
    return tuple(Path("dist") / f"{name}.whl" for name in names)


def chosen(*tags: str, python: PythonFacts = PYTHON) -> str:
    """Return the tag of the wheel that the image gets."""
    wheel = choose_wheel(named(*(f"shop-1.0-{tag}" for tag in tags)), IMAGE, python)
    return wheel.stem.removeprefix("shop-1.0-")


def test_wheels_are_those_of_a_folder_without_code(tmp_path: Path) -> None:
    first, second = make_wheel(tmp_path, "shop", "cp312-cp312-linux_x86_64"), make_wheel(tmp_path, "shop")
    (tmp_path / "shop-1.0.tar.gz").touch()

    assert wheels_in(tmp_path) == (first, second)
    assert wheels_in(second) == (second,)
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "app.py").touch()
    assert wheels_in(tmp_path) == ()


@pytest.mark.parametrize(
    ("tags", "best"),
    [
        (("cp310-cp310-linux_x86_64", "cp312-cp312-linux_x86_64"), "cp312-cp312-linux_x86_64"),
        (("py3-none-any", "cp312-cp312-linux_x86_64", "cp38-abi3-linux_x86_64"), "cp312-cp312-linux_x86_64"),
        (("py3-none-any", "cp38-abi3-linux_x86_64"), "cp38-abi3-linux_x86_64"),
        (("cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp312-cp312-manylinux_2_28_x86_64",
          "cp312-cp312-manylinux_2_34_x86_64"), "cp312-cp312-manylinux_2_28_x86_64"),
        (("py3-none-any", "cp312-cp312-linux_aarch64", "cp312-cp312-macosx_11_0_x86_64"), "py3-none-any"),
        (("1-py3-none-any", "10-py3-none-any", "py3-none-any"), "10-py3-none-any"),
    ],
)  # fmt: skip
def test_the_best_is_by_the_tags_of_the_image(tags: tuple[str, ...], best: str) -> None:
    assert chosen(*tags) == best


def test_free_threading_has_an_abi_of_its_own() -> None:
    tags = ("cp313-cp313-linux_x86_64", "cp313-cp313t-linux_x86_64")
    without_gil = replace(PYTHON, version="3.13.0", build="experimental free-threading build")

    assert chosen(*tags, python=without_gil) == "cp313-cp313t-linux_x86_64"


def test_none_that_fits_is_said_with_what_is_there_and_how_to_build_one() -> None:
    with pytest.raises(BuildError) as caught:
        chosen("cp310-cp310-linux_x86_64", "cp312-cp312-manylinux_2_34_x86_64")

    assert caught.value.message == (
        "no wheel of shop 1.0 is for CPython 3.12.1 on glibc 2.31 x86_64 (image py312), which takes "
        "cp312-cp312-manylinux_2_31_x86_64. dist has\n"
        "  shop-1.0-cp310-cp310-linux_x86_64.whl\n"
        "  shop-1.0-cp312-cp312-manylinux_2_34_x86_64.whl"
    )
    assert "cibuildwheel --only cp312-manylinux_x86_64 --output-dir FOLDER" in caught.value.remedy


def test_musl_needs_wheels_of_its_own() -> None:
    with pytest.raises(BuildError, match="takes cp312-cp312-musllinux_1_2_x86_64") as caught:
        chosen("cp312-cp312-manylinux_2_28_x86_64", python=replace(PYTHON, libc="musl 1.2.4"))

    assert "--only cp312-musllinux_x86_64" in caught.value.remedy


def test_only_the_newest_version_counts() -> None:
    older, *newer = named("shop-1.9-cp312-cp312-linux_x86_64", "shop-1.10-py3-none-any", "shop-1.10-cp39-none-any")

    assert newest_wheels((older, *newer)) == tuple(newer)
    with pytest.raises(BuildError, match=r"no wheel of shop 1\.10 is for CPython 3\.12\.1"):
        choose_wheel((older, *named("shop-1.10-cp39-cp39-linux_x86_64")), IMAGE, PYTHON)


def test_wheels_of_two_projects_are_refused() -> None:
    with pytest.raises(BuildError, match="dist has wheels of market and shop") as caught:
        choose_wheel(named("shop-1.0-py3-none-any", "market-1.0-py3-none-any"), IMAGE, PYTHON)

    assert "Name the wheel itself" in caught.value.remedy


def test_a_name_that_no_wheel_has_is_said() -> None:
    with pytest.raises(BuildError, match=r"dist/shop\.whl does not have the name of a wheel"):
        newest_wheels(named("shop"))
