"""What Python files are, without importing them."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.init.code import Application, Module, module_file, read_code


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"


@pytest.mark.parametrize(
    ("text", "framework"),
    [
        (FASTAPI, "FastAPI"),
        ("import fastapi\napp: object = fastapi.FastAPI(title='x')\n", "FastAPI"),
        ("import fastapi as f\napp = f.FastAPI()\n", "FastAPI"),
        ("from flask import Flask as F\ndef create():\n    return F(__name__)\n", "Flask"),
        ("from starlette.applications import Starlette\napp = Starlette()\n", "Starlette"),
        ("from celery import Celery\napp = Celery('tasks')\n", "Celery"),
        ("from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n", "Django"),
    ],
)
def test_applications_are_found_by_what_makes_them(tmp_path: Path, text: str, framework: str) -> None:
    code = read_code(write(tmp_path, {"shop/__init__.py": "", "shop/web.py": text}))

    assert code.applications == (Application(module=Module(name="shop.web", base=""), framework=framework),)


@pytest.mark.parametrize(
    "text",
    [
        "from other import FastAPI\napp = FastAPI()\n",
        "class Flask:\n    pass\napp = Flask()\n",
        "# FastAPI()\n",
        "import fastapi\n",
        "this is not Python\n",
        "x = " + "(" * 500 + ")" * 500,
        "\0",
    ],
)
def test_nothing_else_is_an_application(tmp_path: Path, text: str) -> None:
    assert read_code(write(tmp_path, {"web.py": text})).applications == ()


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("main.py", Module(name="main", base="")),
        ("app/main.py", Module(name="app.main", base="")),  # as `uvicorn app.main:app` is started
        ("src/shop/web.py", Module(name="shop.web", base="src")),
        ("src/main.py", Module(name="main", base="src")),
        ("backend/shop/web.py", Module(name="shop.web", base="backend")),
    ],
)
def test_a_module_has_the_name_that_it_is_imported_by(tmp_path: Path, file: str, module: Module) -> None:
    write(tmp_path, {file: FASTAPI})
    if "shop" in file:
        write(tmp_path, {f"{file.rpartition('/')[0]}/__init__.py": ""})

    [application] = read_code(tmp_path).applications

    assert application.module == module


@pytest.mark.parametrize(
    "file", ["tests/app.py", "test_app.py", ".hidden/app.py", "env/app.py", "a-b/app.py", "node_modules/x/app.py"]
)
def test_some_places_are_not_looked_into(tmp_path: Path, file: str) -> None:
    write(tmp_path, {file: FASTAPI, "env/pyvenv.cfg": ""})

    assert read_code(tmp_path).applications == ()


def test_the_application_that_importing_makes_and_that_is_nearest_comes_first(tmp_path: Path) -> None:
    factory = "from flask import Flask\ndef make():\n    return Flask('x')\n"
    celery = "from celery import Celery\nqueue = Celery()\n"
    write(tmp_path, {"a_queue.py": celery, "factory.py": factory, "deep/down/main.py": FASTAPI, "zoo.py": FASTAPI})

    names = [application.module.name for application in read_code(tmp_path).applications]

    assert names == ["zoo", "deep.down.main", "factory", "a_queue"]


def test_packages_and_programs_are_those_at_the_top(tmp_path: Path) -> None:
    program = "if __name__ == '__main__':\n    print(1)\n"
    write(tmp_path, {
        "shop/__init__.py": "", "shop/inner/__init__.py": "", "src/store/__init__.py": "", "tests/__init__.py": "",
        "job.py": program, "plain.py": "print(1)\n", "setup.py": program, "shop/tool.py": program,
    })  # fmt: skip
    code = read_code(tmp_path)

    assert code.packages == (Module(name="shop", base=""), Module(name="store", base="src"))
    assert code.programs == (Module(name="job", base=""),)


def test_the_file_of_a_module_is_found_under_its_base(tmp_path: Path) -> None:
    write(tmp_path, {"src/shop/__init__.py": "", "src/shop/cli.py": ""})

    assert module_file(tmp_path, "shop.cli", ("", "src")) == tmp_path / "src/shop/cli.py"
    assert module_file(tmp_path, "shop", ("", "src")) == tmp_path / "src/shop/__init__.py"
    assert module_file(tmp_path, "shop.other", ("", "src")) is None
