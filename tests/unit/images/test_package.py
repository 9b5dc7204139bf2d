"""The project's own package: what goes into an image, and that nothing is written into the project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from own_wheels import make_wheel
from packaging.requirements import Requirement

from factories import make_image
from memcap.errors import BuildError
from memcap.images.archive import Tree
from memcap.images.package import add_package, build_wheel, is_installable, lock_of, required, unlocked
from memcap.images.wheels import Constrained
from memcap.model import Package, PythonFacts

IMAGE = make_image()
PYTHON = PythonFacts(
    executable="/usr/local/bin/python", implementation="CPython", version="3.12.1", build="main", libc="glibc 2.31"
)
# A backend of the project's own, so that no index is needed.
PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "shop"
version = "1.0"
"""
BACKEND = """\
import pathlib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    pathlib.Path("build").mkdir()
    name = "shop-1.0-{tag}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w") as wheel:
        for path in pathlib.Path("shop").rglob("*.py"):
            wheel.write(path, path.as_posix())
        metadata = "Metadata-Version: 2.1\\nName: shop\\nVersion: 1.0\\nRequires-Python: >=3.10\\n"
        metadata += "Requires-Dist: anyio>=4\\n"
        wheel.writestr("shop-1.0.dist-info/METADATA", metadata + 'Requires-Dist: tomli; python_version < "3.11"\\n')
        wheel.writestr("shop-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {tag}\\n")
        wheel.writestr("shop-1.0.dist-info/RECORD", "")
    return name
"""


@pytest.fixture
def root(tmp_path: Path, own_pip: None) -> Path:
    """Return a project with a package, and caches of its own."""
    root = tmp_path / "project"
    write(root, {"pyproject.toml": PYPROJECT, "backend.py": BACKEND.replace("{tag}", "py3-none-any")})
    write(root, {"shop/__init__.py": "", "shop/app.py": "KEPT = 1\n"})
    return root


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def package(root: Path) -> Package:
    return Package(path=root, project=root)


def silent(_: str) -> None:
    pass


def needs(tree: Tree, package: Package, *, python: PythonFacts = PYTHON) -> tuple[str, ...]:
    return tuple(one.name for one in add_package(tree, package, IMAGE, python, say=silent))


def names(tree: Tree, *wanted: str) -> set[str]:
    return {name for name in wanted if f"memcap/package/{name}" in tree}


@pytest.mark.parametrize(
    ("files", "is_one"),
    [
        ({"pyproject.toml": '[project]\nname = "shop"\n'}, True),
        ({"pyproject.toml": "[build-system]\nrequires = []\n"}, True),
        ({"setup.py": ""}, True),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, False),
        ({"pyproject.toml": "not TOML"}, False),
        ({"app.py": ""}, False),
    ],
)
def test_what_pip_can_build(tmp_path: Path, files: dict[str, str], is_one: bool) -> None:
    write(tmp_path, files)

    assert is_installable(tmp_path) is is_one


def test_other_code_goes_in_as_it_is_without_what_is_no_code(tmp_path: Path) -> None:
    write(tmp_path, {
        "app.py": "", "shop/build/steps.py": "", "data/prices.csv": "", ".env": "SECRET=1", ".git/config": "",
        "env/pyvenv.cfg": "", "env/lib/x.py": "", "__pycache__/app.pyc": "", "build/app.py": "", "shop.egg-info/a": "",
        "suites/shop/workloads.py": "", "images/py312/Dockerfile": "", "results/a.json": "",
    })  # fmt: skip
    tree = Tree()

    assert needs(tree, package(tmp_path)) == ()
    assert names(tree, "app.py", "shop/build/steps.py", "data/prices.csv") == {
        "app.py", "shop/build/steps.py", "data/prices.csv",
    }  # fmt: skip
    assert not names(
        tree, ".env", ".git", "env", "__pycache__", "build", "shop.egg-info", "suites", "images", "results"
    )


def test_packages_with_the_names_of_memcaps_folders_are_code(tmp_path: Path) -> None:
    write(tmp_path, {
        "images/__init__.py": "", "images/models.py": "", "results/__init__.py": "", "results/a.json": "",
        "results/baselines/shop.json": "", "suites/shop/suite.toml": "",
    })  # fmt: skip
    tree = Tree()

    add_package(tree, package(tmp_path), IMAGE, PYTHON, say=silent)

    code = {"images/__init__.py", "images/models.py", "results/__init__.py"}
    assert names(tree, *code) == code
    assert not names(tree, "results/a.json", "results/baselines/shop.json", "suites")


def test_a_folder_of_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"app.py": "", "data.bin": "x" * 5000})
    monkeypatch.setattr("memcap.images.package._MOST_BYTES", 4096)

    with pytest.raises(BuildError, match=r"more than 4\.0 KiB of files"):
        add_package(Tree(), package(tmp_path), IMAGE, PYTHON, say=silent)


def test_what_no_lock_file_pins_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("# ours\nAnyIO==4.0 \\\n    --hash=sha256:0\ntyping_extensions==4.1\n")

    needed = tuple(map(Requirement, ("anyio>=4", "typing-extensions", "uvicorn")))
    assert unlocked(needed, (lock,)) == ("uvicorn",)
    assert unlocked(needed[:1], ()) == ("anyio",)
    assert unlocked(needed, (Constrained(file=lock, requirements=(), constraints=("uvicorn==1",)),)) == (
        "anyio",
        "typing-extensions",
    )


def test_a_lock_file_of_another_tool_pins_what_is_needed_and_no_more(tmp_path: Path) -> None:
    lines = ("httpx[http2,brotli]>=0.27", 'tomli<3,>=2; python_version < "3.11"', "shop @ https://example.org/shop.zip")
    needed = tuple(map(Requirement, lines))
    lock = tmp_path / "uv.lock"
    uv = Package(path=tmp_path, project=tmp_path, requirements=lock, constraints=("httpx==0.28",))

    assert lock_of(uv, needed) == Constrained(
        file=lock, requirements=("httpx[brotli,http2]>=0.27", "tomli<3,>=2", "shop"), constraints=("httpx==0.28",)
    )
    assert lock_of(uv, ()) is None
    assert lock_of(replace(uv, constraints=None), ()) == lock


@pytest.mark.allow_processes
class TestBuiltWheels:
    def test_the_one_for_the_image_is_unpacked(self, wheels: Path) -> None:
        said: list[str] = []
        for tag in ("cp310-cp310-linux_x86_64", "cp312-cp312-linux_x86_64"):
            make_wheel(wheels, "shop", tag, requires="anyio>=4")
        tree = Tree()

        needed = add_package(tree, package(wheels), IMAGE, PYTHON, say=said.append)

        assert list(map(str, needed)) == ["anyio>=4"]
        assert names(tree, "shop.py") == {"shop.py"}
        assert said == ["py312 gets shop-1.0-cp312-cp312-linux_x86_64.whl"]
        assert required(package(wheels), say=silent) == ("anyio>=4",)

    def test_a_single_wheel(self, wheels: Path) -> None:
        wheel = make_wheel(wheels, "shop", "py3-none-any")
        make_wheel(wheels, "market", "py3-none-any")
        tree = Tree()

        add_package(tree, Package(path=wheel, project=wheels), IMAGE, PYTHON, say=silent)

        assert names(tree, "shop.py", "market.py") == {"shop.py"}

    @pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + b"\0" * 18])
    def test_what_is_no_wheel_is_said(self, wheels: Path, content: bytes) -> None:
        (wheels / "shop-1.0-py3-none-any.whl").write_bytes(content)

        with pytest.raises(BuildError, match="cannot be read as a wheel"):
            add_package(Tree(), package(wheels), IMAGE, PYTHON, say=silent)


@pytest.mark.allow_processes
class TestWheel:
    def test_the_wheel_is_what_is_installed(self, root: Path) -> None:
        tree = Tree()

        assert needs(tree, package(root)) == ("anyio",)
        assert names(tree, "shop/app.py", "shop-1.0.dist-info/METADATA", "backend.py") == {
            "shop/app.py", "shop-1.0.dist-info/METADATA",
        }  # fmt: skip

    def test_needs_are_those_of_the_images_python(self, root: Path) -> None:
        older = replace(PYTHON, version="3.10.1")

        assert needs(Tree(), package(root), python=older) == ("anyio", "tomli")

    def test_nothing_is_written_into_the_project(self, root: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}

        build_wheel(package(root), say=silent)

        assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before

    def test_it_is_built_once_for_the_same_files(self, root: Path) -> None:
        said: list[str] = []

        first = build_wheel(package(root), say=said.append)
        write(root, {"suites/shop/workloads.py": "", ".git/HEAD": "", "results/a.json": ""})  # none of these is built
        again = build_wheel(package(root), say=said.append)
        write(root, {"shop/app.py": "KEPT = 2\n"})
        changed = build_wheel(package(root), say=said.append)

        assert first == again != changed
        assert said == ["building a wheel of project"] * 2

    def test_a_python_that_the_package_is_not_for_is_said(self, root: Path) -> None:
        with pytest.raises(BuildError, match=r"needs Python >=3\.10, and image py312 has 3\.9\.2"):
            add_package(Tree(), package(root), IMAGE, replace(PYTHON, version="3.9.2"), say=silent)

    def test_compiled_parts_are_refused(self, root: Path) -> None:
        write(root, {"backend.py": BACKEND.replace("{tag}", "cp311-cp311-linux_x86_64")})

        with pytest.raises(BuildError, match="has compiled parts") as caught:
            add_package(Tree(), package(root), IMAGE, PYTHON, say=silent)
        assert 'package = "wheelhouse"' in caught.value.remedy
        assert required(package(root), say=silent)[0] == "anyio>=4"

    def test_a_backend_that_is_nowhere_is_said(self, root: Path) -> None:
        write(root, {"pyproject.toml": PYPROJECT.replace("requires = []", 'requires = ["no-such-backend-at-all"]')
                     .replace('"backend"', '"no_such_backend"')})  # fmt: skip

        with pytest.raises(BuildError, match="neither on the package index nor installed next to memcap"):
            build_wheel(package(root), say=silent)

    def test_what_fails_is_shown(self, root: Path) -> None:
        write(root, {"backend.py": "raise RuntimeError('the shop is closed')\n"})

        with pytest.raises(BuildError, match="the shop is closed"):
            build_wheel(package(root), say=silent)
