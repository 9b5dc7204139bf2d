"""From a repository to what its project measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.init import Choice, ImageKind, Wishes, choose, look
from memcap.init.choose import ChosenImage, ChosenLock, as_name

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
PYPROJECT = '[project]\nname = "Shop.Front"\nrequires-python = "{python}"\n[project.scripts]\nshop = "shop.cli:main"\n'


def chosen(root: Path, files: dict[str, str], **wishes: str) -> Choice:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return choose(look(root), Wishes(**wishes))


class TestImage:
    @pytest.mark.parametrize(
        ("reference", "name"),
        [
            ("shop/prod:1.0", "prod"),
            ("python:3.12-slim", "python"),
            ("reg.example.org:5000/team/My-App@sha256:0123", "my_app"),
            ("___", "prod"),
        ],
    )
    def test_a_reference_has_a_name_without_its_tag(self, tmp_path: Path, reference: str, name: str) -> None:
        image = chosen(tmp_path, {"Dockerfile": "FROM python"}, reference=reference).image

        assert image == ChosenImage(kind=ImageKind.REFERENCE, name=name, source=reference)

    @pytest.mark.parametrize(
        ("files", "source", "name"),
        [
            (["Dockerfile", "Dockerfile.dev"], "Dockerfile", "prod"),
            (["Dockerfile.dev", "Dockerfile.prod"], "Dockerfile.prod", "prod"),
            (["docker/api.Dockerfile"], "docker/api.Dockerfile", "api"),
            (["docker/Dockerfile"], "docker/Dockerfile", "prod"),
            (["Containerfile"], "Containerfile", "prod"),
        ],
    )
    def test_the_dockerfile_of_production_is_taken(
        self, tmp_path: Path, files: list[str], source: str, name: str
    ) -> None:
        image = chosen(tmp_path, dict.fromkeys(files, "FROM python:3.12\n")).image

        assert image == ChosenImage(kind=ImageKind.DOCKERFILE, name=name, source=source)

    @pytest.mark.parametrize(
        "files", [{"Dockerfile": "FROM node:22\n"}, {"Dockerfile.dockerignore": "python"}, {"README.md": "python"}]
    )
    def test_what_is_not_for_python_is_not(self, tmp_path: Path, files: dict[str, str]) -> None:
        assert chosen(tmp_path, files).image.kind is ImageKind.PYTHON

    @pytest.mark.parametrize(
        ("wanted", "running", "pythons"),
        [
            (">=3.10", "3.12", ("3.12", "3.13")),
            (">=3.10", "3.13", ("3.13", "3.10")),
            (">=3.11,<3.13", "3.13", ("3.12", "3.11")),
            ("~=3.10.2", "3.12", ("3.10",)),
            ("<3.10", "3.12", ("3.9",)),
            (">=3.14", "3.12", ("3.14",)),
            ("nonsense", "3.11", ("3.11", "3.13")),
            ("==2.7", "3.11", ("3.13",)),
        ],
    )
    def test_the_python_is_one_that_the_project_allows(
        self, tmp_path: Path, wanted: str, running: str, pythons: tuple[str, ...]
    ) -> None:
        files = {"pyproject.toml": PYPROJECT.format(python=wanted)}

        image = chosen(tmp_path, files, running_python=running).image

        assert image.pythons == pythons
        assert image.name == f"py{pythons[0].replace('.', '')}"

    @pytest.mark.parametrize(
        ("wanted", "pythons"),
        [
            ("^3.11", ("3.12", "3.13")),
            ("~3.11", ("3.11",)),
            ("~3.11.2", ("3.11",)),
            ("3.11.*", ("3.11",)),
            ("^3.10,<3.12", ("3.11", "3.10")),
        ],
    )
    def test_poetry_has_words_of_its_own(self, tmp_path: Path, wanted: str, pythons: tuple[str, ...]) -> None:
        files = {"pyproject.toml": f'[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\npython = "{wanted}"\n'}

        assert chosen(tmp_path, files, running_python="3.12").image.pythons == pythons

    def test_a_named_python_comes_first(self, tmp_path: Path) -> None:
        assert chosen(tmp_path, {".python-version": "3.11.7\n"}, running_python="3.13").image.pythons[0] == "3.11"


class TestBenchmark:
    def test_the_application_before_the_command_before_the_package(self, tmp_path: Path) -> None:
        package = {"pyproject.toml": PYPROJECT.format(python=">=3.10"), "shop/__init__.py": ""}
        alone = chosen(tmp_path, package)
        command = chosen(tmp_path, {"shop/cli.py": "import argparse\n"})
        application = chosen(tmp_path, {"shop/web.py": FASTAPI})

        assert (alone.benchmark.name, alone.benchmark.module) == ("import_package", "shop")
        assert (command.benchmark.name, command.benchmark.command) == ("show_help", "shop")
        assert (application.benchmark.name, application.benchmark.module) == ("import_app", "shop.web")
        assert {choice.suite for choice in (alone, command, application)} == {"shop_front"}

    def test_a_command_without_a_known_parser_is_not_run(self, tmp_path: Path) -> None:
        files = {"pyproject.toml": PYPROJECT.format(python=">=3.10"), "shop/cli.py": "def main(): launch()\n"}

        assert chosen(tmp_path, files).benchmark.name == "example"

    def test_a_program_that_importing_does_not_start(self, tmp_path: Path) -> None:
        files = {"job.py": "if __name__ == '__main__':\n    print(1)\n", "other.py": "print(1)\n"}

        assert chosen(tmp_path, files).benchmark.module == "job"

    def test_without_code_there_is_an_example(self, tmp_path: Path) -> None:
        choice = chosen(tmp_path, {})

        assert (choice.benchmark.name, choice.package, choice.lock) == ("example", None, None)

    def test_large_libraries_get_a_larger_cap(self, tmp_path: Path) -> None:
        assert chosen(tmp_path, {"requirements.txt": "flask\n"}).cap == "512m"
        assert chosen(tmp_path, {"requirements.txt": "flask\npandas>=2\n"}).cap == "2g"

    def test_a_module_of_the_same_name_keeps_it(self, tmp_path: Path) -> None:
        assert chosen(tmp_path, {}).workloads == "workloads"
        assert chosen(tmp_path, {"workloads.py": ""}).workloads == "memcap_workloads"


class TestPackage:
    @pytest.mark.parametrize(
        ("files", "package"),
        [
            ({"pyproject.toml": '[project]\nname = "shop"\n', "src/shop/__init__.py": ""}, ""),
            ({"shop/__init__.py": ""}, ""),
            ({"src/shop/__init__.py": ""}, "src"),
            ({"main.py": FASTAPI}, ""),
            ({"backend/shop/__init__.py": "", "backend/shop/web.py": FASTAPI}, "backend"),
        ],
    )
    def test_the_folder_that_modules_are_imported_from(
        self, tmp_path: Path, files: dict[str, str], package: str
    ) -> None:
        assert chosen(tmp_path, files).package == package

    def test_an_image_of_ones_own_has_the_code(self, tmp_path: Path) -> None:
        choice = chosen(tmp_path, {"main.py": FASTAPI}, reference="shop/prod:1.0")

        assert (choice.package, choice.requirements, choice.lock) == (None, None, None)

    def test_pinned_requirements_are_used_and_others_are_pinned(self, tmp_path: Path) -> None:
        loose = chosen(tmp_path, {"main.py": FASTAPI, "requirements.txt": "fastapi\n"}, running_python="3.13")
        pinned = chosen(tmp_path, {"requirements.txt": "fastapi==0.100\n", "requirements-dev.txt": "pytest==8\n"})

        assert loose.requirements is None
        assert loose.lock == ChosenLock(
            package=tmp_path, requirements=tmp_path / "requirements.txt", pythons=("3.13", "3.10")
        )
        assert (pinned.requirements, pinned.lock) == ("requirements.txt", None)

    @pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pylock.toml"])
    def test_a_lock_file_of_another_tool_is_used(self, tmp_path: Path, name: str) -> None:
        files = {"pyproject.toml": PYPROJECT.format(python=">=3.10"), name: "", "requirements.txt": "fastapi\n"}
        choice = chosen(tmp_path, files)

        assert (choice.requirements, choice.lock) == (None, None)
        assert ("lock file", name, "pins what the package needs") in choice.reasons

    def test_files_as_they_are_name_no_needs_that_it_could_pin(self, tmp_path: Path) -> None:
        assert chosen(tmp_path, {"main.py": FASTAPI, "uv.lock": ""}).lock is not None

    def test_a_lock_file_that_is_gone_is_written_again(self, tmp_path: Path) -> None:
        limits = '[caps]\n64m = "64MiB"\n[profiles.quick]\n[project]\npackage = "src"\n'
        files = {"limits.toml": limits, "src/main.py": FASTAPI, "images/py312/Dockerfile": "FROM python:3.12\n"}
        choice = chosen(tmp_path, files)

        assert choice.lock == ChosenLock(package=tmp_path / "src", requirements=None, pythons=("3.12",))
        assert (choice.image.kind, choice.package) == (ImageKind.PRESENT, None)
        assert chosen(tmp_path, {"memcap-requirements.txt": "fastapi==0.100\n"}).lock is None


class TestService:
    def test_the_one_that_is_there(self, tmp_path: Path) -> None:
        assert chosen(tmp_path, {}).service is None
        assert chosen(tmp_path, {".gitlab-ci.yml": ""}).service == "gitlab"
        assert chosen(tmp_path, {".github/CODEOWNERS": ""}).service == "github"
        assert chosen(tmp_path, {}, service="none").service is None
        assert chosen(tmp_path, {}, service="gitlab").service == "gitlab"


class TestExistingProject:
    def test_a_cap_of_its_own_is_used(self, tmp_path: Path) -> None:
        limits = '[caps]\n64m = "64MiB"\nlarge = "1GiB"\nhuge = "9GiB"\n[profiles.quick]\n'

        choice = chosen(tmp_path, {"limits.toml": limits, "main.py": FASTAPI})

        assert choice.cap == "large"
        assert choice.image.kind is ImageKind.PYTHON

    def test_the_largest_where_none_is_enough(self, tmp_path: Path) -> None:
        limits = '[caps]\n64m = "64MiB"\n32m = "32MiB"\n[profiles.quick]\n'

        assert chosen(tmp_path, {"limits.toml": limits}).cap == "64m"


@pytest.mark.parametrize(
    ("text", "name"), [("My Shop!", "my_shop"), ("ünï", "n"), ("con", "app"), ("...", "app"), ("x" * 200, "x" * 40)]
)
def test_names_are_made_of_any_text(text: str, name: str) -> None:
    assert as_name(text, otherwise="app") == name
