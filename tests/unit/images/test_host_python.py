from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.images.host_python import WantedPython, find_host_python, wanted_python

ANY = WantedPython(major=3, minor=42, micro=None)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("python:3.12-slim", "3.12"),
        ("python:3.12", "3.12"),
        ("python:3.12.1-slim-bookworm", "3.12.1"),
        ("python:3.14-rc-slim", "3.14"),
        ("python:3.14.0b2-slim", "3.14.0"),
        ("mirror.example.org/library/python:3.10-slim", "3.10"),
        ("mirror.example.org:5000/python:3.11-bullseye", "3.11"),
        ("python:3.12-slim@sha256:" + "0" * 64, "3.12"),
    ],
)
def test_the_version_is_read_from_the_tag(reference: str, expected: str) -> None:
    assert str(wanted_python(reference)) == expected


@pytest.mark.parametrize(
    "reference",
    [
        "python", "python:latest", "python:slim", "python:3-slim", "python:3.12-alpine",
        "python:3.12-windowsservercore",
        "pypy:3.10-slim", "my/python-app:3.12", "debian:12", "python@sha256:" + "0" * 64, "mirror:5000/python",
    ],
)  # fmt: skip
def test_no_interpreter_is_like_other_images(reference: str) -> None:
    assert wanted_python(reference) is None


@given(st.text(max_size=40))
def test_any_reference_gets_an_answer(reference: str) -> None:
    assert wanted_python(reference) is None or "python" in reference


def install(folder: Path, version: str, *, implementation: str = "CPython", special: bool = False) -> None:
    """Put a program there that answers as an interpreter of that version would."""
    program = folder / "bin" / "python3.42"
    program.parent.mkdir(parents=True)
    answer = json.dumps(
        {
            "executable": str(program),
            "implementation": implementation,
            "version": version,
            "stdlib": str(folder / "lib" / "python3.42"),
            "special": special,
        }
    )
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)


@pytest.mark.allow_processes
@pytest.mark.skipif(sys.platform != "linux", reason="interpreters of this machine are of use on Linux only")
class TestFind:
    def test_the_newest_patch_release_is_taken(self, tmp_path: Path) -> None:
        install(tmp_path / ".pyenv/versions/3.42.9", "3.42.9")
        install(tmp_path / ".local/share/uv/python/cpython-3.42.10-linux-x86_64-gnu", "3.42.10")

        found = find_host_python(ANY, environ={}, home=tmp_path)

        assert found is not None
        assert (found.version, found.kind) == ("3.42.10", "uv")
        assert found.origin == "host interpreter CPython 3.42.10 (uv)"

    def test_equal_versions_are_taken_from_pyenv(self, tmp_path: Path) -> None:
        install(tmp_path / "pyenv/versions/3.42.9", "3.42.9")
        install(tmp_path / "uv/cpython-3.42.9-linux", "3.42.9")
        environ = {"PYENV_ROOT": str(tmp_path / "pyenv"), "UV_PYTHON_INSTALL_DIR": str(tmp_path / "uv")}

        found = find_host_python(ANY, environ=environ, home=tmp_path / "nobody")

        assert found is not None
        assert found.kind == "pyenv"

    def test_a_named_patch_release_must_be_met(self, tmp_path: Path) -> None:
        install(tmp_path / ".pyenv/versions/3.42.9", "3.42.9")
        install(tmp_path / ".pyenv/versions/3.42.1", "3.42.1")

        def version(micro: int) -> str | None:
            wanted = WantedPython(major=3, minor=42, micro=micro)
            found = find_host_python(wanted, environ={}, home=tmp_path)
            return found.version if found else None

        assert [version(1), version(2)] == ["3.42.1", None]

    def test_other_implementations_special_builds_and_broken_ones_are_passed_over(self, tmp_path: Path) -> None:
        versions = tmp_path / ".pyenv/versions"
        install(versions / "3.42.1", "3.42.1", special=True)
        install(versions / "3.42.2", "3.42.2", implementation="PyPy")
        install(versions / "3.42.3", "3.42.3")
        (versions / "3.42.3/bin/python3.42").write_text("#!/bin/sh\nexit 3\n")
        install(versions / "3.42.4", "3.42.4")
        (versions / "3.42.4/bin/python3.42").write_text("#!/bin/sh\necho no answer\n")

        assert find_host_python(ANY, environ={}, home=tmp_path) is None
