"""Files of other people's repositories, which `memcap init` looks at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from memcap.init import Wishes, choose, look, plan_files

_PYPROJECT: Final = """\
[project]
name = "shop"
requires-python = ">=3.10"
dependencies = ["pandas>=2"]
[project.scripts]
shop = "shop.cli:main"
[tool.poetry.dependencies]
python = "^3.11"
"""
_SETUP: Final = """\
[metadata]
name = shop
[options]
python_requires = >=3.10
install_requires =
    pandas
[options.entry_points]
console_scripts =
    shop = shop.cli:main
"""
_CODE: Final = """\
import click
from fastapi import FastAPI

app: FastAPI = FastAPI(title="shop")

@click.command()
def main():
    pass

if __name__ == "__main__":
    main()
"""
OF_REPOSITORIES: Final = {
    "pyproject.toml": ("pyproject.toml", (_PYPROJECT.encode(),)),
    "setup.cfg": ("setup.cfg", (_SETUP.encode(),)),
    "code of a repository": ("shop/cli.py", (_CODE.encode(),)),
}


def of_repository(name: str) -> Callable[[bytes, Path], object]:
    """Return what starts a project, on paper, in a repository in which the file ``name`` holds a content."""

    def read(content: bytes, folder: Path) -> object:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        repository = look(folder)
        return plan_files(repository, choose(repository, Wishes(service="github")))

    return read
