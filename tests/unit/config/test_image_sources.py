"""`[images.NAME]` of limits.toml, beside the folders under images/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memcap.config import find_image, load_config
from memcap.errors import ConfigError, Problem
from memcap.model import ImageSource

MakeProject = Callable[[dict[str, str]], Path]
FindProblems = Callable[[dict[str, str]], list[Problem]]
LIMITS = """\
[caps]
128m = "128MiB"

[profiles.quick]
"""


def limits(*lines: str) -> dict[str, str]:
    return {"limits.toml": LIMITS + "".join(f"{line}\n" for line in lines)}


def test_an_image_is_a_reference_or_a_dockerfile_of_the_project(make_project: MakeProject) -> None:
    files = limits(
        "[images.prod]",
        'reference = "shop/prod:1.0"',
        "[images.web]",
        'dockerfile = "docker/web/Dockerfile"',
        "[images.whole]",
        'dockerfile = "docker/web/Dockerfile"',
        'context = "."',
        "[profiles.prod]",
        'images = ["prod", "web"]',
    )
    root = make_project({**files, "docker/web/Dockerfile": "FROM scratch\n"})
    images = load_config(root).images
    web = root.resolve() / "docker" / "web"
    assert set(images) == {"py312", "prod", "web", "whole"}
    assert images["prod"] == ImageSource(name="prod", reference="shop/prod:1.0")
    assert (images["web"].directory, images["web"].dockerfile) == (web, web / "Dockerfile")
    assert images["web"].ignored == (".git",)
    assert images["whole"].directory == root.resolve()
    assert images["whole"].ignored == (".git", "results"), "a result must not make another image"
    assert find_image(root, "whole") == images["whole"]


@pytest.mark.parametrize(
    ("lines", "key", "message"),
    [
        (("[images.prod]",), "images.prod", "needs either reference"),
        (("[images.prod]", 'reference = "a:1"', 'dockerfile = "D"'), "images.prod", "needs either reference"),
        (("[images.prod]", 'reference = ""'), "images.prod.reference", "'' is not a reference"),
        (("[images.prod]", 'reference = "::"'), "images.prod.reference", "is not a reference"),
        (("[images.prod]", "reference = 5"), "images.prod.reference", "expected a string"),
        (("[images.prod]", 'reference = "a:1"', 'context = "."'), "images.prod.context", "goes with dockerfile only"),
        (("[images.prod]", 'dockerfile = "suites"'), "images.prod.dockerfile", "'suites' is a folder"),
        (("[images.prod]", 'dockerfile = ""'), "images.prod.dockerfile", "'' is a folder"),
        (("[images.prod]", f'dockerfile = "{"x" * 256}"'), "images.prod.dockerfile", "more than 255 bytes"),
        (("[images.prod]", 'dockerfile = "D"', f'context = "{"x" * 256}"'), "images.prod.context", "more than 255"),
        (("[images.py312]", 'reference = "a:1"'), "images.py312", "there is a folder images/py312, too"),
        (("[images.a-b]", 'reference = "a:1"'), "images.a-b", "is not a name"),
        (("[images.prod]", 'reference = "a:1"', "tag = 1"), "images.prod.tag", "unknown key"),
        (("[images]", "prod = 5"), "images.prod", "expected a table"),
    ],
)
def test_mistakes_are_named(find_problems: FindProblems, lines: tuple[str, ...], key: str, message: str) -> None:
    found = [(problem.key, problem.message) for problem in find_problems(limits(*lines))]
    assert [text for where, text in found if where == key and message in text], found


def test_a_missing_dockerfile_hinders_only_those_who_use_the_image(make_project: MakeProject) -> None:
    root = make_project(limits("[images.prod]", 'dockerfile = "gone/Dockerfile"'))
    image = load_config(root).images["prod"]
    assert image.dockerfile == root.resolve() / "gone" / "Dockerfile"
    assert image.lacks_dockerfile
    assert find_image(root, "prod") == image


@pytest.mark.parametrize(
    ("context", "message"), [("nowhere", "there is no folder 'nowhere'"), ("suites", "is not in this folder")]
)
def test_a_context_holds_its_dockerfile(find_problems: FindProblems, context: str, message: str) -> None:
    lines = ("[images.prod]", 'dockerfile = "images/py312/Dockerfile"', f'context = "{context}"')
    [problem] = find_problems(limits(*lines))
    assert (problem.key, message in problem.message) == ("images.prod.context", True)


def test_one_image_is_found_whatever_is_wrong_elsewhere(make_project: MakeProject) -> None:
    files = limits("[images.prod]", 'reference = "shop/prod:1.0"', "[images.broken]")
    root = make_project({**files, "suites/demo/suite.toml": "broken"})
    assert find_image(root, "prod") == ImageSource(name="prod", reference="shop/prod:1.0")
    assert find_image(root, "py312") == ImageSource(name="py312", directory=root / "images" / "py312")
    assert find_image(root, "shop/prod:1.0") is None
    assert find_image(root, "other") is None
    with pytest.raises(ConfigError, match="needs either reference"):
        find_image(root, "broken")


def test_no_project_has_no_image(tmp_path: Path) -> None:
    assert find_image(tmp_path, "py312") is None
