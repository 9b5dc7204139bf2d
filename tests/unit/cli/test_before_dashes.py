"""A program is not taken for an image."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from memcap.cli import cli
from memcap.errors import UsageError


@pytest.mark.parametrize("name", ["measure", "profile", "fit", "repro"])
def test_what_comes_after_the_dashes_is_a_program(name: str) -> None:
    with pytest.raises(UsageError, match="no image is named before `--`") as caught:
        CliRunner().invoke(cli, [name, "--cap", "64m", "--", "pytest", "-k", "x y"], catch_exceptions=False)
    assert f"memcap {name} --cap 64m IMAGE -- pytest -k 'x y'" in caught.value.remedy


@pytest.mark.parametrize(
    "words",
    [("profile", "--image", "my/prod:1.4"), ("profile", "--container", "web"), ("measure", "py312"), ("fit", "x")],
)
def test_an_image_before_them_is_one(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(cli, [*words, "--help", "--", "pytest"], catch_exceptions=False).exit_code == 0
