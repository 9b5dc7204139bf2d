from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_wheels import make_wheel

from factories import make_image
from memcap.errors import BuildError
from memcap.images.wheels import Constrained, dependencies_key, platform_tags, resolve_dependencies
from memcap.model import PythonFacts

IMAGE = make_image()
PYTHON = PythonFacts(
    executable="/usr/local/bin/python", implementation="CPython", version="3.8.19", build="main", libc="glibc 2.31"
)


def test_tags_of_glibc_descend_from_its_version() -> None:
    tags = platform_tags("glibc 2.31", "aarch64")

    assert tags[0] == "manylinux_2_31_aarch64"
    assert {"manylinux_2_17_aarch64", "manylinux2014_aarch64", "linux_aarch64"} < set(tags)
    assert "manylinux_2_32_aarch64" not in tags


def test_an_old_glibc_gets_no_newer_wheels() -> None:
    assert "manylinux2014_x86_64" not in platform_tags("glibc 2.12", "x86_64")


def test_tags_of_musl_are_its_own() -> None:
    assert platform_tags("musl 1.2.4", "x86_64") == ("musllinux_1_2_x86_64", "musllinux_1_1_x86_64", "linux_x86_64")


@given(st.from_regex(r"(glibc 2|musl 1)\.[0-9]{1,2}(\.[0-9]+)?", fullmatch=True))
def test_any_known_c_library_can_use_what_is_made_for_it_alone(libc: str) -> None:
    assert platform_tags(libc, "x86_64")[-1] == "linux_x86_64"


@pytest.mark.parametrize("libc", ["", "musl", "glibc", "glibc 3.1", "bionic 2.17"])
def test_an_unknown_c_library_is_an_error(libc: str) -> None:
    with pytest.raises(BuildError, match="C library is unknown"):
        platform_tags(libc, "x86_64")


def test_the_key_changes_with_all_that_decides(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("demo==1.0\n")
    other = tmp_path / "other.txt"
    other.write_text("demo==1.1\n")
    keys = {
        dependencies_key((lock,), IMAGE, PYTHON),
        dependencies_key((other,), IMAGE, PYTHON),
        dependencies_key((Constrained(file=lock, requirements=("a",), constraints=("a==1",)),), IMAGE, PYTHON),
        dependencies_key((Constrained(file=lock, requirements=("a",), constraints=("a==2",)),), IMAGE, PYTHON),
        dependencies_key((Constrained(file=lock, requirements=("b",), constraints=("a==2",)),), IMAGE, PYTHON),
        dependencies_key((lock,), replace(IMAGE, architecture="aarch64"), PYTHON),
        dependencies_key((lock,), IMAGE, replace(PYTHON, version="3.8.20")),
        dependencies_key((lock,), IMAGE, replace(PYTHON, libc="musl 1.2")),
        dependencies_key((lock,), IMAGE, replace(PYTHON, build="experimental free-threading build")),
    }

    assert len(keys) == 9
    assert dependencies_key((lock,), replace(IMAGE, id="sha256:other", name="other"), PYTHON) in keys


@pytest.mark.allow_processes
class TestResolve:
    def lock(self, tmp_path: Path, text: str) -> Path:
        lock = tmp_path / "requirements.txt"
        lock.write_text(text)
        return lock

    def test_the_wheel_for_the_image_is_taken_not_the_one_for_this_machine(self, tmp_path: Path, wheels: Path) -> None:
        here = f"cp{sys.version_info[0]}{sys.version_info[1]}"
        for tag in (f"{here}-{here}-manylinux_2_31_x86_64", "cp38-cp38-manylinux_2_31_x86_64", "cp38-abi3-win_amd64"):
            make_wheel(wheels, "demo", tag)

        folder = resolve_dependencies((self.lock(tmp_path, "demo==1.0\n"),), IMAGE, PYTHON)

        assert (folder / "demo.py").read_text() == "TAG = 'cp38-cp38-manylinux_2_31_x86_64'\n"

    def test_markers_are_answered_for_the_image(self, tmp_path: Path, wheels: Path) -> None:
        make_wheel(
            wheels, "demo", "py3-none-any", requires='for_old; python_version < "3.9" and sys_platform == "linux"'
        )
        make_wheel(wheels, "for_old", "py3-none-any")
        make_wheel(wheels, "for_new", "py3-none-any")
        lock = self.lock(tmp_path, 'demo==1.0\nfor_new==1.0; python_full_version >= "3.9"\n')

        def installed(version: str) -> set[str]:
            return {
                path.name
                for path in resolve_dependencies((lock,), IMAGE, replace(PYTHON, version=version)).glob("*.py")
            }

        assert installed("3.8.19") == {"demo.py", "for_old.py"}
        assert installed("3.12.1") == {"demo.py", "for_new.py"}

    def test_constraints_choose_versions_and_ask_for_nothing(self, tmp_path: Path, wheels: Path) -> None:
        for version in ("1.0", "2.0"):
            make_wheel(wheels, "demo", version=version, requires="inner")
            make_wheel(wheels, "inner", version=version)
        constraints = ('inner==1.0 ; python_version < "3.9"', 'inner==2.0 ; python_version >= "3.9"')
        lock = Constrained(
            file=Path("uv.lock"), requirements=("demo>=1",), constraints=("demo==1.0", *constraints, "other==1.0")
        )

        def installed(version: str) -> list[str]:
            folder = resolve_dependencies((lock,), IMAGE, replace(PYTHON, version=version))
            return sorted(path.name for path in folder.glob("*.dist-info"))

        assert installed("3.8.19") == ["demo-1.0.dist-info", "inner-1.0.dist-info"]
        assert installed("3.12.1") == ["demo-1.0.dist-info", "inner-2.0.dist-info"]

    def test_versions_that_contradict_each_other_are_said(self, tmp_path: Path, wheels: Path) -> None:
        make_wheel(wheels, "demo")
        lock = Constrained(file=Path("poetry.lock"), requirements=("demo",), constraints=("demo==1.0", "demo==2.0"))

        with pytest.raises(BuildError, match=r"poetry\.lock"):
            resolve_dependencies((lock,), IMAGE, PYTHON)

    def test_nothing_is_resolved_twice(self, tmp_path: Path, wheels: Path) -> None:
        make_wheel(wheels, "demo", "py3-none-any")
        lock = self.lock(tmp_path, "demo==1.0\n")
        first = resolve_dependencies((lock,), IMAGE, PYTHON)
        (wheels / "demo-1.0-py3-none-any.whl").unlink()

        assert resolve_dependencies((lock,), IMAGE, PYTHON) == first
        assert [path.name for path in first.parent.iterdir()] == [first.name]

    def test_a_package_without_a_wheel_is_named_with_python_and_platform(self, tmp_path: Path, wheels: Path) -> None:
        make_wheel(wheels, "demo", "cp39-cp39-manylinux_2_31_x86_64")

        with pytest.raises(BuildError, match=r"no wheel of demo==1\.0 for CPython 3\.8\.19 on glibc 2\.31 x86_64"):
            resolve_dependencies((self.lock(tmp_path, "demo==1.0\n"),), IMAGE, PYTHON)
        assert list((tmp_path / "cache" / "wheels").iterdir()) == []

    def test_an_index_that_does_not_answer_is_said(
        self, tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")

        with pytest.raises(BuildError, match="index did not answer"):
            resolve_dependencies((self.lock(tmp_path, "demo==1.0\n"),), IMAGE, PYTHON)

    def test_pips_own_words_are_shown_otherwise(self, tmp_path: Path, wheels: Path) -> None:
        with pytest.raises(BuildError, match="Invalid requirement"):
            resolve_dependencies((self.lock(tmp_path, "=== what\n"),), IMAGE, PYTHON)


def test_a_python_without_wheels_of_ours_is_said(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("demo==1.0\n")

    with pytest.raises(BuildError, match="PyPy"):
        resolve_dependencies((lock,), IMAGE, replace(PYTHON, implementation="PyPy"))
