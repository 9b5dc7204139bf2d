"""``[project]``: the package of the project's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memcap.config import find_image, load_config
from memcap.errors import Problem
from memcap.model import Package

MakeProject = Callable[[dict[str, str]], Path]
FindProblems = Callable[[dict[str, str]], list[Problem]]

LIMITS = '[caps]\n128m = "128MiB"\n[profiles.quick]\n[project]\n'
LONG = "x" * 300


def test_each_image_of_the_project_gets_the_package(make_project: MakeProject) -> None:
    root = make_project({"limits.toml": LIMITS + 'package = "src"\n', "src/shop.py": ""}).resolve()

    package = Package(path=root / "src", project=root)

    assert load_config(root).images["py312"].package == package
    image = find_image(root, "py312")  # for a command of no suite
    assert image is not None
    assert image.package == package


@pytest.mark.parametrize(
    ("key", "name"), [("", "memcap-requirements.txt"), ('requirements = "locked.txt"\n', "locked.txt")]
)
def test_its_lock_file_is_the_one_that_is_named_or_that_init_wrote(
    make_project: MakeProject, key: str, name: str
) -> None:
    root = make_project({"limits.toml": LIMITS + 'package = "."\n' + key, name: "anyio==4.0\n"}).resolve()

    package = load_config(root).images["py312"].package

    assert package is not None
    assert package.requirements == root / name


@pytest.mark.parametrize(
    ("keys", "files", "name"),
    [
        ("", {"poetry.lock": "", "uv.lock": ""}, "uv.lock"),
        ("", {"uv.lock": "", "src/poetry.lock": ""}, "src/poetry.lock"),
        ('requirements = "pylock.ci.toml"\n', {"uv.lock": "", "pylock.ci.toml": ""}, "pylock.ci.toml"),
    ],
)
def test_lock_files_of_other_tools(make_project: MakeProject, keys: str, files: dict[str, str], name: str) -> None:
    locks = dict.fromkeys(files, '[[package]]\nname = "anyio"\nversion = "4.0"\n')
    root = make_project({"limits.toml": LIMITS + 'package = "src"\n' + keys, "src/shop.py": "", **locks}).resolve()

    package = load_config(root).images["py312"].package

    assert package is not None
    assert (package.requirements, package.constraints) == (root / name, ("anyio==4.0",))


def test_a_lock_file_of_memcap_is_taken_first(make_project: MakeProject) -> None:
    files = {"uv.lock": "", "memcap-requirements.txt": "anyio==4.0\n"}
    package = load_config(make_project({"limits.toml": LIMITS + 'package = "."\n', **files})).images["py312"].package

    assert package is not None
    assert package.requirements is not None
    assert (package.requirements.name, package.constraints) == ("memcap-requirements.txt", None)


def test_without_the_key_there_is_no_package(make_project: MakeProject) -> None:
    assert load_config(make_project({})).images["py312"].package is None


@pytest.mark.parametrize(
    ("keys", "files", "said"),
    [
        ('package = "shop"\n', {}, "limits.toml:5: project.package: there is no folder 'shop'"),
        ('package = "dist/shop.whl"\n', {}, "project.package: there is no wheel 'dist/shop.whl'"),
        ('package = "dist"\n', {"dist": ""}, "project.package: there is no folder 'dist'"),
        ('package = "/srv/shop"\n', {}, "project.package: '/srv/shop' is not a path from the project's folder"),
        ('package = ""\n', {}, "project.package: '' is not a path"),
        ('requirements = "a.txt"\n', {"a.txt": ""}, "project.requirements: has no meaning without package"),
        ('package = "."\nrequirements = "a.txt"\n', {}, "project.requirements: there is no file 'a.txt'"),
        ('package = "."\nrequirements = "a.txt"\n', {"a.txt": "anyio>=4\n"}, "a.txt:1: 'anyio>=4' is not pinned"),
        (
            'package = "."\n',
            {"uv.lock": "[[package]]\nname = 1\nversion = '2'\n"},
            "uv.lock:1: package.0: expected a name",
        ),
        ('package = "."\n', {"poetry.lock": "a = ["}, "poetry.lock:1: this is not TOML"),
        ('packages = "."\n', {}, "did you mean 'package'?"),
        (f'package = "{LONG}"\n', {}, "project.package: has a name of more than 255 bytes"),
        (f'package = "."\nrequirements = "a/{LONG}"\n', {}, "project.requirements: has a name of more than 255 bytes"),
    ],
)
def test_mistakes_are_said(find_problems: FindProblems, keys: str, files: dict[str, str], said: str) -> None:
    [problem] = find_problems({"limits.toml": LIMITS + keys, **files})

    assert said in str(problem)
